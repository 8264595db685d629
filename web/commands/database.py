"""`duijie database upgrade`, `duijie backup`, `duijie restore`."""

from __future__ import annotations

from pathlib import Path

import click

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.settings import load_settings
from matching.store.migrate import migrate_down, migrate_up, schema_revision
from web.commands.progress import progress_bar


@click.group()
def database() -> None:
    """The schema of the database."""


@database.command("upgrade")
def upgrade() -> None:
    """Bring the schema to this release. Safe to repeat."""
    engine = build_platform(load_settings()).engine
    migrate_up(engine)
    click.echo(schema_revision(engine)[0])


@database.command("downgrade")
@click.argument("revision")
def downgrade(revision: str) -> None:
    """Take the schema back to REVISION (`base` drops everything)."""
    migrate_down(build_platform(load_settings()).engine, revision)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def backup(file: Path) -> None:
    """Write database, attachments and settings into one FILE, while the product runs."""
    from matching.store.backup import write_backup

    report = write_backup(build_platform(load_settings()), file)
    click.echo(report)


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace a database that already holds data.")
@click.option("--no-index", is_flag=True, help="Do not rebuild the index; `duijie index rebuild` does it later.")
def restore(file: Path, force: bool, no_index: bool) -> None:
    """Bring back what `duijie backup` wrote, and rebuild the index from it."""
    from matching.services.rebuild import rebuild_index
    from matching.store.backup import restore_backup

    platform = build_platform(load_settings())
    report = restore_backup(platform, file, replace=force)
    click.echo(report)
    for name, value in sorted(report.differing.items()):
        variable = f"DUIJIE_{name.upper()}"
        click.echo(f"备份时的设置与现在不同 / set otherwise at the time of the backup: {variable}={value}", err=True)
    if not no_index:
        with progress_bar("重建索引 / rebuilding the index") as on_progress:
            rebuilt = rebuild_index(platform, utc_now, on_progress=on_progress)
        click.echo(f"{rebuilt.written + rebuilt.superseded} 条 / entries")

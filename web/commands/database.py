"""`duijie database upgrade`, `duijie backup`, `duijie restore`."""

from __future__ import annotations

from pathlib import Path

import click

from matching.bootstrap import build_platform
from matching.settings import load_settings
from matching.store.migrate import migrate_down, migrate_up, schema_revision


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
def restore(file: Path, force: bool) -> None:
    """Bring back what `duijie backup` wrote; the index is rebuilt from it."""
    from matching.store.backup import restore_backup

    report = restore_backup(build_platform(load_settings()), file, replace=force)
    click.echo(report)

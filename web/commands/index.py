"""`duijie index rebuild`."""

from __future__ import annotations

import click

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.settings import load_settings
from web.commands.progress import progress_bar


@click.group()
def index() -> None:
    """The search index."""


@index.command("rebuild")
def rebuild() -> None:
    """Build a new index from the database beside the present one and swap them; searches and writes go on."""
    from matching.services.rebuild import rebuild_index

    platform = build_platform(load_settings())
    with progress_bar("重建索引 / rebuilding") as on_progress:
        report = rebuild_index(platform, utc_now, on_progress=on_progress)
    click.echo(f"{report.written + report.superseded} 条 / entries")


@index.command("reconcile")
def reconcile_now() -> None:
    """Compare index and suggestions with the database and heal what differs."""
    from matching.services.reconcile import reconcile

    report = reconcile(build_platform(load_settings()), utc_now())
    click.echo(
        f"缺失 / missing {report.missing}, 过时 / stale {report.stale}, 多余 / extra {report.extra}, "
        f"无建议 / unranked {report.unranked}"
    )

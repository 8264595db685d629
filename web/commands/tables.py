"""`duijie import` and `duijie export`: tables in and out of the platform."""

from __future__ import annotations

from pathlib import Path
from typing import cast, get_args

import click

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.importing.fields import RecordKind
from matching.settings import load_settings
from web.commands.options import refuse_options
from web.commands.progress import progress_bar

KINDS = click.Choice(get_args(RecordKind))
WORKS = "works"
_SHOWN_REFUSALS = 20
_OF_TABLES = ("region_code", "organisation_id", "drafts", "include_hidden", "refused")


@click.command("import")
@click.argument("kind", type=click.Choice([*get_args(RecordKind), WORKS]))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--expert", "expert_id", help="Whose works they are (for works: .bib, or .json of ORCID or OpenAlex).")
@click.option("--dry-run", is_flag=True, help="Say what would happen and change nothing.")
@click.option("--region", "region_code", default="440784", show_default=True, help="行政区划代码 of new organisations.")
@click.option("--organisation", "organisation_id", help="Id of the organisation of rows that name none.")
@click.option("--drafts", is_flag=True, help="Leave new posts as drafts instead of publishing them.")
@click.option("--include-hidden", is_flag=True, help="Also take hidden sheets, rows and columns.")
@click.option(
    "--refused", type=click.Path(dir_okay=False, path_type=Path), help="Where refused rows go, to be corrected (.xlsx)."
)
def import_table(
    kind: str,
    file: Path,
    expert_id: str | None,
    dry_run: bool,
    region_code: str,
    organisation_id: str | None,
    drafts: bool,
    include_hidden: bool,
    refused: Path | None,
) -> None:
    """Import needs, capabilities, experts, organisations or an expert's works from FILE. A second import changes
    nothing."""
    if kind == WORKS:
        refuse_options(_OF_TABLES, "is of no use for works")
        _import_works(file, expert_id, dry_run)
        return
    refuse_options(["expert_id"], "is for works alone")
    from matching.importing.records import read_records
    from matching.services.actor import SYSTEM
    from matching.services.imports import import_records, load_import_vocabularies
    from web.nudge import make_nudge

    settings = load_settings()
    platform = build_platform(settings, make_nudge(settings))
    with platform.reading() as session:
        vocabularies = load_import_vocabularies(session)
    with progress_bar("读取 / reading") as on_progress:
        reading = read_records(
            file,
            cast(RecordKind, kind),
            vocabularies=vocabularies,
            include_hidden=include_hidden,
            on_progress=on_progress,
        )
    with progress_bar("导入 / importing") as on_progress:
        report = import_records(
            platform,
            SYSTEM,
            reading,
            utc_now(),
            region_code=region_code,
            organisation_id=organisation_id,
            publish=not drafts,
            dry_run=dry_run,
            on_progress=on_progress,
        )
    for notice in (*reading.notices, *reading.questions):
        click.echo(str(notice), err=True)
    for row in report.refused[:_SHOWN_REFUSALS]:
        for finding in row.findings:
            click.echo(str(finding), err=True)
    if len(report.refused) > _SHOWN_REFUSALS:
        click.echo(f"… 另有 {len(report.refused) - _SHOWN_REFUSALS} 行未导入 / more rows refused", err=True)
    for row in report.alike[:_SHOWN_REFUSALS]:
        click.echo(str(row.findings[-1]), err=True)
    if len(report.alike) > _SHOWN_REFUSALS:
        click.echo(f"… 另有 {len(report.alike) - _SHOWN_REFUSALS} 行可能重复 / more rows may be duplicates", err=True)
    if report.refused and not dry_run:
        target = refused or file.with_name(f"{file.stem}-未导入.xlsx")
        from matching.importing.refused import write_refused_rows

        write_refused_rows(report.refused, target)
        click.echo(f"未导入的行在 / refused rows are in {target}", err=True)
    click.echo(
        f"{'试运行 / dry run: ' if dry_run else ''}新增 / added {report.added}, 更新 / changed {report.changed}, "
        f"未变 / unchanged {report.unchanged}, 未导入 / refused {len(report.refused)}, "
        f"新单位 / new organisations {report.organisations_added}"
    )


def _import_works(file: Path, expert_id: str | None, dry_run: bool) -> None:
    from matching.importing.works import read_works
    from matching.services.actor import SYSTEM
    from matching.services.works import import_works
    from web.nudge import make_nudge

    if not expert_id:
        raise click.UsageError("--expert ID says whose works they are")
    now = utc_now()
    reading = read_works(file, now)
    settings = load_settings()
    platform = build_platform(settings, make_nudge(settings))
    with progress_bar("导入 / importing") as on_progress, platform.unit_of_work() as uow:
        report = import_works(
            uow, SYSTEM, expert_id, reading, now, source=f"导入：{file.name}", dry_run=dry_run, on_progress=on_progress
        )
    for finding in (*reading.findings, *report.findings):
        click.echo(str(finding), err=True)
    click.echo(
        f"{'试运行 / dry run: ' if dry_run else ''}新增 / added {report.added}, 已有 / known {report.known}, "
        f"补充 / filled in {report.filled}, 同一成果 / repeated in the file {reading.repeated}"
    )


@click.command("export")
@click.argument("kind", type=KINDS)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
def export_table(kind: RecordKind, file: Path) -> None:
    """Export needs, capabilities, experts or organisations to FILE (.xlsx or .csv); it imports unchanged."""
    from matching.exporting.posts_workbook import write_records
    from matching.services.exports import export_records, load_import_vocabularies

    platform = build_platform(load_settings())
    with platform.reading() as session:
        vocabularies = load_import_vocabularies(session)
        records = export_records(session, kind)
        count = write_records(records, kind, file, vocabularies=vocabularies)
    click.echo(f"{count} 行 / rows → {file}")

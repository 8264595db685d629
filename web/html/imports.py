"""Importing tables: a file is uploaded, read in the background, looked at, and put in while its owner goes on."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.importing.fields import FIELDS, RECORD_KINDS, RecordKind
from matching.importing.limits import DEFAULT_LIMITS
from matching.importing.places import Place
from matching.importing.read_table import SUFFIXES
from matching.importing.refused import write_refused_rows
from matching.importing.template import write_template
from matching.models import ImportJob, ImportRow, Organisation
from matching.queries.imports import list_imports, list_rows
from matching.queries.posts import list_own_organisations
from matching.services.import_jobs import (
    cancel_import,
    change_import,
    confirm_import,
    find_import,
    forget_columns,
    importable_kinds,
    load_refused,
    needs_title,
    read_finding,
    start_import,
)
from matching.services.imports import load_import_vocabularies
from web.languages import in_language, page_language
from web.reader import actor, is_staff, now, platform, rules_now, signed_in_only
from web.uploads import send_bytes

imports = Blueprint("imports", __name__, url_prefix="/imports")

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KIND_LABELS: dict[str, Any] = {
    "needs": _l("技术需求"),
    "capabilities": _l("技术供给"),
    "experts": _l("专家"),
    "organisations": _l("单位资料"),
}
IMPORT_STATUS_LABELS: dict[str, Any] = {
    "reading": _l("正在读取"),
    "read": _l("等您确认"),
    "importing": _l("正在导入"),
    "done": _l("已完成"),
    "cancelled": _l("已取消"),
    "failed": _l("没有成功"),
}
ROW_LABELS: dict[str, Any] = {
    "accepted": _l("可以导入"),
    "warned": _l("可以导入，请核对"),
    "refused": _l("退回"),
}
OUTCOME_LABELS: dict[str, Any] = {"added": _l("新增"), "changed": _l("已更新"), "unchanged": _l("没有变化")}
_CONFIDENT = 0.75


@imports.app_context_processor
def _labels() -> dict[str, Any]:
    return {
        "KIND_LABELS": KIND_LABELS,
        "IMPORT_STATUS_LABELS": IMPORT_STATUS_LABELS,
        "ROW_LABELS": ROW_LABELS,
        "OUTCOME_LABELS": OUTCOME_LABELS,
    }


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row of the file with its reasons in words."""

    row: ImportRow
    findings: list[str]


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """A field that a column may stand for."""

    name: str
    label: str
    required: bool


@imports.get("/")
@signed_in_only
def show_imports() -> str:
    """The form for a new file, and the files of the last weeks."""
    return _render_start()


@imports.post("/")
@signed_in_only
def upload() -> WerkzeugResponse | tuple[str, int]:
    """Take a file in; the next page shows what is in it."""
    file = request.files.get("file")
    kind = request.form.get("kind", "")
    if file is None or not file.filename:
        return _render_start(error=_("请选择文件")), 422
    try:
        job = start_import(
            platform(),
            actor(),
            kind,
            file.filename,
            file.stream,
            now(),
            organisation_id=request.form.get("organisation_id") or None,
        )
    except InvalidInput as error:
        return _render_start(error=in_language(error.message, error.message_en)), 422
    return redirect(url_for("imports.show_import", job_id=job.id))


@imports.get("/<job_id>")
@signed_in_only
def show_import(job_id: str) -> str:
    """The file as it stands: being read, to be decided on, being put in, or over."""
    return _render_job(job_id)


@imports.get("/<job_id>/progress")
@signed_in_only
def show_progress(job_id: str) -> Response | WerkzeugResponse | str:
    """The progress alone, asked for again and again; at the end it has the browser load the page."""
    with platform().reading() as reading:
        job = find_import(reading, actor(), job_id)
    if not request.headers.get("HX-Request"):
        return redirect(url_for("imports.show_import", job_id=job_id))
    if job.status not in ("reading", "importing"):
        return Response(status=204, headers={"HX-Refresh": "true"})
    return render_template("imports/progress.html", job=job)


@imports.post("/<job_id>/columns")
@signed_in_only
def choose_columns(job_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Read again: with these columns, sheets and header rows."""
    if request.form.get("forget"):
        with platform().unit_of_work() as uow:
            forget_columns(uow, actor(), job_id, now())
        return redirect(url_for("imports.show_import", job_id=job_id))
    with platform().reading() as reading:
        job = find_import(reading, actor(), job_id)
    try:
        with platform().unit_of_work() as uow:
            change_import(
                uow,
                actor(),
                job_id,
                now(),
                column_map=_chosen_columns(job),
                left_sheets=_left_sheets(job),
                header_rows=_chosen_headers(job),
                include_hidden=bool(request.form.get("include_hidden")),
            )
    except InvalidInput as error:
        return _render_job(job_id, error=in_language(error.message, error.message_en)), 422
    return redirect(url_for("imports.show_import", job_id=job_id))


@imports.post("/<job_id>/confirm")
@signed_in_only
def confirm(job_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Put the accepted rows in."""
    try:
        with platform().unit_of_work() as uow:
            confirm_import(uow, actor(), job_id, now(), then=request.form.get("then", "publish"))
    except InvalidInput as error:
        return _render_job(job_id, error=in_language(error.message, error.message_en)), 422
    return redirect(url_for("imports.show_import", job_id=job_id))


@imports.post("/<job_id>/cancel")
@signed_in_only
def cancel(job_id: str) -> WerkzeugResponse:
    """Stop it; what is in stays in."""
    with platform().unit_of_work() as uow:
        job = cancel_import(uow, actor(), job_id, now())
    if job.status == "cancelled":
        flash(_("已取消。"), "info")
    return redirect(url_for("imports.show_import", job_id=job_id))


@imports.get("/<job_id>/refused.xlsx")
@signed_in_only
def send_refused(job_id: str) -> Response:
    """The refused rows with their reasons, to correct and bring back."""
    with platform().reading() as reading:
        job = find_import(reading, actor(), job_id)
        refused = load_refused(reading, job)
    if not refused:
        raise NotFound("import.none_refused", "没有退回的行", message_en="No row was refused")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "refused.xlsx"
        write_refused_rows(refused, path)
        content = path.read_bytes()
    return send_bytes(content, _("%(name)s-待改正.xlsx", name=Path(job.file_name).stem), XLSX)


@imports.get("/templates/<kind>.xlsx")
def send_template(kind: str) -> Response:
    """The template of a kind, with the vocabularies on a second sheet."""
    chosen = _kind_named(kind)
    with platform().reading() as reading:
        vocabularies = load_import_vocabularies(reading)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "template.xlsx"
        write_template(chosen, path, vocabularies, language=page_language())
        content = path.read_bytes()
    return send_bytes(content, _("%(kind)s导入模板.xlsx", kind=KIND_LABELS[chosen]), XLSX)


def _kind_named(kind: str) -> RecordKind:
    for known in RECORD_KINDS:
        if known == kind:
            return known
    raise NotFound("import.kind", "没有这种资料", message_en="There is no such kind")


def _chosen_columns(job: ImportJob) -> dict[str, str | None]:
    """Header → field, of the headers that the file has."""
    headers = {column["header"] for sheet in job.sheets for column in sheet["columns"] if column["collected"]}
    sent = zip(request.form.getlist("header"), request.form.getlist("field"), strict=False)
    return {header: field or None for header, field in sent if header in headers}


def _left_sheets(job: ImportJob) -> list[str]:
    """Sheets whose box is not ticked; without boxes none is left out."""
    if not request.form.get("sheets_offered"):
        return list(job.left_sheets)
    kept = set(request.form.getlist("sheet"))
    return [sheet["name"] for sheet in job.sheets if sheet["name"] not in kept]


def _chosen_headers(job: ImportJob) -> dict[str, int]:
    """Sheet → header row, where the person names another than was found."""
    chosen: dict[str, int] = dict(job.header_rows)
    for index, sheet in enumerate(job.sheets):
        text = request.form.get(f"header_row_{index}", "").strip()
        if not text:
            continue
        if not text.isdecimal() or not 1 <= int(text) <= DEFAULT_LIMITS.max_rows:
            raise InvalidInput(
                "import.header_row",
                "表头行请填写行号，例如 3",
                where="header_row",
                message_en="The header row is a number, such as 3",
            )
        if [int(text)] != sheet["header_rows"][-1:]:
            chosen[sheet["name"]] = int(text)
    return chosen


def _render_start(*, error: str = "") -> str:
    kinds = importable_kinds(actor())
    if not kinds:
        raise NotAllowed(
            "import.not_allowed",
            "您的账号还不能导入：需要是单位的编辑人员，或主管部门",
            message_en="Your account may not import: it has to edit for an organisation, or be of the staff",
        )
    with platform().reading() as reading:
        return render_template(
            "imports/start.html",
            kinds=kinds,
            kind=request.values.get("kind", ""),
            organisations=list_own_organisations(reading, actor()),
            organisation_id=request.form.get("organisation_id", ""),
            jobs=list_imports(reading, actor().user_id or ""),
            suffixes=SUFFIXES,
            largest=DEFAULT_LIMITS.max_bytes // 1_000_000,
            most_rows=DEFAULT_LIMITS.max_rows,
            error=error,
        )


def _render_job(job_id: str, *, error: str = "") -> str:
    with platform().reading() as reading:
        job = find_import(reading, actor(), job_id)
        status = request.args.get("rows")
        page = request.args.get("page", "1")
        shown = list_rows(
            reading,
            job.id,
            status=status if status in ROW_LABELS else None,
            page=int(page) if page.isdecimal() and len(page) < 8 else 1,
        )
        return render_template(
            "imports/show.html",
            job=job,
            organisation=_organisation_of(reading, job),
            rows=[_show_row(job, row) for row in shown.rows],
            shown=shown,
            status=status if status in ROW_LABELS else "",
            choices=_choices(job),
            hidden=[note for note in job.notes if note["kind"] == "hidden"],
            notices=[note for note in job.notes if note["kind"] == "notice"],
            repeated=[note for note in job.notes if note["kind"] == "repeated"],
            skipped=[note for note in job.notes if note["kind"] == "skipped"],
            needs_title=job.status == "read" and bool(job.sheets) and needs_title(job),
            confident=_CONFIDENT,
            reviewed=rules_now().settings.review_before_publication and not is_staff(),
            error=error,
        )


def _organisation_of(reading: Session, job: ImportJob) -> Organisation | None:
    return reading.get(Organisation, job.organisation_id) if job.organisation_id else None


def _choices(job: ImportJob) -> Sequence[FieldChoice]:
    kind = _kind_named(job.kind)
    return [FieldChoice(one.name, in_language(one.zh, one.en), one.required) for one in FIELDS[kind]]


def _show_row(job: ImportJob, row: ImportRow) -> ShownRow:
    return ShownRow(row, list(_words(job, row)))


def _words(job: ImportJob, row: ImportRow) -> Iterator[str]:
    place = Place(file=job.file_name, sheet=row.sheet, row=row.row)
    for stored in row.findings:
        finding = read_finding(stored, place)
        column = f"{finding.place.column_name}{_('：')}" if finding.place.column_name else ""
        yield column + in_language(finding.zh, finding.en)

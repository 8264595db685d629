"""Tables brought in: upload, look, decide, follow, correct."""

from __future__ import annotations

import io
from typing import Any

from matching.errors import NotAllowed
from matching.importing.places import Place
from matching.models import ImportJob as Job
from matching.models import ImportRow as Row
from matching.models.base import new_id
from matching.queries.imports import list_imports, list_rows
from matching.services.api_tokens import claim_key
from matching.services.import_jobs import (
    cancel_import,
    change_import,
    confirm_import,
    find_import,
    importable_kinds,
    read_finding,
    start_import,
)
from web.api.access import caller
from web.api.body import IDEMPOTENCY_KEY, idempotency_key, request_hash
from web.api.document import Noun
from web.api.problems import in_language
from web.api.schemas import imports as schemas
from web.reader import now, platform

imports = Noun("imports", "/imports", "导入: tables of needs, capabilities, experts and organisations, brought in.")


@imports.operation(
    "GET", "", name="list_imports", zh="导入列表", en="List imports", access="read", answers=schemas.ImportList
)
def list_all() -> dict[str, Any]:
    """List imports"""
    _require_importer()
    with platform().reading() as session:
        return {"items": [_shown(job) for job in list_imports(session, caller().user_id)]}


@imports.operation(
    "POST",
    "",
    name="start_import",
    zh="上传表格",
    en="Upload a table",
    access="write",
    answers=schemas.ImportJob,
    status=201,
    body=schemas.ImportEntry,
    parameters=(IDEMPOTENCY_KEY,),
)
def start(entry: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Upload a table

    It is read by a worker: ask `GET …/{id}` until its status is `read`, then confirm. The file is kept for a month.
    """
    me = caller()
    _require_importer()
    key, job_id = idempotency_key(), new_id()
    if key is not None:
        with platform().unit_of_work() as uow:
            former_id = claim_key(uow, me.user_id, key, request_hash(), job_id, now())
            uow.commit()
            former = uow.session.get(Job, former_id) if former_id is not None else None
            if former is not None:
                return _shown(former), 201
            # The first time nothing came of it: then this time is the first.
            job_id = former_id or job_id
    job = start_import(
        platform(),
        me.actor,
        entry["kind"],
        entry["file_name"],
        io.BytesIO(entry["content"]),
        now(),
        organisation_id=entry.get("organisation_id"),
        job_id=job_id,
    )
    return _shown(job), 201


@imports.operation(
    "GET",
    "/<id:job_id>",
    name="show_import",
    zh="导入进度",
    en="Show an import",
    access="read",
    answers=schemas.ImportJob,
)
def show(job_id: str) -> dict[str, Any]:
    """Show an import

    How far it is, and how its columns are understood.
    """
    with platform().reading() as session:
        return _shown(find_import(session, caller().actor, job_id))


@imports.operation(
    "GET",
    "/<id:job_id>/rows",
    name="list_import_rows",
    zh="导入的行",
    en="List the rows of an import",
    access="read",
    answers=schemas.ImportRowPage,
    query=schemas.ImportRowQuery,
)
def list_rows_of(query: dict[str, Any], job_id: str) -> dict[str, Any]:
    """List the rows of an import

    With `status=refused` those to correct, each with its reasons and what it held.
    """
    with platform().reading() as session:
        job = find_import(session, caller().actor, job_id)
        found = list_rows(session, job.id, status=query.get("status"), page=query["page"])
        return {
            "items": [_row(job, row) for row in found.rows],
            "page": found.page,
            "pages": found.pages,
        }


@imports.operation(
    "POST",
    "/<id:job_id>/columns",
    name="choose_import_columns",
    zh="对应列",
    en="Map columns",
    access="write",
    answers=schemas.ImportJob,
    body=schemas.ImportColumns,
    problems=(409,),
)
def choose_columns(entry: dict[str, Any], job_id: str) -> dict[str, Any]:
    """Map columns

    The file is read again so; the map is remembered for files with the same headers.
    """
    with platform().unit_of_work() as uow:
        job = change_import(
            uow,
            caller().actor,
            job_id,
            now(),
            column_map=entry["columns"],
            include_hidden=entry["include_hidden"],
        )
        return _shown(job)


@imports.operation(
    "POST",
    "/<id:job_id>/confirm",
    name="confirm_import",
    zh="确认导入",
    en="Confirm an import",
    access="write",
    answers=schemas.ImportJob,
    body=schemas.ImportDecision,
    problems=(409,),
)
def confirm(entry: dict[str, Any], job_id: str) -> dict[str, Any]:
    """Confirm an import

    The rows that were not refused go in.
    """
    with platform().unit_of_work() as uow:
        return _shown(confirm_import(uow, caller().actor, job_id, now(), then=entry["then"]))


@imports.operation(
    "POST",
    "/<id:job_id>/cancel",
    name="cancel_import",
    zh="取消导入",
    en="Cancel an import",
    access="write",
    answers=schemas.ImportJob,
    problems=(409,),
)
def cancel(job_id: str) -> dict[str, Any]:
    """Cancel an import

    What is in stays in.
    """
    with platform().unit_of_work() as uow:
        return _shown(cancel_import(uow, caller().actor, job_id, now()))


def _require_importer() -> None:
    if not importable_kinds(caller().actor):
        raise NotAllowed("import.not_allowed", "您不能导入这种资料", message_en="You may not import this")


def _shown(job: Job) -> dict[str, Any]:
    error = dict(job.error or {})
    return {
        **{name: getattr(job, name) for name in schemas.ImportJob._declared_fields if name not in ("columns", "error")},
        "columns": [
            {"header": column["header"], "field": column.get("field")}
            for sheet in job.sheets or ()
            for column in sheet["columns"]
        ],
        "error": in_language(error["zh"], error["en"]) if error else None,
    }


def _row(job: Job, row: Row) -> dict[str, Any]:
    place = Place(file=job.file_name, sheet=row.sheet, row=row.row)
    findings = [read_finding(one, place) for one in row.findings]
    return {
        "sheet": row.sheet,
        "row": row.row,
        "name": row.name,
        "status": row.status,
        "outcome": row.outcome,
        "findings": [
            {"code": one.code, "column": one.place.column_name, "detail": in_language(one.zh, one.en)}
            for one in findings
        ],
        "cells": {header: None if text is None else str(text) for header, text in row.cells.items()},
    }

"""Files on their way in: uploaded, read, looked at and decided on by a person, put in while they do something else.

Each step but the person's is a task of the outbox (`import.owed`). A step may be begun twice without harm: the reading
replaces what a former one stored, and the putting in goes on after the rows that are in.
"""

from __future__ import annotations

import hashlib
import logging
import re
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound, PartUnavailable
from matching.importing.columns import normalise_header
from matching.importing.fields import RECORD_KINDS, RecordKind, field_named, title_field
from matching.importing.limits import DEFAULT_LIMITS
from matching.importing.places import Finding, Place
from matching.importing.read_table import SUFFIXES
from matching.importing.records import TEXT_FIELDS, ImportReading, RowReading, SheetColumns, read_records
from matching.models import ImportJob, ImportRow, Organisation, RememberedColumns, User
from matching.models.base import new_id
from matching.notifying.interests import tell
from matching.services.actor import Actor, actor_of
from matching.services.imports import RowOutcome, import_records, load_import_vocabularies
from matching.settings import Settings
from matching.store.outbox import IMPORT, last_open_id, settle
from matching.store.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)

"""Then a job, its rows and its file are forgotten."""
MOST_UNDERWAY = 5
"""Files of one person that may be read or put in at once."""

Clock = Callable[[], datetime]
"""Gives the present moment in UTC: an import takes long enough that one moment would not do."""

_LEASE = timedelta(minutes=4)
_NAME_LENGTH = 255
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_ROWS_AT_ONCE = 500
_OFTEN = 5


class _Cancelled(Exception):
    """Ends an import between two batches."""


class _Elsewhere(Exception):
    """Another task has gone on with it."""


def imports_folder(settings: Settings) -> Path:
    """Where uploaded tables lie until they are forgotten."""
    return settings.data_dir / "imports"


def clean_file_name(name: str) -> str:
    """A file's name as shown: without folders, line ends and characters that turn or hide what follows.

    At most 255 characters; the suffix stays.
    """
    shown = _INVISIBLE.sub("", re.split(r"[/\\]", name)[-1]).strip()
    if len(shown) > _NAME_LENGTH:
        suffix = Path(shown).suffix[:20]
        shown = shown[: _NAME_LENGTH - len(suffix)] + suffix
    return shown or "file"


def importable_kinds(actor: Actor) -> tuple[RecordKind, ...]:
    """What the actor may import: the staff everything, those who write for an organisation all but organisations."""
    if actor.is_administrator or actor.region_scope is not None:
        return RECORD_KINDS
    if any(role in ("owner", "editor") for role in actor.organisation_roles.values()):
        return tuple(kind for kind in RECORD_KINDS if kind != "organisations")
    return ()


def start_import(
    platform: Platform,
    actor: Actor,
    kind: str,
    file_name: str,
    content: IO[bytes],
    now: datetime,
    *,
    organisation_id: str | None = None,
    job_id: str | None = None,
) -> ImportJob:
    """Take a file in and owe its reading. `job_id` is the id to give the job, where its asker has chosen one.

    Raises NotAllowed where the actor must not import this kind, InvalidInput for a kind of file that cannot be read,
    an empty or too large one, or an organisation that the actor does not write for.
    """
    chosen = next((one for one in RECORD_KINDS if one == kind), None)
    if chosen is None:
        raise InvalidInput(
            "import.kind", "请选择资料类型", where="kind", message_en="Please choose what the file holds"
        )
    if chosen not in importable_kinds(actor) or actor.user_id is None:
        raise NotAllowed("import.not_allowed", "您不能导入这种资料", message_en="You may not import this")
    shown = clean_file_name(file_name)
    suffix = Path(shown).suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidInput(
            "import.wrong_suffix",
            f"不支持“{suffix or shown}”文件；可用：{' '.join(SUFFIXES)}",
            where="file",
            message_en=f"Cannot read {suffix or shown} files; use one of: {' '.join(SUFFIXES)}",
        )
    folder = imports_folder(platform.settings)
    folder.mkdir(parents=True, exist_ok=True)
    stored = folder / f"{secrets.token_hex(16)}{suffix}"
    try:
        size = _store(content, stored)
        with platform.unit_of_work() as uow:
            job = ImportJob(
                id=job_id or new_id(),
                user_id=actor.user_id,
                organisation_id=_default_organisation(uow, actor, organisation_id),
                kind=chosen,
                file_name=shown,
                stored_name=stored.name,
                size=size,
                status="reading",
                region_code=_home_region(uow, actor, organisation_id),
                created_at=now,
            )
            _refuse_too_many(uow, actor.user_id)
            uow.session.add(job)
            uow.session.flush()
            uow.owe(IMPORT, job.id, now)
            uow.record(now, actor.user_id, "import.upload", "import", job.id, kind=kind, size=size)
            uow.commit()
    except BaseException:
        stored.unlink(missing_ok=True)
        raise
    return job


def _store(content: IO[bytes], path: Path) -> int:
    size = 0
    with path.open("xb") as out:
        while piece := content.read(1 << 20):
            size += len(piece)
            if size > DEFAULT_LIMITS.max_bytes:
                raise InvalidInput(
                    "import.too_large",
                    f"文件超过 {DEFAULT_LIMITS.max_bytes // 1_000_000} MB，请拆分后再导入",
                    where="file",
                    message_en=f"The file is larger than {DEFAULT_LIMITS.max_bytes // 1_000_000} MB; split it",
                )
            out.write(piece)
    if size == 0:
        raise InvalidInput("import.empty", "文件是空的", where="file", message_en="The file is empty")
    return size


def _default_organisation(uow: UnitOfWork, actor: Actor, organisation_id: str | None) -> str | None:
    """Of rows that name none. A member has to have one."""
    own = sorted(key for key, role in actor.organisation_roles.items() if role in ("owner", "editor"))
    is_staff = actor.is_administrator or actor.region_scope is not None
    if not organisation_id:
        return None if is_staff or not own else own[0]
    organisation = uow.session.get(Organisation, organisation_id)
    if organisation is None or not (
        actor.may_edit_for(organisation_id) or actor.is_staff_for(organisation.region_code)
    ):
        raise InvalidInput(
            "import.organisation",
            "您不能以该单位的名义导入",
            where="organisation_id",
            message_en="You do not write for this organisation",
        )
    return organisation_id


def _home_region(uow: UnitOfWork, actor: Actor, organisation_id: str | None) -> str:
    """Where new organisations are: with the staff office that imports them."""
    user = uow.session.get(User, actor.user_id)
    if user is not None and user.region_code:
        return user.region_code
    own = organisation_id or next(iter(actor.organisation_roles), None)
    organisation = uow.session.get(Organisation, own) if own else None
    return organisation.region_code if organisation is not None else "000000"


def _refuse_too_many(uow: UnitOfWork, user_id: str) -> None:
    underway = uow.session.scalar(
        select(func.count())
        .select_from(ImportJob)
        .where(ImportJob.user_id == user_id, ImportJob.status.in_(("reading", "importing")))
    )
    if (underway or 0) >= MOST_UNDERWAY:
        raise InvalidInput(
            "import.too_many_underway",
            f"您已有 {MOST_UNDERWAY} 个文件正在处理，请等它们完成",
            where="file",
            message_en=f"{MOST_UNDERWAY} of your files are being worked on; please wait for them",
        )


def find_import(session: Session, actor: Actor, job_id: str) -> ImportJob:
    """The actor's own job; raises NotFound. What is in a file is for the one who brought it."""
    job = session.get(ImportJob, job_id)
    if job is None or job.user_id != actor.user_id or actor.user_id is None:
        raise NotFound("import.not_found", "没有找到这次导入", message_en="There is no such import")
    return job


def change_import(
    uow: UnitOfWork,
    actor: Actor,
    job_id: str,
    now: datetime,
    *,
    column_map: Mapping[str, str | None],
    left_sheets: Sequence[str] = (),
    header_rows: Mapping[str, int] | None = None,
    include_hidden: bool = False,
) -> ImportJob:
    """Read the file again as the person says. The map is remembered for files with the same headers.

    Raises InvalidInput for a field that the kind does not have, IllegalMove when nothing is to be decided.
    """
    job = find_import(uow.session, actor, job_id)
    _require_status(job, "read")
    kind = _kind(job)
    for header, name in column_map.items():
        if name is not None and field_named(kind, name) is None:
            raise InvalidInput(
                "import.no_such_field",
                f"“{header}”不能对应到“{name}”",
                where="columns",
                message_en=f'"{header}" cannot be mapped to "{name}"',
            )
    job.column_map = dict(column_map)
    job.remembered = False
    job.left_sheets = list(left_sheets)
    job.header_rows = dict(header_rows or {})
    job.include_hidden = include_hidden
    job.status = "reading"
    if column_map:
        _remember(uow, job, dict(column_map), now)
    uow.owe(IMPORT, job.id, now)
    uow.commit()
    return job


def forget_columns(uow: UnitOfWork, actor: Actor, job_id: str, now: datetime) -> ImportJob:
    """Read the file again with the guess alone, and forget what was decided for such files."""
    job = find_import(uow.session, actor, job_id)
    _require_status(job, "read")
    signature = header_signature(header for sheet in job.sheets for header in _headers_of(sheet))
    uow.session.execute(
        delete(RememberedColumns).where(
            RememberedColumns.owner_key == _owner_key(job),
            RememberedColumns.kind == job.kind,
            RememberedColumns.header_signature == signature,
        )
    )
    job.column_map, job.remembered, job.status = {}, False, "reading"
    uow.owe(IMPORT, job.id, now)
    uow.commit()
    return job


def confirm_import(uow: UnitOfWork, actor: Actor, job_id: str, now: datetime, *, then: str = "publish") -> ImportJob:
    """Put the accepted rows in. Raises IllegalMove unless the file waits for it, InvalidInput without such rows."""
    job = find_import(uow.session, actor, job_id)
    _require_status(job, "read")
    if then not in ("publish", "draft"):
        raise InvalidInput("import.then", "请选择导入后怎样处理", where="then", message_en="Please choose what follows")
    if job.rows_total == job.rows_refused:
        raise InvalidInput(
            "import.nothing_to_import",
            "没有可以导入的行",
            where="then",
            message_en="There is no row to import",
        )
    job.then = then
    job.status = "importing"
    job.started_at = now
    uow.owe(IMPORT, job.id, now)
    uow.commit()
    return job


def cancel_import(uow: UnitOfWork, actor: Actor, job_id: str, now: datetime) -> ImportJob:
    """Stop: at once where nothing runs, else after the batch that is being put in. What is in stays in."""
    job = find_import(uow.session, actor, job_id)
    if job.status not in ("reading", "read", "importing"):
        _require_status(job, "read")
    if job.status == "read" or job.working_until is None or job.working_until <= now:
        job.status = "cancelled"
        job.finished_at = now
    job.cancel_asked = True
    uow.record(now, actor.user_id, "import.cancel", "import", job.id)
    uow.commit()
    return job


def bring_import_on(platform: Platform, job_id: str, clock: Clock) -> bool:
    """Do what the job's state asks for and settle its outbox rows; False where it has to be tried again."""
    now = clock()
    with platform.unit_of_work() as uow:
        last_id = last_open_id(uow.session, IMPORT, job_id)
        job = uow.session.get(ImportJob, job_id)
        if job is not None and job.status in ("reading", "importing"):
            if job.working_until is not None and job.working_until > now:
                return False
            job.working_until = now + _LEASE
        else:
            job = None
            settle(uow.session, IMPORT, job_id, last_id, now)
        uow.commit()
    if job is None:
        return True
    try:
        if job.status == "reading":
            _read(platform, job)
        else:
            _put_in(platform, job, clock)
    except _Elsewhere:
        return False
    except _Cancelled:
        _finish(platform, job_id, "cancelled", clock())
    except PartUnavailable as error:
        logger.warning("import %s waits: %s", job_id, error)
        _release(platform, job_id)
        return False
    except InvalidInput as error:
        _finish(platform, job_id, "failed", clock(), _described(error))
    except Exception:
        logger.exception("import %s failed", job_id)
        unforeseen = {
            "code": "import.unforeseen",
            "zh": "处理这个文件时出了问题，我们已经记录下来；已导入的行都在",
            "en": "Something went wrong with this file and was noted; rows that are in stay in",
        }
        _finish(platform, job_id, "failed", clock(), unforeseen)
    with platform.unit_of_work() as uow:
        settle(uow.session, IMPORT, job_id, last_id, clock())
        uow.commit()
    return True


def _release(platform: Platform, job_id: str) -> None:
    with platform.unit_of_work() as uow:
        uow.session.execute(update(ImportJob).where(ImportJob.id == job_id).values(working_until=None))
        uow.commit()


def forget_import_files(platform: Platform, now: datetime) -> int:
    """Delete files that no job knows any more; returns how many."""
    folder = imports_folder(platform.settings)
    forgotten = 0
    with platform.reading() as session:
        known = set(session.scalars(select(ImportJob.stored_name)))
    for path in folder.glob("*") if folder.is_dir() else ():
        # A file that is being uploaded has no job yet.
        if path.name not in known and path.stat().st_mtime < (now - timedelta(days=1)).timestamp():
            path.unlink(missing_ok=True)
            forgotten += 1
    return forgotten


# --- reading ---------------------------------------------------------------------------------------------------------


def _read(platform: Platform, job: ImportJob) -> None:
    with platform.reading() as session:
        vocabularies = load_import_vocabularies(session)
    column_map: dict[str, Any] = dict(job.column_map)
    reading = _read_file(platform, job, column_map, vocabularies)
    remembered = False
    if not column_map:
        signature = header_signature(guess.header for sheet in reading.columns for guess in sheet.columns)
        with platform.reading() as session:
            column_map = _recall(session, job, signature)
        if column_map:
            reading = _read_file(platform, job, column_map, vocabularies)
            remembered = True
    with platform.unit_of_work() as uow:
        stored = uow.session.get(ImportJob, job.id)
        if stored is None or stored.cancel_asked:
            raise _Cancelled
        uow.session.execute(delete(ImportRow).where(ImportRow.job_id == job.id))
        names = _title_headers(reading)
        rows = [_stored_row(job.id, number, row, names) for number, row in enumerate(reading.rows, start=1)]
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            uow.session.execute(insert(ImportRow), rows[start : start + _ROWS_AT_ONCE])
        stored.column_map = column_map
        stored.remembered = remembered
        stored.sheets = [_stored_sheet(sheet) for sheet in reading.columns]
        stored.notes = _notes(reading)
        stored.rows_total = len(reading.rows)
        stored.rows_warned = len(reading.warned)
        stored.rows_refused = stored.refused = len(reading.refused)
        stored.rows_done = 0
        stored.status = "read"
        stored.working_until = None
        uow.commit()


def _read_file(
    platform: Platform, job: ImportJob, column_map: Mapping[str, str | None], vocabularies: Any
) -> ImportReading:
    path = imports_folder(platform.settings) / job.stored_name

    def stop_if_cancelled(done: int, total: int) -> None:
        if done % 1000 == 0:
            with platform.reading() as session:
                if session.scalar(select(ImportJob.cancel_asked).where(ImportJob.id == job.id)) is not False:
                    raise _Cancelled

    reading = read_records(
        path,
        _kind(job),
        column_map=column_map or None,
        vocabularies=vocabularies,
        include_hidden=job.include_hidden,
        left_sheets=job.left_sheets,
        header_rows=job.header_rows,
        for_preview=True,
        on_progress=stop_if_cancelled,
    )
    return _renamed(reading, path.name, job.file_name)


def _renamed(reading: ImportReading, stored: str, shown: str) -> ImportReading:
    """The reading with the person's name of the file in all places."""

    def at(place: Place) -> Place:
        return replace(place, file=shown) if place.file == stored else place

    def told(findings: Sequence[Finding]) -> tuple[Finding, ...]:
        return tuple(
            replace(one, place=at(one.place), zh=one.zh.replace(stored, shown), en=one.en.replace(stored, shown))
            for one in findings
        )

    return replace(
        reading,
        file=shown,
        rows=tuple(replace(row, place=at(row.place), findings=told(row.findings)) for row in reading.rows),
        columns=tuple(replace(sheet, place=at(sheet.place)) for sheet in reading.columns),
        skipped=told(reading.skipped),
        questions=tuple(replace(question, place=at(question.place)) for question in reading.questions),
        notices=told(reading.notices),
    )


def _title_headers(reading: ImportReading) -> dict[str | None, str]:
    """Sheet → header of the column that names a row."""
    title = title_field(reading.kind).name
    wanted = (title, TEXT_FIELDS.get(reading.kind, title))
    found: dict[str | None, str] = {}
    for sheet in reading.columns:
        for guess in sorted(sheet.columns, key=lambda guess: wanted.index(guess.field) if guess.field in wanted else 9):
            found.setdefault(sheet.place.sheet, guess.header)
    return found


def _stored_row(job_id: str, number: int, row: RowReading, names: Mapping[str | None, str]) -> dict[str, Any]:
    sheet = row.place.sheet
    return {
        "job_id": job_id,
        "number": number,
        "sheet": sheet[:100] if sheet else None,
        "row": row.place.row,
        "status": row.status,
        "outcome": None,
        "name": row.values.get(names.get(sheet, ""), "").split("\n")[0][:200],
        "findings": [_stored_finding(finding) for finding in row.findings],
        "cells": dict(row.values),
    }


def _stored_finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "zh": finding.zh,
        "en": finding.en,
        "column": finding.place.column_name,
        "letter": finding.place.column,
    }


def read_finding(stored: Mapping[str, Any], place: Place) -> Finding:
    """A stored finding at its place in the file."""
    return Finding(
        code=stored["code"],
        zh=stored["zh"],
        en=stored["en"],
        place=place.at(row=place.row, column=stored.get("letter"), column_name=stored.get("column")),
    )


def load_refused(session: Session, job: ImportJob) -> list[RowReading]:
    """The job's refused rows, as the file of rows to correct wants them."""
    rows = session.scalars(
        select(ImportRow).where(ImportRow.job_id == job.id, ImportRow.status == "refused").order_by(ImportRow.number)
    )
    found = []
    for row in rows:
        place = Place(file=job.file_name, sheet=row.sheet, row=row.row)
        found.append(
            RowReading(
                place=place,
                status="refused",
                record=None,
                findings=tuple(read_finding(one, place) for one in row.findings),
                values=dict(row.cells),
            )
        )
    return found


def _stored_sheet(sheet: SheetColumns) -> dict[str, Any]:
    return {
        "name": sheet.place.sheet or "",
        "header_rows": list(sheet.header_rows),
        "records": sheet.records,
        "taken": sheet.taken,
        "columns": [
            {
                "column": guess.column,
                "header": guess.header,
                "field": guess.field,
                "confidence": guess.confidence,
                "alternatives": list(guess.alternatives),
                "unit": guess.unit,
                "collected": guess.collected,
                "samples": list(sheet.samples.get(guess.column, ())),
            }
            for guess in sheet.columns
        ],
    }


def _notes(reading: ImportReading) -> list[dict[str, Any]]:
    """Hidden things first, since they ask for a decision; then what was noticed and what is no record."""
    notes = [
        {"kind": "hidden", "zh": one.zh, "en": one.en, "place_zh": one.place.sheet or "", "records": one.records}
        for one in reading.questions
    ]
    for kind, findings in (("notice", reading.notices), ("skipped", reading.skipped)):
        notes += [
            {"kind": kind, "code": one.code, "zh": one.zh, "en": one.en, "sheet": one.place.sheet, "row": one.place.row}
            for one in findings
        ]
    return notes[:1000] + _repeated(reading)


def _repeated(reading: ImportReading) -> list[dict[str, Any]]:
    """What is said of many rows, once, with how many and an example; the most frequent first."""
    counted: Counter[tuple[str, str | None]] = Counter()
    examples: dict[tuple[str, str | None], Finding] = {}
    for row in reading.rows:
        for one in {(found.code, found.place.column_name): found for found in row.findings}.items():
            counted[one[0]] += 1
            examples.setdefault(*one)
    return [
        {
            "kind": "repeated",
            "code": key[0],
            "column": key[1],
            "count": count,
            "zh": examples[key].zh,
            "en": examples[key].en,
        }
        for key, count in counted.most_common(12)
        if count >= _OFTEN
    ]


# --- putting in ------------------------------------------------------------------------------------------------------


def _put_in(platform: Platform, job: ImportJob, clock: Clock) -> None:
    with platform.reading() as session:
        vocabularies = load_import_vocabularies(session)
        user = session.get(User, job.user_id)
        if user is None or not user.active:
            raise InvalidInput(
                "import.account_ended",
                "账号已停用，导入没有进行",
                message_en="The account is inactive",
            )
        actor = actor_of(user)
    if job.kind not in importable_kinds(actor):
        raise InvalidInput("import.not_allowed", "您不能再导入这种资料", message_en="You may no longer import this")
    reading = _read_file(platform, job, job.column_map, vocabularies)
    done = job.rows_done

    def note_batch(uow: UnitOfWork, outcomes: Sequence[RowOutcome], organisations_added: int) -> None:
        nonlocal done
        stored = uow.session.get(ImportJob, job.id, populate_existing=True)
        if stored is None or stored.cancel_asked:
            raise _Cancelled
        if stored.rows_done != done:
            raise _Elsewhere
        counted = dict.fromkeys(("added", "changed", "unchanged", "refused"), 0)
        for one in outcomes:
            counted[one.outcome] += 1
        for name, count in counted.items():
            setattr(stored, name, getattr(stored, name) + count)
        stored.organisations_added += organisations_added
        stored.rows_done = done = done + len(outcomes)
        stored.working_until = clock() + _LEASE
        taken = [
            {"job_id": job.id, "number": one.number, "outcome": one.outcome}
            for one in outcomes
            if one.outcome != "refused"
        ]
        if taken:
            uow.session.execute(update(ImportRow), taken)
        for one in outcomes:
            # Refused, or found only now to say what another post says.
            if one.outcome == "refused" or any(finding.code == "import.duplicate" for finding in one.row.findings):
                uow.session.execute(
                    update(ImportRow)
                    .where(ImportRow.job_id == job.id, ImportRow.number == one.number)
                    .values(status=one.row.status, findings=[_stored_finding(finding) for finding in one.row.findings])
                )

    import_records(
        platform,
        actor,
        reading,
        clock(),
        region_code=job.region_code,
        organisation_id=job.organisation_id,
        publish=job.then == "publish",
        done=done,
        on_batch=note_batch,
    )
    _finish(platform, job.id, "done", clock())


def _finish(platform: Platform, job_id: str, status: str, now: datetime, error: dict[str, Any] | None = None) -> None:
    with platform.unit_of_work() as uow:
        job = uow.session.get(ImportJob, job_id)
        if job is None:
            return
        job.status = status
        job.finished_at = now
        job.working_until = None
        job.error = error or {}
        if status in ("done", "failed"):
            _tell_owner(uow.session, job, now)
        uow.commit()


def _tell_owner(session: Session, job: ImportJob, now: datetime) -> None:
    """Long imports go on after the page was left; whoever began one learns in their inbox that it ended."""
    if job.user_id is None:
        return
    kind = "import_finished" if job.status == "done" else "import_failed"
    tell(session, [job.user_id], kind, f"{job.id}:{now.isoformat()}", now, job_id=job.id, name=job.file_name)


def _described(error: InvalidInput) -> dict[str, Any]:
    return {"code": error.code, "zh": error.message, "en": error.message_en, "where": error.where}


# --- what was decided for such files ---------------------------------------------------------------------------------


def header_signature(headers: Any) -> str:
    """Names a file by its headers in normal form, in whatever order they stand."""
    names = sorted({normalise_header(header) for header in headers if header})
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()


def _headers_of(sheet: Mapping[str, Any]) -> list[str]:
    return [column["header"] for column in sheet["columns"]]


def _owner_key(job: ImportJob) -> str:
    """The organisation, or the staff office, whose files look alike."""
    return f"organisation:{job.organisation_id}" if job.organisation_id else f"region:{job.region_code}"


def _recall(session: Session, job: ImportJob, signature: str) -> dict[str, Any]:
    found = session.scalar(
        select(RememberedColumns.column_map).where(
            RememberedColumns.owner_key == _owner_key(job),
            RememberedColumns.kind == job.kind,
            RememberedColumns.header_signature == signature,
        )
    )
    return dict(found or {})


def _remember(uow: UnitOfWork, job: ImportJob, column_map: dict[str, Any], now: datetime) -> None:
    signature = header_signature(header for sheet in job.sheets for header in _headers_of(sheet))
    row = uow.session.scalar(
        select(RememberedColumns).where(
            RememberedColumns.owner_key == _owner_key(job),
            RememberedColumns.kind == job.kind,
            RememberedColumns.header_signature == signature,
        )
    )
    if row is None:
        row = RememberedColumns(owner_key=_owner_key(job), kind=job.kind, header_signature=signature)
        uow.session.add(row)
    row.column_map = column_map
    row.updated_at = now


def needs_title(job: ImportJob) -> bool:
    """Whether no column stands for what a record cannot be without, so that a person has to say which it is."""
    kind = _kind(job)
    wanted = {title_field(kind).name, TEXT_FIELDS.get(kind)}
    return not any(column["field"] in wanted for sheet in job.sheets if sheet["taken"] for column in sheet["columns"])


def _kind(job: ImportJob) -> RecordKind:
    return next(kind for kind in RECORD_KINDS if kind == job.kind)


def _require_status(job: ImportJob, status: str) -> None:
    if job.status != status:
        raise IllegalMove(
            "import.state",
            "这次导入已经不在可以更改的状态",
            message_en="This import can no longer be changed",
        )

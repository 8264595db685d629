"""Works of experts: brought in from files, hidden or taken out by those who keep the entry.

A work is one row whoever of its authors is here. Importing a file again, or the same works from another source, adds
nothing; it fills in what was missing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from matching.errors import NotAllowed, NotFound
from matching.importing.places import Finding, Place
from matching.importing.works import WorkRecord, WorksReading, may_be_same, merge_records
from matching.models import Capability, CapabilityExpert, Expert, ExpertWork, Work
from matching.models.base import new_id
from matching.services.actor import Actor
from matching.services.experts import may_keep_expert
from matching.services.open_records import note_keys
from matching.store.outbox import POST_CHANGED, owe_all
from matching.store.unit_of_work import UnitOfWork

OnProgress = Callable[[int, int], None]


@dataclass(slots=True)
class WorksReport:
    """`added` works are new to the expert, `known` were there already; `filled` of either got more detail."""

    added: int = 0
    known: int = 0
    filled: int = 0
    findings: list[Finding] = field(default_factory=list)
    """Works that could not be stored; those of the reading are in the reading."""


def import_works(
    uow: UnitOfWork,
    actor: Actor,
    expert_id: str,
    reading: WorksReading,
    now: datetime,
    *,
    source: str,
    dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> WorksReport:
    """Make the works of a reading the expert's. Raises NotFound and NotAllowed; one work that fails stops no other.

    A work that the expert hid stays hidden. With `dry_run` everything is done and rolled back.
    """
    expert = _load_kept(uow, actor, expert_id, now)
    report = WorksReport()
    changed = False
    for number, record in enumerate(reading.works, start=1):
        try:
            with uow.session.begin_nested():
                added, filled = _put(uow.session, expert, record, source[:200], now)
        except DBAPIError:
            report.findings.append(
                Finding(code="work.not_stored", zh="无法保存", en="cannot be stored", place=record.place)
            )
            continue
        report.added += added
        report.known += not added
        report.filled += filled
        changed = changed or added or filled
        if on_progress is not None:
            on_progress(number, len(reading.works))
    if dry_run:
        uow.session.rollback()
        return report
    if changed:
        _owe_offers(uow, expert.id, now)
    uow.record(now, actor.user_id, "works.import", "expert", expert.id, added=report.added, known=report.known)
    uow.commit()
    return report


def hide_work(uow: UnitOfWork, actor: Actor, expert_id: str, work_id: str, hidden: bool, now: datetime) -> None:
    """Neither show nor match a work, or do so again. For those who keep the entry."""
    expert = _load_kept(uow, actor, expert_id, now)
    row = uow.session.get(ExpertWork, (expert.id, work_id))
    if row is None:
        raise NotFound("work.not_found", "没有找到这项成果", message_en="There is no such work")
    if row.hidden != hidden:
        row.hidden = hidden
        note_keys(uow.session, [f"work:{work_id}"], now)
        _owe_offers(uow, expert.id, now)
        uow.record(now, actor.user_id, "works.hide", "expert", expert.id, work=work_id, hidden=hidden)
        uow.commit()


def _load_kept(uow: UnitOfWork, actor: Actor, expert_id: str, now: datetime) -> Expert:
    expert = uow.session.get(Expert, expert_id)
    if expert is None:
        raise NotFound("expert.not_found", "没有找到这位专家", message_en="There is no such expert")
    if not may_keep_expert(uow.session, actor, expert, now):
        raise NotAllowed("expert.not_yours", "您不能修改这位专家的资料", message_en="You do not keep this entry")
    return expert


def _owe_offers(uow: UnitOfWork, expert_id: str, now: datetime) -> None:
    """The expert's expertise is searched and ranked by their works."""
    offers = uow.session.scalars(
        select(Capability.id)
        .join(CapabilityExpert, CapabilityExpert.capability_id == Capability.id)
        .where(CapabilityExpert.expert_id == expert_id, Capability.kind == "expertise")
    ).all()
    if owe_all(uow.session, POST_CHANGED, offers, now):
        uow.expect_nudge()


def _put(session: Session, expert: Expert, record: WorkRecord, source: str, now: datetime) -> tuple[bool, bool]:
    """(whether the work is new to the expert, whether a known work learned something)."""
    work = _find(session, expert, record)
    filled = False
    if work is None:
        work = Work(id=new_id(), created_at=now, source=source)
        _write(work, record, now)
        session.add(work)
    else:
        merged = merge_records(_as_record(work, record.place), record)
        if merged != _as_record(work, record.place):
            filled = True
            _write(work, merged, now)
    session.flush()
    if session.get(ExpertWork, (expert.id, work.id)) is not None:
        return False, filled
    session.add(ExpertWork(expert_id=expert.id, work_id=work.id, hidden=False, source=source, created_at=now))
    session.flush()
    return True, filled


def _find(session: Session, expert: Expert, record: WorkRecord) -> Work | None:
    """The work by its DOI, else by its title: the expert's own, or one that shares an author with the record."""
    if record.doi:
        found = session.scalar(select(Work).where(Work.doi == record.doi))
        if found is not None:
            return found
    candidates: Sequence[Work] = session.scalars(
        select(Work).where(Work.title_key == _title_key(record)).order_by(Work.created_at, Work.id)
    ).all()
    for candidate in candidates:
        known = _as_record(candidate, record.place)
        if not may_be_same(known, record):
            continue
        own = session.get(ExpertWork, (expert.id, candidate.id)) is not None
        if own or not known.authors or not record.authors or _shares_author(known, record):
            return candidate
    return None


def _shares_author(first: WorkRecord, second: WorkRecord) -> bool:
    """By the letters of a name in any order, so that `Li, San`, `San Li` and `李三` compare as far as they can."""

    def keys(record: WorkRecord) -> set[str]:
        return {"".join(sorted(filter(str.isalpha, author.casefold()))) for author in record.authors}

    return bool(keys(first) & keys(second))


def _title_key(record: WorkRecord) -> str:
    return hashlib.blake2b(record.title_letters.encode("utf-8", "replace"), digest_size=32).hexdigest()


def _write(work: Work, record: WorkRecord, now: datetime) -> None:
    work.kind = record.kind
    work.title = record.title
    work.title_key = _title_key(record)
    work.doi = record.doi
    work.year = record.year
    work.venue = record.venue
    work.abstract = record.abstract
    work.authors = list(record.authors)
    work.keywords = list(record.keywords)
    work.language = record.language
    work.url = record.url
    work.updated_at = now


def _as_record(work: Work, place: Place) -> WorkRecord:
    return WorkRecord(
        kind=work.kind,
        title=work.title,
        place=place,
        doi=work.doi,
        year=work.year,
        venue=work.venue,
        abstract=work.abstract,
        authors=tuple(work.authors),
        keywords=tuple(work.keywords),
        url=work.url,
    )

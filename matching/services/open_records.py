"""Notes since when each record of the open data is as it is, or gone, so that who harvests learns of both."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from lxml import etree
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.exporting.cerif import cerif_entity
from matching.models import CapabilityExpert, ExpertWork, OpenRecord
from matching.queries.open_data import OPEN_KINDS, OpenItem, OpenKind, list_closed, list_open
from matching.store.upsert import insert_new

_AT_ONCE = 200


def note_open_records(platform: Platform, now: datetime) -> int:
    """Compare all open data with what was noted, a piece at a time; returns how many records are new, changed or gone.

    The beat does it every hour: what changes with time or by another row is noted then at the latest.
    """
    noted = 0
    for kind in OPEN_KINDS:
        after = ""
        while True:
            with platform.unit_of_work() as uow:
                rows = list_open(uow.session, kind, now, after=after, limit=_AT_ONCE)
                noted += _note(uow.session, kind, [(key, item) for key, _changed, item in rows], now)
                uow.commit()
            if not rows:
                break
            after = rows[-1][0]
        while True:
            with platform.unit_of_work() as uow:
                closed = list_closed(uow.session, kind, now, limit=_AT_ONCE)
                noted += _note_gone(uow.session, kind, closed, now)
                uow.commit()
            if not closed:
                break
    return noted


def keys_of_expert(session: Session, expert_id: str) -> list[str]:
    """The records that may change with an expert's consent; asked before anything of the expert is deleted."""
    works = session.scalars(select(ExpertWork.work_id).where(ExpertWork.expert_id == expert_id))
    offers = session.scalars(select(CapabilityExpert.capability_id).where(CapabilityExpert.expert_id == expert_id))
    return [expert_id, *(f"work:{one}" for one in works), *(f"capability:{one}" for one in offers)]


def note_keys(session: Session, keys: Sequence[str], now: datetime) -> None:
    """Note these records as they are now, within a use case that commits."""
    session.flush()
    for start in range(0, len(keys), _AT_ONCE):
        wanted = keys[start : start + _AT_ONCE]
        for kind in OPEN_KINDS:
            rows = list_open(session, kind, now, only=wanted, limit=len(wanted))
            _note(session, kind, [(key, item) for key, _changed, item in rows], now)
            _note_gone(session, kind, list_closed(session, kind, now, limit=len(wanted), only=wanted), now)


def forget_gone(session: Session, before: datetime) -> int:
    """Forget what is gone so long that whoever had it was told; returns how many records."""
    gone = session.scalars(
        select(OpenRecord.item_key).where(OpenRecord.gone.is_(True), OpenRecord.changed_at <= before)
    ).all()
    session.execute(delete(OpenRecord).where(OpenRecord.gone.is_(True), OpenRecord.changed_at <= before))
    return len(gone)


def _note(session: Session, kind: OpenKind, rows: Iterable[tuple[str, OpenItem]], now: datetime) -> int:
    present = {key: _digest(item) for key, item in rows}
    known = dict(
        session.execute(
            select(OpenRecord.item_key, OpenRecord.digest).where(
                OpenRecord.kind == kind, OpenRecord.item_key.in_(list(present))
            )
        )
        .tuples()
        .all()
    )
    insert_new(
        session,
        OpenRecord,
        [
            {"kind": kind, "item_key": key, "digest": digest, "changed_at": now, "gone": False}
            for key, digest in present.items()
            if key not in known
        ],
    )
    changed = {key: digest for key, digest in present.items() if key in known and known[key] != digest}
    for key, digest in changed.items():
        session.execute(
            update(OpenRecord)
            .where(OpenRecord.kind == kind, OpenRecord.item_key == key)
            .values(digest=digest, changed_at=now, gone=False)
        )
    return len(present.keys() - known.keys()) + len(changed)


def _note_gone(session: Session, kind: OpenKind, keys: Sequence[str], now: datetime) -> int:
    # Of a record that is gone nothing but its key is kept, not even what it could be recognised by.
    session.execute(
        update(OpenRecord)
        .where(OpenRecord.kind == kind, OpenRecord.item_key.in_(keys), OpenRecord.gone.is_(False))
        .values(digest="", changed_at=now, gone=True)
    )
    return len(keys)


def _digest(item: OpenItem) -> str:
    return hashlib.sha256(etree.tostring(cerif_entity(item, ""), method="c14n")).hexdigest()

"""The outbox: what commits owe, claimed by tasks and marked done only when it was confirmed.

Rows of one topic and subject collapse: one task settles all rows that existed when it began.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.orm import Session

from matching.models import OutboxEntry

POST_CHANGED = "post.changed"
"""Bring index and suggestions in line with the post."""
RANKING = "post.ranking"
"""Rank a post anew, since posts of the other side around it changed."""
NOTIFICATION = "notification.created"
"""Deliver a notification beyond the inbox."""
TIMETABLE = "timetable.requested"
"""Compute a run of an event's timetable."""

IMPORT = "import.owed"
"""Read an uploaded file, or put its rows in; whichever its state asks for."""

DRAIN_TASK = "duijie.drain_outbox"
"""Name of the task that a nudge sends; web and workers agree on it here, since neither imports the other."""
UPKEEP_QUEUE = "upkeep"
"""Its queue: short tasks that need no model."""

LEASE = timedelta(minutes=5)
"""A claim older than this belongs to a dead task: posts are settled in seconds; imports and timetables renew leases of
their own."""

MOST_UNDERWAY = 200
"""Claims that may be out at once: so few that a queue of them is worked off well within the lease."""

_BACKOFF_LIMIT = timedelta(minutes=30)
_AWAY_LIMIT = timedelta(seconds=30)
"""A part that was away comes back for all rows at once; they must not sleep on."""
_DRAIN_LOCK = 0x64756A
"""Any number that nobody else locks on this database."""


@dataclass(frozen=True, slots=True)
class Claim:
    """All open rows of one topic and subject, up to and including `last_id`."""

    topic: str
    subject_id: str
    last_id: int


def claim_due(session: Session, now: datetime, limit: int = MOST_UNDERWAY) -> list[Claim]:
    """Take open rows that nobody is at for LEASE, oldest first. Where more changes are owed than may be out at once, as
    after an import of thousands, half of the places are for the newest: somebody just published those and waits. The
    caller commits, then sends the tasks.

    No more than `limit` claims of changes and of rankings each are out at once, so that what somebody just published
    does not wait for rankings that are only owed. Rows that came after a claim are claimed by themselves: their task
    may run beside the first, which does no harm.
    """
    if session.get_bind().dialect.name == "postgresql":
        # One drain at a time: two would lock the same rows in different orders, and both believe the queue empty.
        session.execute(select(func.pg_advisory_xact_lock(_DRAIN_LOCK)))
    return [
        # A person waits before the page of an import or a timetable; it must not queue behind thousands of posts.
        *_claim_topics(session, now, limit, OutboxEntry.topic == IMPORT),
        *_claim_topics(session, now, limit, OutboxEntry.topic == TIMETABLE),
        *_claim_topics(session, now, limit, OutboxEntry.topic.not_in((IMPORT, TIMETABLE, RANKING)), newest_too=True),
        *_claim_topics(session, now, limit, OutboxEntry.topic == RANKING),
    ]


def _claim_topics(
    session: Session, now: datetime, limit: int, topics: ColumnElement[bool], *, newest_too: bool = False
) -> list[Claim]:
    underway = (
        session.scalar(
            select(func.count(func.distinct(OutboxEntry.topic + ":" + OutboxEntry.subject_id))).where(
                topics,
                OutboxEntry.done_at.is_(None),
                OutboxEntry.claimed_until > now,
                OutboxEntry.last_error.is_(None),
            )
        )
        or 0
    )
    if underway >= limit:
        return []
    due = and_(
        topics,
        OutboxEntry.done_at.is_(None),
        or_(OutboxEntry.claimed_until.is_(None), OutboxEntry.claimed_until <= now),
    )
    found = (
        select(OutboxEntry.topic, OutboxEntry.subject_id, func.max(OutboxEntry.id))
        .where(due)
        .group_by(OutboxEntry.topic, OutboxEntry.subject_id)
    )
    free = limit - underway
    groups = list(session.execute(found.order_by(func.min(OutboxEntry.id)).limit(free)).all())
    if newest_too and len(groups) == free:
        newest = session.execute(found.order_by(func.min(OutboxEntry.id).desc()).limit(free // 2)).all()
        groups = [*newest, *(group for group in groups if group not in newest)][:free]
    claims = []
    for topic, subject_id, last_id in groups:
        taken = session.execute(
            update(OutboxEntry)
            .where(OutboxEntry.topic == topic, OutboxEntry.subject_id == subject_id, OutboxEntry.id <= last_id, due)
            .values(claimed_until=now + LEASE, attempts=OutboxEntry.attempts + 1, last_error=None)
        )
        if taken.rowcount:  # type: ignore[attr-defined]
            claims.append(Claim(topic, subject_id, last_id))
    return claims


def last_open_id(session: Session, topic: str, subject_id: str) -> int:
    """The youngest open row of a subject, 0 without one; a task reads it before it reads the subject."""
    found = session.execute(
        select(func.max(OutboxEntry.id)).where(
            OutboxEntry.topic == topic, OutboxEntry.subject_id == subject_id, OutboxEntry.done_at.is_(None)
        )
    ).scalar()
    return found or 0


def settle(session: Session, topic: str, subject_id: str, last_id: int, now: datetime) -> None:
    """Mark the subject's rows up to `last_id` done. Younger rows stay open and make the next task."""
    session.execute(
        update(OutboxEntry)
        .where(
            OutboxEntry.topic == topic,
            OutboxEntry.subject_id == subject_id,
            OutboxEntry.id <= last_id,
            OutboxEntry.done_at.is_(None),
        )
        .values(done_at=now, claimed_until=None, last_error=None)
    )


def postpone(session: Session, topic: str, subject_id: str, error: str, now: datetime, *, away: bool = False) -> None:
    """Keep the subject's rows for a later try: 2, 4, 8 … seconds, at most half an hour, or half a minute when a part of
    the product was `away`."""
    limit = _AWAY_LIMIT if away else _BACKOFF_LIMIT
    rows = session.scalars(
        select(OutboxEntry).where(
            OutboxEntry.topic == topic, OutboxEntry.subject_id == subject_id, OutboxEntry.done_at.is_(None)
        )
    )
    for row in rows:
        row.claimed_until = now + min(timedelta(seconds=2 ** min(row.attempts, 12)), limit)
        row.last_error = error[:500]


def owe_all(session: Session, topic: str, subject_ids: Iterable[str], now: datetime) -> int:
    """Append rows for subjects that have no unclaimed open row yet; returns how many were added."""
    wanted = list(dict.fromkeys(subject_ids))
    waiting: set[str] = set()
    for start in range(0, len(wanted), 500):
        waiting |= set(
            session.scalars(
                select(OutboxEntry.subject_id).where(
                    OutboxEntry.topic == topic,
                    OutboxEntry.subject_id.in_(wanted[start : start + 500]),
                    OutboxEntry.done_at.is_(None),
                    OutboxEntry.claimed_until.is_(None),
                )
            )
        )
    added = [subject_id for subject_id in wanted if subject_id not in waiting]
    session.add_all(OutboxEntry(topic=topic, subject_id=subject_id, created_at=now) for subject_id in added)
    return len(added)


def outbox_backlog(session: Session) -> tuple[int, datetime | None]:
    """(open rows, age of the oldest) for the metrics."""
    count, oldest = session.execute(
        select(func.count(), func.min(OutboxEntry.created_at)).where(OutboxEntry.done_at.is_(None))
    ).one()
    return count, oldest


def forget_done(session: Session, before: datetime) -> None:
    """Delete rows that were settled before then."""
    session.execute(delete(OutboxEntry).where(OutboxEntry.done_at < before))

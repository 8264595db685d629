"""Deliveries: what is owed to people outside the platform, handed over once, tried again, given up visibly.

A delivery is claimed for a while before it is handed over and settled afterwards. A task that dies in between has its
claim run out and the mail goes out again, with the same Message-ID; SMTP allows no better.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from matching.errors import IllegalMove, NotFound
from matching.models import Delivery
from matching.models.base import new_id
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork
from matching.store.upsert import insert_new

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
"""Longer than handing over one delivery may take."""

PAUSES = (
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=12),
    timedelta(hours=24),
)
"""How long to wait after the first, second, … attempt that failed; after the last it is given up."""

_MOST_CLAIMS = 20
"""A delivery whose task dies each time is given up in the end."""

_SERVER_AWAY = timedelta(minutes=1)
"""A server that takes nothing at all spends no attempts of the deliveries that wait for it …"""
_LATEST = timedelta(days=3)
"""… but news that could not be told for so long is given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an attempt."""

    state: str
    """sent, failed (tried again), given_up or dropped."""
    error: str | None = None
    server_wide: bool = False


def owe_delivery(
    session: Session,
    *,
    kind: str,
    once_key: str,
    now: datetime,
    channel: str = "mail",
    user_id: str | None = None,
    address: str | None = None,
    payload: Mapping[str, Any] | None = None,
    due_at: datetime | None = None,
) -> str:
    """Owe a delivery within the caller's transaction; returns its id. A second one with the `once_key` adds nothing.

    To an account (`user_id`: address and language are theirs when it is sent) or, for mail, to an `address`, whose
    language `payload["language"]` names. `kind` is a letter of `matching.notifying.letters`; for "message" the payload
    holds what is said: {"subject": {"zh", "en"}, "text": {"zh", "en"}, "path"?: of a page,
    "calendar"?: {"text": an .ics, "method": as in it}}.
    """
    row = {
        "id": new_id(),
        "channel": channel,
        "kind": kind,
        "once_key": once_key,
        "user_id": user_id,
        "address": address,
        "payload": dict(payload or {}),
        "state": "owed",
        "attempts": 0,
        "next_attempt_at": due_at or now,
        "claimed_until": None,
        "last_error": None,
        "created_at": now,
        "finished_at": None,
    }
    insert_new(session, Delivery, [row])
    return session.scalars(select(Delivery.id).where(Delivery.once_key == once_key)).one()


def due_deliveries(session: Session, now: datetime, *, limit: int = 100) -> list[tuple[str, str]]:
    """(id, channel) of what should be handed over now, what waits longest first."""
    found = session.execute(
        select(Delivery.id, Delivery.channel)
        .where(_due(now))
        .order_by(Delivery.next_attempt_at, Delivery.id)
        .limit(limit)
    )
    return [(delivery_id, channel) for delivery_id, channel in found]


def claim_delivery(uow: UnitOfWork, delivery_id: str, now: datetime, *, lease: timedelta = LEASE) -> int:
    """Take a due delivery for a while: the number of the claim, by which `settle_delivery` knows its holder; 0 where
    another task has it or it is settled."""
    uow.session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, _due(now), Delivery.attempts >= _MOST_CLAIMS)
        .values(state="given_up", last_error="delivery.interrupted", finished_at=now)
    )
    taken = uow.session.execute(
        update(Delivery)
        .where(Delivery.id == delivery_id, _due(now))
        .values(claimed_until=now + lease, attempts=Delivery.attempts + 1)
        .returning(Delivery.attempts)
    ).scalar()
    uow.commit()
    return taken or 0


def settle_delivery(uow: UnitOfWork, delivery_id: str, outcome: Outcome, now: datetime, *, claim: int) -> None:
    """Record what became of a claimed delivery; a failure waits for its next attempt or is given up.

    A holder so slow that another took the delivery over says nothing any more, except that it is sent after all.
    """
    row = uow.session.get(Delivery, delivery_id, with_for_update=True)
    if row is None:  # its account was deleted meanwhile
        return
    if row.attempts != claim or row.claimed_until is None:
        logger.warning("delivery %s was taken over from claim %d, which ended: %s", row.id, claim, outcome.state)
        if outcome.state != "sent" or row.state == "sent":
            return
    row.claimed_until = None
    row.last_error = outcome.error
    row.state = outcome.state
    if outcome.state == "failed":
        if outcome.server_wide:
            row.attempts -= 1
        too_late = now - row.created_at > _LATEST if outcome.server_wide else row.attempts > len(PAUSES)
        if too_late:
            row.state = "given_up"
        else:
            row.next_attempt_at = now + (_SERVER_AWAY if outcome.server_wide else PAUSES[row.attempts - 1])
    if row.state not in ("failed", "owed"):
        row.finished_at = now
    if row.state == "given_up":
        logger.warning("delivery %s (%s) was given up: %s", row.id, row.kind, row.last_error)
    uow.commit()


def retry_delivery(uow: UnitOfWork, actor: Actor, delivery_id: str, now: datetime) -> None:
    """Try a failed or given up delivery anew, with all its attempts; for administrators and staff."""
    row = uow.session.get(Delivery, delivery_id)
    if row is None or not (actor.is_administrator or actor.region_scope is not None):
        raise NotFound("delivery.not_found", "没有这条投递", message_en="There is no such delivery")
    if row.state not in ("failed", "given_up"):
        raise IllegalMove("delivery.not_failed", "这条投递不需要重试", message_en="This delivery needs no retry")
    row.state = "owed"
    row.attempts = 0
    row.next_attempt_at = now
    row.finished_at = None
    uow.record(now, actor.user_id, "delivery.retry", "delivery", delivery_id)
    uow.commit()


def give_up_mail(uow: UnitOfWork, now: datetime) -> None:
    """Where no mail server is set: give up the mails that are due, visibly; none is to leave weeks later by surprise.

    Whoever sets one up may try each of them again.
    """
    given_up = uow.session.execute(
        update(Delivery)
        .where(Delivery.channel == "mail", _due(now))
        .values(state="given_up", last_error="mail.not_set_up", finished_at=now)
    )
    if given_up.rowcount:  # type: ignore[attr-defined]
        uow.commit()


def _due(now: datetime) -> ColumnElement[bool]:
    return and_(
        Delivery.state.in_(("owed", "failed")),
        Delivery.next_attempt_at <= now,
        or_(Delivery.claimed_until.is_(None), Delivery.claimed_until <= now),
    )

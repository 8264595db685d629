"""Reads of what leaves the platform, for those who see to it that it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.models import Delivery

PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """How many wait, are tried again, were given up, and left within a day."""

    owed: int
    failed: int
    given_up: int
    sent_lately: int


def list_failures(session: Session, state: str, *, limit: int = PAGE_SIZE) -> list[Delivery]:
    """Deliveries of a state, the latest first."""
    return list(
        session.scalars(
            select(Delivery)
            .where(Delivery.state == state)
            .order_by(Delivery.created_at.desc(), Delivery.id)
            .limit(limit)
        )
    )


def count_deliveries(session: Session, now: datetime) -> DeliveryCounts:
    """The figures at the top of the page."""
    by_state = dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).tuples().all())
    lately = session.scalar(
        select(func.count()).where(Delivery.state == "sent", Delivery.finished_at > now - timedelta(days=1))
    )
    return DeliveryCounts(by_state.get("owed", 0), by_state.get("failed", 0), by_state.get("given_up", 0), lately or 0)

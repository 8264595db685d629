"""Which two participants of an event may meet, and in which order a meeting names them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import EventParticipant, EventSeparation


def are_separated(session: Session, one_id: str, other_id: str) -> bool:
    """Whether the two are not to meet."""
    low, high = sorted((one_id, other_id))
    return session.get(EventSeparation, (low, high)) is not None


def separations_of(session: Session, event_id: str) -> set[frozenset[str]]:
    """All pairs of the event who are not to meet."""
    rows = session.execute(
        select(EventSeparation.first_id, EventSeparation.second_id)
        .join(EventParticipant, EventParticipant.id == EventSeparation.first_id)
        .where(EventParticipant.event_id == event_id)
    )
    return {frozenset(pair) for pair in rows.tuples()}


def sides_of(one: EventParticipant, other: EventParticipant) -> tuple[EventParticipant, EventParticipant]:
    """The two in the order of a meeting: enterprises first, experts last."""

    def order(participant: EventParticipant) -> tuple[int, str]:
        if participant.expert_id is not None:
            return (2, participant.id)
        organisation = participant.organisation
        return (0 if organisation is not None and organisation.kind == "enterprise" else 1, participant.id)

    first, second = sorted((one, other), key=order)
    return first, second

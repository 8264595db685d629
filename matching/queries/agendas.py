"""What a participant is told of an event: their published meetings, where and with whom."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload

from matching.models import (
    Event,
    EventParticipant,
    EventSlot,
    EventWish,
    Meeting,
    MeetingFeedback,
    MeetingInvitation,
    Need,
    User,
)

_NUMBERED = re.compile(r"(?:(.+) )?(\d+) 号桌")
"""How the tables of a room are named, see `matching.services.day_plans`."""


@dataclass(frozen=True, slots=True)
class AgendaEntry:
    """One published meeting as one side sees it."""

    meeting: Meeting
    slot: EventSlot
    table: str
    """The table's name; empty where the meeting is online."""
    other: EventParticipant
    topic: str
    host: str
    """The name of who looks after it; empty where nobody was told."""
    invitation: MeetingInvitation | None
    feedback: MeetingFeedback | None


def topic_of(need: Need | None) -> str:
    """The need's title, where its other side may know it: not of one that is kept to the staff or is not published."""
    if need is None or need.status != "published" or need.visibility == "staff":
        return ""
    return need.title


def list_agenda(session: Session, event: Event, participant: EventParticipant) -> list[AgendaEntry]:
    """The participant's meetings as they were published, in order of time."""
    rows = session.scalars(
        select(Meeting)
        .join(EventSlot, EventSlot.id == Meeting.told_slot_id)
        .where(
            Meeting.event_id == event.id,
            or_(Meeting.first_id == participant.id, Meeting.second_id == participant.id),
        )
        .order_by(EventSlot.position, Meeting.id)
        .options(joinedload(Meeting.first), joinedload(Meeting.second), joinedload(Meeting.told_slot))
    ).all()
    ids = [row.id for row in rows]
    invitations = {
        one.meeting_id: one
        for one in session.scalars(
            select(MeetingInvitation).where(
                MeetingInvitation.participant_id == participant.id, MeetingInvitation.meeting_id.in_(ids)
            )
        )
    }
    feedback = {
        one.meeting_id: one
        for one in session.scalars(
            select(MeetingFeedback).where(
                MeetingFeedback.participant_id == participant.id, MeetingFeedback.meeting_id.in_(ids)
            )
        )
    }
    needs = {
        need.id: need
        for need in session.scalars(select(Need).where(Need.id.in_([row.need_id for row in rows if row.need_id])))
    }
    hosts = host_names(session, rows)
    found = []
    for row in rows:
        assert row.told_slot is not None
        found.append(
            AgendaEntry(
                row,
                row.told_slot,
                table_name(event, row.told_table_number),
                row.second if row.first_id == participant.id else row.first,
                topic_of(needs.get(row.need_id or "")),
                hosts.get(row.told_host_id or "", ""),
                invitations.get(row.id),
                feedback.get(row.id),
            )
        )
    return found


def host_names(session: Session, meetings: Sequence[Meeting]) -> dict[str, str]:
    """Names by user id of those who look after these meetings, now or as it was told."""
    ids = {one for row in meetings for one in (row.host_id, row.told_host_id) if one is not None}
    if not ids:
        return {}
    return dict(session.execute(select(User.id, User.name).where(User.id.in_(ids))).tuples().all())


def table_name(event: Event, number: int | None) -> str:
    """The table's name; a number past the present tables is shown as such."""
    if number is None:
        return ""
    return event.tables[number - 1] if 1 <= number <= len(event.tables) else f"{number}"


def table_in(name: str, language: str) -> str:
    """A table's name in a language: those that were numbered here are said in English too, others stay as typed."""
    found = _NUMBERED.fullmatch(name) if language == "en" else None
    if found is None:
        return name
    return f"{found[1]}, table {found[2]}" if found[1] else f"Table {found[2]}"


def list_choices(
    session: Session, event: Event, participant: EventParticipant
) -> tuple[list[EventParticipant], set[str]]:
    """Whom the participant may wish to meet, by name, and whom they wished for: those who said that they come."""
    rows = session.scalars(
        select(EventParticipant).where(
            EventParticipant.event_id == event.id,
            EventParticipant.id != participant.id,
            EventParticipant.status.in_(("registered", "confirmed")),
        )
    ).all()
    wished = set(session.scalars(select(EventWish.other_id).where(EventWish.participant_id == participant.id)))
    return sorted(rows, key=lambda one: (one.expert_id is not None, one.name)), wished

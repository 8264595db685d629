"""The meetings that one of the bureau looks after: for their own page, their desk and their calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from matching.models import Event, EventParticipant, EventSlot, Meeting, MeetingInvitation, Need
from matching.queries.agendas import table_name, topic_of
from matching.queries.events import staffed_by
from matching.services.actor import Actor

MOST_HOSTED = 500
LOOKING_BACK = timedelta(days=30)
"""How long a meeting stays on the host's page and in their calendar after its day."""


@dataclass(frozen=True, slots=True)
class HostedMeeting:
    """One meeting as its host sees it: where it stands now."""

    meeting: Meeting
    event: Event
    slot: EventSlot
    table: str
    """The table's name; empty where the meeting is online."""
    first: EventParticipant
    second: EventParticipant
    told: bool
    """Whether both sides were told of this time, place and host."""


@dataclass(frozen=True, slots=True)
class PublishedMeeting:
    """One meeting as it was published with this host, for a calendar."""

    meeting: Meeting
    event: Event
    slot: EventSlot
    table: str
    names: tuple[str, str]
    topic: str
    sequence: int
    """Grows with whatever both sides were told of it."""
    sent_at: datetime


def list_hosted(session: Session, actor: Actor, *, since: date, limit: int = MOST_HOSTED) -> list[HostedMeeting]:
    """The actor's placed meetings at events from that day on, drafts included, in order of time."""
    rows = session.execute(
        _of(Meeting.slot_id, actor, since)
        .where(Meeting.host_id == actor.user_id, Meeting.status == "wanted")
        .limit(limit)
    ).all()
    return [
        HostedMeeting(
            meeting,
            event,
            slot,
            table_name(event, meeting.table_number),
            first,
            second,
            (meeting.slot_id, meeting.table_number, meeting.host_id)
            == (meeting.told_slot_id, meeting.told_table_number, meeting.told_host_id),
        )
        for meeting, event, slot, first, second in rows
        if first.present and second.present
    ]


def list_published(session: Session, actor: Actor, *, since: date, limit: int = MOST_HOSTED) -> list[PublishedMeeting]:
    """The actor's meetings as both sides were told them, in order of time: what stands in calendars. A draft, and what
    was changed and not yet published, is in nobody's.
    """
    rows = session.execute(
        _of(Meeting.told_slot_id, actor, since).where(Meeting.told_host_id == actor.user_id).limit(limit)
    ).all()
    ids = [row[0].id for row in rows]
    told = {
        meeting_id: (int(sequence), sent_at)
        for meeting_id, sequence, sent_at in session.execute(
            select(
                MeetingInvitation.meeting_id,
                func.sum(MeetingInvitation.sequence),
                func.max(MeetingInvitation.sent_at),
            )
            .where(MeetingInvitation.meeting_id.in_(ids))
            .group_by(MeetingInvitation.meeting_id)
        )
    }
    needs = {
        need.id: need
        for need in session.scalars(select(Need).where(Need.id.in_({row[0].need_id for row in rows if row[0].need_id})))
    }
    return [
        PublishedMeeting(
            meeting,
            event,
            slot,
            table_name(event, meeting.told_table_number),
            (first.name, second.name),
            topic_of(needs.get(meeting.need_id or "")),
            *told[meeting.id],
        )
        for meeting, event, slot, first, second in rows
        if meeting.id in told
    ]


def _of(
    place: InstrumentedAttribute[str | None], actor: Actor, since: date
) -> Select[tuple[Meeting, Event, EventSlot, EventParticipant, EventParticipant]]:
    """Meetings with their events, slots and both sides. Who left the region's staff has none there any more."""
    first, second = aliased(EventParticipant), aliased(EventParticipant)
    return (
        select(Meeting, Event, EventSlot, first, second)
        .join(EventSlot, EventSlot.id == place)
        .join(Event, Event.id == Meeting.event_id)
        .join(first, first.id == Meeting.first_id)
        .join(second, second.id == Meeting.second_id)
        .where(Event.held_on >= since, Event.status != "cancelled", staffed_by(actor))
        .order_by(EventSlot.starts_at, Meeting.id)
    )

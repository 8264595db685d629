"""Reads of events: the public list, and what the staff's pages show. A fixed number of queries each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from sqlalchemy import ColumnElement, and_, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, joinedload, selectinload

from matching.clock import shanghai_day
from matching.models import (
    Event,
    EventParticipant,
    EventWish,
    Expert,
    Meeting,
    MeetingFeedback,
    MeetingInvitation,
    Organisation,
    Post,
    TimetableRun,
)
from matching.models.event import PRESENT_STATUSES
from matching.policy import Audience
from matching.queries.agendas import host_names
from matching.queries.profiles import visible_experts
from matching.services.actor import Actor
from matching.services.event_pairs import separations_of
from matching.services.event_participants import participant_not_found
from matching.services.events import event_not_found
from matching.services.meetings import meeting_not_found, needs_table

_PAST_SHOWN = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class ListedEvent:
    """An event in a list; the counts are for its staff only."""

    event: Event
    staffed: bool
    participants: int = 0
    meetings: int = 0


def announced() -> ColumnElement[bool]:
    """The events that everybody may know of."""
    return and_(Event.public, Event.announced_at.is_not(None))


def staffed_by(actor: Actor) -> ColumnElement[bool]:
    """The events that the actor organises, as SQL."""
    if actor.is_administrator:
        return true()
    if actor.region_scope is None:
        return Event.id.is_(None)
    return Event.region_code.startswith(actor.region_scope, autoescape=True)


def list_events(session: Session, actor: Actor, now: datetime, *, limit: int = 200) -> list[ListedEvent]:
    """Announced events for everybody, and all of the region for its staff; the next first, then those that are over."""
    today = shanghai_day(now)
    rows = list(
        session.scalars(
            select(Event)
            .where(or_(announced(), staffed_by(actor)), Event.held_on > today - _PAST_SHOWN)
            .order_by(Event.held_on.desc(), Event.id)
            .limit(limit)
        )
    )
    ids = [row.id for row in rows if actor.is_staff_for(row.region_code)]
    people = _counts(session, EventParticipant.event_id, ids, EventParticipant.status.in_(PRESENT_STATUSES))
    meetings = _counts(session, Meeting.event_id, ids, Meeting.status == "wanted")
    listed = [
        ListedEvent(row, actor.is_staff_for(row.region_code), people.get(row.id, 0), meetings.get(row.id, 0))
        for row in rows
    ]
    coming = [one for one in listed if one.event.held_on >= today]
    over = [one for one in listed if one.event.held_on < today]
    return sorted(coming, key=lambda one: (one.event.held_on, one.event.id)) + over


def find_event(session: Session, event_id: str, actor: Actor) -> Event:
    """The event's public page: announced ones for everybody, any for its staff and those who take part."""
    event = session.get(Event, event_id, options=[selectinload(Event.slots)])
    if event is None:
        raise event_not_found()
    if actor.is_staff_for(event.region_code) or (event.public and event.announced_at is not None):
        return event
    if own_participants(session, event_id, actor):
        return event
    raise event_not_found()


def find_staffed_event(session: Session, event_id: str, actor: Actor) -> Event:
    """The event for its staff; raises NotFound for anybody else."""
    event = session.get(Event, event_id, options=[selectinload(Event.slots)])
    if event is None or not actor.is_staff_for(event.region_code):
        raise event_not_found()
    return event


def own_participants(session: Session, event_id: str, actor: Actor) -> list[EventParticipant]:
    """Those for whom the actor speaks: organisations they write for, and themselves as an expert."""
    if actor.user_id is None:
        return []
    writing = [key for key, role in actor.organisation_roles.items() if role in ("owner", "editor")]
    mine = select(Expert.id).where(Expert.user_id == actor.user_id)
    return list(
        session.scalars(
            select(EventParticipant)
            .where(
                EventParticipant.event_id == event_id,
                EventParticipant.status != "cancelled",
                or_(EventParticipant.organisation_id.in_(writing), EventParticipant.expert_id.in_(mine)),
            )
            .order_by(EventParticipant.id)
        )
    )


def may_register_as(session: Session, actor: Actor) -> tuple[list[Organisation], Expert | None]:
    """In whose name the actor may enter: organisations they write for, and themselves where they are an expert."""
    writing = [key for key, role in actor.organisation_roles.items() if role in ("owner", "editor")]
    organisations = list(
        session.scalars(select(Organisation).where(Organisation.id.in_(writing)).order_by(Organisation.name))
    )
    expert = session.scalar(select(Expert).where(Expert.user_id == actor.user_id)) if actor.user_id else None
    return organisations, expert


@dataclass(frozen=True, slots=True)
class Person:
    """A participant with what their row shows: how many meetings are wanted and placed, how many wishes."""

    participant: EventParticipant
    wanted: int
    placed: int
    wishes: int
    breaks: int


@dataclass(frozen=True, slots=True)
class EventBoard:
    """Everything that the staff's pages of one event are drawn from, read in one go."""

    event: Event
    participants: dict[str, EventParticipant]
    meetings: list[Meeting]
    """All, cancelled ones too, by time and then by name."""
    needs: dict[str, str]
    """Titles of the needs that meetings are about, by id; the staff may know them all."""
    capabilities: dict[str, str]
    wishes: set[tuple[str, str]]
    apart: set[frozenset[str]]
    invitations: dict[tuple[str, str], MeetingInvitation]
    feedback: dict[tuple[str, str], MeetingFeedback]
    run: TimetableRun | None
    hosts: Mapping[str, str]
    """Names of those who look after meetings, by user id."""
    position: Mapping[str, int] = field(default_factory=dict)

    def wanted(self) -> list[Meeting]:
        """Meetings that are to be held by participants who come."""
        return [
            one
            for one in self.meetings
            if one.status == "wanted"
            and self.participants[one.first_id].present
            and self.participants[one.second_id].present
        ]

    def placed(self) -> list[Meeting]:
        """Those that have a slot."""
        return [one for one in self.wanted() if one.slot_id in self.position]

    def unplaced(self) -> list[Meeting]:
        """Those that have none."""
        return [one for one in self.wanted() if one.slot_id not in self.position]

    def grid(self) -> dict[tuple[str, int | None], list[Meeting]]:
        """Placed meetings by slot and table; None: online. More than one in a place only where staff overrode it."""
        found: dict[tuple[str, int | None], list[Meeting]] = {}
        for one in self.placed():
            found.setdefault((one.slot_id or "", one.table_number), []).append(one)
        return found

    def by_person(self) -> dict[tuple[str, str], list[Meeting]]:
        """Placed meetings by participant and slot."""
        found: dict[tuple[str, str], list[Meeting]] = {}
        for one in self.placed():
            for participant_id in one.participant_ids:
                found.setdefault((participant_id, one.slot_id or ""), []).append(one)
        return found

    def people(self) -> list[Person]:
        """Participants by name, firms before experts, those who do not come last."""
        wanted = Counter(one_id for one in self.wanted() for one_id in one.participant_ids)
        places: dict[str, list[int]] = {}
        for one in self.placed():
            for participant_id in one.participant_ids:
                places.setdefault(participant_id, []).append(self.position[one.slot_id or ""])
        wishes = Counter(one_id for one_id, _ in self.wishes)
        rows = [
            Person(
                one,
                wanted[one.id],
                len(places.get(one.id, ())),
                wishes[one.id],
                _count_breaks(places.get(one.id, [])),
            )
            for one in self.participants.values()
        ]

        def order(row: Person) -> tuple[bool, bool, str]:
            return not row.participant.present, row.participant.expert_id is not None, row.participant.name

        return sorted(rows, key=order)


def load_board(session: Session, event_id: str, actor: Actor) -> EventBoard:
    """The event's board for its staff; raises NotFound for anybody else."""
    event = find_staffed_event(session, event_id, actor)
    people = {
        one.id: one for one in session.scalars(select(EventParticipant).where(EventParticipant.event_id == event.id))
    }
    # Slots and participants are there already: the relationships find them without asking again.
    meetings = list(session.scalars(select(Meeting).where(Meeting.event_id == event.id)))
    position = {slot.id: slot.position for slot in event.slots}
    meetings.sort(
        key=lambda one: (
            position.get(one.slot_id or "", len(position)),
            one.table_number or 0,
            people[one.first_id].name,
            one.id,
        )
    )
    need_ids = {one.need_id for one in meetings if one.need_id}
    capability_ids = {one.capability_id for one in meetings if one.capability_id}
    titles = dict(
        session.execute(select(Post.id, Post.title).where(Post.id.in_(need_ids | capability_ids))).tuples().all()
    )
    mine = select(Meeting.id).where(Meeting.event_id == event.id)
    return EventBoard(
        event=event,
        participants=people,
        meetings=meetings,
        needs={one: titles[one] for one in need_ids if one in titles},
        capabilities={one: titles[one] for one in capability_ids if one in titles},
        wishes=set(
            session.execute(
                select(EventWish.participant_id, EventWish.other_id).where(EventWish.participant_id.in_(people))
            ).tuples()
        ),
        apart=separations_of(session, event.id),
        invitations={
            (one.meeting_id, one.participant_id): one
            for one in session.scalars(select(MeetingInvitation).where(MeetingInvitation.meeting_id.in_(mine)))
        },
        feedback={
            (one.meeting_id, one.participant_id): one
            for one in session.scalars(select(MeetingFeedback).where(MeetingFeedback.meeting_id.in_(mine)))
        },
        run=session.scalar(
            select(TimetableRun)
            .where(TimetableRun.event_id == event.id)
            .order_by(TimetableRun.requested_at.desc(), TimetableRun.id)
            .limit(1)
        ),
        hosts=host_names(session, meetings),
        position=position,
    )


def free_slots(board: EventBoard, meeting: Meeting) -> set[str]:
    """Slots in which both can and are free, and a table is."""
    mine = board.by_person()
    grid = board.grid()
    both = [board.participants[one_id] for one_id in meeting.participant_ids]
    free = set()
    for slot in board.event.slots:
        taken = sum(len(held) for (slot_id, number), held in grid.items() if slot_id == slot.id and number is not None)
        busy = any(
            slot.id in one.unavailable or [other for other in mine.get((one.id, slot.id), ()) if other.id != meeting.id]
            for one in both
        )
        if not busy and (taken < len(board.event.tables) or not needs_table(board.event, meeting)):
            free.add(slot.id)
    return free


def find_run(session: Session, event_id: str, actor: Actor) -> TimetableRun | None:
    """The event's last run, for its staff."""
    find_staffed_event(session, event_id, actor)
    return session.scalar(
        select(TimetableRun)
        .where(TimetableRun.event_id == event_id)
        .order_by(TimetableRun.requested_at.desc(), TimetableRun.id)
        .limit(1)
    )


def find_meeting(session: Session, event_id: str, meeting_id: str, actor: Actor) -> Meeting:
    """A meeting of the event, for its staff."""
    find_staffed_event(session, event_id, actor)
    meeting = session.get(Meeting, meeting_id, options=[joinedload(Meeting.first), joinedload(Meeting.second)])
    if meeting is None or meeting.event_id != event_id:
        raise meeting_not_found()
    return meeting


def find_participant(session: Session, event_id: str, participant_id: str, actor: Actor) -> EventParticipant:
    """A participant of the event, for its staff."""
    find_staffed_event(session, event_id, actor)
    participant = session.get(EventParticipant, participant_id)
    if participant is None or participant.event_id != event_id:
        raise participant_not_found()
    return participant


def search_parties(
    session: Session, text: str, audience: Audience, now: datetime, *, limit: int = 12
) -> tuple[list[Organisation], list[Expert]]:
    """Organisations and experts whose name holds the text, for the staff who adds participants by hand; not those who
    are hidden from them."""
    words = " ".join(text.split())
    if not words:
        return [], []
    organisations = session.scalars(
        select(Organisation)
        .where(Organisation.approved, Organisation.name.contains(words, autoescape=True))
        .order_by(func.length(Organisation.name), Organisation.name)
        .limit(limit)
    ).all()
    experts = session.scalars(
        select(Expert)
        .where(Expert.name.contains(words, autoescape=True), visible_experts(audience, now))
        .order_by(func.length(Expert.name), Expert.name)
        .limit(limit)
        .options(selectinload(Expert.affiliations))
    ).all()
    return list(organisations), list(experts)


def _count_breaks(positions: Sequence[int]) -> int:
    ordered = sorted(positions)
    return sum(later - earlier > 1 for earlier, later in pairwise(ordered))


def _counts(
    session: Session, column: InstrumentedAttribute[str], ids: Sequence[str], condition: ColumnElement[bool]
) -> dict[str, int]:
    if not ids:
        return {}
    return dict(
        session.execute(select(column, func.count()).where(column.in_(ids), condition).group_by(column)).tuples().all()
    )

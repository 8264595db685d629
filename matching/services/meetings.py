"""The meetings of an event: wanted, locked, moved by hand, cancelled, held, and what came of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import (
    Event,
    EventParticipant,
    EventSeparation,
    EventSlot,
    EventWish,
    Meeting,
    MeetingFeedback,
    Suggestion,
    User,
)
from matching.models.event import PRESENT_STATUSES
from matching.models.meeting import MEETING_RESULTS
from matching.services.actor import Actor
from matching.services.event_pairs import are_separated, sides_of
from matching.services.events import load_event, require_open, touch_plan
from matching.store.unit_of_work import UnitOfWork

MINUTES_LENGTH = 5000
REASON_LENGTH = 300
COMMENT_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class PlaceConflict:
    """What speaks against a place. `kind`: busy, table_taken, unavailable, session, order, absent, separated,
    elsewhere, host_busy, host_elsewhere or table_elsewhere.

    `name` is the participant's, the host's or the other event's, `meeting_id` the meeting in the way. All may be
    overridden knowingly.
    """

    kind: str
    name: str = ""
    meeting_id: str | None = None


class PlaceConflicts(InvalidInput):
    """The place was not taken: something speaks against it. `conflicts` says what."""

    def __init__(self, conflicts: Sequence[PlaceConflict]) -> None:
        self.conflicts = tuple(conflicts)
        super().__init__(
            "meeting.place_conflicts",
            "这个位置有冲突，没有保存；写明理由后可以仍然这样安排",
            where="slot_id",
            message_en="Something speaks against this place; it was not saved. You may confirm it and say why",
        )


def settle_conflicts(conflicts: Sequence[PlaceConflict], *, override: bool, reason: str) -> str | None:
    """The reason to keep with a place: None where nothing speaks against it. Raises PlaceConflicts unless `override`,
    and InvalidInput for an override that does not say why.
    """
    if not conflicts:
        return None
    words = " ".join(reason.split())
    if not override:
        raise PlaceConflicts(conflicts)
    if not words:
        raise InvalidInput(
            "meeting.override_reason",
            "请写明为什么有冲突仍然这样安排",
            where="reason",
            message_en="Please say why it is to be so in spite of the conflict",
        )
    if len(words) > REASON_LENGTH:
        raise InvalidInput(
            "meeting.override_reason_long",
            f"理由不能超过 {REASON_LENGTH} 字",
            where="reason",
            message_en=f"A reason has at most {REASON_LENGTH} characters",
        )
    return words


def add_meeting(
    uow: UnitOfWork, actor: Actor, event_id: str, one_id: str, other_id: str, now: datetime, *, walk_in: bool = False
) -> Meeting:
    """Want a meeting of two participants; `walk_in` for one agreed on the day. An existing one is taken up again."""
    event = load_event(uow, actor, event_id)
    require_open(event)
    people = {
        one.id: one
        for one in uow.session.scalars(
            select(EventParticipant).where(
                EventParticipant.event_id == event.id, EventParticipant.id.in_((one_id, other_id))
            )
        )
    }
    if len(people) != 2:
        raise InvalidInput(
            "meeting.participants", "请选择两位不同的参会者", where="other_id", message_en="Choose two participants"
        )
    if not all(one.present for one in people.values()):
        raise InvalidInput(
            "meeting.absent", "有一方已取消参会", where="other_id", message_en="One of them does not take part"
        )
    if are_separated(uow.session, one_id, other_id):
        raise InvalidInput(
            "meeting.separated", "这两方已设为不见面", where="other_id", message_en="These two are not to meet"
        )
    first, second = sides_of(people[one_id], people[other_id])
    add_or_revive(uow.session, event, first, second, "walk_in" if walk_in else "staff", now)
    touch_plan(event, now)
    meeting = find_between(uow.session, first.id, second.id)
    assert meeting is not None
    uow.record(now, actor.user_id, "meeting.add", "meeting", meeting.id, event=event.id)
    uow.commit()
    return meeting


def cancel_meeting(uow: UnitOfWork, actor: Actor, meeting_id: str, now: datetime) -> Meeting:
    """No longer want a meeting; its slot and table are free again."""
    meeting, event = load_meeting(uow, actor, meeting_id)
    require_open(event)
    _cancel(meeting, now)
    touch_plan(event, now)
    uow.record(now, actor.user_id, "meeting.cancel", "meeting", meeting.id, event=event.id)
    uow.commit()
    return meeting


def lock_meeting(uow: UnitOfWork, actor: Actor, meeting_id: str, locked: bool, now: datetime) -> Meeting:
    """Keep a placed meeting where it is whatever is computed, or let it move again."""
    meeting, event = load_meeting(uow, actor, meeting_id)
    require_open(event)
    if locked and meeting.slot_id is None:
        raise IllegalMove("meeting.not_placed", "还没有排上的洽谈不能锁定", message_en="It has no place to keep yet")
    meeting.locked = locked
    meeting.updated_at = now
    touch_plan(event, now)
    uow.record(now, actor.user_id, "meeting.lock" if locked else "meeting.unlock", "meeting", meeting.id)
    uow.commit()
    return meeting


def constrain_meeting(
    uow: UnitOfWork, actor: Actor, meeting_id: str, session: str | None, after_ids: Sequence[str], now: datetime
) -> Meeting:
    """Say in which session a meeting must be (None: any), and after which other meetings of the event.

    It holds for what is computed from now on; where the meeting stands already, the page says what speaks against it.
    """
    meeting, event = load_meeting(uow, actor, meeting_id)
    require_open(event)
    if session is not None and session not in {slot.session for slot in event.slots}:
        raise InvalidInput("meeting.session", "没有这个场次", where="session", message_en="There is no such session")
    chosen = list(dict.fromkeys(after_ids))
    before = {
        one.id: one.after_ids
        for one in uow.session.scalars(select(Meeting).where(Meeting.event_id == event.id, Meeting.status == "wanted"))
    }
    if meeting.id in chosen or not set(chosen) <= set(before):
        raise InvalidInput("meeting.after", "没有这场洽谈", where="after", message_en="There is no such meeting")
    if _comes_before(meeting.id, chosen, before):
        raise InvalidInput(
            "meeting.after_circle",
            "这样会互相等待：其中一场已经要排在这一场之后",
            where="after",
            message_en="They would wait for each other: one of them is to come after this one",
        )
    meeting.session, meeting.after_ids = session, chosen
    meeting.updated_at = now
    touch_plan(event, now)
    uow.record(now, actor.user_id, "meeting.constrain", "meeting", meeting.id, session=session, after=chosen)
    uow.commit()
    return meeting


def _comes_before(meeting_id: str, chosen: Sequence[str], before: Mapping[str, Sequence[str]]) -> bool:
    """Whether one of the chosen waits, perhaps by others, for the meeting itself."""
    seen: set[str] = set()
    waiting = list(chosen)
    while waiting:
        one = waiting.pop()
        if one == meeting_id:
            return True
        if one not in seen:
            seen.add(one)
            waiting += before.get(one, ())
    return False


def _order_conflicts(session: Session, event: Event, meeting: Meeting, slot: EventSlot) -> list[PlaceConflict]:
    rows = session.scalars(
        select(Meeting).where(
            Meeting.event_id == event.id,
            Meeting.status == "wanted",
            Meeting.id != meeting.id,
            Meeting.slot_id.is_not(None),
        )
    ).all()
    found = []
    for other in rows:
        assert other.slot is not None
        late = other.id in meeting.after_ids and other.slot.position >= slot.position
        early = meeting.id in other.after_ids and other.slot.position <= slot.position
        if late or early:
            found.append(PlaceConflict("order", f"{other.first.name} × {other.second.name}", other.id))
    return found


def move_meeting(
    uow: UnitOfWork,
    actor: Actor,
    meeting_id: str,
    slot_id: str | None,
    table_number: int | None,
    now: datetime,
    *,
    override: bool = False,
    reason: str = "",
) -> list[PlaceConflict]:
    """Put a meeting where the staff wants it, and lock it there; `slot_id` None takes it off the timetable.

    Raises PlaceConflicts where something speaks against it, unless `override` with a `reason`: then it is done, kept
    with the meeting and logged. Returns what was overridden. A meeting online needs no table; where no table is given,
    the first free one is taken.
    """
    meeting, event = load_meeting(uow, actor, meeting_id)
    require_open(event)
    if meeting.status != "wanted":
        raise IllegalMove("meeting.cancelled", "这场洽谈已经取消", message_en="This meeting is cancelled")
    if slot_id is None:
        meeting.slot_id = meeting.table_number = None
        meeting.locked = False
        meeting.override_reason = None
        conflicts: list[PlaceConflict] = []
    else:
        slot = uow.session.get(EventSlot, slot_id)
        if slot is None or slot.event_id != event.id:
            raise InvalidInput("meeting.slot", "没有这个时段", where="slot_id", message_en="No such slot")
        needs = needs_table(event, meeting)
        if not needs:
            table_number = None
        elif table_number is None:
            table_number = first_free_table(uow.session, event, slot.id, besides=meeting.id)
        elif not 1 <= table_number <= len(event.tables):
            raise InvalidInput("meeting.table", "没有这张桌子", where="table_number", message_en="No such table")
        conflicts = list_conflicts(uow.session, event, meeting, slot, table_number)
        if needs and table_number is None:
            conflicts.append(PlaceConflict("table_taken"))
        meeting.override_reason = settle_conflicts(conflicts, override=override, reason=reason)
        meeting.slot_id = slot.id
        meeting.table_number = table_number
        meeting.locked = True
        meeting.dropped_reason = meeting.dropped_reason_en = None
    meeting.updated_at = now
    touch_plan(event, now)
    uow.record(
        now,
        actor.user_id,
        "meeting.move",
        "meeting",
        meeting.id,
        slot=slot_id,
        table=table_number,
        overridden=[conflict.kind for conflict in conflicts],
        reason=meeting.override_reason,
    )
    uow.commit()
    return conflicts


def list_conflicts(
    session: Session, event: Event, meeting: Meeting, slot: EventSlot, table_number: int | None
) -> list[PlaceConflict]:
    """Everything that speaks against holding the meeting there. Meetings that only touch in time are no conflict."""
    found: list[PlaceConflict] = []
    others = session.scalars(
        select(Meeting).where(
            Meeting.event_id == event.id,
            Meeting.slot_id == slot.id,
            Meeting.status == "wanted",
            Meeting.id != meeting.id,
        )
    ).all()
    sides = {one.id: one for one in (meeting.first, meeting.second)}
    for other in others:
        found += [
            PlaceConflict("busy", sides[participant_id].name, other.id)
            for participant_id in other.participant_ids
            if participant_id in sides
        ]
        if meeting.host_id is not None and other.host_id == meeting.host_id:
            found.append(PlaceConflict("host_busy", _host_name(session, meeting.host_id), other.id))
        if table_number is not None and other.table_number == table_number:
            found.append(PlaceConflict("table_taken", event.tables[table_number - 1], other.id))
    for one in sides.values():
        if not one.present:
            found.append(PlaceConflict("absent", one.name))
        if slot.id in one.unavailable:
            found.append(PlaceConflict("unavailable", one.name))
    if meeting.session is not None and meeting.session != slot.session:
        found.append(PlaceConflict("session", meeting.session))
    found += _order_conflicts(session, event, meeting, slot)
    low, high = sorted(meeting.participant_ids)
    if session.get(EventSeparation, (low, high)) is not None:
        found.append(PlaceConflict("separated"))
    elsewhere = look_elsewhere(session, event, list(sides.values()), [meeting.host_id] if meeting.host_id else [])
    table = event.tables[table_number - 1] if table_number is not None else None
    host = (meeting.host_id, _host_name(session, meeting.host_id)) if meeting.host_id is not None else None
    return found + elsewhere.conflicts(sides, slot, host=host, table=table)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """What placed meetings of other events have of the day: people (see `engaged_elsewhere`), hosts and tables."""

    engaged: list[tuple[str, datetime, datetime, str, str]]
    hosting: list[Hosting]
    tables: list[TakenTable]

    def conflicts(
        self, participant_ids: Collection[str], slot: EventSlot, *, host: tuple[str, str] | None, table: str | None
    ) -> list[PlaceConflict]:
        """What speaks against these people meeting in the slot, with the host (id, name), at the table of that name."""

        def at_once(starts_at: datetime, ends_at: datetime) -> bool:
            return starts_at < slot.ends_at and slot.starts_at < ends_at

        found = [
            PlaceConflict("elsewhere", f"{name}（{title}）")
            for participant_id, starts_at, ends_at, title, name in self.engaged
            if participant_id in participant_ids and at_once(starts_at, ends_at)
        ]
        if host is not None:
            found += [
                PlaceConflict("host_elsewhere", f"{host[1]}（{one.title}）")
                for one in self.hosting
                if one.user_id == host[0] and at_once(one.starts_at, one.ends_at)
            ]
        found += [
            PlaceConflict("table_elsewhere", f"{one.name}（{one.title}）")
            for one in self.tables
            if one.name == table and at_once(one.starts_at, one.ends_at)
        ]
        return found


def look_elsewhere(
    session: Session, event: Event, people: Sequence[EventParticipant], host_ids: Sequence[str]
) -> Elsewhere:
    """What other events have of these people and hosts and of the event's place, in three queries."""
    return Elsewhere(
        engaged_elsewhere(session, event, people),
        hosting_elsewhere(session, event, host_ids),
        tables_taken_elsewhere(session, event),
    )


@dataclass(frozen=True, slots=True)
class TakenTable:
    """A time in which a meeting of another event has the table of that name in the same place."""

    name: str
    starts_at: datetime
    ends_at: datetime
    title: str


def tables_taken_elsewhere(session: Session, event: Event) -> list[TakenTable]:
    """When placed meetings of other events have tables of the event's place: where both name place and table alike."""
    if not event.slots or not _place_of(event.venue):
        return []
    rows = session.execute(
        select(Event.venue, Event.tables, Meeting.table_number, EventSlot.starts_at, EventSlot.ends_at, Event.title)
        .select_from(Meeting)
        .join(EventSlot, EventSlot.id == Meeting.slot_id)
        .join(Event, Event.id == Meeting.event_id)
        .where(
            Meeting.event_id != event.id,
            Meeting.status == "wanted",
            Meeting.table_number.is_not(None),
            Event.status.in_(("draft", "published")),
            EventSlot.starts_at < max(slot.ends_at for slot in event.slots),
            EventSlot.ends_at > min(slot.starts_at for slot in event.slots),
        )
        .order_by(EventSlot.starts_at, Meeting.id)
    ).all()
    return [
        TakenTable(tables[number - 1], starts_at, ends_at, title)
        for venue, tables, number, starts_at, ends_at, title in rows
        if number is not None and number <= len(tables) and _place_of(venue) == _place_of(event.venue)
    ]


def _place_of(venue: str) -> str:
    return "".join(venue.split()).casefold()


def _host_name(session: Session, user_id: str) -> str:
    user = session.get(User, user_id)
    return user.name if user is not None else ""


@dataclass(frozen=True, slots=True)
class Hosting:
    """A time in which somebody of the staff looks after a meeting of another event."""

    user_id: str
    starts_at: datetime
    ends_at: datetime
    title: str


def hosting_elsewhere(session: Session, event: Event, user_ids: Sequence[str]) -> list[Hosting]:
    """When these of the staff look after placed meetings of other events on that day."""
    if not event.slots or not user_ids:
        return []
    rows = session.execute(
        select(Meeting.host_id, EventSlot.starts_at, EventSlot.ends_at, Event.title)
        .select_from(Meeting)
        .join(EventSlot, EventSlot.id == Meeting.slot_id)
        .join(Event, Event.id == Meeting.event_id)
        .where(
            Meeting.host_id.in_(user_ids),
            Meeting.event_id != event.id,
            Meeting.status == "wanted",
            Event.status.in_(("draft", "published")),
            EventSlot.starts_at < max(slot.ends_at for slot in event.slots),
            EventSlot.ends_at > min(slot.starts_at for slot in event.slots),
        )
        .order_by(EventSlot.starts_at, Meeting.id)
    ).all()
    return [Hosting(row[0], row[1], row[2], row[3]) for row in rows]


def engaged_slots(session: Session, event: Event, people: Sequence[EventParticipant]) -> dict[str, set[str]]:
    """Slots of this event, by participant, in which the same organisation or expert meets somebody at another event."""
    busy: dict[str, set[str]] = {}
    for participant_id, starts_at, ends_at, _, _ in engaged_elsewhere(session, event, people):
        for slot in event.slots:
            if starts_at < slot.ends_at and slot.starts_at < ends_at:
                busy.setdefault(participant_id, set()).add(slot.id)
    return busy


def engaged_elsewhere(
    session: Session, event: Event, people: Sequence[EventParticipant]
) -> list[tuple[str, datetime, datetime, str, str]]:
    """(participant, from, to, title of the other event, name): placed meetings at other events of that day."""
    if not event.slots or not people:
        return []
    begins = min(slot.starts_at for slot in event.slots)
    ends = max(slot.ends_at for slot in event.slots)
    other = aliased(EventParticipant)
    same = or_(
        and_(other.organisation_id.is_not(None), other.organisation_id == EventParticipant.organisation_id),
        and_(other.expert_id.is_not(None), other.expert_id == EventParticipant.expert_id),
    )
    rows = session.execute(
        select(EventParticipant.id, EventSlot.starts_at, EventSlot.ends_at, Event.title)
        .select_from(EventParticipant)
        .join(other, and_(same, other.event_id != EventParticipant.event_id))
        .join(Meeting, or_(Meeting.first_id == other.id, Meeting.second_id == other.id))
        .join(EventSlot, EventSlot.id == Meeting.slot_id)
        .join(Event, Event.id == Meeting.event_id)
        .where(
            EventParticipant.id.in_([one.id for one in people]),
            Meeting.status == "wanted",
            Event.status.in_(("draft", "published")),
            EventSlot.starts_at < ends,
            EventSlot.ends_at > begins,
        )
    ).all()
    names = {one.id: one.name for one in people}
    return [(row[0], row[1], row[2], row[3], names[row[0]]) for row in rows]


def first_free_table(session: Session, event: Event, slot_id: str, *, besides: str | None = None) -> int | None:
    """The lowest table that no wanted meeting has in the slot; None where all are taken."""
    taken = set(
        session.scalars(
            select(Meeting.table_number).where(
                Meeting.event_id == event.id,
                Meeting.slot_id == slot_id,
                Meeting.status == "wanted",
                Meeting.id != besides,
                Meeting.table_number.is_not(None),
            )
        )
    )
    return next((number for number in range(1, len(event.tables) + 1) if number not in taken), None)


def record_result(
    uow: UnitOfWork,
    actor: Actor,
    meeting_id: str,
    now: datetime,
    *,
    result: str | None,
    minutes: str = "",
    next_step: str = "",
    next_step_on: date | None = None,
) -> Meeting:
    """Note whether a meeting took place, what was said, and what comes next and when."""
    meeting, event = load_meeting(uow, actor, meeting_id)
    if result is not None and result not in MEETING_RESULTS:
        raise InvalidInput("meeting.result", "结果无效", where="result", message_en="Invalid result")
    if len(minutes) > MINUTES_LENGTH:
        raise InvalidInput(
            "meeting.minutes",
            f"纪要不能超过 {MINUTES_LENGTH} 字",
            where="minutes",
            message_en=f"At most {MINUTES_LENGTH} characters",
        )
    if next_step_on is not None and not next_step.strip():
        raise InvalidInput(
            "meeting.next_step", "请写明下一步做什么", where="next_step", message_en="Please say what the next step is"
        )
    meeting.result = result
    meeting.minutes = minutes.strip()
    meeting.next_step = " ".join(next_step.split())[:300]
    meeting.next_step_on = next_step_on
    meeting.updated_at = now
    uow.record(now, actor.user_id, "meeting.result", "meeting", meeting.id, event=event.id, result=result)
    uow.commit()
    return meeting


def give_feedback(
    uow: UnitOfWork,
    participant_id: str,
    meeting_id: str,
    now: datetime,
    *,
    rating: int,
    wants_more: bool,
    comment: str = "",
) -> MeetingFeedback:
    """What one side says of a meeting, through their own link; said again, it replaces what was said."""
    meeting = uow.session.get(Meeting, meeting_id)
    if meeting is None or participant_id not in meeting.participant_ids or meeting.told_slot_id is None:
        raise meeting_not_found()
    slot = uow.session.get(EventSlot, meeting.told_slot_id)
    if slot is not None and slot.starts_at > now:
        raise IllegalMove("feedback.too_early", "洽谈还没有开始", message_en="The meeting has not begun yet")
    if not 1 <= rating <= 5:
        raise InvalidInput("feedback.rating", "请选择 1 到 5 分", where="rating", message_en="Choose from 1 to 5")
    if len(comment) > COMMENT_LENGTH:
        raise InvalidInput(
            "feedback.comment",
            f"不能超过 {COMMENT_LENGTH} 字",
            where="comment",
            message_en=f"At most {COMMENT_LENGTH} characters",
        )
    row = uow.session.get(MeetingFeedback, (meeting_id, participant_id))
    if row is None:
        row = MeetingFeedback(meeting_id=meeting_id, participant_id=participant_id, created_at=now, rating=rating)
        uow.session.add(row)
    row.rating = rating
    row.wants_more = wants_more
    row.comment = comment.strip()
    row.created_at = now
    uow.commit()
    return row


def load_meeting(uow: UnitOfWork, actor: Actor, meeting_id: str) -> tuple[Meeting, Event]:
    """A meeting and its event, for the event's staff."""
    meeting = uow.session.get(Meeting, meeting_id)
    if meeting is None:
        raise meeting_not_found()
    return meeting, load_event(uow, actor, meeting.event_id)


def meeting_not_found() -> NotFound:
    """The error for a meeting that is not there, or not for this reader."""
    return NotFound("meeting.not_found", "没有找到这场洽谈", message_en="There is no such meeting")


def needs_table(event: Event, meeting: Meeting) -> bool:
    """Whether it is held on site: not where the event is, or one of the two takes part, online."""
    return event.mode == "onsite" or (event.mode == "mixed" and not (meeting.first.online or meeting.second.online))


def find_between(session: Session, one_id: str, other_id: str) -> Meeting | None:
    """The meeting of the two, cancelled or not."""
    return session.scalar(
        select(Meeting).where(
            or_(
                and_(Meeting.first_id == one_id, Meeting.second_id == other_id),
                and_(Meeting.first_id == other_id, Meeting.second_id == one_id),
            )
        )
    )


@dataclass(slots=True)
class Gathered:
    """The meetings and wishes of an event, read once by who wants many meetings at a time."""

    meetings: dict[frozenset[str], Meeting]
    wishes: frozenset[tuple[str, str]]


def gather(session: Session, event_id: str) -> Gathered:
    """What `add_or_revive` would otherwise ask for with each pair."""
    people = select(EventParticipant.id).where(EventParticipant.event_id == event_id)
    return Gathered(
        {
            frozenset(one.participant_ids): one
            for one in session.scalars(select(Meeting).where(Meeting.event_id == event_id))
        },
        frozenset(
            session.execute(
                select(EventWish.participant_id, EventWish.other_id).where(EventWish.participant_id.in_(people))
            ).tuples()
        ),
    )


def add_or_revive(
    session: Session,
    event: Event,
    first: EventParticipant,
    second: EventParticipant,
    origin: str,
    now: datetime,
    *,
    suggestion: Suggestion | None = None,
    score: float = 0.0,
    revive_cancelled: bool = True,
    gathered: Gathered | None = None,
) -> int:
    """Want the meeting of the two; 1 where it is wanted newly, 0 where it was already or stays cancelled.

    With `gathered` nothing is asked of the database; the caller flushes.
    """
    both = frozenset((first.id, second.id))
    meeting = gathered.meetings.get(both) if gathered is not None else find_between(session, first.id, second.id)
    fresh = 0
    if meeting is None:
        meeting = Meeting(
            event_id=event.id, first_id=first.id, second_id=second.id, origin=origin, created_at=now, updated_at=now
        )
        session.add(meeting)
        if gathered is not None:
            gathered.meetings[both] = meeting
        fresh = 1
    elif meeting.status == "cancelled":
        if not revive_cancelled:
            return 0
        meeting.status = "wanted"
        meeting.updated_at = now
        fresh = 1
    if suggestion is not None and (meeting.suggestion_id is None or score > meeting.score):
        # Two firms may be suggested to each other for several needs: the best one is what they talk about.
        meeting.suggestion_id = suggestion.id
        meeting.need_id = suggestion.need_id
        meeting.capability_id = suggestion.capability_id
        meeting.score = score
    if gathered is not None:
        asked = ((first.id, second.id), (second.id, first.id))
        meeting.weight = 1.0 + sum(wish in gathered.wishes for wish in asked)
    else:
        session.flush()
        weigh_meeting(session, meeting)
    return fresh


def weigh_meeting(session: Session, meeting: Meeting) -> None:
    """1, and 1 more for each side that asks for it: mutual wishes are the last to be dropped."""
    wishes = session.scalar(
        select(func.count())
        .select_from(EventWish)
        .where(
            or_(
                and_(EventWish.participant_id == meeting.first_id, EventWish.other_id == meeting.second_id),
                and_(EventWish.participant_id == meeting.second_id, EventWish.other_id == meeting.first_id),
            )
        )
    )
    meeting.weight = 1.0 + (wishes or 0)


def cancel_meetings_of(session: Session, participant: EventParticipant, now: datetime) -> int:
    """Cancel all wanted meetings of a participant who does not come; returns how many of them had a place."""
    fallen = 0
    for meeting in session.scalars(
        select(Meeting).where(
            or_(Meeting.first_id == participant.id, Meeting.second_id == participant.id), Meeting.status == "wanted"
        )
    ):
        fallen += meeting.slot_id is not None
        _cancel(meeting, now)
    return fallen


def wanted_meetings(session: Session, event_id: str) -> list[Meeting]:
    """The event's wanted meetings whose both sides take part, in a stable order."""
    first, second = aliased(EventParticipant), aliased(EventParticipant)
    return list(
        session.scalars(
            select(Meeting)
            .join(first, first.id == Meeting.first_id)
            .join(second, second.id == Meeting.second_id)
            .where(
                Meeting.event_id == event_id,
                Meeting.status == "wanted",
                first.status.in_(PRESENT_STATUSES),
                second.status.in_(PRESENT_STATUSES),
            )
            .order_by(Meeting.created_at, Meeting.id)
        )
    )


def _cancel(meeting: Meeting, now: datetime) -> None:
    meeting.status = "cancelled"
    meeting.slot_id = meeting.table_number = None
    meeting.locked = False
    meeting.dropped_reason = meeting.dropped_reason_en = meeting.override_reason = None
    meeting.updated_at = now

"""What the staff does with a 对接会 as a whole: create, edit, announce, end, cancel."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select, update

from matching.clock import SHANGHAI, shanghai_day
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Event, EventParticipant, EventSlot, Meeting
from matching.models.base import new_id
from matching.models.event import EVENT_MODES
from matching.services.actor import Actor
from matching.services.day_plans import PlannedSlot, make_slots, parse_spans, parse_tables
from matching.store.unit_of_work import UnitOfWork, edit_conflict

TITLE_LENGTH = 200
INTRO_LENGTH = 5000
MOST_NEEDS = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFields:
    """An event as entered; `sessions`, `breaks` and `rooms` are lines of text, see `day_plans`."""

    title: str
    held_on: date
    region_code: str
    intro: str = ""
    mode: str = "onsite"
    venue: str = ""
    online_address: str = ""
    industry: str | None = None
    town: str | None = None
    need_ids: tuple[str, ...] = ()
    rooms: str = "10"
    sessions: str = "上午 09:00-12:00\n下午 14:00-17:00"
    breaks: str = ""
    slot_minutes: int = 30
    gap_minutes: int = 0
    most_break_difference: int | None = None
    public: bool = True


def create_event(
    uow: UnitOfWork, actor: Actor, entered: EventFields, now: datetime, *, event_id: str | None = None
) -> Event:
    """Make an event of the actor's region. Raises NotAllowed for others than its staff, InvalidInput for its fields."""
    if not actor.is_staff_for(entered.region_code):
        raise NotAllowed("event.staff_only", "对接会由主管部门组织", message_en="Events are organised by the staff")
    if entered.held_on < shanghai_day(now):
        raise InvalidInput(
            "event.past", "对接会的日期已经过去", where="held_on", message_en="The event's day is in the past"
        )
    event = Event(
        author_id=actor.user_id, created_at=now, region_code=entered.region_code, plan_revision=1, status="draft"
    )
    _fill(uow, event, entered, now)
    event.id = event_id or new_id()
    uow.session.add(event)
    uow.session.flush()
    uow.record(now, actor.user_id, "event.create", "event", event.id)
    uow.commit()
    return event


def edit_event(
    uow: UnitOfWork, actor: Actor, event_id: str, entered: EventFields, expected_version: int | None, now: datetime
) -> Event:
    """Replace an event's fields.

    Slots whose times stay keep their meetings; meetings of slots that are gone lose their place, are no longer locked,
    and are planned anew.
    """
    event = load_event(uow, actor, event_id)
    require_open(event)
    if expected_version is not None and event.version != expected_version:
        raise edit_conflict()
    _fill(uow, event, entered, now)
    touch_plan(event, now)
    uow.record(now, actor.user_id, "event.edit", "event", event.id)
    uow.commit()
    return event


def announce_event(
    uow: UnitOfWork, actor: Actor, event_id: str, now: datetime, *, registration_open: bool = True
) -> Event:
    """Show the event's page to those it is meant for; with `registration_open` people may enter themselves."""
    event = load_event(uow, actor, event_id)
    require_open(event)
    event.announced_at = event.announced_at or now
    event.registration_open = registration_open
    event.updated_at = now
    uow.record(now, actor.user_id, "event.announce", "event", event.id, registration_open=registration_open)
    uow.commit()
    return event


def end_event(uow: UnitOfWork, actor: Actor, event_id: str, now: datetime) -> Event:
    """Say that the day is over; what came of its meetings can still be written down."""
    event = load_event(uow, actor, event_id)
    if event.status != "published":
        raise IllegalMove(
            "event.not_published", "只有已发布日程的对接会可以结束", message_en="Only a published event can be ended"
        )
    event.status = "ended"
    event.registration_open = False
    event.updated_at = now
    uow.record(now, actor.user_id, "event.end", "event", event.id)
    uow.commit()
    return event


def load_event(uow: UnitOfWork, actor: Actor, event_id: str) -> Event:
    """The event, for its staff; to anybody else it does not exist here."""
    event = uow.session.get(Event, event_id)
    if event is None or not actor.is_staff_for(event.region_code):
        raise event_not_found()
    return event


def event_not_found() -> NotFound:
    """The error for an event that is not there, or not for this reader."""
    return NotFound("event.not_found", "没有找到这场对接会", message_en="There is no such event")


def require_open(event: Event) -> None:
    """Raises IllegalMove once the event has ended or was cancelled."""
    if event.status in ("ended", "cancelled"):
        raise IllegalMove(
            "event.over", "对接会已经结束或取消，不能再修改", message_en="The event is over and cannot be changed"
        )


def touch_plan(event: Event, now: datetime) -> None:
    """Note that what a timetable is made from has changed."""
    event.plan_revision += 1
    event.updated_at = now


def _fill(uow: UnitOfWork, event: Event, entered: EventFields, now: datetime) -> None:
    title = " ".join(entered.title.split())
    if not title:
        raise InvalidInput("event.title_missing", "请填写名称", where="title", message_en="Please give a title")
    for name, text, limit in (
        ("title", title, TITLE_LENGTH),
        ("intro", entered.intro, INTRO_LENGTH),
        ("venue", entered.venue, 300),
        ("online_address", entered.online_address, 500),
    ):
        if len(text) > limit or "\x00" in text:
            raise InvalidInput(
                "event.text_too_long", f"不能超过 {limit} 字", where=name, message_en=f"At most {limit} characters"
            )
    if entered.mode not in EVENT_MODES:
        raise InvalidInput("event.mode", "请选择举办方式", where="mode", message_en="Please choose how it is held")
    if entered.mode != "online" and not entered.venue.strip():
        raise InvalidInput("event.venue_missing", "请填写地点", where="venue", message_en="Please give a place")
    address = entered.online_address.strip()
    if entered.mode == "online" and not address:
        raise InvalidInput(
            "event.address_missing", "请填写线上会议地址", where="online_address", message_en="Please give the address"
        )
    if address and not address.startswith(("https://", "http://")):
        raise InvalidInput(
            "event.address",
            "线上会议地址应以 https:// 开头",
            where="online_address",
            message_en="The address begins with https://",
        )
    if len(entered.need_ids) > MOST_NEEDS:
        raise InvalidInput(
            "event.too_many_needs",
            f"最多选 {MOST_NEEDS} 条需求",
            where="need_ids",
            message_en=f"At most {MOST_NEEDS} needs",
        )
    if entered.most_break_difference is not None and not 0 <= entered.most_break_difference <= 50:
        raise InvalidInput(
            "event.break_difference",
            "空档差应为 0 到 50",
            where="most_break_difference",
            message_en="The difference of breaks is between 0 and 50",
        )
    tables = parse_tables(entered.rooms)
    sessions = parse_spans(entered.sessions, where="sessions")
    breaks = parse_spans(entered.breaks, where="breaks")
    slots = make_slots(sessions, breaks, slot_minutes=entered.slot_minutes, gap_minutes=entered.gap_minutes)
    event.title = title
    event.intro = entered.intro.strip()
    event.mode = entered.mode
    event.venue = entered.venue.strip()
    event.online_address = address
    event.held_on = entered.held_on
    event.industry = entered.industry or None
    event.town = entered.town or None
    event.need_ids = list(dict.fromkeys(entered.need_ids))
    event.tables = list(tables)
    event.day_plan = {
        "rooms": entered.rooms.strip(),
        "sessions": entered.sessions.strip(),
        "breaks": entered.breaks.strip(),
        "slot_minutes": entered.slot_minutes,
        "gap_minutes": entered.gap_minutes,
    }
    event.most_break_difference = entered.most_break_difference
    event.public = entered.public
    event.updated_at = now
    _replace_slots(uow, event, slots)
    _free_tables(uow, event)


def _replace_slots(uow: UnitOfWork, event: Event, planned: tuple[PlannedSlot, ...]) -> None:
    """Keep rows whose session and times stay, so that meetings in them stay where they are."""
    wanted: list[dict[str, Any]] = [
        {
            "session": slot.session,
            "starts_at": datetime.combine(event.held_on, slot.start, SHANGHAI),
            "ends_at": datetime.combine(event.held_on, slot.end, SHANGHAI),
        }
        for slot in planned
    ]
    known = {(slot.session, slot.starts_at, slot.ends_at): slot for slot in event.slots}
    rows = [known.get((one["session"], one["starts_at"], one["ends_at"])) or EventSlot(**one) for one in wanted]
    if event.id is None or not event.slots:
        for position, row in enumerate(rows):
            row.position = position
        event.slots = rows
        return
    gone = [slot for slot in event.slots if slot not in rows]
    gone_ids = [slot.id for slot in gone]
    if gone_ids:
        uow.session.execute(
            update(Meeting)
            .where(Meeting.slot_id.in_(gone_ids))
            .values(slot_id=None, table_number=None, locked=False)
            .execution_options(synchronize_session="fetch")
        )
        for participant in uow.session.scalars(select(EventParticipant).where(EventParticipant.event_id == event.id)):
            if set(participant.unavailable) & set(gone_ids):
                participant.unavailable = [slot for slot in participant.unavailable if slot not in gone_ids]
    # Positions are unique in the table: they move out of each other's way first.
    for position, row in enumerate(rows):
        row.position = -1 - position
    event.slots = rows
    uow.session.flush()
    for position, row in enumerate(rows):
        row.position = position


def _free_tables(uow: UnitOfWork, event: Event) -> None:
    """Meetings at tables that are no longer there stay in their slot and are seated anew."""
    if event.id is None:
        return
    uow.session.execute(
        update(Meeting)
        .where(
            Meeting.event_id == event.id,
            or_(Meeting.table_number > len(event.tables), Meeting.table_number < 1),
        )
        .values(table_number=None, locked=False)
        .execution_options(synchronize_session="fetch")
    )

"""Who of the bureau looks after which meeting: one at a time, kept by the engine, named before publishing, told."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
import vobject
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import AuditEntry, Delivery, Event, EventParticipant, Meeting, Notification
from matching.notifying.staff import remind_of_meeting_steps
from matching.queries.agendas import list_agenda
from matching.services.actor import Actor
from matching.services.event_participants import ParticipantFields, add_participant, edit_participant
from matching.services.event_publication import StandingConflicts, list_changes, publish_timetable
from matching.services.events import EventFields, create_event
from matching.services.meeting_hosts import Shared, give_host, share_meetings
from matching.services.meetings import (
    PlaceConflict,
    PlaceConflicts,
    add_meeting,
    cancel_meeting,
    move_meeting,
    record_result,
)
from matching.services.standing_conflicts import standing_conflicts
from matching.services.timetables import request_timetable
from tests.factories.events import DAY, MadeEvent, make_event
from tests.factories.people import find_actor, make_staff
from tests.factories.work import settle_everything

FIRST, SECOND, THIRD = ("甲电路", "张老师"), ("甲电路", "李老师"), ("乙照明", "张老师")


@pytest.fixture
def made(platform: Platform, now: datetime) -> MadeEvent:
    """Three meetings in the first three slots at the first table."""
    made = make_event(platform, now)
    for number, pair in enumerate(made.meetings):
        place(platform, made, pair, number, 1, now)
    return made


@pytest.fixture
def colleague(platform: Platform, made: MadeEvent, now: datetime) -> str:
    return str(make_staff(platform, now, email="li@example.cn", name="李科").user_id)


def place(platform: Platform, made: MadeEvent, pair: tuple[str, str], slot: int, table: int, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        slots = [one.id for one in uow.session.get_one(Event, made.id).slots]
        move_meeting(uow, made.staff, made.meetings[pair], slots[slot], table, now)


def slot_id(platform: Platform, made: MadeEvent, position: int) -> str:
    with platform.reading() as reading:
        return reading.get_one(Event, made.id).slots[position].id


def give(platform: Platform, made: MadeEvent, pair: tuple[str, str], user_id: str | None, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        give_host(uow, made.staff, made.meetings[pair], user_id, now)


def publish(platform: Platform, made: MadeEvent, now: datetime, **options: Any) -> int:
    with platform.unit_of_work() as uow:
        return publish_timetable(uow, made.staff, made.id, now, platform.settings, **options).messages


def told(platform: Platform, user_id: str) -> list[dict[str, Any]]:
    with platform.reading() as reading:
        rows = reading.scalars(
            select(Notification).where(Notification.user_id == user_id).order_by(Notification.created_at)
        )
        return [row.details for row in rows if row.kind == "event_host"]


def other_event(platform: Platform, made: MadeEvent, staff: Actor, now: datetime) -> str:
    """Another event at the same hours with one meeting, in its second slot; its meeting's id."""
    with platform.reading() as reading:
        firm = reading.get_one(EventParticipant, made.participants["乙照明"]).organisation_id
        expert = reading.get_one(EventParticipant, made.participants["李老师"]).expert_id
    fields = EventFields(
        title="照明专场", held_on=DAY, region_code="440784", venue="二楼", rooms="1", sessions="上午 09:00-12:00"
    )
    with platform.unit_of_work() as uow:
        event_id = create_event(uow, staff, fields, now).id
    with platform.unit_of_work() as uow:
        one = add_participant(uow, staff, event_id, now, organisation_id=firm).id
    with platform.unit_of_work() as uow:
        other = add_participant(uow, staff, event_id, now, expert_id=expert).id
    with platform.unit_of_work() as uow:
        return add_meeting(uow, staff, event_id, one, other, now).id


def test_a_host_at_two_tables_at_once_is_refused_and_may_be_overridden_with_a_reason(
    platform: Platform, made: MadeEvent, colleague: str, now: datetime
) -> None:
    give(platform, made, SECOND, colleague, now)
    give(platform, made, THIRD, colleague, now)
    slot = slot_id(platform, made, 1)
    with platform.unit_of_work() as uow, pytest.raises(PlaceConflicts) as caught:
        move_meeting(uow, made.staff, made.meetings[THIRD], slot, 2, now)
    assert caught.value.conflicts == (PlaceConflict("host_busy", "李科", made.meetings[SECOND]),)
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, made.meetings[THIRD], slot, 2, now, override=True, reason=" 两桌 相邻 ")
    with platform.reading() as reading:
        row = reading.get_one(Meeting, made.meetings[THIRD])
        assert (row.slot_id, row.override_reason) == (slot, "两桌 相邻")
        entry = reading.scalars(select(AuditEntry).where(AuditEntry.action == "meeting.move")).all()[-1]
        assert (entry.details["overridden"], entry.details["reason"]) == (["host_busy"], "两桌 相邻")
    place(platform, made, THIRD, 4, 1, now)
    with platform.reading() as reading:
        assert reading.get_one(Meeting, made.meetings[THIRD]).override_reason is None, "nothing speaks against it now"


def test_a_host_at_another_event_of_the_hour_is_elsewhere(
    platform: Platform, made: MadeEvent, colleague: str, now: datetime
) -> None:
    other = other_event(platform, made, made.staff, now)
    with platform.unit_of_work() as uow:
        event = uow.session.get_one(Event, uow.session.get_one(Meeting, other).event_id)
        move_meeting(uow, made.staff, other, event.slots[4].id, 1, now)
    with platform.unit_of_work() as uow:
        give_host(uow, made.staff, other, colleague, now)
    place(platform, made, SECOND, 5, 1, now)
    give(platform, made, SECOND, colleague, now)
    with platform.unit_of_work() as uow, pytest.raises(PlaceConflicts) as caught:
        move_meeting(uow, made.staff, made.meetings[SECOND], slot_id(platform, made, 4), 1, now)
    kinds = {one.kind: one.name for one in caught.value.conflicts}
    assert kinds["host_elsewhere"] == "李科（照明专场）"
    with platform.unit_of_work() as uow:
        cancel_meeting(uow, made.staff, other, now)
    place(platform, made, SECOND, 4, 1, now)


def test_meetings_are_shared_so_that_nobody_is_in_two_at_once(
    platform: Platform, made: MadeEvent, colleague: str, now: datetime
) -> None:
    place(platform, made, THIRD, 1, 2, now)
    with platform.unit_of_work() as uow:
        assert share_meetings(uow, made.staff, made.id, [colleague], now) == Shared(given=2, left=1)
    with platform.unit_of_work() as uow:
        both = [colleague, str(made.staff.user_id)]
        assert share_meetings(uow, made.staff, made.id, both, now) == Shared(given=1, left=0)
    with platform.reading() as reading:
        held = reading.scalars(select(Meeting).where(Meeting.event_id == made.id)).all()
    assert max(Counter((one.slot_id, one.host_id) for one in held).values()) == 1
    assert {one.id: one.host_id for one in held}[made.meetings[FIRST]] == colleague
    assert [one["count"] for one in told(platform, colleague)] == [2]
    assert told(platform, str(made.staff.user_id)) == [], "what one did oneself is no news"


def test_only_active_staff_of_the_region_host(platform: Platform, made: MadeEvent, now: datetime) -> None:
    far = str(make_staff(platform, now, email="far@example.cn", region_code="440600").user_id)
    for user_id in (far, "no-such-user"):
        with platform.unit_of_work() as uow, pytest.raises(InvalidInput, match="同事"):
            give_host(uow, made.staff, made.meetings[FIRST], user_id, now)
        with platform.unit_of_work() as uow, pytest.raises(InvalidInput, match="同事"):
            share_meetings(uow, made.staff, made.id, [user_id], now)
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        give_host(uow, find_actor(platform, far), made.meetings[FIRST], None, now)
    with platform.unit_of_work() as uow:
        cancel_meeting(uow, made.staff, made.meetings[FIRST], now)
    with platform.unit_of_work() as uow, pytest.raises(IllegalMove):
        give_host(uow, made.staff, made.meetings[FIRST], None, now)


def test_the_engine_keeps_a_host_in_one_meeting_at_a_time(
    platform: Platform, colleague: str, made: MadeEvent, now: datetime
) -> None:
    for pair in made.meetings:
        give(platform, made, pair, colleague, now)
    with platform.unit_of_work() as uow:
        request_timetable(uow, made.staff, made.id, now, anew=True, seconds=10)
    with platform.unit_of_work() as uow:
        for row in uow.session.scalars(select(Meeting).where(Meeting.event_id == made.id)):
            row.locked = False
        uow.commit()
    settle_everything(platform, now)
    with platform.reading() as reading:
        held = reading.scalars(select(Meeting).where(Meeting.event_id == made.id)).all()
        assert len({one.slot_id for one in held}) == 3
        assert standing_conflicts(reading, reading.get_one(Event, made.id)) == {}


def test_no_meeting_is_dropped_for_want_of_its_host(platform: Platform, now: datetime) -> None:
    """Four meetings, two slots with two tables: one host cannot be at all of them, and they are held all the same."""
    names = ("一", "二", "三", "四")
    made = make_event(
        platform, now, firms=[f"{one}厂" for one in names], experts=[f"{one}老师" for one in names],
        pairs=[(f"{one}厂", f"{one}老师") for one in names], sessions="上午 09:00-10:00",
    )  # fmt: skip
    colleague = str(make_staff(platform, now, email="li@example.cn").user_id)
    for pair in made.meetings:
        give(platform, made, pair, colleague, now)
    with platform.unit_of_work() as uow:
        run_id = request_timetable(uow, made.staff, made.id, now, seconds=10).id
    settle_everything(platform, now)
    with platform.reading() as reading:
        event = reading.get_one(Event, made.id)
        placed = reading.scalars(select(Meeting).where(Meeting.slot_id.is_not(None))).all()
        assert len(placed) == 4, run_id
        standing = standing_conflicts(reading, event)
    assert {one.kind for found in standing.values() for one in found} == {"host_busy"}
    with platform.unit_of_work() as uow, pytest.raises(StandingConflicts):
        publish_timetable(uow, made.staff, made.id, now, platform.settings)


def test_what_came_up_since_is_named_before_publishing_and_asked_once(
    platform: Platform, made: MadeEvent, now: datetime
) -> None:
    with platform.unit_of_work() as uow:
        slot = uow.session.get_one(Event, made.id).slots[0].id
        fields = ParticipantFields(status="confirmed", unavailable=(slot,))
        edit_participant(uow, made.staff, made.participants["张老师"], fields, now)
    with platform.unit_of_work() as uow, pytest.raises(StandingConflicts) as caught:
        publish_timetable(uow, made.staff, made.id, now, platform.settings)
    assert caught.value.conflicts == {made.meetings[FIRST]: (PlaceConflict("unavailable", "张老师"),)}
    with pytest.raises(InvalidInput, match="为什么"):
        publish(platform, made, now, override=True)
    with platform.reading() as reading:
        assert reading.get_one(Event, made.id).status == "draft"
    publish(platform, made, now, override=True, reason="电话里已同意")
    publish(platform, made, now)
    with platform.reading() as reading:
        assert reading.get_one(Meeting, made.meetings[FIRST]).override_reason == "电话里已同意"
        entries = reading.scalars(select(AuditEntry).where(AuditEntry.action == "event.publish")).all()
    assert [one.details.get("reason") for one in entries] == ["电话里已同意", None]


def test_both_sides_are_told_who_looks_after_them_and_of_a_change_once(
    platform: Platform, made: MadeEvent, colleague: str, now: datetime
) -> None:
    with platform.unit_of_work() as uow:
        fields = ParticipantFields(status="confirmed", contact_email="lin@example.cn")
        edit_participant(uow, made.staff, made.participants["甲电路"], fields, now)
    publish(platform, made, now)
    give(platform, made, FIRST, colleague, now)
    with platform.reading() as reading:
        event = reading.get_one(Event, made.id)
        who = reading.get_one(EventParticipant, made.participants["甲电路"])
        assert [(one.meeting.id, one.kind) for one in list_changes(reading, event)] == [(made.meetings[FIRST], "host")]
        assert {one.host for one in list_agenda(reading, event, who)} == {""}, "nobody was told yet"
    assert publish(platform, made, now) == 2
    assert publish(platform, made, now) == 0
    with platform.reading() as reading:
        event = reading.get_one(Event, made.id)
        who = reading.get_one(EventParticipant, made.participants["甲电路"])
        assert {one.host for one in list_agenda(reading, event, who)} == {"", "李科"}
        mails = reading.scalars(
            select(Delivery).where(Delivery.address == "lin@example.cn").order_by(Delivery.created_at, Delivery.id)
        )
        entries = [vobject.readOne(row.payload["calendar"]["text"]).vevent for row in mails]
    [changed] = [one for one in entries if int(one.sequence.value) == 1]
    assert "联络员：李科" in changed.description.value
    assert len(told(platform, colleague)) == 2, "when it was given, and when it was published"


def test_the_host_is_reminded_of_what_was_agreed_and_else_who_made_the_event(
    platform: Platform, made: MadeEvent, colleague: str, now: datetime
) -> None:
    give(platform, made, FIRST, colleague, now)
    for pair in (FIRST, SECOND):
        with platform.unit_of_work() as uow:
            record_result(
                uow, made.staff, made.meetings[pair], now, result="held", next_step="寄样板",
                next_step_on=date(2026, 12, 18),
            )  # fmt: skip
    for day, expected in ((15, 0), (16, 2), (18, 2), (19, 0)):
        with platform.unit_of_work() as uow:
            assert remind_of_meeting_steps(uow, datetime(2026, 12, day, 2, tzinfo=UTC)) == expected
    with platform.reading() as reading:
        rows = reading.scalars(select(Notification).where(Notification.kind == "event_next_step")).all()
        found = {row.user_id: row.details["meeting_id"] for row in rows}
    assert len(rows) == 2
    assert found == {colleague: made.meetings[FIRST], made.staff.user_id: made.meetings[SECOND]}

"""Messages of an event in inboxes, and the conditions of its meetings: told once, and nothing where nothing changed."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import InvalidInput
from matching.models import EventSlot, Meeting, Notification
from matching.services.event_participants import add_participant
from matching.services.event_publication import cancel_event, invite_participants, publish_timetable
from matching.services.events import load_event
from matching.services.meetings import PlaceConflicts, constrain_meeting, move_meeting
from matching.services.timetables import describe_problem
from tests.factories.events import MadeEvent, make_event
from tests.factories.people import Member, make_expert, make_member


@pytest.fixture
def professor(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="prof@example.edu.cn", organisation="示例大学", kind="university")


@pytest.fixture
def made(platform: Platform, now: datetime, professor: Member) -> MadeEvent:
    event = make_event(platform, now)
    expert = make_expert(platform, now, professor, name="账号老师")
    with platform.unit_of_work() as uow:
        participant = add_participant(uow, event.staff, event.id, now, expert_id=expert)
    event.participants["账号老师"] = participant.id
    return event


def slot(platform: Platform, made: MadeEvent, position: int) -> str:
    with platform.reading() as reading:
        return reading.scalars(
            select(EventSlot.id).where(EventSlot.event_id == made.id, EventSlot.position == position)
        ).one()


def told(platform: Platform, member: Member) -> list[str]:
    with platform.reading() as reading:
        return list(
            reading.scalars(
                select(Notification.kind)
                .where(Notification.user_id == member.user_id, Notification.kind.like("event%"))
                .order_by(Notification.created_at, Notification.id)
            )
        )


def test_invited_published_changed_and_called_off_each_once(
    platform: Platform, made: MadeEvent, professor: Member, now: datetime
) -> None:
    from matching.services.meetings import add_meeting

    with platform.unit_of_work() as uow:
        invite_participants(uow, made.staff, made.id, now, platform.settings)
    assert told(platform, professor) == ["event_invited"]
    with platform.unit_of_work() as uow:
        meeting = add_meeting(
            uow, made.staff, made.id, made.participants["甲电路"], made.participants["账号老师"], now
        ).id

    def publish(minutes: int) -> None:
        with platform.unit_of_work() as uow:
            publish_timetable(uow, made.staff, made.id, now + timedelta(minutes=minutes), platform.settings)

    def move(meeting_id: str, position: int) -> None:
        with platform.unit_of_work() as uow:
            move_meeting(uow, made.staff, meeting_id, slot(platform, made, position), None, now)

    move(meeting, 0)
    publish(1)
    assert told(platform, professor) == ["event_invited", "event_agenda"]
    publish(2)  # nothing changed
    move(made.meetings["乙照明", "张老师"], 1)
    publish(3)  # something changed, for others
    assert told(platform, professor) == ["event_invited", "event_agenda"]
    move(meeting, 3)
    publish(4)
    assert told(platform, professor)[2:] == ["event_changed"]
    with platform.unit_of_work() as uow:
        cancel_event(uow, made.staff, made.id, now + timedelta(minutes=5), platform.settings)
    assert told(platform, professor)[3:] == ["event_called_off"]


def test_conditions_of_a_meeting_reach_the_engine_and_speak_against_places(
    platform: Platform, made: MadeEvent, now: datetime
) -> None:
    first, second = made.meetings["甲电路", "张老师"], made.meetings["甲电路", "李老师"]
    with platform.unit_of_work() as uow:
        constrain_meeting(uow, made.staff, second, "上午", [first], now)
    with platform.unit_of_work() as uow:
        problem = describe_problem(uow, load_event(uow, made.staff, made.id), anew=True)
        described = {one.id: one for one in problem.event.meetings}
        assert (described[second].session, described[second].after) == ("上午", (first,))
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, first, slot(platform, made, 2), 1, now)
    with platform.unit_of_work() as uow, pytest.raises(PlaceConflicts) as raised:
        move_meeting(uow, made.staff, second, slot(platform, made, 1), 1, now)
    assert [one.kind for one in raised.value.conflicts] == ["order"]
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, second, slot(platform, made, 3), 1, now)


def test_conditions_that_cannot_be_are_refused(platform: Platform, made: MadeEvent, now: datetime) -> None:
    first, second = made.meetings["甲电路", "张老师"], made.meetings["甲电路", "李老师"]
    third = made.meetings["乙照明", "张老师"]
    with platform.unit_of_work() as uow:
        constrain_meeting(uow, made.staff, second, None, [first], now)
    with platform.unit_of_work() as uow:
        constrain_meeting(uow, made.staff, third, None, [second], now)
    for meeting, session, after in (
        (first, None, [first]),
        (first, None, ["none"]),
        (first, "晚上", []),
        (first, None, [third]),  # third waits for second, second for first
    ):
        with platform.unit_of_work() as uow, pytest.raises(InvalidInput):
            constrain_meeting(uow, made.staff, meeting, session, after, now)
    with platform.reading() as reading:
        assert reading.get_one(Meeting, first).after_ids == []

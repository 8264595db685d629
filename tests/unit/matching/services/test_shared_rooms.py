"""Two events of a day in one place: a table is taken by one of them at a time."""

from __future__ import annotations

from datetime import datetime

import pytest

from matching.bootstrap import Platform
from matching.models import Event
from matching.services.event_publication import StandingConflicts, publish_timetable
from matching.services.meetings import PlaceConflict, PlaceConflicts, move_meeting
from matching.services.standing_conflicts import standing_conflicts
from tests.factories.events import MadeEvent, make_event

PAIR = ("甲电路", "张老师")
TAKEN = PlaceConflict("table_elsewhere", "1 号桌（线路板对接会）")


@pytest.fixture
def first(platform: Platform, now: datetime) -> MadeEvent:
    made = make_event(platform, now, pairs=(PAIR,))
    move(platform, made, 1, now)
    return made


def second(platform: Platform, first: MadeEvent, now: datetime, venue: str) -> MadeEvent:
    """Another event of that day, of other people."""
    return make_event(
        platform, now, staff=first.staff, title="照明专场", venue=venue, firms=("乙照明",), experts=("李老师",),
        pairs=(("乙照明", "李老师"),),
    )  # fmt: skip


def move(platform: Platform, made: MadeEvent, slot: int, now: datetime, **options: object) -> None:
    [meeting] = made.meetings.values()
    with platform.unit_of_work() as uow:
        slots = [one.id for one in uow.session.get_one(Event, made.id).slots]
        move_meeting(uow, made.staff, meeting, slots[slot], 1, now, **options)  # type: ignore[arg-type]


def test_a_table_of_the_same_place_is_taken(platform: Platform, first: MadeEvent, now: datetime) -> None:
    other = second(platform, first, now, " 鹤山 国际会议中心")
    with pytest.raises(PlaceConflicts) as caught:
        move(platform, other, 1, now)
    assert caught.value.conflicts == (TAKEN,)
    move(platform, other, 2, now)  # it begins when the other ends
    move(platform, other, 1, now, override=True, reason="一张大桌，坐得下两场")
    with platform.unit_of_work() as uow:
        publish_timetable(uow, other.staff, other.id, now, platform.settings)


def test_another_place_has_tables_of_its_own(platform: Platform, first: MadeEvent, now: datetime) -> None:
    other = second(platform, first, now, "二楼")
    move(platform, other, 1, now)
    with platform.reading() as reading:
        assert standing_conflicts(reading, reading.get_one(Event, other.id)) == {}


def test_it_is_named_before_publishing_when_the_place_became_the_same(
    platform: Platform, first: MadeEvent, now: datetime
) -> None:
    other = second(platform, first, now, "二楼")
    move(platform, other, 1, now)
    with platform.unit_of_work() as uow:
        uow.session.get_one(Event, other.id).venue = "鹤山国际会议中心"
        uow.commit()
    with platform.unit_of_work() as uow, pytest.raises(StandingConflicts) as caught:
        publish_timetable(uow, other.staff, other.id, now, platform.settings)
    [meeting] = other.meetings.values()
    assert caught.value.conflicts == {meeting: (TAKEN,)}

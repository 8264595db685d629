from __future__ import annotations

import copy
from typing import Any

import pytest

from matching.errors import InvalidInput
from matching.scheduling import (
    ConflictPart,
    DroppedMeeting,
    Event,
    Meeting,
    Participant,
    ScheduledMeeting,
    Slot,
    Timetable,
    count_breaks,
    parse_event,
    timetable_to_json,
)

GOOD: dict[str, Any] = {
    "name": "锂电池专场",
    "tables": 2,
    "max_break_difference": 1,
    "slots": [{"id": "s1", "session": "am"}, {"id": "s2", "session": "pm"}],
    "participants": [{"id": "p1", "unavailable": ["s2"]}, {"id": "p2"}, {"id": "p3", "phone": "not ours"}],
    "meetings": [
        {"id": "m1", "participants": ["p1", "p2"], "session": "am", "fixed_slot": "s1"},
        {"id": "m2", "participants": ["p2", "p3"], "after": ["m1"], "weight": 2.5, "score": 0.75, "needs_table": False},
    ],
    "colour": "ignored",
}


def test_reads_every_key_and_fills_in_defaults() -> None:
    assert parse_event(GOOD) == Event(
        name="锂电池专场",
        tables=2,
        max_break_difference=1,
        slots=(Slot("s1", "am"), Slot("s2", "pm")),
        participants=(Participant("p1", ("s2",)), Participant("p2"), Participant("p3")),
        meetings=(
            Meeting("m1", ("p1", "p2"), session="am", fixed_slot="s1"),
            Meeting("m2", ("p2", "p3"), after=("m1",), weight=2.5, score=0.75, needs_table=False),
        ),
    )


def test_no_fairness_bound_is_null_or_absent() -> None:
    absent = {key: value for key, value in GOOD.items() if key != "max_break_difference"}
    assert parse_event(absent).max_break_difference is None
    assert parse_event({**GOOD, "max_break_difference": None}).max_break_difference is None


@pytest.mark.parametrize(
    ("path", "value", "code", "where"),
    [
        (("tables",), -1, "event.not_a_count", "tables"),
        (("tables",), True, "event.not_a_count", "tables"),
        (("tables",), "2", "event.not_a_count", "tables"),
        (("max_break_difference",), 1.5, "event.not_a_count", "max_break_difference"),
        (("slots",), None, "event.missing", "slots"),
        (("slots",), {}, "event.not_a_list", "slots"),
        (("slots", 1), "s2", "event.not_an_object", "slots[1]"),
        (("slots", 1, "id"), "s1", "event.duplicate_id", "slots[1].id"),
        (("slots", 0, "id"), " ", "event.not_an_id", "slots[0].id"),
        (("participants", 0, "unavailable"), ["s1", "s9"], "event.unknown_id", "participants[0].unavailable[1]"),
        (("participants", 2, "id"), "p2", "event.duplicate_id", "participants[2].id"),
        (("meetings", 1, "id"), "m1", "event.duplicate_id", "meetings[1].id"),
        (("meetings", 1, "id"), None, "event.not_an_id", "meetings[1].id"),
        (("meetings", 1, "participants"), ["p2", "p9"], "event.unknown_id", "meetings[1].participants[1]"),
        (("meetings", 1, "participants"), ["p2", "p2"], "event.participant_twice", "meetings[1].participants"),
        (("meetings", 1, "participants"), ["p2"], "event.too_few_participants", "meetings[1].participants"),
        (("meetings", 1, "session"), "evening", "event.unknown_session", "meetings[1].session"),
        (("meetings", 0, "fixed_slot"), "s9", "event.unknown_id", "meetings[0].fixed_slot"),
        (("meetings", 1, "after"), ["m9"], "event.unknown_id", "meetings[1].after[0]"),
        (("meetings", 1, "after"), ["m2"], "event.after_itself", "meetings[1].after"),
        (("meetings", 1, "after"), "m1", "event.not_a_list", "meetings[1].after"),
        (("meetings", 1, "weight"), -1, "event.bad_weight", "meetings[1].weight"),
        (("meetings", 1, "weight"), 1e12, "event.bad_weight", "meetings[1].weight"),
        (("meetings", 1, "weight"), float("inf"), "event.not_a_number", "meetings[1].weight"),
        (("meetings", 1, "score"), "high", "event.not_a_number", "meetings[1].score"),
        (("meetings", 1, "needs_table"), 0, "event.not_a_boolean", "meetings[1].needs_table"),
    ],
)
def test_names_the_place_of_what_is_wrong(path: tuple[str | int, ...], value: object, code: str, where: str) -> None:
    data: Any = copy.deepcopy(GOOD)
    inner = data
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value

    with pytest.raises(InvalidInput) as caught:
        parse_event(data)

    assert (caught.value.code, caught.value.where) == (code, where)


@pytest.mark.parametrize("data", [None, [], "event", 3])
def test_refuses_what_is_no_object(data: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_event(data)
    assert caught.value.where == "$"


def test_json_of_a_timetable() -> None:
    timetable = Timetable(
        status="feasible",
        breaks=3,
        bound=2,
        meetings=(ScheduledMeeting("m1", "s1", 2), ScheduledMeeting("m3", "s2", None)),
        dropped=(DroppedMeeting("m2", "桌子不够", "too few tables"),),
        drop_bound=1.0,
        table_changes=4,
    )

    assert timetable_to_json(timetable) == {
        "status": "feasible",
        "breaks": 3,
        "bound": 2,
        "meetings": [{"id": "m1", "slot": "s1", "table": 2}, {"id": "m3", "slot": "s2", "table": None}],
        "dropped": [{"id": "m2", "reason": "桌子不够", "reason_en": "too few tables"}],
        "drop_bound": 1.0,
        "table_changes": 4,
    }


def test_json_of_an_infeasible_timetable_has_its_conflict() -> None:
    part = ConflictPart("tables", (), "每个时段只有 1 张桌子", "there are 1 tables in a slot")
    timetable = Timetable("infeasible", 0, 0, (), conflict=(part,), conflict_is_smallest=True)

    data = timetable_to_json(timetable)

    assert data["conflict"] == [{"kind": "tables", "ids": [], "text": part.text, "text_en": part.text_en}]
    assert data["conflict_is_smallest"] is True


def test_breaks_are_idle_runs_between_meetings_only() -> None:
    event = Event(
        name="",
        tables=1,
        max_break_difference=None,
        slots=tuple(Slot(f"s{s}", "am") for s in range(8)),
        participants=(Participant("p"), Participant("q"), Participant("r")),
        meetings=tuple(Meeting(f"m{m}", ("p", "q")) for m in range(4)),
    )

    assert count_breaks(event, {"m0": "s1", "m1": "s2", "m2": "s4", "m3": "s7"}) == {"p": 2, "q": 2, "r": 0}

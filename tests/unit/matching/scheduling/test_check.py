from __future__ import annotations

from dataclasses import replace

import pytest

from matching.scheduling import (
    DroppedMeeting,
    Event,
    Meeting,
    Participant,
    ScheduledMeeting,
    Slot,
    Timetable,
    check_timetable,
)

EVENT = Event(
    name="",
    tables=2,
    max_break_difference=1,
    slots=(Slot("s1", "am"), Slot("s2", "am"), Slot("s3", "pm"), Slot("s4", "pm")),
    participants=(Participant("a"), Participant("b", ("s4",)), Participant("c"), Participant("d")),
    meetings=(
        Meeting("ab", ("a", "b"), session="am", fixed_slot="s1"),
        Meeting("ac", ("a", "c"), after=("ab",)),
        Meeting("bd", ("b", "d")),
        Meeting("cd", ("c", "d"), needs_table=False),
    ),
)
GOOD = Timetable(
    status="optimal",
    breaks=0,
    bound=0,
    meetings=(
        ScheduledMeeting("ab", "s1", 1),
        ScheduledMeeting("ac", "s2", 1),
        ScheduledMeeting("bd", "s2", 2),
        ScheduledMeeting("cd", "s3", None),
    ),
)


def placed(**places: tuple[str, int | None]) -> Timetable:
    meetings = {m.id: m for m in GOOD.meetings} | {i: ScheduledMeeting(i, *place) for i, place in places.items()}
    return replace(GOOD, meetings=tuple(meetings.values()))


def test_accepts_a_right_timetable() -> None:
    assert check_timetable(EVENT, GOOD) == []


@pytest.mark.parametrize(
    ("timetable", "problems"),
    [
        (
            placed(ab=("s3", 1)),
            ["session pm, not am", "not in its fixed slot s1", "ac is not after ab"],
        ),
        (placed(ac=("s1", 2)), ["ac is not after ab", "participant a has two meetings at once", "1 breaks, not 0"]),
        (placed(bd=("s4", 1)), ["participant b is unavailable in slot s4", "1 breaks, not 0"]),
        (placed(bd=("s2", 1)), ["table 1 is taken 2 times in slot s2"]),
        (placed(bd=("s2", 3)), ["bd has no table of the event: 3"]),
        (placed(bd=("s2", None)), ["bd has no table of the event: None"]),
        (placed(cd=("s3", 1)), ["cd has a table it does not need"]),
        (placed(cd=("s9", None)), ["there is no slot s9"]),
        (replace(GOOD, breaks=1), ["there are 0 breaks, not 1", "called optimal"]),
        (replace(GOOD, bound=1), ["the bound 1 is above", "called optimal"]),
        (replace(GOOD, meetings=GOOD.meetings[:3]), ["meeting cd is neither held nor dropped"]),
        (replace(GOOD, dropped=(DroppedMeeting("cd", "x", "x"),)), ["meeting cd is named 2 times"]),
        (replace(GOOD, dropped=(DroppedMeeting("xy", "x", "x"),)), ["there is no meeting xy"]),
        (
            replace(GOOD, meetings=GOOD.meetings[1:], dropped=(DroppedMeeting("ab", "", ""),)),
            ["meeting ab is fixed but dropped", "dropped without a reason"],
        ),
        (replace(GOOD, status="infeasible"), ["holds meetings", "names no conflict"]),
    ],
)
def test_names_each_rule_broken(timetable: Timetable, problems: list[str]) -> None:
    found = check_timetable(EVENT, timetable)

    assert len(found) == len(problems)
    assert all(expected in actual for expected, actual in zip(problems, found, strict=True))


def test_names_unfair_breaks() -> None:
    event = replace(EVENT, max_break_difference=0)
    timetable = replace(placed(cd=("s4", None)), breaks=2, bound=2)

    assert check_timetable(event, timetable) == ["break counts differ by 1, more than 0"]

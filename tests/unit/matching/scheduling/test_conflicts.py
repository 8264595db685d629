from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, assume, given, settings

from matching.scheduling import Event, Meeting, Participant, Slot
from matching.scheduling.conflicts import Requirement, describe_conflict, find_conflict, list_requirements, relax_event
from tests.unit.matching.scheduling.brute_force import list_placings
from tests.unit.matching.scheduling.test_solve import small_events

EVENT = Event(
    name="",
    tables=3,
    max_break_difference=0,
    slots=tuple(Slot(str(s), "am") for s in range(1, 6)),
    participants=(Participant("A"), Participant("B"), Participant("C", ("2",)), Participant("D", ("5",))),
    meetings=(
        Meeting("AB", ("A", "B"), fixed_slot="1"),
        Meeting("AC", ("A", "C"), fixed_slot="3"),
        Meeting("AD", ("A", "D"), fixed_slot="4"),
        Meeting("BC", ("B", "C")),
    ),
)


def test_a_break_that_others_cannot_match_conflicts_with_fairness() -> None:
    conflict = find_conflict(EVENT, [0, 1, 2], 60)

    # D is in one meeting and can have no break, and with AB and AD where they are no other meeting closes A's gap.
    assert conflict is not None
    assert conflict.smallest
    assert conflict.requirements == (
        Requirement("fixed", ("AB",)),
        Requirement("fixed", ("AD",)),
        Requirement("fairness"),
    )


def test_no_conflict_where_there_is_a_timetable() -> None:
    assert find_conflict(replace(EVENT, max_break_difference=1), [0, 1, 2], 60) is None


def test_words_in_both_languages() -> None:
    event = replace(EVENT, meetings=(replace(EVENT.meetings[1], fixed_slot="2"), *EVENT.meetings[3:]))
    conflict = find_conflict(event, [0], 60)

    assert conflict is not None
    assert [(p.text, p.text_en) for p in describe_conflict(event, conflict)] == [
        ("洽谈 AC（A、C）固定在时段 2", "meeting AC (A, C) is fixed in slot 2"),
        ("参会者 C 在时段 2 没有空", "participant C is unavailable in 2"),
    ]


@pytest.mark.parametrize("tables", [0, 1])
def test_crowd_at_too_few_tables(tables: int) -> None:
    meetings = tuple(Meeting(name, tuple(name), fixed_slot="1") for name in ("AB", "CD"))
    conflict = find_conflict(replace(EVENT, tables=tables, meetings=meetings), [0, 1], 60)

    assert conflict is not None
    assert conflict.smallest
    assert [r.kind for r in conflict.requirements] == ["fixed"] * (tables + 1) + ["tables"]


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(small_events())
def test_conflicts_are_real_and_nothing_in_them_can_be_spared(event: Event) -> None:
    fixed = [m for m, meeting in enumerate(event.meetings) if meeting.fixed_slot is not None]
    assume(not list_placings(event))

    conflict = find_conflict(event, fixed, 60)

    assert conflict is not None
    assert conflict.smallest
    asked = list_requirements(event, fixed)
    kept = [r for r in conflict.requirements if r.kind != "person"]
    assert not list_placings(relax_event(event, kept, asked))
    for requirement in kept:
        fewer = [r for r in kept if r != requirement]
        assert list_placings(relax_event(event, fewer, asked))

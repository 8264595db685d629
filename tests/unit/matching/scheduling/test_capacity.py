from __future__ import annotations

from dataclasses import replace

from matching.scheduling import Event, Meeting, Participant, Slot
from matching.scheduling.capacity import LeastDropped, Shortage, choose_least_dropped, list_shortages

EVENT = Event(
    name="",
    tables=2,
    max_break_difference=None,
    slots=(Slot("1", "am"), Slot("2", "am"), Slot("3", "pm")),
    participants=tuple(Participant(p) for p in "ABCDEF"),
    meetings=tuple(Meeting(name, tuple(name), session="am") for name in ("AB", "AC", "AD", "EF")),
)


def test_a_participant_with_more_meetings_than_slots_of_their_session() -> None:
    assert list_shortages(EVENT) == [Shortage("person", 0, (0, 1, 2), (0, 1), 2)]


def test_too_few_tables_and_too_few_people() -> None:
    assert list_shortages(replace(EVENT, tables=1))[-2:] == [
        Shortage("tables", None, (0, 1, 2, 3), (0, 1), 2),
        Shortage("tables", None, (0, 1, 2, 3), (0, 1, 2), 3),
    ]
    triangle = replace(
        EVENT, slots=EVENT.slots[:2], meetings=tuple(Meeting(name, tuple(name)) for name in ("AB", "BC", "CA"))
    )
    assert list_shortages(triangle) == [
        Shortage("people", None, (0, 1, 2), (0, 1), 2),
    ]


def test_the_cheapest_choice_leaves_no_shortage() -> None:
    shortages = list_shortages(EVENT)

    assert choose_least_dropped(EVENT, shortages, [5, 3, 4, 1], 10) == LeastDropped(3, frozenset({1}))
    assert choose_least_dropped(EVENT, [], [5, 3, 4, 1], 10) == LeastDropped(0, frozenset())


def test_fixed_meetings_are_not_dropped() -> None:
    fixed = replace(EVENT, meetings=tuple(replace(m, fixed_slot="1") if m.id == "AC" else m for m in EVENT.meetings))
    shortages = list_shortages(fixed)
    assert choose_least_dropped(fixed, shortages, [5, 3, 4, 1], 10) == LeastDropped(4, frozenset({2}))

    all_fixed = replace(EVENT, meetings=tuple(replace(m, fixed_slot="1") for m in EVENT.meetings))
    assert choose_least_dropped(all_fixed, list_shortages(all_fixed), [1] * 4, 10) is None

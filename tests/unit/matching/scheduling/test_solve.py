from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.scheduling import (
    Event,
    Meeting,
    NoTimetableInTime,
    Participant,
    Progress,
    Slot,
    Timetable,
    check_timetable,
    propose_timetable,
    replan,
)
from matching.scheduling.solve import place_greedily, prefer_scores
from tests.unit.matching.scheduling.brute_force import count_breaks_of_all, is_allowed, list_placings, weigh_dropped

_LIMIT = 30.0


def make_event(
    slots: str,
    people: str,
    meetings: list[Meeting],
    *,
    tables: int = 9,
    difference: int | None = None,
    unavailable: dict[str, tuple[str, ...]] | None = None,
    attending: str = "",
) -> Event:
    """Slots are numbered from 1, one letter per slot naming its session; participants are letters, so are hosts."""
    return Event(
        name="",
        tables=tables,
        max_break_difference=difference,
        slots=tuple(Slot(str(number), session) for number, session in enumerate(slots, start=1)),
        participants=tuple(Participant(p, (unavailable or {}).get(p, ()), p in attending) for p in people),
        meetings=tuple(meetings),
    )


def pairs(*names: str) -> list[Meeting]:
    return [Meeting(name, tuple(name)) for name in names]


def solve(event: Event) -> Timetable:
    timetable = propose_timetable(event, time_limit_seconds=_LIMIT)
    assert check_timetable(event, timetable) == []
    return timetable


def slot_by_meeting(timetable: Timetable) -> dict[str, str]:
    return {m.id: m.slot for m in timetable.meetings}


@st.composite
def small_events(draw: st.DrawFn) -> Event:
    slots = draw(st.sampled_from(["aaa", "aaaa", "aabb", "aab"]))
    people = "ABCD"[: draw(st.integers(3, 4))]
    numbers = [str(n) for n in range(1, len(slots) + 1)]
    count = draw(st.integers(1, 5))
    meetings = []
    for m in range(count):
        members = draw(st.lists(st.sampled_from(people), min_size=2, max_size=3 if m == 0 else 2, unique=True))
        meetings.append(
            Meeting(
                id=f"m{m}",
                participants=tuple(members),
                session=draw(st.sampled_from(["any", "any", *sorted(set(slots))])),
                weight=draw(st.sampled_from([1.0, 1.0, 2.0, 0.5, 0.0])),
                fixed_slot=draw(st.sampled_from([None, None, None, *numbers])),
                after=tuple(draw(st.lists(st.sampled_from([f"m{n}" for n in range(count) if n != m]), max_size=1)))
                if count > 1
                else (),
                needs_table=draw(st.sampled_from([True, True, False])),
            )
        )
    return make_event(
        slots,
        people,
        meetings,
        tables=draw(st.integers(0, 2)),
        difference=draw(st.sampled_from([None, 0, 1])),
        unavailable={p: tuple(draw(st.lists(st.sampled_from(numbers), max_size=2, unique=True))) for p in people},
        attending=draw(st.sampled_from(["", "", "C"])),
    )


@settings(max_examples=120, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(small_events())
def test_agrees_with_trying_everything(event: Event) -> None:
    placings = list_placings(event)

    timetable = solve(event)

    if not placings:
        assert timetable.status == "infeasible"
        assert timetable.conflict_is_smallest
        return
    best = min(placings, key=lambda p: (weigh_dropped(event, p), sum(count_breaks_of_all(event, p))))
    held = {m.id for m in timetable.meetings}
    dropped = [m for m in event.meetings if m.id not in held]
    assert timetable.status == "optimal"
    assert (sum(m.weight for m in dropped), len(dropped)) == weigh_dropped(event, best)
    assert timetable.drop_bound == weigh_dropped(event, best)[0]
    assert timetable.breaks == sum(count_breaks_of_all(event, best))


def make_round_robin(rounds: int, size: int, seed: int) -> Event:
    """`size` (even) people meet in `rounds` rounds by the circle method, so a timetable without breaks exists."""
    order = list(range(size))
    meetings = []
    for _ in range(rounds):
        meetings += [(order[i], order[size - 1 - i]) for i in range(size // 2)]
        order = [order[0], order[-1], *order[1:-1]]
    random.Random(seed).shuffle(meetings)
    return Event(
        name="",
        tables=size // 2,
        max_break_difference=0,
        slots=tuple(Slot(f"s{s}", "am") for s in range(rounds)),
        participants=tuple(Participant(f"p{p}") for p in range(size)),
        meetings=tuple(Meeting(f"{a}-{b}", (f"p{a}", f"p{b}")) for a, b in meetings),
    )


def test_fills_every_place_of_a_round_robin() -> None:
    timetable = solve(make_round_robin(7, 10, seed=4))

    assert (timetable.status, timetable.breaks, timetable.bound, len(timetable.meetings)) == ("optimal", 0, 0, 35)


def test_a_host_is_in_one_meeting_at_a_time_and_waits_without_harm() -> None:
    meetings = [Meeting(name, (*name, "H")) for name in ("AB", "CD", "EF")]
    event = make_event("aaaa", "ABCDEFH", meetings, attending="H", unavailable={"H": ("2",)}, difference=0)

    timetable = solve(event)

    assert (timetable.status, timetable.breaks) == ("optimal", 0)
    assert set(slot_by_meeting(timetable).values()) == {"1", "3", "4"}


def test_gap_in_the_middle_that_nobody_can_fill_is_a_break() -> None:
    event = make_event("aaa", "ABC", pairs("AB", "AC"), unavailable={"A": ("2",)})

    timetable = solve(event)

    assert (timetable.status, timetable.breaks, timetable.bound) == ("optimal", 1, 1)


def test_long_idle_run_is_one_break() -> None:
    fixed = [replace(m, fixed_slot=s) for m, s in zip(pairs("AB", "AC"), ("1", "5"), strict=True)]

    assert solve(make_event("aabbb", "ABC", fixed)).breaks == 1


def test_two_sessions_in_a_row_are_no_gap() -> None:
    morning, afternoon = Meeting("AB", ("A", "B"), session="a"), Meeting("AC", ("A", "C"), session="b")

    timetable = solve(make_event("aabb", "ABC", [morning, afternoon]))

    assert (timetable.breaks, slot_by_meeting(timetable)) == (0, {"AB": "2", "AC": "3"})


def test_fairness_forces_breaks_on_others_or_drops() -> None:
    # A has two breaks whatever happens. C can have one only by meeting before and after it.
    fixed = [replace(m, fixed_slot=s) for m, s in zip(pairs("AX", "AY", "AZ"), ("1", "3", "5"), strict=True)]
    event = make_event("aaaaa", "AXYZ", fixed, difference=2)
    assert solve(event).breaks == 2

    impossible = solve(replace(event, max_break_difference=1))
    assert impossible.status == "infeasible"
    assert {part.kind for part in impossible.conflict} == {"fixed", "fairness"}


def test_drops_the_lightest_and_names_the_shortage() -> None:
    meetings = [replace(m, weight=w) for m, w in zip(pairs("AB", "AC", "AD"), (3.0, 1.0, 2.0), strict=True)]

    timetable = solve(make_event("aa", "ABCD", meetings))

    assert timetable.status == "optimal"
    assert [(d.id, d.reason, d.reason_en) for d in timetable.dropped] == [
        (
            "AC",
            "参会者 A 有 3 场洽谈只能安排在 2 个时段（1、2），时段不够",
            "participant A is wanted in 3 meetings with only 2 slots (1, 2)",
        )
    ]
    assert timetable.drop_bound == 1.0


def test_drops_many_when_tables_are_few() -> None:
    event = replace(make_round_robin(6, 8, seed=1), tables=3)

    timetable = solve(event)

    assert (timetable.status, len(timetable.dropped), timetable.drop_bound) == ("optimal", 6, 6.0)
    assert "每时段 3 张桌子" in timetable.dropped[0].reason


def test_odd_group_that_counting_does_not_catch_is_explained_by_its_meetings() -> None:
    # A triangle in two slots: each person has a slot for each meeting, yet only two meetings fit.
    timetable = solve(make_event("aa", "ABCDE", pairs("AB", "BC", "CA", "DE")))

    assert len(timetable.dropped) == 1
    held = {m.id for m in timetable.meetings} - {"DE"}
    assert all(f"洽谈 {identifier}" in timetable.dropped[0].reason for identifier in held)
    assert "DE" not in timetable.dropped[0].reason


def test_circular_order_drops_one_and_says_so() -> None:
    first, second = pairs("AB", "CD")
    event = make_event("aaa", "ABCD", [replace(first, after=("CD",)), replace(second, after=("AB",), weight=2.0)])

    timetable = solve(event)

    assert [d.id for d in timetable.dropped] == ["AB"]
    assert "洽谈 AB 必须在 CD 之后" in timetable.dropped[0].reason
    assert "洽谈 CD 必须在 AB 之后" in timetable.dropped[0].reason


def test_meeting_without_any_slot_says_so() -> None:
    event = make_event("ab", "AB", [Meeting("AB", ("A", "B"), session="a")], unavailable={"B": ("1",)})

    assert solve(event).dropped[0].reason_en == "no slot agrees with the participants' availability and the session"


def test_among_equally_heavy_meetings_the_better_pair_is_held() -> None:
    meetings = [replace(m, score=s) for m, s in zip(pairs("AB", "AC", "AD"), (0.2, 0.9, 0.5), strict=True)]

    assert [d.id for d in solve(make_event("aa", "ABCD", meetings)).dropped] == ["AB"]


@pytest.mark.parametrize(
    ("meetings", "unavailable", "tables", "kinds"),
    [
        ([("AB", "1", ()), ("AC", "1", ())], {}, 2, ["fixed", "fixed", "person"]),
        ([("AB", "1", ())], {"A": ("1",)}, 2, ["fixed", "unavailable"]),
        ([("AB", "2", ()), ("CD", "1", ("AB",))], {}, 2, ["fixed", "fixed", "after"]),
        ([("AB", "1", ()), ("CD", "1", ())], {}, 1, ["fixed", "fixed", "tables"]),
    ],
)
def test_contradicting_fixed_meetings_are_infeasible_with_the_smallest_conflict(
    meetings: list[tuple[str, str, tuple[str, ...]]],
    unavailable: dict[str, tuple[str, ...]],
    tables: int,
    kinds: list[str],
) -> None:
    wanted = [Meeting(name, tuple(name), fixed_slot=slot, after=after) for name, slot, after in meetings]
    event = make_event("aaa", "ABCDE", [*wanted, *pairs("AE", "BE")], tables=tables, unavailable=unavailable)

    timetable = solve(event)

    assert (timetable.status, timetable.meetings, timetable.conflict_is_smallest) == ("infeasible", (), True)
    assert [part.kind for part in timetable.conflict] == kinds


def test_replanning_moves_only_what_must_move() -> None:
    event = make_round_robin(6, 8, seed=2)
    before = solve(event)
    # The first participant falls out of their last meeting; somebody else cannot come in that slot any more.
    last = event.slots[-1].id
    gone = next(m.id for m in before.meetings if m.slot == last)
    changed = replace(event, meetings=tuple(m for m in event.meetings if m.id != gone), max_break_difference=None)

    after = replan(changed, before, time_limit_seconds=_LIMIT)

    assert check_timetable(changed, after) == []
    assert slot_by_meeting(after) == {k: v for k, v in slot_by_meeting(before).items() if k != gone}
    assert {m.id: m.table for m in after.meetings} == {m.id: m.table for m in before.meetings if m.id != gone}


def test_replanning_keeps_frozen_meetings_and_drops_before_them() -> None:
    event = make_event("aaa", "ABC", pairs("AB", "AC"))
    before = solve(event)
    frozen = before.meetings[0]
    other = before.meetings[1]
    # A can now come only in the frozen meeting's slot.
    slots = tuple(s.id for s in event.slots if s.id != frozen.slot)
    changed = replace(event, participants=(replace(event.participants[0], unavailable=slots), *event.participants[1:]))

    after = replan(changed, before, [frozen.id], time_limit_seconds=_LIMIT)

    assert check_timetable(changed, after) == []
    assert after.meetings == (frozen,)
    assert [d.id for d in after.dropped] == [other.id]


def test_replanning_with_a_frozen_meeting_that_cannot_stay_is_infeasible() -> None:
    event = make_event("aaa", "AB", pairs("AB"))
    before = solve(event)
    slot = before.meetings[0].slot
    changed = replace(event, participants=(Participant("A", (slot,)), Participant("B")))

    assert replan(changed, before, time_limit_seconds=_LIMIT).status == "optimal"
    stuck = replan(changed, before, ["AB"], time_limit_seconds=_LIMIT)
    assert (stuck.status, [p.kind for p in stuck.conflict]) == ("infeasible", ["fixed", "unavailable"])


@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(small_events(), st.data())
def test_replanning_agrees_with_trying_everything(event: Event, data: st.DataObject) -> None:
    event = replace(event, meetings=tuple(replace(m, fixed_slot=None) for m in event.meetings))
    before = solve(event)
    person = data.draw(st.sampled_from(event.participants))
    slots = tuple(data.draw(st.lists(st.sampled_from([s.id for s in event.slots]), max_size=2, unique=True)))
    changed = replace(
        event, participants=tuple(replace(p, unavailable=slots) if p == person else p for p in event.participants)
    )
    placed = {
        event.meetings.index(next(m for m in event.meetings if m.id == i)): s
        for i, s in slot_by_meeting(before).items()
    }

    def moved(placing: dict[int, int]) -> int:
        return sum(event.slots[s].id != placed[m] for m, s in placing.items() if m in placed)

    best = min(
        list_placings(changed),
        key=lambda p: (weigh_dropped(changed, p), moved(p), sum(count_breaks_of_all(changed, p))),
    )
    after = replan(changed, before, time_limit_seconds=_LIMIT)

    assert check_timetable(changed, after) == []
    numbers = {meeting.id: m for m, meeting in enumerate(changed.meetings)}
    slot_numbers = {slot.id: s for s, slot in enumerate(changed.slots)}
    placing = {numbers[m.id]: slot_numbers[m.slot] for m in after.meetings}
    assert (weigh_dropped(changed, placing), moved(placing), after.breaks) == (
        weigh_dropped(changed, best),
        moved(best),
        sum(count_breaks_of_all(changed, best)),
    )


def test_replanning_refuses_a_frozen_meeting_it_does_not_know() -> None:
    event = make_event("a", "AB", pairs("AB"))
    with pytest.raises(InvalidInput) as caught:
        replan(event, solve(event), ["XY"])
    assert caught.value.code == "schedule.frozen_meeting_unknown"


def test_progress_ends_at_the_result_and_bounds_never_cross() -> None:
    event = make_event("aaa", "ABC", pairs("AB", "AC"), unavailable={"A": ("2",)})
    seen: list[Progress] = []

    timetable = propose_timetable(event, time_limit_seconds=_LIMIT, on_progress=seen.append)

    last = seen[-1]
    assert (last.phase, last.breaks, last.bound) == ("breaks", 1, 1)
    assert last.slot_of == slot_by_meeting(timetable)
    assert all(p.breaks is None or p.bound <= p.breaks for p in seen)


def test_a_stopped_search_still_gives_a_valid_timetable() -> None:
    event = make_round_robin(9, 20, seed=3)

    timetable = propose_timetable(event, time_limit_seconds=_LIMIT, should_stop=lambda: True)

    assert check_timetable(event, timetable) == []
    assert timetable.status in ("feasible", "optimal")
    assert timetable.bound == 0


def test_a_failing_listener_is_not_swallowed() -> None:
    def fail(_progress: Progress) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        propose_timetable(make_event("aa", "AB", pairs("AB")), time_limit_seconds=_LIMIT, on_progress=fail)


def test_a_search_stopped_before_it_knows_anything_says_so() -> None:
    meetings = [replace(m, fixed_slot=s) for m, s in zip(pairs("AB", "AC"), ("1", "3"), strict=True)]
    event = make_event("aaa", "ABC", [*meetings, *pairs("BC")], difference=0)

    with pytest.raises(NoTimetableInTime):
        propose_timetable(event, time_limit_seconds=_LIMIT, should_stop=lambda: True)


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_time_limit_must_be_positive(seconds: float) -> None:
    with pytest.raises(InvalidInput) as caught:
        propose_timetable(make_event("a", "AB", pairs("AB")), time_limit_seconds=seconds)
    assert caught.value.where == "time_limit_seconds"


def test_event_without_meetings_slots_or_people_is_optimal_at_once() -> None:
    empty = make_event("", "", [])
    assert solve(empty).status == "optimal"
    no_slots = make_event("", "AB", pairs("AB"))
    assert [d.id for d in solve(no_slots).dropped] == ["AB"]


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(small_events())
def test_greedy_placing_keeps_the_rules(event: Event) -> None:
    placing = place_greedily(event)
    if placing is not None:
        assert placing in list_placings(event)


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(small_events(), st.data())
def test_better_pairs_take_places_only_where_that_costs_nobody_anything(event: Event, data: st.DataObject) -> None:
    placings = [placing for placing in list_placings(event) if placing]
    if not placings:
        return
    placing = data.draw(st.sampled_from(placings))
    scores = data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.0]), min_size=5, max_size=5))
    scored = replace(event, meetings=tuple(replace(m, score=s) for m, s in zip(event.meetings, scores, strict=False)))

    better = prefer_scores(scored, placing, {})

    assert is_allowed(scored, better)
    assert sum(count_breaks_of_all(scored, better)) <= sum(count_breaks_of_all(scored, placing))
    assert weigh_dropped(scored, better) == weigh_dropped(scored, placing)
    assert sum(scored.meetings[m].score for m in better) >= sum(scored.meetings[m].score for m in placing)
    assert prefer_scores(scored, placing, placing) == placing, "what stands stays"


def test_the_better_of_two_takes_the_only_place() -> None:
    worse, good = Meeting("AB", ("A", "B"), score=0.2), Meeting("AC", ("A", "C"), score=0.9)
    event = make_event("a", "ABC", [worse, good])

    assert prefer_scores(event, {0: 0}, {}) == {1: 0}
    assert prefer_scores(event, {0: 0}, {0: 0}) == {0: 0}

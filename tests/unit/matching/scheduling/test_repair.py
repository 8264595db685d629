"""What stands is kept: valid whatever changed, nobody loses their meeting, and nobody moves without need."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matching.scheduling import Event, Meeting, Timetable, check_timetable, propose_timetable, replan
from matching.scheduling.repair import keep_places
from tests.unit.matching.scheduling.brute_force import is_allowed, list_placings
from tests.unit.matching.scheduling.test_solve import make_event, make_round_robin, small_events


@settings(max_examples=80, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(small_events(), st.data())
def test_it_keeps_all_rules_and_drops_nobody_who_stood(event: Event, data: st.DataObject) -> None:
    free = replace(event, max_break_difference=None)
    placings = list_placings(free)
    if not placings:
        assert keep_places(free, {}, 5) is None or is_allowed(free, keep_places(free, {}, 5) or {})
        return
    stood = data.draw(st.sampled_from(placings))

    kept = keep_places(free, stood, 5)

    assert kept is not None
    assert is_allowed(free, kept)
    assert set(stood) <= set(kept)


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(small_events(), st.dictionaries(st.integers(0, 4), st.integers(0, 3)))
def test_places_that_no_longer_fit_are_given_up(event: Event, stood: dict[int, int]) -> None:
    stays = {m: s for m, s in stood.items() if m < len(event.meetings) and s < len(event.slots)}

    kept = keep_places(event, stays, 5)

    assert kept is None or is_allowed(event, kept)


def test_one_moves_so_that_another_fits_in() -> None:
    """A and B meet in the only slot that A and C have: they go to the other."""
    meetings = [Meeting("AB", ("A", "B")), Meeting("AC", ("A", "C"))]
    event = make_event("aa", "ABC", meetings, unavailable={"C": ("2",)})

    assert keep_places(event, {0: 0}, 5) == {0: 1, 1: 0}


def test_when_somebody_cancels_nobody_moves_even_where_not_all_fit_and_time_is_short() -> None:
    full = make_round_robin(11, 24, seed=2)
    wished = [Meeting(f"w{n}", ("p0", f"p{n}")) for n in range(1, 6)]
    crowded = replace(full, slots=full.slots[:9], meetings=(*full.meetings, *wished), max_break_difference=None)
    before: Timetable = propose_timetable(crowded, time_limit_seconds=3)
    assert before.dropped
    left = replace(crowded, meetings=tuple(m for m in crowded.meetings if "p7" not in m.participants))

    after = replan(left, before, time_limit_seconds=3)

    assert check_timetable(left, after) == []
    stood = {m.id: m.slot for m in before.meetings}
    places = {m.id: m.slot for m in after.meetings}
    kept = {one for one in stood if one in {m.id for m in left.meetings}}
    assert kept <= set(places), "nobody loses a meeting"
    assert sum(places[one] != stood[one] for one in kept) <= 6

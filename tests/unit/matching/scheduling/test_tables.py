from __future__ import annotations

from matching.scheduling import Event, Meeting, Participant, Slot
from matching.scheduling.tables import count_table_changes, seat_meetings


def make_event(tables: int, *meetings: Meeting) -> Event:
    people = sorted({p for m in meetings for p in m.participants})
    slots = tuple(Slot(str(s), "am") for s in range(4))
    return Event("", tables, None, slots, tuple(Participant(p) for p in people), meetings)


def test_somebody_who_meets_many_stays_at_one_table() -> None:
    meetings = [Meeting(f"host-{g}", ("host", g)) for g in "abc"] + [Meeting(f"other-{g}", ("other", g)) for g in "bca"]
    event = make_event(2, *meetings)
    slot_of = {0: 0, 1: 1, 2: 2, 3: 0, 4: 1, 5: 2}

    table_of = seat_meetings(event, slot_of)

    assert len({table_of[0], table_of[1], table_of[2]}) == 1
    assert len({table_of[3], table_of[4], table_of[5]}) == 1
    assert table_of[0] != table_of[3]
    # The guests a, b and c change sides once each.
    assert count_table_changes(event, slot_of, table_of) == 3


def test_tables_are_never_shared_and_online_meetings_have_none() -> None:
    event = make_event(
        2, Meeting("1", ("a", "b")), Meeting("2", ("c", "d")), Meeting("3", ("e", "f"), needs_table=False)
    )

    assert seat_meetings(event, {0: 0, 1: 0, 2: 0}) == {0: 1, 1: 2, 2: None}


def test_decided_tables_come_before_preferred_ones() -> None:
    event = make_event(3, Meeting("1", ("a", "b")), Meeting("2", ("c", "d")))

    assert seat_meetings(event, {0: 0, 1: 0}, decided={1: 3}, preferred={0: 3}) == {0: 1, 1: 3}
    assert seat_meetings(event, {0: 0, 1: 0}, preferred={0: 2}) == {0: 2, 1: 1}


def test_a_day_without_meetings_needs_no_tables() -> None:
    assert seat_meetings(make_event(0), {}) == {}

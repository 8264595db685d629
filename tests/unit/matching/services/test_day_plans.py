"""The day in slots and the rooms in tables, from what people type."""

from __future__ import annotations

from datetime import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.services.day_plans import NamedSpan, PlannedSlot, make_slots, parse_spans, parse_tables


def test_a_day_with_a_break() -> None:
    sessions = parse_spans("上午 09:00-10:40\n下午 14：00—15：00", where="sessions")
    breaks = parse_spans("茶歇 09:50-10:00", where="breaks")
    assert make_slots(sessions, breaks, slot_minutes=20, gap_minutes=5) == (
        PlannedSlot("上午", time(9, 0), time(9, 20)),
        PlannedSlot("上午", time(9, 25), time(9, 45)),
        PlannedSlot("上午", time(10, 0), time(10, 20)),
        PlannedSlot("下午", time(14, 0), time(14, 20)),
        PlannedSlot("下午", time(14, 25), time(14, 45)),
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("上午", "event.span"),
        ("上午 12:00-09:00", "event.span_order"),
        ("上午 09:00-25:00", "event.span_order"),
        ("上午 09:70-10:00", "event.span_order"),
        ("上午 09:00-11:00\n茶会 10:30-12:00", "event.spans_overlap"),
    ],
)
def test_a_wrong_line_is_named(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_spans(text, where="sessions")
    assert (caught.value.code, caught.value.where) == (code, "sessions")


def test_sessions_without_names_get_one() -> None:
    assert [span.name for span in parse_spans("14:00-17:00", where="sessions", default_names=("上午",))] == ["上午"]
    assert [span.name for span in parse_spans("14:00-17:00", where="sessions")] == ["1"]


@given(
    length=st.integers(5, 240),
    gap=st.integers(0, 60),
    start=st.integers(0, 1200),
    size=st.integers(1, 400),
    pause=st.tuples(st.integers(0, 1400), st.integers(1, 90)),
)
def test_slots_keep_to_session_break_and_gap(
    length: int, gap: int, start: int, size: int, pause: tuple[int, int]
) -> None:
    session = NamedSpan("s", start, min(start + size, 1439))
    rest = NamedSpan("b", pause[0], pause[0] + pause[1])
    try:
        slots = make_slots([session], [rest], slot_minutes=length, gap_minutes=gap)
    except InvalidInput:
        assert size < length or min(start + size, 1439) - start < length or rest.end > session.start
        return
    spans = [(slot.start.hour * 60 + slot.start.minute, slot.end.hour * 60 + slot.end.minute) for slot in slots]
    assert all(end - begin == length and session.start <= begin and end <= session.end for begin, end in spans)
    assert all(end <= rest.start or begin >= rest.end for begin, end in spans)
    assert all(later[0] - earlier[1] >= gap or later[0] == rest.end for earlier, later in pairwise(spans))


@pytest.mark.parametrize(
    ("text", "tables"),
    [
        ("3", ("1 号桌", "2 号桌", "3 号桌")),
        ("一号厅 2\n二号厅×1张", ("一号厅 1 号桌", "一号厅 2 号桌", "二号厅 1 号桌")),
        ("贵宾室", ("贵宾室",)),
        ("Ｈａｌｌ：２", ("Hall 1 号桌", "Hall 2 号桌")),
    ],
)
def test_rooms_have_tables(text: str, tables: tuple[str, ...]) -> None:
    assert parse_tables(text) == tables


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "event.no_tables"),
        ("0", "event.no_tables"),
        ("201", "event.too_many_tables"),
        ("甲 1\n甲 1", "event.tables_twice"),
    ],
)
def test_rooms_that_cannot_be(text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_tables(text)
    assert caught.value.code == code

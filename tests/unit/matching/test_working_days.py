"""Working days around the holidays of 2026, and the registration clock."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.working_days import add_working_days, count_working_days, is_working_day, registration_due
from seed_data.loader import read_special_days

SPECIAL = {day.day: day.works for day in read_special_days()}


def test_spring_festival_of_2026() -> None:
    # 15–23 February off, Saturdays 14 and 28 worked, as the State Council announced.
    assert [day for day in range(9, 29) if is_working_day(date(2026, 2, day), SPECIAL)] == [
        9, 10, 11, 12, 13, 14, 24, 25, 26, 27, 28,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("signed", "amount", "disputed", "due"),
    [
        (date(2026, 3, 2), Decimal(20), False, date(2026, 3, 23)),
        (date(2026, 3, 2), Decimal("499.99"), False, date(2026, 3, 23)),
        (date(2026, 3, 2), Decimal(500), False, date(2026, 4, 14)),  # 6 April is a holiday
        (date(2026, 3, 2), Decimal(20), True, date(2026, 4, 14)),
        (date(2026, 3, 2), None, False, date(2026, 3, 23)),
        (date(2026, 9, 18), Decimal(1), False, date(2026, 10, 15)),  # 20 September and 10 October are worked
    ],
)
def test_the_registration_clock(signed: date, amount: Decimal | None, disputed: bool, due: date) -> None:
    assert registration_due(signed, amount, SPECIAL, disputed=disputed) == due


days = st.dates(date(2025, 12, 1), date(2027, 1, 31))


@given(start=days, count=st.integers(0, 60))
def test_counting_undoes_adding(start: date, count: int) -> None:
    end = add_working_days(start, count, SPECIAL)
    assert count_working_days(start, end, SPECIAL) == count
    assert count == 0 or is_working_day(end, SPECIAL)


@given(start=days, end=days)
def test_counting_backwards_is_negative(start: date, end: date) -> None:
    assert count_working_days(start, end, SPECIAL) == -count_working_days(end, start, SPECIAL) or start == end
    assert abs(count_working_days(start, end, SPECIAL)) <= abs((end - start) // timedelta(days=1))


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        add_working_days(date(2026, 1, 5), -1, SPECIAL)

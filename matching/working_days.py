"""Working days in China, and the clock of a 技术合同's registration. Pure: special days are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class RegistrationClock:
    """Within how many working days a contract should be registered; the longer time from `large_amount` 万元 on."""

    usual_days: int = 15
    long_days: int = 30
    large_amount: Decimal = Decimal(500)


def is_working_day(day: date, special: Mapping[date, bool]) -> bool:
    """Monday to Friday, unless `special` says otherwise (True: people work)."""
    return special.get(day, day.weekday() < 5)


def add_working_days(start: date, count: int, special: Mapping[date, bool]) -> date:
    """The day on which `count` working days after `start` are full; `start` itself does not count.

    With 0 it is `start`. Raises ValueError for a negative count.
    """
    if count < 0:
        raise ValueError("a negative number of working days")
    day = start
    while count:
        day += timedelta(days=1)
        count -= is_working_day(day, special)
    return day


def count_working_days(start: date, end: date, special: Mapping[date, bool]) -> int:
    """Working days after `start` up to and including `end`; negative where `end` is before `start`."""
    if end < start:
        return -count_working_days(end, start, special)
    return sum(is_working_day(start + timedelta(days=n), special) for n in range(1, (end - start).days + 1))


def registration_due(
    signed_on: date,
    amount: Decimal | None,
    special: Mapping[date, bool],
    *,
    disputed: bool = False,
    clock: RegistrationClock = RegistrationClock(),
) -> date:
    """By when a contract signed then should be registered: the longer time for large and disputed ones."""
    long = disputed or (amount is not None and amount >= clock.large_amount)
    return add_working_days(signed_on, clock.long_days if long else clock.usual_days, special)

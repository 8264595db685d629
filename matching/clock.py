"""Time: stored and compared in UTC, shown in Asia/Shanghai wherever host or browser are."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")


def utc_now() -> datetime:
    """The present moment, aware, in UTC. Services take it as an argument; only edges call this."""
    return datetime.now(UTC)


def to_shanghai(moment: datetime) -> datetime:
    """The same moment on the wall clock of China; raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError("naive datetime")
    return moment.astimezone(SHANGHAI)


def shanghai_day(moment: datetime) -> date:
    """The calendar day in China."""
    return to_shanghai(moment).date()


def end_of_shanghai_day(day: date) -> datetime:
    """The first moment after that day in China, in UTC."""
    return datetime.combine(day + timedelta(days=1), time.min, SHANGHAI).astimezone(UTC)

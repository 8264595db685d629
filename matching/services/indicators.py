"""The plan's indicators and special days: what the staff enters, logged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import Indicator, IndicatorValue, SpecialDay
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork

MOST_INDICATORS = 60
MOST_VALUES = 1000
FIRST_YEAR, LAST_YEAR = 2000, 2100


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorFields:
    """An indicator as entered."""

    name: str
    name_en: str = ""
    unit: str = ""
    base_year: int = 2020
    base_value: float | None = None
    target_year: int = 2025
    target_value: float | None = None


def add_indicator(
    uow: UnitOfWork, actor: Actor, region_code: str, entered: IndicatorFields, now: datetime
) -> Indicator:
    """Add one for a region of the staff's."""
    if not actor.is_staff_for(region_code):
        raise NotAllowed("indicator.staff_only", "指标由主管部门维护", message_en="Indicators are kept by the staff")
    count = uow.session.scalar(select(func.count()).where(Indicator.region_code == region_code)) or 0
    if count >= MOST_INDICATORS:
        raise InvalidInput("indicator.too_many", f"最多 {MOST_INDICATORS} 项", message_en=f"At most {MOST_INDICATORS}")
    indicator = Indicator(region_code=region_code, position=count, created_at=now)
    _fill(indicator, entered)
    uow.session.add(indicator)
    uow.session.flush()
    uow.record(now, actor.user_id, "indicator.add", "indicator", indicator.id)
    uow.commit()
    return indicator


def edit_indicator(
    uow: UnitOfWork, actor: Actor, indicator_id: str, entered: IndicatorFields, now: datetime
) -> Indicator:
    """Replace its fields."""
    indicator = load_indicator(uow, actor, indicator_id)
    before = _snapshot(indicator)
    _fill(indicator, entered)
    uow.record(now, actor.user_id, "indicator.edit", "indicator", indicator.id, before=before)
    uow.commit()
    return indicator


def remove_indicator(uow: UnitOfWork, actor: Actor, indicator_id: str, now: datetime) -> None:
    """Take it off with its values; the log keeps what it was."""
    indicator = load_indicator(uow, actor, indicator_id)
    values = {str(row.year): row.value for row in indicator.values}
    uow.record(
        now, actor.user_id, "indicator.remove", "indicator", indicator.id, before=_snapshot(indicator), values=values
    )
    uow.session.delete(indicator)
    uow.commit()


def set_indicator_value(
    uow: UnitOfWork,
    actor: Actor,
    indicator_id: str,
    year: int,
    value: float | None,
    now: datetime,
    *,
    source: str = "",
) -> None:
    """Enter what was reached in a year and where the number comes from; None takes the year's value out."""
    _set_value(uow, actor, indicator_id, year, value, now, source)
    uow.commit()


def _set_value(
    uow: UnitOfWork, actor: Actor, indicator_id: str, year: int, value: float | None, now: datetime, source: str
) -> bool:
    """Within a use case that commits; whether anything differs from before."""
    indicator = load_indicator(uow, actor, indicator_id)
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InvalidInput("indicator.year", "年份无效", where="year", message_en="Invalid year")
    if value is not None:
        _check_number(value, "value")
    row = next((one for one in indicator.values if one.year == year), None)
    before = row.value if row is not None else None
    if row is not None and value is not None and (row.value, row.source) == (value, source.strip()[:200]):
        return False
    if value is None:
        if row is not None:
            indicator.values.remove(row)
    elif row is None:
        row = IndicatorValue(year=year, value=value, source=source.strip()[:200], entered_at=now)
        row.entered_by = actor.user_id
        indicator.values.append(row)
    else:
        row.value, row.source = value, source.strip()[:200]
        row.entered_by, row.entered_at = actor.user_id, now
    uow.record(now, actor.user_id, "indicator.value", "indicator", indicator.id, year=year, before=before, after=value)
    return before != value


def set_indicator_values(
    uow: UnitOfWork, actor: Actor, values: Sequence[tuple[str, int, float, str]], now: datetime
) -> int:
    """Enter many values (indicator id, year, value, source) at once, all or none; returns how many differ."""
    if not values or len(values) > MOST_VALUES:
        raise InvalidInput(
            "indicator.values",
            f"一次填报 1 到 {MOST_VALUES} 个数值",
            where="values",
            message_en=f"Between 1 and {MOST_VALUES} values at once",
        )
    changed = 0
    for indicator_id, year, value, source in values:
        changed += _set_value(uow, actor, indicator_id, year, value, now, source)
    uow.commit()
    return changed


def set_special_day(
    uow: UnitOfWork, actor: Actor, day: date, works: bool | None, now: datetime, *, label: str = ""
) -> None:
    """Say that a day is a holiday (works False) or worked (True), or, with None, that it is as the week says.

    For all regions: administrators and staff of any.
    """
    if not (actor.is_administrator or actor.region_scope is not None):
        raise NotAllowed("special_day.staff_only", "由主管部门维护", message_en="This is kept by the staff")
    row = uow.session.get(SpecialDay, day)
    before = None if row is None else row.works
    if works is None:
        if row is not None:
            uow.session.delete(row)
    elif row is None:
        uow.session.add(SpecialDay(day=day, works=works, label=label.strip()[:80]))
    else:
        row.works, row.label = works, label.strip()[:80]
    uow.record(now, actor.user_id, "special_day.set", "special_day", day.isoformat(), before=before, after=works)
    uow.commit()


def load_indicator(uow: UnitOfWork, actor: Actor, indicator_id: str) -> Indicator:
    """The indicator, for the staff of its region."""
    indicator = uow.session.get(Indicator, indicator_id)
    if indicator is None or not actor.is_staff_for(indicator.region_code):
        raise NotFound("indicator.not_found", "没有找到这项指标", message_en="There is no such indicator")
    return indicator


def _fill(indicator: Indicator, entered: IndicatorFields) -> None:
    name = " ".join(entered.name.split())
    if not name or len(name) > 120:
        raise InvalidInput(
            "indicator.name", "请填写名称，不超过 120 字", where="name", message_en="Please give a name of at most 120"
        )
    for where, year in (("base_year", entered.base_year), ("target_year", entered.target_year)):
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise InvalidInput("indicator.year", "年份无效", where=where, message_en="Invalid year")
    if entered.target_year <= entered.base_year:
        raise InvalidInput(
            "indicator.years", "目标年应晚于基期年", where="target_year", message_en="The target year follows the base"
        )
    for where, value in (("base_value", entered.base_value), ("target_value", entered.target_value)):
        if value is not None:
            _check_number(value, where)
    indicator.name = name
    indicator.name_en = " ".join(entered.name_en.split())[:160]
    indicator.unit = " ".join(entered.unit.split())[:40]
    indicator.base_year, indicator.base_value = entered.base_year, entered.base_value
    indicator.target_year, indicator.target_value = entered.target_year, entered.target_value


def _check_number(value: float, where: str) -> None:
    if not math.isfinite(value) or abs(value) > 1e15:
        raise InvalidInput("indicator.number", "请填写数字", where=where, message_en="Please enter a number")


def _snapshot(indicator: Indicator) -> dict[str, object]:
    return {
        "name": indicator.name,
        "unit": indicator.unit,
        "base": [indicator.base_year, indicator.base_value],
        "target": [indicator.target_year, indicator.target_value],
    }

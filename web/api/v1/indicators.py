"""The plan's indicators and the calendar of working days, for the staff."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.errors import InvalidInput
from matching.importing.indicators import read_indicators
from matching.models import Indicator
from matching.queries.reports import list_indicators, list_special_days
from matching.services.desk import require_desk
from matching.services.indicators import (
    IndicatorFields,
    add_indicator,
    edit_indicator,
    load_indicator,
    remove_indicator,
    set_indicator_value,
    set_indicator_values,
    set_special_day,
)
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas import changes
from web.api.schemas import reports as schemas
from web.languages import in_language
from web.reader import now, platform

indicators = Noun("indicators", "/indicators", "规划指标: the indicators of a region's plan, for the staff.")

_FIELDS = tuple(IndicatorFields.__dataclass_fields__)


@indicators.operation(
    "GET", "", name="list_indicators", zh="规划指标", en="List indicators", access="read", answers=changes.IndicatorList
)
def list_all() -> Any:
    """List indicators

    With the values of each year. For the staff.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        return {"items": list_indicators(session, actor)}


@indicators.operation(
    "POST",
    "/<id:indicator_id>/values",
    name="set_indicator_value",
    zh="填报指标",
    en="Enter a value",
    access="write",
    answers=None,
    status=204,
    body=changes.IndicatorValueEntry,
)
def enter(entry: dict[str, Any], indicator_id: str) -> Response:
    """Enter a value

    Of a year, with where it comes from; what the year had before is in the log.
    """
    with platform().unit_of_work() as uow:
        set_indicator_value(
            uow, caller().actor, indicator_id, entry["year"], entry["value"], now(), source=entry["source"]
        )
    return nothing_more()


@indicators.operation(
    "POST",
    "",
    name="add_indicator",
    zh="添加指标",
    en="Add an indicator",
    access="write",
    answers=changes.Indicator,
    status=201,
    body=schemas.IndicatorEntry,
)
def add(entry: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Add an indicator

    To the plan of a region of the staff's.
    """
    region_code = entry.pop("region_code")
    with platform().unit_of_work() as uow:
        return _shown(add_indicator(uow, caller().actor, region_code, IndicatorFields(**entry), now())), 201


@indicators.operation(
    "PATCH",
    "/<id:indicator_id>",
    name="change_indicator",
    zh="修改指标",
    en="Change an indicator",
    access="write",
    answers=changes.Indicator,
    body=schemas.IndicatorChange,
)
def change(entry: dict[str, Any], indicator_id: str) -> dict[str, Any]:
    """Change an indicator

    What is left out stays; its values stay.
    """
    with platform().unit_of_work() as uow:
        found = load_indicator(uow, caller().actor, indicator_id)
        held = {name: getattr(found, name) for name in _FIELDS} | entry
        return _shown(edit_indicator(uow, caller().actor, indicator_id, IndicatorFields(**held), now()))


@indicators.operation(
    "DELETE",
    "/<id:indicator_id>",
    name="remove_indicator",
    zh="删除指标",
    en="Remove an indicator",
    access="write",
    answers=None,
    status=204,
)
def remove(indicator_id: str) -> Response:
    """Remove an indicator

    With its values; the log keeps what it was.
    """
    with platform().unit_of_work() as uow:
        remove_indicator(uow, caller().actor, indicator_id, now())
    return nothing_more()


@indicators.operation(
    "POST",
    "/tables",
    name="read_indicator_table",
    zh="读取指标表格",
    en="Read a table of indicators",
    access="write",
    answers=schemas.IndicatorTable,
    body=schemas.IndicatorTableEntry,
)
def read_table(entry: dict[str, Any]) -> dict[str, Any]:
    """Read a table of indicators

    Answers what it holds and what of it cannot be taken. Nothing is entered: `POST /indicators/values` does that.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        listed = list_indicators(session, actor)
        known = {name: one.id for one in listed for name in (one.name, one.name_en)}
        found = read_indicators(entry["content"], entry["file_name"], known)
        present = {(one.id, value.year): value.value for one in listed for value in one.values}
    return {
        "rows": [
            {
                "row": row.row,
                "indicator_id": row.indicator_id,
                "name": row.name,
                "year": row.year,
                "value": row.value,
                "source": row.source,
                "before": present.get((row.indicator_id, row.year)),
            }
            for row in found.rows
        ],
        "findings": [
            {"place": in_language(one.place.zh, one.place.en), "detail": in_language(one.zh, one.en)}
            for one in found.errors
        ],
    }


@indicators.operation(
    "POST",
    "/values",
    name="enter_indicator_values",
    zh="批量填报指标",
    en="Enter many values",
    access="write",
    answers=schemas.Entered,
    body=schemas.IndicatorYears,
)
def enter_all(entry: dict[str, Any]) -> dict[str, Any]:
    """Enter many values

    All or none. What was there before is in the log.
    """
    actor = caller().actor
    require_desk(actor)
    values = [(one["indicator_id"], one["year"], one["value"], one["source"]) for one in entry["values"]]
    with platform().reading() as session:
        known = {one.id for one in list_indicators(session, actor)}
    for number, (indicator_id, *_rest) in enumerate(values):
        if indicator_id not in known:
            raise InvalidInput(
                "indicator.unknown",
                "没有找到这项指标",
                where=f"values[{number}].indicator_id",
                message_en="There is no such indicator",
            )
    with platform().unit_of_work() as uow:
        return {"changed": set_indicator_values(uow, actor, values, now())}


@indicators.operation(
    "GET",
    "/special-days",
    name="list_special_days",
    zh="节假日与调休",
    en="List special days",
    access="read",
    answers=schemas.SpecialDayList,
)
def list_days() -> dict[str, Any]:
    """List special days

    Holidays and worked weekend days, which the clock of a contract's registration follows.
    """
    require_desk(caller().actor)
    with platform().reading() as session:
        return {"items": list_special_days(session)}


@indicators.operation(
    "POST",
    "/special-days",
    name="set_special_day",
    zh="设定节假日",
    en="Set a special day",
    access="write",
    answers=None,
    status=204,
    body=schemas.SpecialDayEntry,
)
def set_day(entry: dict[str, Any]) -> Response:
    """Set a special day

    A holiday, or a day that is worked; null takes it off.
    """
    with platform().unit_of_work() as uow:
        set_special_day(uow, caller().actor, entry["day"], entry["works"], now(), label=entry["label"])
    return nothing_more()


def _shown(indicator: Indicator) -> dict[str, Any]:
    """While the row is still at hand: its values are read when they are asked for."""
    return {
        **{name: getattr(indicator, name) for name in ("id", "region_code", *_FIELDS)},
        "values": [{"year": one.year, "value": one.value, "source": one.source} for one in indicator.values],
    }

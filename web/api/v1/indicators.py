"""The plan's indicators, for the staff."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.errors import NotAllowed
from matching.queries.reports import list_indicators
from matching.services.indicators import set_indicator_value
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.changes import IndicatorList, IndicatorValueEntry
from web.reader import now, platform

indicators = Noun("indicators", "/indicators", "规划指标: the indicators of a region's plan, for the staff.")


@indicators.operation(
    "GET", "", name="list_indicators", zh="规划指标", en="List indicators", access="read", answers=IndicatorList
)
def list_all() -> Any:
    """List indicators

    With the values of each year. For the staff.
    """
    actor = caller().actor
    if not (actor.is_administrator or actor.region_scope is not None):
        raise NotAllowed("page.staff_only", "此操作需由主管部门进行", message_en="Only the staff may do this")
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
    body=IndicatorValueEntry,
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

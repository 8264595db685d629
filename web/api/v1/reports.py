"""统计报告, for the staff."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from matching.clock import shanghai_day
from matching.queries.cooperation import HIDDEN, OTHERS, cooperation_grid
from matching.queries.reports import (
    Period,
    answer_times,
    answers_by_revision,
    contracts,
    count_gaps,
    count_groups,
    events_of,
    organisation_names,
    sort_groups,
)
from matching.services.desk import require_desk
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas import reports as schemas
from web.reader import now, platform

reports = Noun("reports", "/reports", "统计报告: from needs to contracts in figures, for the staff.")


@reports.operation(
    "GET",
    "",
    name="show_report",
    zh="统计报告",
    en="Show the report",
    access="read",
    answers=schemas.Report,
    query=schemas.ReportQuery,
)
def show(query: dict[str, Any]) -> dict[str, Any]:
    """Show the report

    Of needs published in a period: how far they came, answers, gaps, contracts. The caller's region.
    """
    actor = caller().actor
    require_desk(actor)
    period = period_of(query)
    with platform().reading() as session:
        counted = count_groups(session, actor, period, query["by"])
        keys = sort_groups(query["by"], counted.table)
        names = organisation_names(session, set(keys)) if query["by"] == "institution" else {}
        good = platform().rules(session).settings.good_probability
        unmet, unasked = count_gaps(session, actor, now(), good=good)
        answers = answer_times(session, actor, period)
        sums = contracts(session, actor, period, limit=0)
        return {
            "first": period.first,
            "last": period.last,
            "counted_at": counted.counted_at,
            "totals": counted.totals,
            "groups": [{"key": key, "name": names.get(key, ""), "counts": counted.table[key]} for key in keys],
            "unmet_needs": unmet,
            "unasked_capabilities": unasked,
            "answers": {
                **answers.counts,
                "median_days": _days(answers.median),
                "ninth_decile_days": _days(answers.ninth),
            },
            "revisions": answers_by_revision(session, actor, period),
            "contracts": sums.count,
            "contract_amount": sums.amount,
            "technology_amount": sums.technology_amount,
            "events": [
                {
                    "id": row.event.id,
                    "title": row.event.title,
                    "held_on": row.event.held_on,
                    "planned": row.planned,
                    "held": row.held,
                    "absent": row.absent,
                }
                for row in events_of(session, actor, period)
            ],
        }


@reports.operation(
    "GET",
    "/cooperation",
    name="show_cooperation",
    zh="谁与谁合作",
    en="Show who cooperates with whom",
    access="read",
    answers=schemas.CooperationGrid,
    query=schemas.GridQuery,
)
def show_grid(query: dict[str, Any]) -> dict[str, Any]:
    """Show who cooperates with whom

    Firms or their towns by institutions; who is not told yet stands as `-`.
    """
    actor = caller().actor
    require_desk(actor)
    with platform().reading() as session:
        grid = cooperation_grid(session, actor, period_of(query), query["stage"], query["by"])
        ids = set(grid.columns) | (set(grid.lines) if query["by"] == "organisation" else set())
        return {
            "lines": list(grid.lines),
            "columns": list(grid.columns),
            "cells": [
                {"line": line, "column": column, "count": count}
                for (line, column), count in sorted(grid.counts.items())
            ],
            "names": organisation_names(session, ids - {HIDDEN, OTHERS}),
        }


def period_of(query: dict[str, Any]) -> Period:
    """The period asked for; the present year by default."""
    today = shanghai_day(now())
    return Period(query["first"] or date(today.year, 1, 1), query["last"] or today)


def _days(span: timedelta | None) -> float | None:
    return None if span is None else round(span / timedelta(days=1), 2)

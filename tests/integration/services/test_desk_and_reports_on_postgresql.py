"""The desk's and the report's queries on PostgreSQL: each runs, on an empty database and with an event in it."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from matching.bootstrap import Platform
from matching.queries.desk import list_desk
from matching.queries.event_proposals import proposed_pairs
from matching.queries.events import list_events, load_board
from matching.queries.posts import audience_for
from matching.queries.reports import (
    Period,
    answer_time,
    answers_by_revision,
    contracts,
    events_of,
    funnel,
    list_indicators,
    unasked_capabilities,
    unmet_needs,
)
from tests.factories.events import make_event
from tests.factories.people import make_member
from tests.factories.posts import make_need

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("on_postgresql")]


def test_every_query_of_desk_and_report_runs(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    firm = make_member(platform, now, email="firm@example.cn")
    need_id = make_need(platform, firm, now, industry_codes=("C39",))
    period = Period(date(2026, 1, 1), date(2026, 12, 31))
    with platform.reading() as reading:
        blocks = {block.key: block.count for block in list_desk(reading, made.staff, now, platform.settings)}
        assert blocks["events"] == 1
        for institutions in (True, False):
            found = funnel(reading, made.staff, period, institutions=institutions)
            assert found.ids("posts") == {need_id}
            assert found.total("contract") == 0
        assert [need.id for need in unmet_needs(reading, made.staff, now)] == [need_id]
        assert unasked_capabilities(reading, made.staff, now) == []
        assert answers_by_revision(reading, made.staff, period) == []
        assert contracts(reading, made.staff, period).count == 0
        assert [row.planned for row in events_of(reading, made.staff, period)] == [0]
        assert answer_time(reading, made.staff, period) is None
        assert list_indicators(reading, made.staff) == []
        board = load_board(reading, made.id, made.staff)
        assert len(board.wanted()) == 3
        assert proposed_pairs(reading, board.event, audience_for(reading, made.staff), now) == []
        assert [one.meetings for one in list_events(reading, made.staff, now)] == [3]

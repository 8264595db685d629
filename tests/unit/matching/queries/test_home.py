"""The numbers of the start page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from matching.bootstrap import Platform
from matching.queries.home import HomeFigures, home_figures
from tests.factories.people import make_member
from tests.factories.posts import make_capability, make_need


def test_only_what_everybody_sees_is_counted(platform: Platform, now: datetime) -> None:
    with platform.reading() as session:
        assert home_figures(session, now) == HomeFigures(needs=0, capabilities=0, organisations=0, published_recently=0)
    firm = make_member(platform, now, email="a@example.cn")
    other = make_member(platform, now, email="b@example.cn", organisation="另一示例单位")
    make_need(platform, firm, now)
    make_need(platform, firm, now - timedelta(days=31))
    make_need(platform, firm, now, publish=False)
    for visibility in ("members", "matched", "staff"):
        make_need(platform, other, now, visibility=visibility)
    make_capability(platform, other, now)
    make_capability(platform, other, now - timedelta(days=400))
    with platform.reading() as session:
        assert home_figures(session, now) == HomeFigures(needs=2, capabilities=1, organisations=2, published_recently=2)


def test_many_posts_are_counted_once_in_half_a_minute(
    platform: Platform, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("matching.queries.home.MANY", 2)
    firm = make_member(platform, now, email="a@example.cn")

    def needs(after: timedelta) -> int:
        with platform.reading() as session:
            return home_figures(session, now + after).needs

    make_need(platform, firm, now)
    assert needs(timedelta()) == 1
    make_need(platform, firm, now)
    assert needs(timedelta(seconds=1)) == 2
    make_need(platform, firm, now)
    assert needs(timedelta(seconds=2)) == 2
    assert needs(timedelta(seconds=32)) == 3

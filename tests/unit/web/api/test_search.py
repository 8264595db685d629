"""Search through the API: filters, pages, and what is said when parts are away."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from matching.bootstrap import Platform
from matching.errors import PartUnavailable
from tests.factories.people import make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.api.conftest import Api

MakeApi = Callable[..., Api]


def test_needs_are_found_by_words_and_paged_by_cursor(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn", organisation="甲厂")
    ids = {make_need(platform, member, now, title=f"线路板翘曲控制第{number}批") for number in "一二三四五"}
    other = make_need(platform, member, now, title="生猪养殖")
    settle_everything(platform, now)
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api().get("/search", query={"q": "线路板 翘曲", "limit": 2, "cursor": cursor}).json
        seen += [one["id"] for one in page["items"]]
        assert page["notice"] is None
        cursor = page["next"]
    assert len(seen) == len(set(seen))
    assert set(seen[:5]) == ids
    found = api().get("/search", query={"q": "生猪"}).json["items"][0]
    assert (found["id"], found["type"], found["organisation"]) == (
        other,
        "need",
        {"id": member.organisation_id, "name": "甲厂"},
    )


def test_without_words_the_latest_come_first(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    post_id = make_capability(platform, member, now, maturity=7, kind="patent")
    make_capability(platform, member, now, publish=False)
    assert [one["id"] for one in api().get("/search", query={"type": "capability"}).json["items"]] == [post_id]
    assert api(member.user_id).get("/search").json["items"] == []


@pytest.mark.parametrize(
    ("query", "hit"),
    [
        ({"kind": "patent"}, True),
        ({"kind": "service"}, False),
        ({"least_maturity": "7"}, True),
        ({"least_maturity": "8"}, False),
        ({"industry": "C"}, True),
        ({"industry": "C39"}, True),
        ({"industry": "A"}, False),
        ({"domain": "electronics"}, True),
        ({"domain": "materials"}, False),
        ({"town": "雅瑶镇"}, True),
        ({"town": "址山镇"}, False),
        ({"region": "440700"}, True),
        ({"region": "440600"}, False),
        ({"cooperation_mode": "transfer"}, True),
        ({"cooperation_mode": "development"}, False),
        ({"language": "zh"}, True),
        ({"language": "en"}, False),
    ],
)
def test_filters_hold_with_and_without_words(
    api: MakeApi, platform: Platform, now: datetime, query: dict[str, str], hit: bool
) -> None:
    member = make_member(platform, now, email="a@example.cn")
    make_capability(
        platform,
        member,
        now,
        kind="patent",
        maturity=7,
        industry_codes=("C39",),
        domain="electronics",
        town="雅瑶镇",
        cooperation_modes=("transfer",),
    )
    settle_everything(platform, now)
    for text in ("翘曲", ""):
        found = api().get("/search", query={"type": "capability", "q": text} | query).json["items"]
        assert len(found) == hit


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"type": "expert"}, "type"),
        ({"q": "长" * 201}, "q"),
        ({"kind": "patent"}, "kind"),
        ({"least_maturity": "7"}, "least_maturity"),
        ({"type": "capability", "least_maturity": "10"}, "least_maturity"),
        ({"region": "44"}, "region"),
        ({"q": "翘曲", "cursor": "nonsense"}, "cursor"),
        ({"q": "翘\x00曲"}, "q"),
        ({"limit": "-1"}, "limit"),
        ({"sort": "price"}, "sort"),
    ],
)
def test_a_wrong_question_is_named(api: MakeApi, query: dict[str, str], where: str) -> None:
    answer = api().get("/search", query=query)
    assert (answer.status_code, answer.json["where"]) == (422, where)


def test_titles_are_searched_while_the_index_is_away(
    api: MakeApi, platform: Platform, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    member = make_member(platform, now, email="a@example.cn")
    post_id = make_need(platform, member, now, title="线路板翘曲控制")
    settle_everything(platform, now)

    def away(*_: object) -> None:
        raise PartUnavailable("index", "检索服务没有应答", message_en="The index does not answer")

    monkeypatch.setattr(type(platform.index), "find_by_words", away)
    page = api().get("/search", query={"q": "翘曲"}, headers={"Accept-Language": "en"}).json
    assert [one["id"] for one in page["items"]] == [post_id]
    assert page["notice"] == "The search service does not answer; these were found by their titles only"

"""Search and the start page: only what the reader may see, and honest numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.errors import PartUnavailable
from tests.factories.people import Member, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

FIRM, OTHER = "firm@example.cn", "other@example.cn"


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    make_member(platform, clock.moment, email=OTHER)
    return make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")


def titles(page: str) -> list[str]:
    return re.findall(r'<h3><a href="/posts/[^"]+" lang="[^"]+">([^<]+)</a>', page)


def test_words_find_and_other_words_do_not(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_need(platform, firm, clock.moment, title="珠江桥牌御品蚝油减盐")
    make_need(platform, firm, clock.moment, title="压铸铝合金盐雾")
    make_capability(platform, firm, clock.moment, title="蚝油发酵")
    settle_everything(platform, clock.moment)
    browser = open_browser()
    assert titles(browser.get("/search?q=珠江桥&type=need").text)[0] == "珠江桥牌御品蚝油减盐"
    assert titles(browser.get("/search?q=蚝油&type=capability").text) == ["蚝油发酵"]
    nothing = browser.get("/search?q=量子通信卫星&type=need").text
    assert "没有信息包含「量子通信卫星」" in nothing  # the nearest in meaning are not passed off as an answer
    assert "没有信息包含" not in browser.get("/search?q=珠江桥&type=need").text
    empty = browser.get("/search?q=量子通信卫星&type=need&town=nix").text
    assert "没有与「量子通信卫星」有关的信息" in empty
    assert titles(empty) == []


def test_nobody_finds_what_is_not_for_them(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    for visibility in ("public", "members", "matched", "staff"):
        make_need(platform, firm, clock.moment, title=f"涂层起泡 {visibility}", visibility=visibility)
    make_need(platform, firm, clock.moment, title="涂层起泡 draft", publish=False)
    settle_everything(platform, clock.moment)
    for email, seen in ((None, {"public"}), (OTHER, {"public", "members"})):
        browser = open_browser(email)
        for path in ("/search?q=涂层&type=need", "/search?type=need", "/"):
            assert {title.split()[1] for title in titles(browser.get(path).text)} == seen, (email, path)
    figures = re.findall(r"<dt>([^<]+)</dt><dd>(?:<a[^>]*>)?([\d,]+)", open_browser(FIRM).get("/").text)
    assert figures == [("公开的技术需求", "1"), ("公开的技术供给", "0"), ("参与单位", "1"), ("近 30 天新发布", "1")]


def test_filters_and_pages(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    for number in range(45):
        make_need(
            platform,
            firm,
            clock.moment - timedelta(minutes=number // 2),
            title=f"涂层 {number:02d}",
            domain="materials" if number % 3 == 0 else "electronics",
            industry_codes=("C39",),
        )
    settle_everything(platform, clock.moment)
    browser = open_browser()
    for first in ("/search?type=need", "/search?type=need&q=涂层"):
        found: list[str] = []
        address: str | None = first
        while address:
            page = browser.get(address).text
            found += titles(page)
            following = re.search(r'rel="next" href="([^"]+)"', page)
            address = following[1].replace("&amp;", "&") if following else None
        assert sorted(found) == [f"涂层 {number:02d}" for number in range(45)]
    filtered = titles(browser.get("/search?type=need&q=涂层&domain=materials&industry=C").text)
    assert len(filtered) == 15
    assert titles(browser.get("/search?type=need&domain=materials").text) == filtered or len(filtered) == 15
    assert titles(browser.get("/search?type=need&q=涂层&town=nix").text) == []


@pytest.mark.parametrize("query", ["type=nix", "cursor=nonsense", "q=a&cursor=nonsense", "q=a&cursor=eyJmcm9tIjogLTF9"])
def test_a_wrong_address_is_said(open_browser: Callable[..., Browser], query: str) -> None:
    answer = open_browser().get(f"/search?{query}")
    assert answer.status_code == 422
    assert "内容需要修改" in answer.text


@pytest.mark.parametrize("text", ["'\"<>&", "AND OR NOT (", "*", "NEAR(a b)", "\x00", "题" * 500, "%_", "-", "𬭎 🙂"])
def test_odd_words_do_no_harm(open_browser: Callable[..., Browser], text: str) -> None:
    assert open_browser().get("/search", query_string={"q": text}).status_code == 200


def test_without_the_index_titles_are_searched_and_the_page_says_so(
    firm: Member,
    platform: Platform,
    clock: Clock,
    open_browser: Callable[..., Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_need(platform, firm, clock.moment, title="涂层起泡")
    make_need(platform, firm, clock.moment, title="涂层秘密", visibility="members")

    def away(*_: object) -> None:
        raise PartUnavailable("index", "索引没有应答")

    monkeypatch.setattr(type(platform.index), "find_by_words", away)
    page = open_browser().get("/search?q=涂层&type=need").text
    assert titles(page) == ["涂层起泡"]
    assert "dj-notice--warning" in page


def test_without_the_database_there_is_a_page_that_says_so(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    platform.engine.dispose()
    (platform.settings.data_dir / "duijie.db").rename(platform.settings.data_dir / "away.db")
    answer = browser.get("/posts/mine")
    assert answer.status_code == 503
    assert "暂时不可用" in answer.text


def test_what_is_being_written_is_answered_with_matches_and_advice(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    capability = make_capability(platform, firm, clock.moment, title="线路板翘曲仿真", abstract="预测压合后翘曲")
    hidden = make_capability(platform, firm, clock.moment, title="线路板翘曲测量", visibility="members")
    settle_everything(platform, clock.moment)
    browser = open_browser()
    browser.get("/needs/new")
    page = browser.post("/needs/preview", {"title": "线路板翘曲", "problem": "压合后翘曲", "money_minimum": "abc"}).text
    assert f'data-suggestion="{capability}"' in page
    assert hidden not in page
    assert "还没有技术指标" in page
    assert "还没有预算" in page
    assert "写几个字就会出现" in browser.post("/needs/preview", {"title": "a"}).text
    assert browser.client.post("/needs/preview", data={"title": "线路板"}).status_code == 400
    whole = browser.post("/needs/new", {"title": "线路板翘曲", "then": "preview"}).text
    assert f'data-suggestion="{capability}"' in whole
    assert 'value="线路板翘曲"' in whole


def test_writing_goes_on_when_matching_is_away(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise PartUnavailable("embedder", "模型没有应答")

    monkeypatch.setattr("web.html.writing.preview_suggestions", away)
    browser = open_browser()
    browser.get("/needs/new")
    page = browser.post("/needs/preview", {"title": "线路板翘曲"}).text
    assert "匹配暂时不可用" in page
    assert "还没有技术指标" in page

"""Pages that are given again to visitors while nothing changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event

from matching.bootstrap import Platform, build_platform
from matching.services.posts import pause_post
from tests.factories.people import Member, make_member
from tests.factories.posts import make_need
from tests.unit.web.conftest import Browser, Clock
from web import visitor_pages

FIRM = "firm@example.cn"


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    return make_member(platform, clock.moment, email=FIRM, organisation="示例电子有限公司")


@pytest.fixture
def asked(platform: Platform, app: Flask) -> list[str]:
    """Statements that reached the database through the application."""
    statements: list[str] = []
    event.listen(platform.engine, "before_cursor_execute", lambda c, k, statement, *rest: statements.append(statement))
    return statements


def test_a_page_is_made_once_while_nothing_changes(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser], asked: list[str]
) -> None:
    post_id = make_need(platform, firm, clock.moment, title="线路板翘曲控制")
    visitor = open_browser()
    for path in ("/", "/search", f"/posts/{post_id}", "/organisations/", "/experts/", "/api/v1/needs"):
        first = visitor.get(path)
        asked.clear()
        again = visitor.get(path)
        assert asked == [], path
        assert (again.status_code, again.text) == (200, first.text), path
        differing = {"X-Request-ID", "Date", "RateLimit", "RateLimit-Policy"}
        assert {name: value for name, value in again.headers if name not in differing} == {
            name: value for name, value in first.headers if name not in differing
        }
        assert again.headers["X-Request-ID"] != first.headers["X-Request-ID"]


def test_what_another_process_commits_is_seen_at_once(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    post_id = make_need(platform, firm, clock.moment, title="线路板翘曲控制")
    visitor = open_browser()
    for _ in range(2):
        assert "线路板翘曲控制" in visitor.get("/").text
        assert visitor.get(f"/posts/{post_id}").status_code == 200
    other = build_platform(platform.settings)
    with other.unit_of_work() as uow:
        pause_post(uow, firm.actor, post_id, clock.moment)
    assert "线路板翘曲控制" not in visitor.get("/").text
    assert visitor.get(f"/posts/{post_id}").status_code == 404
    assert visitor.get("/api/v1/needs").json == {"items": [], "next": None}
    make_need(other, firm, clock.moment, title="盐雾腐蚀防护")
    assert "盐雾腐蚀防护" in visitor.get("/").text
    other.close()


def test_members_and_visitors_do_not_get_each_others_pages(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_need(platform, firm, clock.moment, title="给会员看的需求", visibility="members")
    member, visitor = open_browser(FIRM), open_browser()
    for _ in range(2):
        assert "给会员看的需求" in member.get("/search").text
        assert "给会员看的需求" not in visitor.get("/search").text
    key = {"Authorization": "Bearer dj_none"}
    assert visitor.get("/api/v1/needs").status_code == 200
    assert visitor.get("/api/v1/needs", headers=key).status_code == 401


def test_languages_and_what_a_program_takes_are_told_apart(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    chinese, english = open_browser(), open_browser(language="en")
    for _ in range(2):
        assert 'lang="zh-CN"' in chinese.get("/").text
        assert '<html lang="en">' in english.get("/").text
    assert chinese.get("/api/v1/needs").status_code == 200
    assert chinese.get("/api/v1/needs", headers={"Accept": "text/xml"}).status_code == 406


def test_a_post_runs_out_although_nothing_is_committed(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    post_id = make_need(platform, firm, clock.moment)
    visitor = open_browser()
    assert visitor.get(f"/posts/{post_id}").status_code == 200
    clock.advance(days=4000)
    assert visitor.get(f"/posts/{post_id}").status_code == 404


def test_a_search_without_a_part_is_not_kept(
    firm: Member,
    platform: Platform,
    clock: Clock,
    open_browser: Callable[..., Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from matching.errors import PartUnavailable
    from matching.search.embedded import EmbeddedIndex

    make_need(platform, firm, clock.moment, title="线路板翘曲控制")
    visitor = open_browser()

    def away(*_: object) -> None:
        raise PartUnavailable("index", "搜索服务没有应答", message_en="The search service does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedIndex, "find_by_words", away)
        assert "搜索服务暂时没有应答" in visitor.get("/search?q=翘曲").text
    assert "搜索服务暂时没有应答" not in visitor.get("/search?q=翘曲").text


def test_memory_is_bounded(
    firm: Member,
    platform: Platform,
    open_browser: Callable[..., Browser],
    asked: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    visitor = open_browser()
    size = len(visitor.get("/search?town=1").data)
    monkeypatch.setattr(visitor_pages, "MOST_BYTES", int(2.5 * size))
    for town in (1, 2, 3):
        visitor.get(f"/search?town={town}")

    def is_kept(path: str) -> bool:
        asked.clear()
        visitor.get(path)
        return not asked

    assert is_kept("/search?town=3")
    assert not is_kept("/search?town=1")
    assert not is_kept("/search?q=" + "很" * 400)
    assert not is_kept("/search?q=" + "很" * 400)

"""Search: what is found, in which order, page by page, and what happens while parts are away."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.bootstrap import Platform
from matching.embeddings.port import Vectors
from matching.errors import InvalidInput, PartUnavailable
from matching.models import Post
from matching.policy import Audience
from matching.queries import search as search_module
from matching.queries.search import MOST_FUSED, SearchPage, SearchQuery, search_posts
from tests.factories.people import Member, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything

VISITOR = Audience()


@pytest.fixture
def member(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="a@example.cn")


def walk(platform: Platform, query: SearchQuery, now: datetime) -> list[list[str]]:
    """The ids of every page."""
    pages = []
    cursor: str | None = None
    while True:
        page = search_posts(platform, replace(query, cursor=cursor), VISITOR, now)
        pages.append([post.id for post in page.posts])
        cursor = page.next_cursor
        if cursor is None:
            return pages


def take_away(monkeypatch: pytest.MonkeyPatch, target: object, method: str, part: str) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise PartUnavailable(part, "没有应答", message_en="No answer")

    monkeypatch.setattr(target, method, away)


def test_the_best_come_first_and_pages_are_complete(platform: Platform, member: Member, now: datetime) -> None:
    exact = make_need(platform, member, now, title="铝合金压铸件盐雾试验")
    others = {make_need(platform, member, now, title=f"铝合金门窗第{number}批") for number in "一二三四"}
    make_capability(platform, member, now, title="铝合金压铸件盐雾试验")
    settle_everything(platform, now)
    pages = walk(platform, SearchQuery(side="need", text="压铸 盐雾 铝合金", limit=2), now)
    assert [len(page) for page in pages] == [2, 2, 1]
    assert pages[0][0] == exact
    assert {post_id for page in pages for post_id in page} == {exact} | others


def test_what_is_only_a_little_near_is_not_listed(platform: Platform, member: Member, now: datetime) -> None:
    wanted = make_need(platform, member, now, title="铝合金压铸")
    for title in ("生猪养殖粪污", "红茶萎凋发酵", "雨伞骨架", "水龙头阀芯"):
        make_need(platform, member, now, title=title)
    settle_everything(platform, now)
    assert walk(platform, SearchQuery(side="need", text="铝合金压铸"), now) == [[wanted]]


def test_a_post_that_left_between_two_pages_is_neither_shown_nor_shifts_others(
    platform: Platform, member: Member, now: datetime
) -> None:
    for number in "一二三四五六":
        make_need(platform, member, now, title=f"铝合金压铸第{number}批")
    settle_everything(platform, now)
    query = SearchQuery(side="need", text="铝合金压铸", limit=2)
    expected = [post_id for page in walk(platform, query, now) for post_id in page]
    first = search_posts(platform, query, VISITOR, now)
    # The database knows already, the index not yet.
    with platform.unit_of_work() as uow:
        uow.session.get_one(Post, expected[2]).status = "paused"
        uow.session.get_one(Post, expected[0]).visibility = "staff"
        uow.commit()
    second = search_posts(platform, replace(query, cursor=first.next_cursor), VISITOR, now)
    assert [post.id for post in second.posts] == expected[3:5]


def test_no_more_than_the_deepest_is_listed(
    platform: Platform, member: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "MOST_FUSED", 3)
    for number in "一二三四五":
        make_need(platform, member, now, title=f"铝合金压铸第{number}批")
    settle_everything(platform, now)
    query = SearchQuery(side="need", text="压铸", limit=2)
    first = search_posts(platform, query, VISITOR, now)
    assert first.notice.startswith("结果较多，只列出最相关的 3 条")
    assert [len(page) for page in walk(platform, query, now)] == [2, 1]


def test_without_text_the_latest_come_first(platform: Platform, member: Member, now: datetime) -> None:
    ids = [make_need(platform, member, now + timedelta(seconds=at), title=f"需求{at}") for at in range(3)]
    make_need(platform, member, now, publish=False)
    for text in ("", "  ", "\n"):
        pages = walk(platform, SearchQuery(side="need", text=text, limit=2), now + timedelta(minutes=1))
        assert pages == [[ids[2], ids[1]], [ids[0]]]


def test_titles_are_searched_while_the_index_is_away(
    platform: Platform, member: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = [make_need(platform, member, now + timedelta(seconds=at), title=f"AZ91D 压铸_{at}%") for at in range(3)]
    make_need(platform, member, now, title="压铸", visibility="members")
    later = now + timedelta(minutes=1)
    settle_everything(platform, later)
    query = SearchQuery(side="need", text="az91d 压铸", limit=2)
    with monkeypatch.context() as away:
        take_away(away, type(platform.index), "find_by_words", "index")
        first = search_posts(platform, query, VISITOR, later)
        assert ([post.id for post in first.posts], first.words_only) == ([ids[2], ids[1]], True)
        assert first.notice_en == "The search service does not answer; these were found by their titles only"
        nothing = search_posts(platform, SearchQuery(side="need", text="压铸 盐雾"), VISITOR, later)
        assert nothing == SearchPage(posts=[], words_only=True, notice=first.notice, notice_en=first.notice_en)
    # The index is back: a search that began by titles goes on by titles.
    second = search_posts(platform, replace(query, cursor=first.next_cursor), VISITOR, later)
    assert [post.id for post in second.posts] == [ids[0]]


def test_a_page_of_ranked_results_does_not_go_on_as_another_list(
    platform: Platform, member: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        make_need(platform, member, now, title=f"压铸{number}")
    settle_everything(platform, now)
    query = SearchQuery(side="need", text="压铸", limit=1)
    first = search_posts(platform, query, VISITOR, now)
    take_away(monkeypatch, type(platform.index), "find_by_words", "index")
    with pytest.raises(PartUnavailable):
        search_posts(platform, replace(query, cursor=first.next_cursor), VISITOR, now)


def test_words_suffice_while_the_encoder_is_away(
    platform: Platform, member: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    post_id = make_need(platform, member, now, title="压铸")
    settle_everything(platform, now)
    take_away(monkeypatch, type(platform.embedder), "embed", "embedder")
    page = search_posts(platform, SearchQuery(side="need", text="压铸"), VISITOR, now)
    assert ([post.id for post in page.posts], page.words_only) == ([post_id], True)
    assert page.notice_en == "Search by meaning is not available now; these were found by words only"


def test_the_query_is_embedded_as_a_query(
    platform: Platform, member: Member, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_need(platform, member, now, title="压铸")
    settle_everything(platform, now)
    asked: list[tuple[list[str], str]] = []
    embed = type(platform.embedder).embed

    def listen(self: Any, texts: list[str], *, prompt: Any) -> Vectors:
        asked.append((list(texts), prompt))
        return embed(self, texts, prompt=prompt)

    monkeypatch.setattr(type(platform.embedder), "embed", listen)
    search_posts(platform, SearchQuery(side="need", text="压铸 工艺"), VISITOR, now)
    assert asked == [(["压铸 工艺"], "query")]


def test_cursors_belong_to_their_question(platform: Platform, member: Member, now: datetime) -> None:
    for number in range(3):
        make_need(platform, member, now, title=f"压铸{number}", domain="d")
    settle_everything(platform, now)
    ranked = SearchQuery(side="need", text="压铸", limit=1)
    latest = SearchQuery(side="need", limit=1)
    for query in (ranked, latest):
        cursor = search_posts(platform, query, VISITOR, now).next_cursor
        assert cursor is not None
        assert len(search_posts(platform, replace(query, cursor=cursor, limit=2), VISITOR, now).posts) == 2
        for other in (
            replace(query, text="盐雾"),
            replace(query, domain="d"),
            replace(query, side="capability"),
            replace(query, least_maturity=3),
        ):
            with pytest.raises(InvalidInput) as refused:
                search_posts(platform, replace(other, cursor=cursor), VISITOR, now)
            assert refused.value.code == "list.cursor"


def forge(query: SearchQuery, value: object, after: object) -> str:
    payload = json.dumps([search_module._signature(query), value, after])
    return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    ("value", "after", "code"),
    [
        (MOST_FUSED, "x", "search.too_deep"),
        (-1, "x", "list.cursor"),
        (True, "x", "list.cursor"),
        (1.5, "x", "list.cursor"),
        (None, "x", "list.cursor"),
        (1, None, "list.cursor"),
        (1, "\ud800", "list.cursor"),
        (1, "\x00", "list.cursor"),
        ("2026-11-25T00:00:00", "x", "list.cursor"),
        ("0001-01-01T00:00:00+23:59", "x", "list.cursor"),
        ("yesterday", "x", "list.cursor"),
    ],
)
def test_forged_cursors_are_refused(platform: Platform, now: datetime, value: object, after: object, code: str) -> None:
    query = SearchQuery(side="need", text="压铸")
    with pytest.raises(InvalidInput) as refused:
        search_posts(platform, replace(query, cursor=forge(query, value, after)), VISITOR, now)
    assert (refused.value.code, refused.value.where) == (code, "cursor")


@given(st.text(max_size=320))
def test_any_text_as_a_cursor_is_refused_or_empty(cursor: str) -> None:
    query = SearchQuery(side="need", text="压铸", cursor=cursor)
    if cursor:
        with pytest.raises(InvalidInput):
            search_module._read_place(query)
    else:
        assert search_module._read_place(query) is None


@pytest.mark.parametrize(
    ("query", "where"),
    [
        (SearchQuery(side="need", text="长" * 2001), "q"),
        (SearchQuery(side="need", limit=0), "limit"),
        (SearchQuery(side="need", limit=101), "limit"),
    ],
)
def test_questions_have_limits(platform: Platform, now: datetime, query: SearchQuery, where: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        search_posts(platform, query, VISITOR, now)
    assert refused.value.where == where

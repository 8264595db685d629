"""Duplicates on the pages: the writer's warning, the reviewer's, and the staff's list."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event, select

from matching.bootstrap import Platform
from matching.models import DuplicatePair, Post
from matching.services.duplicates import note_duplicates
from matching.services.posts import submit_post
from tests.factories.people import Member, make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.conftest import Browser, Clock

FIRM, RIVAL, STAFF, ELSEWHERE = "firm@example.cn", "rival@example.cn", "staff@example.cn", "foshan@example.cn"
TITLE = "高频线路板翘曲控制"
PROSE = "我公司生产的高频线路板在回流焊后翘曲超过千分之七，影响贴片良率。已经试过调整压合参数和铜厚平衡，翘曲仍有波动。"


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    make_staff(platform, clock.moment, email=STAFF)
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    return make_member(platform, clock.moment, email=FIRM, organisation="世纪线路板")


@pytest.fixture
def rival(firm: Member, platform: Platform, clock: Clock) -> Member:
    return make_member(platform, clock.moment, email=RIVAL, organisation="另一家线路板")


def post(platform: Platform, clock: Clock, member: Member, **fields: str) -> str:
    post_id = make_need(platform, member, clock.moment, **({"title": TITLE, "problem": PROSE} | fields))
    note_duplicates(platform, post_id, clock.moment)
    return post_id


def preview(browser: Browser, **fields: str) -> str:
    browser.get("/needs/new")
    return browser.post("/needs/preview", {"title": TITLE, "problem": PROSE} | fields).text


def test_the_writer_is_shown_what_says_the_same_and_never_what_is_hidden(
    platform: Platform, clock: Clock, firm: Member, rival: Member, open_browser: Callable[..., Browser]
) -> None:
    public = post(platform, clock, firm)
    hidden = post(platform, clock, firm, visibility="matched")
    for browser in (open_browser(RIVAL), open_browser()):
        page = preview(browser)
        assert "可能已经发布过" in page
        assert f"/posts/{public}" in page
        assert hidden not in page
    assert "可能已经发布过" not in preview(
        open_browser(RIVAL), title="红茶发酵检测", problem="红茶发酵程度只凭经验判断"
    )


def test_editing_a_post_does_not_find_the_post_itself(
    platform: Platform, clock: Clock, firm: Member, open_browser: Callable[..., Browser]
) -> None:
    own = post(platform, clock, firm)
    browser = open_browser(FIRM)
    assert f'name="post_id" value="{own}"' in browser.get(f"/posts/{own}/edit").text
    assert "可能已经发布过" not in preview(browser, post_id=own)
    assert "可能已经发布过" in preview(browser)


def test_the_staff_close_the_poorer_of_a_pair(
    platform: Platform, clock: Clock, firm: Member, rival: Member, open_browser: Callable[..., Browser]
) -> None:
    first, second = post(platform, clock, firm, expected_result="翘曲降到千分之五以下"), post(platform, clock, rival)
    browser = open_browser(STAFF)
    assert "可能重复、待处理：1 对" in browser.get("/review/").text
    page = browser.get("/duplicates/").text
    assert page.index(f"/posts/{first}") < page.index(f"/posts/{second}")
    with platform.reading() as reading:
        pair = reading.scalars(select(DuplicatePair)).one()
    assert browser.post(f"/duplicates/{pair.id}", {"decision": "nix"}).status_code == 302
    decision = "close_second" if pair.second_id == second else "close_first"
    browser.post(f"/duplicates/{pair.id}", {"decision": decision})
    assert "没有待处理的重复信息" in browser.get("/duplicates/").text
    with platform.reading() as reading:
        found = {row.id: (row.status, row.close_reason) for row in reading.scalars(select(Post))}
    assert found == {first: ("published", None), second: ("closed", "duplicate")}
    assert "您的信息与另一条重复" in open_browser(RIVAL).get("/inbox/").text


def test_others_than_staff_of_the_region_see_no_pair(
    platform: Platform, clock: Clock, firm: Member, rival: Member, open_browser: Callable[..., Browser]
) -> None:
    first = post(platform, clock, firm, visibility="matched")
    post(platform, clock, rival, visibility="matched")
    assert open_browser().get("/duplicates/").status_code == 302
    assert open_browser(FIRM).get("/duplicates/").status_code == 403
    stranger = open_browser(ELSEWHERE)
    assert first not in stranger.get("/duplicates/").text
    with platform.reading() as reading:
        pair_id = reading.scalars(select(DuplicatePair.id)).one()
    assert stranger.post(f"/duplicates/{pair_id}", {"decision": "close_first"}).status_code == 404


def test_the_list_asks_the_same_number_of_questions_for_one_pair_and_for_many(
    platform: Platform, clock: Clock, firm: Member, rival: Member, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    counted = [0]
    listed = []

    def count(*_: object) -> None:
        counted[-1] += 1

    event.listen(platform.engine, "before_cursor_execute", count)
    post(platform, clock, firm)
    for _ in range(3):
        post(platform, clock, rival)
        counted.append(0)
        page = browser.get("/duplicates/").text
        listed.append((page.count("这两条不重复"), counted[-1]))
        counted.append(0)
    event.remove(platform.engine, "before_cursor_execute", count)
    assert [pairs for pairs, _ in listed] == [1, 3, 6]
    assert listed[0][1] == listed[2][1]


def test_the_reviewer_is_told(
    platform: Platform, clock: Clock, firm: Member, rival: Member, open_browser: Callable[..., Browser]
) -> None:
    there = post(platform, clock, firm)
    waiting = make_need(platform, rival, clock.moment, publish=False, title=TITLE, problem=PROSE)
    with platform.unit_of_work() as uow:
        submit_post(uow, rival.actor, waiting, clock.moment)
    page = open_browser(STAFF).get(f"/review/{waiting}").text
    assert "可能重复" in page
    assert f"/posts/{there}" in page

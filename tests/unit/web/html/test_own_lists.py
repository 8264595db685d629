"""Lists of one's own: paged however much was imported, opened where something is, and one post called one post."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.services.interests import InterestEntry, express_interest
from matching.services.posts import NeedFields, draft_need
from tests.factories.people import make_member
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock
from web.html import posts as posts_page

FIRM, OTHER = "firm@example.cn", "other@example.cn"


def test_own_posts_come_in_pages_and_are_counted_whole(
    app: Flask,
    platform: Platform,
    clock: Clock,
    open_browser: Callable[..., Browser],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(posts_page, "_MINE_AT_ONCE", 2)
    firm = make_member(platform, clock.moment, email=FIRM)
    for number in range(5):
        clock.advance(minutes=1)
        with platform.unit_of_work() as uow:
            entered = NeedFields(organisation_id=firm.organisation_id, title=f"第{number}条需求")
            draft_need(uow, firm.actor, entered, clock.moment)
    browser = open_browser(FIRM)
    first = browser.get("/posts/mine?state=draft").text
    assert re.findall("第[0-9]条需求", first) == ["第4条需求", "第3条需求"]
    assert "第 1 页，共 3 页" in first
    assert re.search(r'草稿与退回 <span class="dj-soft">5<', first)
    [following] = re.findall(r'rel="next" href="([^"]+)"', first)
    assert "state=draft" in following
    last = browser.get("/posts/mine?state=draft&page=99").text
    assert re.findall("第[0-9]条需求", last) == ["第0条需求"]
    assert 'rel="next"' not in last


def test_one_post_is_not_called_by_the_name_of_the_list(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    firm = make_member(platform, clock.moment, email=FIRM)
    post_id = make_need(platform, firm, clock.moment)
    browser = open_browser(FIRM)
    browser.get("/language/en")
    assert '<li class="dj-tag dj-tag--accent">Need</li>' in browser.get(f"/posts/{post_id}").text
    assert "<li>Need</li>" in browser.get("/posts/mine").text


def test_who_has_only_asked_others_sees_what_they_sent(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    firm = make_member(platform, clock.moment, email=FIRM)
    other = make_member(platform, clock.moment, email=OTHER, organisation="别家", kind="university")
    need_id = make_need(platform, firm, clock.moment)
    target_id = make_capability(platform, other, clock.moment)
    with platform.unit_of_work() as uow:
        entry = InterestEntry(aim="想请贵校帮忙诊断", timing="quarter", contact={"name": "林", "phone": "13800138000"})
        express_interest(uow, firm.actor, target_id, entry, clock.moment, platform.settings, own_id=need_id)
    browser = open_browser(FIRM)
    assert "想请贵校帮忙诊断" in browser.get("/interests/").text
    assert "想请贵校帮忙诊断" not in browser.get("/interests/?box=received").text
    assert "想请贵校帮忙诊断" in open_browser(OTHER).get("/interests/").text


def test_only_a_few_unsent_texts_stand_above_the_posts(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=FIRM)
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    for number in range(5):
        clock.advance(minutes=1)
        browser.post(f"/unsent/need/text-{number}", {"title": f"没写完的{number}"})
    page = browser.get("/posts/mine").text
    shown, folded = page.split("另有 2 条")
    assert re.findall("没写完的[0-9]", shown) == ["没写完的4", "没写完的3", "没写完的2"]
    assert re.findall("没写完的[0-9]", folded) == ["没写完的1", "没写完的0"]

"""The staff's desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Post
from matching.services.posts import submit_post
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.conftest import Browser, Clock

FIRM, STAFF, ELSEWHERE = "firm@example.cn", "staff@example.cn", "foshan@example.cn"


@pytest.fixture
def waiting(app: Flask, platform: Platform, clock: Clock) -> str:
    firm = make_member(platform, clock.moment, email=FIRM)
    make_staff(platform, clock.moment, email=STAFF)
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    post_id = make_need(platform, firm, clock.moment, publish=False, problem="电话13800138000")
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, post_id, clock.moment)
    return post_id


def status_of(platform: Platform, post_id: str) -> str:
    with platform.reading() as reading:
        post = reading.get(Post, post_id)
        assert post is not None
        return post.status


def test_the_desk_shows_what_waits_in_the_region(waiting: str, open_browser: Callable[..., Browser]) -> None:
    assert waiting in open_browser(STAFF).get("/review/").text
    assert "没有待审核的信息" in open_browser(ELSEWHERE).get("/review/").text
    assert open_browser(ELSEWHERE).get(f"/review/{waiting}").status_code == 404


def test_members_and_visitors_do_not_review(
    waiting: str, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    assert open_browser().get("/review/").status_code == 302
    browser = open_browser(FIRM)
    assert browser.get("/review/").status_code == 403
    assert browser.post(f"/review/{waiting}/publish").status_code == 403
    assert browser.post(f"/review/{waiting}/return", {"text": "x"}).status_code == 403
    stranger = open_browser(ELSEWHERE)
    stranger.get("/review/")
    assert stranger.post(f"/review/{waiting}/publish").status_code == 404
    assert status_of(platform, waiting) == "submitted"


def test_publishing(waiting: str, platform: Platform, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(STAFF)
    assert "13800138000" in browser.get(f"/review/{waiting}").text  # the coach points it out
    assert browser.post(f"/review/{waiting}/publish").headers["Location"] == "/review/"
    assert status_of(platform, waiting) == "published"
    assert browser.post(f"/review/{waiting}/publish").status_code == 409


def test_returning_needs_a_reason_and_tells_it(
    waiting: str, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    browser.get(f"/review/{waiting}")
    assert browser.post(f"/review/{waiting}/return", {"text": "  "}).status_code == 422
    assert browser.post(f"/review/{waiting}/return", {"reason": "nix"}).status_code == 422
    assert status_of(platform, waiting) == "submitted"
    browser.post(f"/review/{waiting}/return", {"reason": "too_vague", "text": "请补充 <指标>"})
    assert status_of(platform, waiting) == "returned"
    page = open_browser(FIRM).get(f"/posts/{waiting}").text
    assert "问题或指标不清楚" in page
    assert "请补充 &lt;指标&gt;" in page

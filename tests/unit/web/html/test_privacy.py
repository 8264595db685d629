"""The register and the assessment are open to everybody; leaving is possible and reaches everything."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Expert, User
from matching.privacy import REGISTER
from tests.factories.people import make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock


def test_everybody_reads_the_register_in_both_languages(app: Flask, open_browser: Callable[..., Browser]) -> None:
    for language, word, days in (("zh", "处理清单", "7 天后只保留网段"), ("en", "Register", "after 7 days")):
        page = open_browser(language=language).get("/privacy/")
        assert page.status_code == 200
        assert word in page.text
        assert days in page.text
        assert "{days}" not in page.text
        assert re.findall(r'class="dj-paper" id="(\w+)"', page.text) == [held.code for held in REGISTER]
        assert 'href="/privacy/matching"' in page.text
    assert 'href="/privacy/"' in open_browser().get("/").text


def test_the_assessment_says_what_the_settings_are(app: Flask, open_browser: Callable[..., Browser]) -> None:
    for language, words in (
        ("zh", ("每周最多 20 条", "730 天后删除", "2026年11月26日")),
        ("en", ("At most 20 a week", "730 days")),
    ):
        page = open_browser(language=language).get("/privacy/matching").text
        for word in words:
            assert word in page


def test_why_am_i_seeing_this_leads_to_the_assessment(
    platform: Platform, clock: Clock, app: Flask, open_browser: Callable[..., Browser]
) -> None:
    firm = make_member(platform, clock.moment, email="firm@example.cn")
    university = make_member(platform, clock.moment, email="uni@example.cn", organisation="大学", kind="university")
    need_id = make_need(platform, firm, clock.moment)
    make_capability(platform, university, clock.moment)
    settle_everything(platform, clock.moment)
    page = open_browser("firm@example.cn").get(f"/posts/{need_id}").text
    reasons = page.split("为什么看到这条")[1]
    assert 'href="/privacy/matching"' in reasons.split("</details>")[0]


def test_closing_an_account_is_asked_twice_and_ends_the_sign_in(
    platform: Platform, clock: Clock, app: Flask, open_browser: Callable[..., Browser]
) -> None:
    member = make_member(platform, clock.moment, email="leaves@example.cn")
    make_expert(platform, clock.moment, member, name="要走的人")
    browser = open_browser("leaves@example.cn")
    assert browser.get("/me/data/").status_code == 200
    assert browser.post("/me/data/close").status_code == 422
    assert browser.client.post("/me/data/close", data={"sure": "y"}).status_code == 400  # without the form's token
    assert browser.post("/me/data/close", {"sure": "y"}).status_code == 302
    assert browser.get("/me/data/").status_code == 302  # to the sign-in page
    with platform.reading() as session:
        assert session.scalars(select(User)).all() == []
        assert session.scalars(select(Expert)).all() == []
    assert (platform.settings.data_dir / "erasures.jsonl").is_file()
    browser.get("/sign-in")
    assert browser.post("/sign-in", {"email": "leaves@example.cn", "password": "correct horse 电池"}).status_code != 302


def test_staff_are_told_why_they_cannot(
    platform: Platform, clock: Clock, app: Flask, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email="staff@example.cn")
    browser = open_browser("staff@example.cn")
    browser.get("/me/data/")
    answer = browser.post("/me/data/close", {"sure": "y"})
    assert answer.status_code == 422
    assert "请联系系统管理员停用" in answer.text

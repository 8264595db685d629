"""The inbox: reasons with each message, unread counts, and nobody else's messages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Notification
from matching.services.posts import pause_post
from tests.factories.people import Member, make_expert, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

FIRM, PROFESSOR = "firm@example.cn", "prof@example.edu.cn"
TEXT = "压合后翘曲 1.2 %，铜厚 35 μm，热压温度 200 ℃，需要仿真预测翘曲"


@pytest.fixture
def pair(app: Flask, platform: Platform, clock: Clock) -> tuple[str, str, Member]:
    firm = make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")
    professor = make_member(platform, clock.moment, email=PROFESSOR, organisation="示例大学", kind="university")
    expert = make_expert(platform, clock.moment, professor)
    capability = make_capability(platform, professor, clock.moment, abstract=TEXT, expert_ids=(expert,))
    need = make_need(platform, firm, clock.moment, problem=TEXT)
    settle_everything(platform, clock.moment)
    return need, capability, firm


def test_both_sides_are_told_with_reasons(pair: tuple[str, str, Member], open_browser: Callable[..., Browser]) -> None:
    need, capability, _ = pair
    browser = open_browser(PROFESSOR)
    page = browser.get("/inbox/").text
    assert "有新的技术需求可能适合您" in page
    assert f'href="/posts/{need}"' in page
    assert re.search(r'class="dj-reasons"[^>]*><li>', page)
    assert re.search(r"data-unread>1<", page)
    firm = open_browser(FIRM).get("/inbox/").text
    assert "有新的技术供给可能解决您的需求" in firm
    assert f'href="/posts/{capability}"' in firm
    in_english = (
        browser.get("/language/en", headers={"Referer": "http://localhost/inbox/"}) and browser.get("/inbox/").text
    )
    assert "A new need may suit you" in in_english
    assert "有新的" not in in_english


def test_opening_a_message_marks_it_read_and_leads_to_the_post(
    pair: tuple[str, str, Member], platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(PROFESSOR)
    [message] = re.findall(r"/inbox/([0-9a-f-]{36})/open", browser.get("/inbox/").text)[:1]
    assert browser.post(f"/inbox/{message}/open").headers["Location"] == f"/posts/{pair[0]}"
    assert "都看过了" in browser.get("/inbox/?show=unread").text
    assert "data-unread" not in browser.get("/").text


def test_everything_can_be_marked_read(pair: tuple[str, str, Member], open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(FIRM)
    browser.get("/inbox/")
    assert browser.post("/inbox/read").status_code == 302
    assert "data-unread" not in browser.get("/inbox/").text
    assert "data-unread" in open_browser(PROFESSOR).get("/").text


def test_nobody_opens_anothers_message(
    pair: tuple[str, str, Member], platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    [message] = re.findall(r"/inbox/([0-9a-f-]{36})/open", open_browser(PROFESSOR).get("/inbox/").text)[:1]
    browser = open_browser(FIRM)
    browser.get("/inbox/")
    assert browser.post(f"/inbox/{message}/open").status_code == 404
    with platform.reading() as reading:
        row = reading.get(Notification, message)
        assert row is not None
        assert row.read_at is None


def test_a_message_about_a_post_that_is_gone_says_so(
    pair: tuple[str, str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    need, _, firm = pair
    with platform.unit_of_work() as uow:
        pause_post(uow, firm.actor, need, clock.moment)
    settle_everything(platform, clock.moment)
    browser = open_browser(PROFESSOR)
    page = browser.get("/inbox/").text
    assert "已经下线" in page
    assert "高频线路板翘曲控制" not in page
    with platform.reading() as reading:
        message = reading.query(Notification).filter_by(post_id=need).first() or reading.query(Notification).first()
        assert message is not None


def test_an_empty_inbox_says_what_to_do(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=FIRM)
    page = open_browser(FIRM).get("/inbox/").text
    assert "收件箱是空的" in page
    assert "data-unread" not in page


def test_many_messages_come_in_pages(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    member = make_member(platform, clock.moment, email=FIRM)
    post_id = make_need(platform, member, clock.moment)
    with platform.unit_of_work() as uow:
        for number in range(45):
            uow.session.add(
                Notification(
                    user_id=member.user_id,
                    kind="post_expires",
                    once_key=f"k{number}",
                    post_id=post_id,
                    created_at=clock.moment - timedelta(minutes=number // 2),
                )
            )
        uow.commit()
    browser = open_browser(FIRM)
    seen: list[str] = []
    address: str | None = "/inbox/"
    while address:
        page = browser.get(address).text
        seen += re.findall(r"/inbox/([0-9a-f-]{36})/open\"", page)[::2]
        found = re.search(r'rel="next" href="([^"]+)"', page)
        address = found[1].replace("&amp;", "&") if found else None
    assert (len(seen), len(set(seen))) == (45, 45)
    assert browser.get("/inbox/?cursor=nonsense").status_code == 422

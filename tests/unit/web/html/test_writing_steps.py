"""The form of a post in steps: going on, going back, jumping, and what each step says of itself."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Post
from matching.services.posts import return_post, submit_post
from tests.factories.people import Member, make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.conftest import Browser, Clock

FIRM = "firm@example.cn"
TYPED = {
    "title": "高频线路板翘曲控制",
    "problem": "压合后翘曲 1.2 %",
    "visibility": "public",
    "at": "problem",
    "seen": "problem",
}


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    return make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")


def open_step(page: str) -> str:
    """The step that is shown."""
    [key] = re.findall(r'class="dj-step dj-step--here" data-step="(\w+)"', page)
    return str(key)


def states(page: str) -> list[str]:
    """The state of each step in the list."""
    return re.findall(r'<li class="dj-stepper--(\w+)"', page)


def test_one_goes_on_step_by_step_and_everything_typed_travels(
    firm: Member, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    page = browser.get("/needs/new").text
    assert (open_step(page), states(page)) == ("problem", ["here", "open", "open", "open", "open"])
    answer = browser.post("/needs/new", TYPED | {"then": "next:targets"})
    assert (answer.status_code, open_step(answer.text)) == (200, "targets")
    assert states(answer.text) == ["done", "here", "open", "open", "open"]
    assert 'value="高频线路板翘曲控制"' in answer.text
    assert 'name="seen" value="problem,targets"' in answer.text
    back = browser.post("/needs/new", TYPED | {"then": "step:problem", "at": "targets", "seen": "problem,targets"})
    assert states(back.text) == ["here", "done", "open", "open", "open"]


def test_a_wrong_step_holds_back_who_goes_on_but_not_who_jumps(
    firm: Member, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    wrong = TYPED | {"money_minimum": "abc", "at": "targets", "seen": "problem,targets"}
    stays = browser.post("/needs/new", wrong | {"then": "next:cooperation"})
    assert (stays.status_code, open_step(stays.text)) == (422, "targets")
    assert 'href="#money_minimum"' in stays.text
    jumps = browser.post("/needs/new", wrong | {"then": "step:audience"})
    assert (jumps.status_code, open_step(jumps.text)) == (200, "audience")
    assert states(jumps.text) == ["done", "wrong", "open", "here", "open"]
    assert "1 处有误" in jumps.text
    assert 'value="abc"' in jumps.text


def test_steps_that_were_never_open_are_not_complained_about(
    firm: Member, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    page = browser.post("/needs/new", TYPED | {"contact_email": "half", "then": "next:targets"}).text
    assert "邮箱地址不完整" not in page
    page = browser.post("/needs/new", TYPED | {"contact_email": "half", "then": "step:check"}).text
    assert states(page) == ["done", "done", "done", "wrong", "here"]
    assert "邮箱地址不完整" in page
    sent = browser.post("/needs/new", TYPED | {"contact_email": "half", "then": "send", "at": "check"})
    assert (sent.status_code, open_step(sent.text)) == (422, "audience")


def test_the_last_step_shows_what_was_entered_and_who_would_see_it(
    firm: Member, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    entered = TYPED | {
        "contact_phone": "0750-1234567",
        "money_minimum": "20",
        "money_maximum": "30",
        "then": "step:check",
    }
    seen = {}
    for visibility in ("public", "members", "matched", "staff"):
        page = unescape(browser.post("/needs/new", entered | {"visibility": visibility}).text)
        listed = page.split('class="dj-seen-by"')[1].split("</ul>")[0]
        readers = re.split(r"<li>", listed)[1:]
        seen[visibility] = ["看不到这条信息" not in reader for reader in readers]
        assert [("0750-1234567" in reader) for reader in readers] == [True, False, False, False, False]
        assert "20–30 万元" in page
        if visibility == "matched":
            assert "鹤山市示例电子有限公司" not in readers[2]
            assert "单位名称暂不公开" in readers[2]
    # Own side, staff, those it is suggested to, other members, visitors.
    assert seen == {
        "public": [True, True, True, True, True],
        "members": [True, True, True, True, False],
        "matched": [True, True, True, False, False],
        "staff": [True, True, False, False, False],
    }


def test_a_visitor_walks_through_the_steps_too(firm: Member, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    browser.get("/needs/new")
    answer = browser.post("/needs/new", TYPED | {"then": "step:check"})
    assert (answer.status_code, open_step(answer.text)) == (200, "check")
    sent = browser.post("/needs/new", TYPED | {"then": "send"})
    assert sent.status_code == 401
    assert "高频线路板翘曲控制" in sent.text


def test_a_step_that_does_not_exist_changes_nothing(firm: Member, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(FIRM)
    browser.get("/needs/new")
    for forged in ("step:", "step:nix", "next:nix"):
        answer = browser.post("/needs/new", TYPED | {"then": forged, "at": "<b>", "seen": "x,,problem"})
        assert (answer.status_code, open_step(answer.text)) == (200, "problem")


def test_what_the_reviewer_said_stands_at_its_field(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email="staff@example.cn")
    post_id = make_need(platform, firm, clock.moment, publish=False)
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, post_id, clock.moment)
    staff = open_browser("staff@example.cn")
    assert 'name="note.indicators"' in staff.get(f"/review/{post_id}").text
    refused = staff.post(f"/review/{post_id}/return", {"note.contact": "x"})
    assert refused.status_code == 422
    staff.post(f"/review/{post_id}/return", {"note.indicators": "请写出翘曲的数值", "note.title": " "})
    with platform.reading() as reading:
        post = reading.get(Post, post_id)
        assert post is not None
        assert (post.status, post.return_reason, post.return_notes) == (
            "returned", "技术指标：请写出翘曲的数值", {"indicators": "请写出翘曲的数值"},
        )  # fmt: skip
    page = open_browser(FIRM).get(f"/posts/{post_id}/edit").text
    assert re.search(r'id="note-indicators"><strong>审核意见</strong>：请写出翘曲的数值', page)
    assert 'aria-describedby="note-indicators hint-indicators"' in page
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, post_id, clock.moment)
    with platform.reading() as reading:
        assert reading.get_one(Post, post_id).return_notes == {}


def test_notes_name_fields_of_the_post(firm: Member, platform: Platform, clock: Clock) -> None:
    from matching.errors import InvalidInput
    from matching.services.actor import Actor

    post_id = make_need(platform, firm, clock.moment, publish=False)
    staff = Actor(user_id=None, role="administrator")
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, post_id, clock.moment)
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput) as raised:
        return_post(uow, staff, post_id, "x", clock.moment, notes={"abstract": "x"})
    assert raised.value.where == "notes.abstract"

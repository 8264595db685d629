"""One's own account in the browser: password, sign-ins, second factor, forgotten passwords, language."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Delivery, User
from matching.notifying.letters import write_letter
from matching.services.accounts import FAILURES_OF_ONE_ORIGIN
from matching.services.attempts import note_attempt
from matching.services.two_factor import code_at, step_at
from tests.factories.people import PASSWORD, make_member, make_staff
from tests.factories.platforms import make_platform
from tests.unit.web.conftest import Browser, Clock
from web.app import create_app

EMAIL = "li@example.cn"
NEW = "三只猫和一把伞 2026"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """With a mail server set; what is owed to it is looked at, not sent."""
    made = make_platform(tmp_path, smtp_host="127.0.0.1", smtp_port=9, mail_from="office@example.cn",
                         public_url="http://localhost")  # fmt: skip
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _member(app: Flask, platform: Platform, clock: Clock) -> None:
    make_member(platform, clock.moment, email=EMAIL, organisation="鹤山市示例电子有限公司")


def mailed_link(platform: Platform, kind: str) -> str:
    """The path that the last letter of a kind leads to."""
    with platform.reading() as session:
        row = session.query(Delivery).filter_by(kind=kind).order_by(Delivery.created_at.desc()).first()
        assert row is not None
        text = write_letter(row.kind, row.payload, "zh", platform.settings).text()
    found = re.search(r"http://localhost(/links/\S+)", text)
    assert found is not None
    return found[1]


def turn_on(browser: Browser, clock: Clock) -> tuple[str, list[str]]:
    """Set up the second factor; returns the key and the recovery codes."""
    page = browser.get("/account/two-factor").text
    found = re.search(r'class="dj-key" translate="no">([A-Z2-7 ]+)<', page)
    assert found is not None
    key = found[1].replace(" ", "")
    answer = browser.post("/account/two-factor/enable", {"one_time_code": code_at(key, step_at(clock.moment))})
    assert answer.status_code == 200
    return key, re.findall(r"<li><code>([a-z2-7-]+)</code>", answer.text)


def test_visitors_are_sent_to_the_sign_in(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    for path in ("", "password", "sign-ins", "two-factor", "notifications", "members/x"):
        assert browser.get(f"/account/{path}").headers["Location"].startswith("/sign-in?next=/account/")


def test_name_and_language(open_browser: Callable[..., Browser], platform: Platform) -> None:
    browser = open_browser(EMAIL)
    browser.get("/account/")
    wrong = browser.post("/account/", {"name": " ", "locale": "en"})
    assert wrong.status_code == 422
    assert 'href="#name"' in wrong.text
    assert browser.post("/account/", {"name": '李 <b>"工"</b>', "locale": "en"}).status_code == 302
    page = browser.get("/account/").text
    assert "My account" in page
    assert "李 &lt;b&gt;" in page


def test_changing_the_password_keeps_this_sign_in_and_ends_the_others(open_browser: Callable[..., Browser]) -> None:
    browser, other = open_browser(EMAIL), open_browser(EMAIL)
    browser.get("/account/password")
    fields = {"present_password": PASSWORD, "password": NEW, "password_again": NEW}
    for changed, place in (
        ({"present_password": "wrong"}, "present_password"),
        ({"password": "1234567890", "password_again": "1234567890"}, "password"),
        ({"password_again": "else"}, "password_again"),
    ):
        wrong = browser.post("/account/password", fields | changed)
        assert wrong.status_code == 422
        assert f'href="#{place}"' in wrong.text
        assert NEW not in wrong.text
        assert PASSWORD not in wrong.text
    assert browser.post("/account/password", fields).headers["Location"] == "/account/"
    assert browser.get("/account/").status_code == 200
    assert other.get("/account/").status_code == 302
    assert open_browser().sign_in(EMAIL, NEW).status_code == 302


def test_passwords_are_not_kept_when_the_sign_in_has_ended(open_browser: Callable[..., Browser], clock: Clock) -> None:
    browser = open_browser(EMAIL)
    browser.get("/account/password")
    clock.advance(hours=13)
    answer = browser.post("/account/password", {"present_password": PASSWORD, "password": NEW, "password_again": NEW})
    assert answer.status_code == 401
    assert NEW not in answer.text
    assert PASSWORD not in answer.text


def test_sign_ins_are_listed_with_their_devices_and_ended(open_browser: Callable[..., Browser]) -> None:
    phone = open_browser()
    phone.client.environ_base["HTTP_USER_AGENT"] = (
        "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36 MicroMessenger/8.0"
    )
    phone.sign_in(EMAIL)
    browser, third = open_browser(EMAIL), open_browser(EMAIL)
    page = browser.get("/account/sign-ins").text
    assert "WeChat · Android" in page
    assert page.count("本次登录") == 1
    forms = re.findall(r'action="(/account/sign-ins/[0-9a-f]{64}/end)"', page)
    assert len(forms) == 2
    assert browser.post("/account/sign-ins/" + "0" * 64 + "/end").status_code == 404
    for form in forms:
        assert browser.post(form).status_code == 302
    assert phone.get("/account/").status_code == 302
    assert third.get("/account/").status_code == 302
    fourth = open_browser(EMAIL)
    browser.get("/account/sign-ins")
    browser.post("/account/sign-ins/end")
    assert fourth.get("/account/").status_code == 302
    assert browser.get("/account/").status_code == 200


def test_a_stranger_cannot_end_a_sign_in(
    open_browser: Callable[..., Browser], platform: Platform, clock: Clock
) -> None:
    make_member(platform, clock.moment, email="other@example.cn", organisation="另一单位")
    browser = open_browser(EMAIL)
    open_browser(EMAIL)
    [form, *_] = re.findall(r'action="(/account/sign-ins/[0-9a-f]{64}/end)"', browser.get("/account/sign-ins").text)
    stranger = open_browser("other@example.cn")
    stranger.get("/account/sign-ins")
    assert stranger.post(form).status_code == 404


def test_signing_in_with_the_second_factor(open_browser: Callable[..., Browser], clock: Clock) -> None:
    key, recovery = turn_on(open_browser(EMAIL), clock)
    assert len(recovery) == 10
    clock.advance(minutes=2)
    browser = open_browser()
    browser.get("/sign-in?next=/inbox/")
    asked = browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": "/inbox/"})
    assert asked.status_code == 200
    assert "one_time_code" in asked.text
    assert browser.get("/account/").status_code == 302
    wrong = browser.post("/sign-in/code", {"one_time_code": "000000", "next": "/inbox/"})
    assert wrong.status_code == 422
    assert "data-error-summary" in wrong.text
    code = code_at(key, step_at(clock.moment))
    assert browser.post("/sign-in/code", {"one_time_code": code, "next": "/inbox/"}).headers["Location"] == "/inbox/"
    assert browser.get("/account/").status_code == 200
    again = open_browser()
    again.sign_in(EMAIL)
    again.get("/sign-in")
    assert again.post("/sign-in/code", {"one_time_code": code}).status_code == 422
    assert again.post("/sign-in/code", {"one_time_code": recovery[0]}).status_code == 302


def test_the_code_without_the_password_opens_nothing(
    open_browser: Callable[..., Browser], clock: Clock, platform: Platform
) -> None:
    key, _ = turn_on(open_browser(EMAIL), clock)
    clock.advance(minutes=2)
    browser = open_browser()
    browser.get("/sign-in")
    code = {"one_time_code": code_at(key, step_at(clock.moment))}
    assert browser.post("/sign-in/code", code).status_code == 422
    browser.sign_in(EMAIL)
    clock.advance(minutes=6)
    browser.get("/sign-in")
    late = browser.post("/sign-in/code", {"one_time_code": code_at(key, step_at(clock.moment))})
    assert late.status_code == 422
    assert "请重新登录" in late.text
    browser.sign_in(EMAIL)
    with platform.unit_of_work() as uow:
        uow.session.query(User).filter_by(email=EMAIL).one().password_hash = "changed meanwhile"
        uow.commit()
    browser.get("/sign-in")
    assert browser.post("/sign-in/code", {"one_time_code": code_at(key, step_at(clock.moment))}).status_code == 422
    assert browser.get("/account/").status_code == 302


def test_what_was_written_survives_both_steps(open_browser: Callable[..., Browser], clock: Clock) -> None:
    key, _ = turn_on(open_browser(EMAIL), clock)
    clock.advance(minutes=2)
    browser = open_browser()
    browser.get("/needs/new")
    asked = browser.post("/needs/new", {"title": "涂层起泡", "then": "draft"})

    def hidden(text: str) -> dict[str, Any]:
        return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', text))

    second = browser.post("/sign-in", hidden(asked.text) | {"email": EMAIL, "password": PASSWORD})
    sent = browser.post("/sign-in/code", hidden(second.text) | {"one_time_code": code_at(key, step_at(clock.moment))})
    assert hidden(sent.text)["title"] == "涂层起泡"
    assert 'action="/needs/new"' in sent.text


def test_the_second_factor_is_turned_off_with_a_code(open_browser: Callable[..., Browser], clock: Clock) -> None:
    browser = open_browser(EMAIL)
    key, old = turn_on(browser, clock)
    clock.advance(minutes=1)
    browser.get("/account/two-factor")
    renewed = browser.post("/account/two-factor/codes", {"one_time_code": code_at(key, step_at(clock.moment))})
    assert old[0] not in renewed.text
    clock.advance(minutes=1)
    assert browser.post("/account/two-factor/disable", {"one_time_code": "000000"}).status_code == 422
    off = browser.post("/account/two-factor/disable", {"one_time_code": code_at(key, step_at(clock.moment))})
    assert off.headers["Location"] == "/account/"
    assert open_browser().sign_in(EMAIL).status_code == 302


def test_staff_who_must_have_it_see_nothing_else_first(tmp_path: Path, clock: Clock) -> None:
    strict = make_platform(tmp_path / "strict", require_two_factor_for_staff=True)
    make_staff(strict, clock.moment, email="staff@example.cn")
    make_member(strict, clock.moment, email="m@example.cn")
    app = create_app(strict, clock=clock)
    app.testing = True
    staff, member = Browser(app.test_client()), Browser(app.test_client())
    staff.sign_in("staff@example.cn")
    for path in ("/", "/review/", "/account/", "/posts/mine", "/registrations/"):
        assert staff.get(path).headers["Location"] == "/account/two-factor"
    staff.get("/account/two-factor")
    assert staff.post("/account/password", {}).headers["Location"] == "/account/two-factor"
    assert staff.get("/static/duijie.css").status_code == 200
    turn_on(staff, clock)
    assert staff.get("/review/").status_code == 200
    member.sign_in("m@example.cn")
    assert member.get("/account/").status_code == 200
    strict.close()


def test_a_forgotten_password(open_browser: Callable[..., Browser], platform: Platform) -> None:
    browser = open_browser()
    pages = set()
    for email in (EMAIL, "nobody@example.cn"):
        browser.get("/password/forgotten")
        answer = browser.post("/password/forgotten", {"email": email})
        assert answer.status_code == 200
        pages.add(re.sub(r'csrf_token" value="[^"]+"', "", answer.text.replace(email, "")))
    assert len(pages) == 1
    link = mailed_link(platform, "reset_password")
    assert browser.get(link).status_code == 200
    assert browser.get(link).status_code == 200
    assert browser.post(link, {"password": NEW, "password_again": "else"}).status_code == 422
    assert browser.post(link, {"password": "short", "password_again": "short"}).status_code == 422
    assert browser.post(link, {"password": NEW, "password_again": NEW}).headers["Location"] == "/sign-in"
    assert browser.get(link).status_code == 404
    assert open_browser().sign_in(EMAIL, NEW).status_code == 302


def test_a_link_of_the_mail_is_not_told_to_others(open_browser: Callable[..., Browser], platform: Platform) -> None:
    browser = open_browser()
    browser.get("/password/forgotten")
    browser.post("/password/forgotten", {"email": EMAIL})
    answer = browser.get(mailed_link(platform, "reset_password"))
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cache-Control"] == "no-store"


def test_too_many_wrong_passwords_from_one_place(
    open_browser: Callable[..., Browser], platform: Platform, clock: Clock
) -> None:
    browser = open_browser()
    with platform.unit_of_work() as uow:
        for _ in range(FAILURES_OF_ONE_ORIGIN):
            note_attempt(uow.session, "sign_in", "127.0.0.1", clock.moment, span=timedelta(minutes=15))
        uow.commit()
    answer = browser.sign_in(EMAIL)
    assert answer.status_code == 422
    assert "尝试次数过多" in answer.text


def test_asking_for_the_count_does_not_keep_a_sign_in_alive(open_browser: Callable[..., Browser], clock: Clock) -> None:
    browser = open_browser(EMAIL)
    for _ in range(3):
        clock.advance(hours=5)
        answer = browser.get("/inbox/unread")
    assert (answer.status_code, answer.text) == (286, "")
    assert browser.get("/account/").status_code == 302

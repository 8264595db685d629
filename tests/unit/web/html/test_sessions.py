"""Signing in and out, and text that is kept on the way."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import UserSession
from tests.factories.people import PASSWORD, make_member
from tests.unit.web.conftest import Browser, Clock

EMAIL = "li@example.cn"


@pytest.fixture(autouse=True)
def _member(app: Flask, platform: Platform, clock: Clock) -> None:
    make_member(platform, clock.moment, email=EMAIL, organisation="鹤山市示例电子有限公司")


def test_signing_in_and_out(open_browser: Callable[..., Browser], platform: Platform) -> None:
    browser = open_browser(EMAIL)
    assert "退出" in browser.get("/").text
    assert browser.post("/sign-out").status_code == 302
    assert "退出" not in browser.get("/").text
    with platform.reading() as reading:
        [row] = reading.query(UserSession).all()
        assert row.ended_at is not None


def test_a_copied_cookie_opens_nothing_after_signing_out(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(EMAIL)
    cookie = browser.client.get_cookie("duijie")
    assert cookie is not None
    browser.post("/sign-out")
    thief = open_browser()
    thief.client.set_cookie("duijie", cookie.value)
    assert thief.get("/posts/mine").status_code == 302


def test_a_session_planted_before_signing_in_does_not_become_the_users(
    open_browser: Callable[..., Browser],
) -> None:
    victim = open_browser()
    victim.get("/sign-in")
    planted = victim.client.get_cookie("duijie")
    assert planted is not None
    victim.sign_in(EMAIL)
    attacker = open_browser()
    attacker.client.set_cookie("duijie", planted.value)
    assert "退出" not in attacker.get("/").text


def test_a_sign_in_ends_when_it_is_not_used(open_browser: Callable[..., Browser], clock: Clock) -> None:
    browser = open_browser(EMAIL)
    for _ in range(3):
        clock.advance(hours=8)
        assert browser.get("/posts/mine").status_code == 200
    clock.advance(hours=13)
    assert browser.get("/posts/mine").headers["Location"] == "/sign-in?next=/posts/mine"


@pytest.mark.parametrize(("email", "password"), [(EMAIL, "wrong password"), ("nobody@example.cn", PASSWORD)])
def test_wrong_address_and_wrong_password_read_the_same(
    open_browser: Callable[..., Browser], email: str, password: str
) -> None:
    browser = open_browser()
    answer = browser.sign_in(email, password)
    assert answer.status_code == 422
    assert "邮箱或密码不正确" in answer.text
    assert "data-error-summary" in answer.text


def test_empty_fields_are_named(open_browser: Callable[..., Browser]) -> None:
    answer = open_browser(language="en").sign_in("", "")
    assert answer.status_code == 422
    assert 'href="#email"' in answer.text
    assert "Give your password" in answer.text


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "https://evil.example", "////host"])
def test_next_leads_nowhere_else(open_browser: Callable[..., Browser], target: str) -> None:
    browser = open_browser()
    browser.get("/sign-in", query_string={"next": target})
    answer = browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": target})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_next_leads_back(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    asked = browser.get("/inbox/?show=unread")
    assert asked.headers["Location"] == "/sign-in?next=/inbox/?show%3Dunread"
    browser.get(asked.headers["Location"])
    answer = browser.post("/sign-in", {"email": EMAIL, "password": PASSWORD, "next": "/inbox/?show=unread"})
    assert answer.headers["Location"] == "/inbox/?show=unread"


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


def test_what_a_visitor_wrote_survives_signing_in(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    browser.get("/needs/new")
    written = {
        "title": '涂层 <b>"起泡"</b> 䶮🙂',
        "problem": "第一行\r\n第二行",
        "then": "draft",
        "visibility": "public",
    }
    asked = browser.post("/needs/new", written)
    assert asked.status_code == 401
    kept = hidden_fields(asked.text)
    assert kept["pending_path"] == "/needs/new"
    wrong = browser.post("/sign-in", kept | {"csrf_token": browser.token, "email": EMAIL, "password": "no"})
    again = browser.post(
        "/sign-in", hidden_fields(wrong.text) | {"csrf_token": browser.token, "email": EMAIL, "password": PASSWORD}
    )
    assert again.status_code == 200
    fields = hidden_fields(again.text)
    assert {name: fields[name] for name in written} == written
    sent = browser.post("/needs/new", fields | {"csrf_token": browser.token})
    page = browser.get(sent.headers["Location"])
    assert "涂层 &lt;b&gt;" in page.text
    assert "第一行" in page.text


def test_text_survives_a_stale_token(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(EMAIL)
    browser.get("/needs/new")
    browser.token = "stale"
    answer = browser.post("/needs/new", {"title": "涂层起泡", "then": "draft"}, headers={"Origin": "http://localhost"})
    assert answer.status_code == 400
    fields = hidden_fields(answer.text)
    assert fields["title"] == "涂层起泡"
    assert browser.post("/needs/new", fields | {"visibility": "public"}).status_code == 302


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"}, {}],
)
def test_another_site_gets_neither_a_token_nor_a_form(
    open_browser: Callable[..., Browser], headers: dict[str, str]
) -> None:
    answer = open_browser().client.post("/needs/new", data={"title": "planted"}, headers=headers)
    assert answer.status_code == 400
    assert "planted" not in answer.text
    assert "csrf_token" not in answer.text


def test_a_resumed_path_stays_on_the_site(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    browser.get("/sign-in")
    answer = browser.post(
        "/sign-in",
        {"email": EMAIL, "password": PASSWORD, "pending_path": "//evil.example/x", "pending.title": "t"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")

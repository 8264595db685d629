"""Registering in the browser, confirming by the link, and the staff's desk."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Delivery, Registration, User
from matching.notifying.letters import write_letter
from matching.organisation_code import check_digit
from tests.factories.people import PASSWORD, make_member, make_staff
from tests.factories.platforms import make_platform
from tests.unit.web.conftest import Browser, Clock
from web.app import create_app

CODE = "91440784MA4UK0000" + check_digit("91440784MA4UK0000")
FIRM = {
    "name": "林晓工",
    "email": "new@example.cn",
    "organisation_name": "鹤山市新线路板有限公司",
    "uscc": CODE,
    "region_code": "440784",
    "note": "第一行\r\n=cmd|'/c calc'!A1",
    "agreed": "y",
}
NEW = "三只猫和一把伞 2026"


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """With a mail server set; what is owed to it is looked at, not sent."""
    made = make_platform(tmp_path, smtp_host="127.0.0.1", smtp_port=9, mail_from="office@example.cn",
                         public_url="http://localhost")  # fmt: skip
    yield made
    made.close()


@pytest.fixture
def staff(platform: Platform, app: Flask, now: datetime) -> str:
    make_staff(platform, now, email="staff@example.cn")
    return "staff@example.cn"


def send(browser: Browser, role: str = "enterprise", **changes: str) -> str:
    """Send the form; returns the page."""
    browser.get(f"/register/{role}")
    return browser.post(f"/register/{role}", FIRM | changes).text


def mailed_link(platform: Platform) -> str:
    with platform.reading() as session:
        row = (
            session.query(Delivery).filter_by(kind="confirm_registration").order_by(Delivery.created_at.desc()).first()
        )
        assert row is not None
        text = write_letter(row.kind, row.payload, "zh", platform.settings).text()
    found = re.search(r"http://localhost(/links/\S+)", text)
    assert found is not None
    return found[1]


def register_and_confirm(browser: Browser, platform: Platform, role: str = "enterprise", **changes: str) -> str:
    """Returns the registration's id."""
    send(browser, role, **changes)
    link = mailed_link(platform)
    browser.get(link)
    assert browser.post(link, {"password": NEW, "password_again": NEW}).status_code == 200
    with platform.reading() as session:
        return str(session.query(Registration.id).filter_by(email=changes.get("email", FIRM["email"])).scalar())


def test_each_role_has_its_form(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    page = browser.get("/register").text
    roles = re.findall(r'href="/register/(\w+)"', page)
    assert roles == ["enterprise", "researcher", "institution", "broker"]
    for role in roles:
        form = browser.get(f"/register/{role}").text
        assert ('name="title"' in form) is (role != "enterprise")
        assert ("高等院校" in form) is (role in ("researcher", "institution"))
    assert browser.get("/register/administrator").status_code == 404


def test_wrong_fields_are_named_and_nothing_is_lost(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    browser.get("/register/enterprise")
    wrong_code = CODE[:-1] + ("0" if CODE[-1] != "0" else "1")
    answer = browser.post("/register/enterprise", FIRM | {"uscc": wrong_code, "name": '林 "<b>'})
    assert answer.status_code == 422
    assert 'href="#uscc"' in answer.text
    assert f'value="{wrong_code}"' in answer.text
    assert "林 &#34;&lt;b&gt;" in answer.text
    assert "第一行" in answer.text
    for missing in ("name", "email", "organisation_name", "uscc", "region_code", "agreed"):
        answer = browser.post("/register/enterprise", {key: value for key, value in FIRM.items() if key != missing})
        assert answer.status_code == 422
        assert f'href="#{missing}"' in answer.text


def test_the_answer_does_not_tell_whether_there_is_an_account(
    open_browser: Callable[..., Browser], platform: Platform, now: datetime
) -> None:
    make_member(platform, now, email="known@example.cn")
    browser = open_browser()
    pages = {
        re.sub(r'csrf_token" value="[^"]+"', "", send(browser, email=email).replace(email, ""))
        for email in ("known@example.cn", "unknown@example.cn")
    }
    assert len(pages) == 1
    assert "/links/" not in pages.pop()


def test_from_registering_to_signing_in(open_browser: Callable[..., Browser], platform: Platform, staff: str) -> None:
    browser = open_browser()
    assert "请查收邮件" in send(browser)
    link = mailed_link(platform)
    assert "林晓工" in browser.get(link).text
    assert browser.post(link, {"password": NEW, "password_again": "else"}).status_code == 422
    assert browser.post(link, {"password": "1234567890", "password_again": "1234567890"}).status_code == 422
    assert "申请已提交" in browser.post(link, {"password": NEW, "password_again": NEW}).text
    assert browser.get(link).status_code == 404
    assert open_browser().sign_in("new@example.cn", NEW).status_code == 422
    desk = open_browser(staff)
    [path] = re.findall(r'href="(/registrations/[0-9a-f-]{36})"', desk.get("/registrations/").text)
    page = desk.get(path).text
    assert CODE in page
    assert "校验位正确" in page
    assert desk.post(f"{path}/approve", {"member_role": "owner"}).status_code == 422
    assert desk.post(f"{path}/approve", {"organisation_id": "", "member_role": "king"}).status_code == 422
    done = desk.post(f"{path}/approve", {"organisation_id": "", "member_role": "owner"})
    assert done.headers["Location"] == "/registrations/"
    assert desk.post(f"{path}/approve", {"organisation_id": "", "member_role": "owner"}).status_code == 409
    assert "已通过" in desk.get(path).text
    assert open_browser().sign_in("new@example.cn", NEW).status_code == 302


def test_refusing_keeps_what_was_typed(open_browser: Callable[..., Browser], platform: Platform, staff: str) -> None:
    registration_id = register_and_confirm(open_browser(), platform)
    desk = open_browser(staff)
    path = f"/registrations/{registration_id}"
    desk.get(path)
    too_long = "长" * 1001
    answer = desk.post(f"{path}/refuse", {"reason": too_long})
    assert answer.status_code == 422
    assert too_long in answer.text
    assert desk.post(f"{path}/refuse", {"reason": " "}).status_code == 422
    assert desk.post(f"{path}/refuse", {"reason": "执照不符"}).status_code == 302
    assert "执照不符" in desk.get(path).text
    assert path in desk.get("/registrations/?state=refused").text
    assert path not in desk.get("/registrations/").text


def test_a_similar_organisation_is_proposed_and_a_researcher_compared(
    open_browser: Callable[..., Browser], platform: Platform, staff: str, now: datetime
) -> None:
    there = make_member(platform, now, email="o@example.cn", organisation="示例大学", kind="university", role="owner")
    registration_id = register_and_confirm(
        open_browser(), platform, "researcher", organisation_name="示例 大学", organisation_kind="university", uscc=""
    )
    desk = open_browser(staff)
    page = desk.get(f"/registrations/{registration_id}").text
    assert re.search(rf'value="{there.organisation_id}" checked', page)
    assert "名称相同" in page
    assert "专家库中的条目" in page


@pytest.mark.parametrize("email", ["m@example.cn", "foshan@example.cn", None])
def test_only_the_staff_of_the_region_see_registrations(
    open_browser: Callable[..., Browser], platform: Platform, now: datetime, email: str | None
) -> None:
    make_member(platform, now, email="m@example.cn")
    make_staff(platform, now, email="foshan@example.cn", region_code="440600")
    registration_id = register_and_confirm(open_browser(), platform)
    reader = open_browser(email)
    statuses = {"m@example.cn": 403, "foshan@example.cn": 404, None: 302}
    answer = reader.get(f"/registrations/{registration_id}")
    assert answer.status_code == statuses[email]
    assert "林晓工" not in answer.text
    listed = reader.get("/registrations/")
    assert "林晓工" not in listed.text
    reader.get("/sign-in" if email is None else "/account/")
    for decision in ("approve", "refuse"):
        sent = reader.post(f"/registrations/{registration_id}/{decision}", {"organisation_id": "", "reason": "x"})
        assert sent.status_code == (401 if email is None else statuses[email])
    with platform.reading() as session:
        assert session.query(User).filter_by(email="new@example.cn").count() == 0


def test_without_mail_there_is_no_registering_but_in_the_demonstration(tmp_path: Path, clock: Clock) -> None:
    without = make_platform(tmp_path / "without", mode="production", secret_key="x" * 40, public_url="http://localhost")
    browser = Browser(create_app(without, clock=clock).test_client())
    assert "暂时不能自助注册" in browser.get("/register").text
    assert browser.get("/register/enterprise").headers["Location"] == "/register"
    browser.get("/sign-in")
    assert browser.post("/register/enterprise", FIRM).status_code == 302
    assert "不能寄出链接" in browser.get("/password/forgotten").text
    with without.reading() as session:
        assert session.query(Registration).count() == 0
    without.close()
    demonstration = make_platform(tmp_path / "demonstration", public_url="http://localhost")
    browser = Browser(create_app(demonstration, clock=clock).test_client())
    found = re.search(r'href="http://localhost(/links/confirm/[^"]+)"', send(browser))
    assert found is not None
    assert browser.get(found[1]).status_code == 200
    assert "不能寄出链接" in browser.get("/password/forgotten").text
    demonstration.close()


def test_a_registration_cannot_be_taken_over(
    open_browser: Callable[..., Browser], platform: Platform, staff: str
) -> None:
    """Who enters somebody else's address does not choose the password: the mail's reader does."""
    send(open_browser())
    victim = open_browser()
    link = mailed_link(platform)
    victim.get(link)
    victim.post(link, {"password": NEW, "password_again": NEW})
    with platform.reading() as session:
        [row] = session.query(Registration).all()
    desk = open_browser(staff)
    desk.get(f"/registrations/{row.id}")
    desk.post(f"/registrations/{row.id}/approve", {"organisation_id": "", "member_role": "owner"})
    assert open_browser().sign_in("new@example.cn", PASSWORD).status_code == 422
    assert open_browser().sign_in("new@example.cn", NEW).status_code == 302

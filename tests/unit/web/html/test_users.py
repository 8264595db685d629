"""Accounts in the hands of administrators: found, given roles, locked, helped; and nobody else comes near."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import AuditEntry, Invitation, Region, User
from matching.services.accounts import add_user
from matching.services.actor import SYSTEM
from matching.services.invitations import invite_colleague
from tests.factories.people import PASSWORD, Member, make_member, make_staff
from tests.unit.web.conftest import Browser, Clock

FIRM, STAFF, ADMIN = "firm@example.cn", "staff@example.cn", "admin@example.cn"


def make_administrator(platform: Platform, clock: Clock, email: str) -> None:
    with platform.unit_of_work() as uow:
        add_user(uow, SYSTEM, email=email, name="管理", password=PASSWORD, role="administrator", now=clock.moment)


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    make_staff(platform, clock.moment, email=STAFF)
    make_administrator(platform, clock, ADMIN)
    return make_member(platform, clock.moment, email=FIRM, organisation="鹤山市示例电子有限公司")


def user(platform: Platform, email: str) -> User:
    with platform.reading() as reading:
        return reading.scalars(select(User).where(User.email == email)).one()


def test_only_administrators_come_in(firm: Member, open_browser: Callable[..., Browser]) -> None:
    assert open_browser().get("/users/").status_code == 302
    for email in (FIRM, STAFF):
        browser = open_browser(email)
        assert browser.get("/users/").status_code == 403
        assert browser.get(f"/users/{firm.user_id}").status_code == 403
        browser.get("/")
        for act in ("role", "lock", "unlock", "end-sessions", "reset-two-factor", "mail-reset"):
            assert browser.post(f"/users/{firm.user_id}/{act}", {"role": "administrator"}).status_code == 403
        assert browser.post("/users/invitations/x/resend").status_code == 403
        assert 'href="/users/"' not in browser.get("/").text
    assert open_browser(ADMIN).get("/users/none").status_code == 404


def test_an_account_is_found_by_name_address_and_organisation(
    firm: Member, open_browser: Callable[..., Browser]
) -> None:
    admin = open_browser(ADMIN)
    for wanted in ("FIRM@", "示例电子"):
        page = admin.get(f"/users/?q={wanted}").text
        assert FIRM in page
        assert STAFF not in page
    assert "没有这样的账号" in admin.get("/users/?q=%25").text
    assert FIRM not in admin.get("/users/?role=staff").text
    assert "没有这样的账号" in admin.get("/users/?state=locked").text
    assert admin.get("/users/?role=nix").status_code == 422


def test_a_role_is_given_and_the_sign_ins_end(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    member, admin = open_browser(FIRM), open_browser(ADMIN)
    admin.get(f"/users/{firm.user_id}")
    wrong = admin.post(f"/users/{firm.user_id}/role", {"role": "staff"})
    assert (wrong.status_code, "工作人员须选择地区" in wrong.text) == (422, True)
    assert admin.post(f"/users/{firm.user_id}/role", {"role": "nix"}).status_code == 422
    staff = user(platform, STAFF)
    sent = {"role": "staff", "region_code": staff.region_code}
    assert admin.post(f"/users/{firm.user_id}/role", sent).status_code == 302
    assert member.get("/account/").status_code == 302  # signed out
    assert (user(platform, FIRM).role, user(platform, FIRM).region_code) == ("staff", staff.region_code)
    assert "普通用户 → 主管部门" in admin.get(f"/users/{firm.user_id}").text


def test_a_locked_account_does_not_get_in_until_it_is_opened(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    member, admin = open_browser(FIRM), open_browser(ADMIN)
    admin.get(f"/users/{firm.user_id}")
    assert admin.post(f"/users/{firm.user_id}/lock", {"reason": " "}).status_code == 422
    admin.post(f"/users/{firm.user_id}/lock", {"reason": "离职"})
    assert member.get("/account/").status_code == 302
    refused = open_browser().sign_in(FIRM)
    assert "邮箱或密码不正确" in refused.text
    assert "离职" in admin.get(f"/users/{firm.user_id}").text
    admin.post(f"/users/{firm.user_id}/unlock")
    assert open_browser(FIRM).get("/account/").status_code == 200
    with platform.reading() as reading:
        actions = reading.scalars(
            select(AuditEntry.action).where(
                AuditEntry.subject_id == firm.user_id, AuditEntry.actor_id == user(platform, ADMIN).id
            )
        ).all()
    assert actions == ["user.deactivate", "user.activate"]


def test_the_last_administrator_stays_and_nobody_locks_themself_out(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    admin = open_browser(ADMIN)
    own = user(platform, ADMIN).id
    page = admin.get(f"/users/{own}").text
    assert "停用账号" not in page
    assert admin.post(f"/users/{own}/lock", {"reason": "x"}).status_code == 409
    assert admin.post(f"/users/{own}/role", {"role": "member"}).status_code == 409
    make_administrator(platform, clock, "second@example.cn")
    second = user(platform, "second@example.cn").id
    assert admin.post(f"/users/{second}/role", {"role": "member"}).status_code == 302
    assert user(platform, ADMIN).role == "administrator"


def test_sign_ins_end_and_an_invitation_is_sent_again(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    member, admin = open_browser(FIRM), open_browser(ADMIN)
    admin.get(f"/users/{firm.user_id}")
    assert admin.post(f"/users/{firm.user_id}/end-sessions").status_code == 302
    assert member.get("/account/").status_code == 302
    assert admin.post(f"/users/{firm.user_id}/reset-two-factor").status_code == 302
    with platform.unit_of_work() as uow:
        row, _link = invite_colleague(uow, SYSTEM, firm.organisation_id, "new@example.cn", "editor", clock.moment)
        first = row.id
    clock.advance(days=20)
    page = open_browser(ADMIN)
    assert "已过期" in page.get("/users/").text
    answer = page.post(f"/users/invitations/{first}/resend")
    [link] = re.findall(r"http://[^<]+/links/invite/[^<]+", answer.text)  # no mail leaves here: handed over
    assert open_browser().get(link[link.index("/links") :]).status_code == 200
    with platform.reading() as reading:
        assert reading.get_one(Invitation, first).withdrawn_at is not None
    assert page.post(f"/users/invitations/{first}/resend").status_code == 404


def test_staff_are_listed_with_the_name_of_their_region(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    with platform.unit_of_work() as uow:
        uow.session.merge(Region(code="440784", label_zh="鹤山市", label_en="Heshan"))
        uow.commit()
    page = open_browser(ADMIN).get("/users/").text
    assert "鹤山市" in page
    assert "440784" not in page

"""Members, invitations, notification settings, unsubscribing, and the staff's list of deliveries in the browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Delivery, Invitation, Notification
from matching.models.base import new_id
from matching.notifying.preferences import load_preferences, unsubscribe_address
from matching.services.deliveries import Outcome, claim_delivery, owe_delivery, settle_delivery
from tests.factories.people import Member, find_actor, make_member, make_staff
from tests.unit.web.conftest import Browser, Clock

NEW = "三只猫和一把伞 2026"


@pytest.fixture
def owner(app: Flask, platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="owner@example.cn", organisation="示例电路", role="owner")


@pytest.fixture
def editor(platform: Platform, now: datetime, owner: Member) -> Member:
    return make_member(platform, now, email="editor@example.cn", organisation_id=owner.organisation_id)


def invite(browser: Browser, organisation_id: str, email: str = "new@example.cn") -> str:
    """Invite where no mail leaves; returns the path of the link that is shown."""
    browser.get(f"/account/members/{organisation_id}")
    answer = browser.post(f"/account/members/{organisation_id}/invite", {"email": email, "role": "reader"})
    found = re.search(r"http://127\.0\.0\.1:8000(/links/invite/[^<]+)<", answer.text)
    assert found is not None
    return found[1]


def test_a_new_colleague_joins(open_browser: Callable[..., Browser], platform: Platform, owner: Member) -> None:
    link = invite(open_browser("owner@example.cn"), owner.organisation_id)
    browser = open_browser()
    assert "示例电路" in browser.get(link).text
    assert browser.post(link, {"name": "", "password": NEW, "password_again": NEW}).status_code == 422
    assert browser.post(link, {"name": "新", "password": NEW, "password_again": "x"}).status_code == 422
    joined = browser.post(link, {"name": "新同事", "password": NEW, "password_again": NEW})
    assert joined.headers["Location"] == "/"
    page = browser.get("/account/").text
    assert "示例电路" in page
    assert "只读" in page
    assert browser.get(link).status_code == 404
    assert open_browser().sign_in("new@example.cn", NEW).status_code == 302


def test_an_account_joins_signed_in_as_itself(
    open_browser: Callable[..., Browser], platform: Platform, owner: Member, now: datetime
) -> None:
    invited = make_member(platform, now, email="new@example.cn", organisation="另一单位")
    link = invite(open_browser("owner@example.cn"), owner.organisation_id)
    visitor = open_browser()
    page = visitor.get(link).text
    assert "请先登录" in page
    assert 'name="password"' not in page
    other = open_browser("owner@example.cn")
    assert "另一个账号" in other.get(link).text
    other.get("/account/")
    assert other.post(link).status_code == 200
    browser = open_browser("new@example.cn")
    browser.get(link)
    assert browser.post(link).headers["Location"] == "/account/"
    assert find_actor(platform, invited.user_id).organisation_roles[owner.organisation_id] == "reader"


def test_members_see_colleagues_and_owners_change_them(
    open_browser: Callable[..., Browser], platform: Platform, owner: Member, editor: Member, now: datetime
) -> None:
    path = f"/account/members/{owner.organisation_id}"
    seen = open_browser("editor@example.cn").get(path).text
    assert "owner" in seen
    assert "owner@example.cn" not in seen
    assert "邀请同事" not in seen
    browser = open_browser("owner@example.cn")
    assert "editor@example.cn" in browser.get(path).text
    assert browser.post(f"{path}/{editor.user_id}/role", {"role": "reader"}).status_code == 302
    assert find_actor(platform, editor.user_id).organisation_roles == {owner.organisation_id: "reader"}
    assert browser.post(f"{path}/{editor.user_id}/role", {"role": "king"}).status_code == 422
    browser.get(path)
    browser.post(f"{path}/{owner.user_id}/remove")
    assert "至少要有一位负责人" in browser.get(path).text
    browser.post(f"{path}/{editor.user_id}/remove")
    assert find_actor(platform, editor.user_id).organisation_roles == {}


def test_invitations_are_withdrawn(open_browser: Callable[..., Browser], platform: Platform, owner: Member) -> None:
    browser = open_browser("owner@example.cn")
    link = invite(browser, owner.organisation_id)
    path = f"/account/members/{owner.organisation_id}"
    assert "new@example.cn" in browser.get(path).text
    with platform.reading() as session:
        [row] = session.query(Invitation).all()
    assert browser.post(f"{path}/invitations/{row.id}/withdraw").status_code == 302
    assert "new@example.cn" not in browser.get(path).text
    assert open_browser().get(link).status_code == 404


def test_others_see_and_change_nothing(
    open_browser: Callable[..., Browser], platform: Platform, owner: Member, editor: Member, now: datetime
) -> None:
    make_member(platform, now, email="stranger@example.cn", organisation="另一单位", role="owner")
    path = f"/account/members/{owner.organisation_id}"
    for email, status in (("stranger@example.cn", 404), ("editor@example.cn", 403)):
        browser = open_browser(email)
        browser.get("/account/")
        assert browser.post(f"{path}/invite", {"email": "x@example.cn", "role": "owner"}).status_code == status
        assert browser.post(f"{path}/{owner.user_id}/role", {"role": "reader"}).status_code == status
        assert browser.post(f"{path}/{owner.user_id}/remove").status_code == status
    assert open_browser("stranger@example.cn").get(path).status_code == 404
    assert find_actor(platform, owner.user_id).organisation_roles == {owner.organisation_id: "owner"}


def test_notification_settings(open_browser: Callable[..., Browser], platform: Platform, owner: Member) -> None:
    browser = open_browser("owner@example.cn")
    page = browser.get("/account/notifications").text
    assert "没有设置邮件" in page
    assert re.search(r'id="way-suggestions-digest"[^>]* checked', page)
    assert re.search(r'id="quiet_hours"[^>]* checked', page)
    assert browser.post("/account/notifications", {"way-suggestions": "off", "way-posts": "digest"}).status_code == 302
    assert browser.post("/account/notifications", {"way-posts": "sometimes"}).status_code == 422
    with platform.reading() as session:
        chosen = load_preferences(session, owner.user_id)
    assert (chosen.ways["suggestions"], chosen.ways["posts"], chosen.ways["events"]) == ("off", "digest", "at_once")
    assert not chosen.quiet_hours


def test_unsubscribing_in_one_click_without_signing_in(
    open_browser: Callable[..., Browser], platform: Platform, owner: Member
) -> None:
    address = unsubscribe_address(platform.settings, owner.user_id, "posts")
    path = address.removeprefix("http://127.0.0.1:8000")
    program = open_browser().client
    assert program.get(path).status_code == 200  # a mail program that looks behind links changes nothing
    with platform.reading() as session:
        assert load_preferences(session, owner.user_id).ways["posts"] == "at_once"
    assert program.post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    with platform.reading() as session:
        assert load_preferences(session, owner.user_id).ways["posts"] == "off"
    assert program.post(path[:-2] + "xx").status_code == 404
    assert program.post("/unsubscribe/nothing").status_code == 404


def test_the_count_of_unread_messages_is_asked_for_by_itself(
    open_browser: Callable[..., Browser], platform: Platform, owner: Member, clock: Clock
) -> None:
    browser = open_browser("owner@example.cn")
    page = browser.get("/").text
    assert 'hx-get="/inbox/unread"' in page
    assert "data-unread" not in browser.get("/inbox/unread").text
    with platform.unit_of_work() as uow:
        uow.session.add(
            Notification(
                id=new_id(), user_id=owner.user_id, kind="member_joined", once_key="x", details={},
                created_at=clock.moment,
            )
        )  # fmt: skip
        uow.commit()
    assert ">1<" in browser.get("/inbox/unread").text


def test_staff_see_what_failed_without_names_and_try_it_again(
    open_browser: Callable[..., Browser], platform: Platform, owner: Member, now: datetime
) -> None:
    make_staff(platform, now, email="staff@example.cn")
    with platform.unit_of_work() as uow:
        delivery_id = owe_delivery(
            uow.session, kind="invitation", once_key="x", address="secret@example.cn",
            payload={"organisation": "某单位"}, now=now - timedelta(hours=1),
        )  # fmt: skip
        uow.commit()
    with platform.unit_of_work() as uow:
        outcome = Outcome(state="given_up", error="mail.recipient_refused 550 5.1.1")
        settle_delivery(uow, delivery_id, outcome, now, claim=claim_delivery(uow, delivery_id, now))
    assert open_browser("owner@example.cn").get("/deliveries/").status_code == 403
    member = open_browser("owner@example.cn")
    member.get("/account/")
    assert member.post(f"/deliveries/{delivery_id}/retry").status_code == 403
    staff = open_browser("staff@example.cn")
    page = staff.get("/deliveries/").text
    assert "对方服务器不接受这个收件地址" in page
    assert "550 5.1.1" in page
    assert "没有设置邮件服务器" in page
    assert "secret@example.cn" not in page
    assert "某单位" not in page
    assert staff.post(f"/deliveries/{delivery_id}/retry").status_code == 302
    with platform.reading() as session:
        assert session.get_one(Delivery, delivery_id).state == "owed"
    assert staff.get("/deliveries/?state=nix").status_code == 404


def test_channels_are_added_tried_and_removed_and_their_address_is_not_shown_again(
    open_browser: Callable[..., Browser], platform: Platform, owner: Member
) -> None:
    browser = open_browser("owner@example.cn")
    browser.get("/account/channels/")
    fields = {"kind": "webhook", "name": '群 "<b>"', "url": "https://hook.example/secret-key", "groups": "posts"}
    for changed, place in (({"url": "ftp://x"}, "url"), ({"name": ""}, "name"), ({"groups": ""}, "groups")):
        wrong = browser.post("/account/channels/", fields | changed)
        assert wrong.status_code == 422
        assert f'href="#{place}"' in wrong.text
    assert browser.post("/account/channels/", fields).status_code == 302
    page = browser.get("/account/channels/").text
    assert "secret-key" not in page
    assert "群 &#34;&lt;b&gt;" in page
    assert "待发送" in page
    [path] = re.findall(r'action="(/account/channels/[0-9a-f-]{36})/remove"', page)
    assert browser.post(f"{path}/try").status_code == 302
    with platform.reading() as session:
        assert [row.kind for row in session.query(Delivery).all()] == ["channel_test"]
    assert browser.post(f"{path}/remove").status_code == 302
    assert "hook" not in browser.get("/account/channels/").text.replace("Webhook", "").replace("webhook", "")
    assert browser.post(f"{path}/try").status_code == 404

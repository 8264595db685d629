"""A new address for one's account: confirmed where it is, told where it was, and no way to learn who has an account."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Delivery, User
from matching.notifying.letters import link_address
from tests.factories.people import PASSWORD, Member, make_member
from tests.unit.web.conftest import Browser, Clock

FIRM, OTHER, NEW = "firm@example.cn", "other@example.cn", "neu@example.cn"


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Member:
    monkeypatch.setattr("web.html.address_change.mails_leave", lambda: True)
    make_member(platform, clock.moment, email=OTHER, organisation="别的企业")
    return make_member(platform, clock.moment, email=FIRM)


def owed(platform: Platform) -> list[tuple[str, str | None]]:
    with platform.reading() as reading:
        rows = reading.scalars(select(Delivery).where(Delivery.kind.contains("address")).order_by(Delivery.kind)).all()
        return [(row.kind, row.address) for row in rows]


def link(platform: Platform) -> str:
    with platform.reading() as reading:
        row = reading.scalars(select(Delivery).where(Delivery.kind == "confirm_new_address")).one()
    address = link_address(platform.settings, "email", row.payload["link_id"])
    return address[address.index("/links") :]


def test_an_address_is_changed_once_it_is_confirmed(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/account/address")
    wrong = browser.post("/account/address", {"email": NEW, "present_password": "falsch"})
    assert (wrong.status_code, NEW in wrong.text, owed(platform)) == (422, True, [])
    assert browser.post("/account/address", {"email": NEW, "present_password": PASSWORD}).status_code == 302
    assert owed(platform) == [("address_change_asked", FIRM), ("confirm_new_address", NEW)]
    assert NEW in browser.get("/account/address").text
    path = link(platform)
    reader = open_browser()
    assert reader.get(path).status_code == 200  # a mail program looks behind the link: nothing happens
    assert open_browser(FIRM).get("/account/").status_code == 200
    assert reader.post(path).status_code == 302
    assert browser.get("/account/").status_code == 302
    assert open_browser(NEW).get("/account/").status_code == 200
    assert ("address_changed", FIRM) in owed(platform)
    assert reader.get(path).status_code == 404


def test_a_taken_address_is_neither_told_nor_mailed(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/account/address")
    answer = browser.post("/account/address", {"email": OTHER, "present_password": PASSWORD})
    assert answer.status_code == 302
    assert owed(platform) == [("address_change_asked", FIRM)]


def test_it_can_be_given_up_and_forged_links_do_nothing(
    firm: Member, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/account/address")
    browser.post("/account/address", {"email": NEW, "present_password": PASSWORD})
    path = link(platform)
    browser.post("/account/address/drop")
    assert open_browser().get(path).status_code == 404
    assert open_browser().get("/links/email/forged").status_code == 404
    for entered in ("no address", FIRM):
        assert browser.post("/account/address", {"email": entered, "present_password": PASSWORD}).status_code == 422
    with platform.reading() as reading:
        row = reading.get_one(User, firm.user_id)
        assert (row.email, row.new_email) == (FIRM, None)


def test_not_more_than_three_times_an_hour(
    firm: Member, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(FIRM)
    browser.get("/account/address")
    statuses = [
        browser.post("/account/address", {"email": f"n{number}@example.cn", "present_password": PASSWORD}).status_code
        for number in range(4)
    ]
    assert statuses == [302, 302, 302, 422]
    assert len(re.findall("confirm_new_address", str(owed(platform)))) == 3

"""What is written is kept: every few seconds, for its writer only, until it is sent."""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask

from matching.bootstrap import Platform
from tests.factories.people import make_member
from tests.factories.posts import make_need
from tests.unit.web.conftest import Browser, Clock

FIRM, OTHER = "firm@example.cn", "other@example.cn"
TEXT = {
    "title": "翘曲控制 <b>",
    "problem": "压合后翘曲\n第二行",
    "money_minimum": "２０",
    "cooperation_modes": ["development"],
}


def test_a_new_text_is_kept_found_again_and_gone_when_sent(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=FIRM)
    make_member(platform, clock.moment, email=OTHER, organisation="别家")
    firm = open_browser(FIRM)
    page = firm.get("/needs/new").text
    [address] = re.findall(r'data-autosave="([^"]+)"', page)
    text_id = address.rsplit("/", 1)[1]
    assert f'name="draft_id" value="{text_id}"' in page
    assert "已自动保存" in firm.post(address, TEXT).text
    clock.advance(minutes=1)
    assert "已自动保存" in firm.post(address, TEXT | {"problem": "后来写的"}).text
    assert "接着写" in firm.get("/needs/new").text
    assert "接着写" not in firm.get("/capabilities/new").text
    assert "翘曲控制 &lt;b&gt;" in firm.get("/posts/mine").text
    other = open_browser(OTHER)
    assert "接着写" not in other.get("/needs/new").text
    assert "后来写的" not in other.get(f"/needs/new?continue={text_id}").text
    assert other.post(f"/unsent/{text_id}/drop").status_code == 302
    page = firm.get(f"/needs/new?continue={text_id}").text
    assert "后来写的" in page
    assert 'value="２０"' in page
    assert re.search(r'name="cooperation_modes" value="development" checked', page)
    assert f'name="draft_id" value="{text_id}"' in page
    answer = firm.post("/needs/new", TEXT | {"visibility": "public", "draft_id": text_id, "then": "draft"})
    assert answer.headers["Location"] == f"/posts/{text_id}"
    assert "接着写" not in firm.get("/needs/new").text


def test_a_change_is_kept_beside_the_post_and_a_conflict_is_still_seen(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    member = make_member(platform, clock.moment, email=FIRM)
    post_id = make_need(platform, member, clock.moment)
    firm = open_browser(FIRM)
    page = firm.get(f"/posts/{post_id}/edit").text
    [version] = re.findall(r'name="version" value="(\d+)"', page)
    firm.post(f"/unsent/need/{post_id}", TEXT | {"version": version})
    edited = {"title": "别的窗口改的", "visibility": "public", "version": version, "then": "save"}
    colleague = open_browser(FIRM)
    colleague.get("/")
    # The same person in another window: what they send there is not what is kept here.
    with platform.unit_of_work() as uow:
        from matching.services.posts import NeedFields, edit_post

        entered = NeedFields(title=edited["title"], organisation_id=member.organisation_id)
        edit_post(uow, member.actor, post_id, entered, int(version), clock.moment)
    assert "接着写" in firm.get(f"/posts/{post_id}/edit").text
    page = firm.get(f"/posts/{post_id}/edit?continue=1").text
    assert "第二行" in page
    assert f'name="version" value="{version}"' in page
    stale = firm.post(f"/posts/{post_id}/edit", TEXT | {"visibility": "public", "version": version, "then": "save"})
    assert stale.status_code == 409
    assert "第二行" in stale.text


def test_visitors_and_empty_forms_keep_nothing(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=FIRM)
    visitor = open_browser()
    [address] = re.findall(r'data-autosave="([^"]+)"', visitor.get("/needs/new").text)
    assert "登录后会自动保存" in visitor.post(address, TEXT).text
    firm = open_browser(FIRM)
    firm.get("/needs/new")
    assert firm.post(address, {"visibility": "public"}).text.strip() == ""
    assert firm.post("/unsent/need/no%20id", TEXT).status_code == 404
    assert "接着写" not in firm.get("/needs/new").text
    firm.token = "stale"
    assert firm.post(address, TEXT).status_code == 400

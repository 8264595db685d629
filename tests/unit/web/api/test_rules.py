"""The bureau's rules and the staff's desk through the API: what the pages can do."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from matching.bootstrap import Platform
from matching.services.posts import submit_post
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Clock


def test_rules_are_read_changed_and_taken_back(
    app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]
) -> None:
    staff = api(make_staff(platform, clock.moment, email="staff@example.cn").user_id)
    firm = api(make_member(platform, clock.moment, email="firm@example.cn").user_id)
    for path in ("/rules", "/rules/changes", "/desk", "/desk/search?q=x"):
        assert firm.get(path).status_code == 403
    assert firm.patch("/rules", {"values": {"weekly_load": "3"}}).status_code == 403
    changed = staff.patch("/rules", {"values": {"weekly_load": "3", "interest_days": "20"}, "reason": "试行"})
    assert changed.status_code == 200
    rules = {one["key"]: one for one in changed.json["rules"]}
    assert (rules["weekly_load"]["value"], rules["weekly_load"]["initial"]) == ("3", "20")
    assert rules["interest_days"]["changed"] is True
    for values, status in (({"weekly_load": "viele"}, 422), ({"nix": "1"}, 422)):
        assert staff.patch("/rules", {"values": values}).status_code == status
    stale = {"values": {"weekly_load": "4"}, "expected_revision": 0}
    assert staff.patch("/rules", stale).status_code == 409
    history = staff.get("/rules/changes").json["items"]
    assert [(one["key"], one["reason"], one["latest"]) for one in history] == [
        ("interest_days", "试行", True),
        ("weekly_load", "试行", True),
    ]
    back = staff.post(f"/rules/changes/{history[1]['id']}/revert", {})
    assert {one["key"]: one["value"] for one in back.json["rules"]}["weekly_load"] == "20"
    assert staff.post("/rules/changes/99999999999999999999999/revert", {}).status_code == 404
    text = {"zh": {"line": "发布了！"}, "en": {"line": "Published!"}}
    assert staff.patch("/rules/texts/notice_post_published", text).json["zh"] == {"line": "发布了！"}
    assert staff.patch("/rules/texts/notice_post_published", text | {"en": None}).status_code == 422
    reset = staff.patch("/rules/texts/notice_post_published", {"zh": None, "en": None})
    assert reset.json["changed"] is False
    term = {"code": "hydrogen", "label_zh": "氢能", "label_en": "Hydrogen"}
    assert staff.post("/rules/lists/domain", term).status_code == 201
    assert staff.patch("/rules/lists/domain/hydrogen", {"active": False, "move": -5}).json["active"] is False
    assert staff.patch("/rules/lists/domain/nix", {"active": False}).status_code == 404
    assert staff.post("/rules/lists/nix", term).status_code == 404


def test_the_desk_is_worked_off(app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]) -> None:
    actor = make_staff(platform, clock.moment, email="staff@example.cn")
    staff = api(actor.user_id)
    firm = make_member(platform, clock.moment, email="firm@example.cn", organisation="甲公司")
    ids = [make_need(platform, firm, clock.moment, publish=False, title=f"需求{number}") for number in range(2)]
    for post_id in ids:
        with platform.unit_of_work() as uow:
            submit_post(uow, firm.actor, post_id, clock.moment)
    blocks = {one["key"]: one for one in staff.get("/desk").json["blocks"]}
    assert [row["id"] for row in blocks["review"]["rows"]] == sorted(ids)
    subjects = [{"kind": "post", "id": post_id} for post_id in ids]
    assign = {"action": "assign", "subjects": subjects[:1], "user_id": actor.user_id}
    assert staff.post("/desk/actions", assign).json["done"] == 1
    assert {one["key"]: one["count"] for one in staff.get("/desk?who=mine").json["blocks"]}["review"] == 1
    report = staff.post("/desk/actions", {"action": "publish", "subjects": subjects}).json
    assert (report["done"], report["refused"]) == (2, [])
    assert staff.post(f"/desk/actions/{report['action_id']}/undo", {}).json == {"restored": 2, "kept": []}
    assert staff.post(f"/desk/actions/{report['action_id']}/undo", {}).status_code == 409
    assert staff.post("/desk/actions", {"action": "return", "subjects": subjects}).status_code == 422
    assert {one["kind"] for one in staff.get("/desk/search?q=甲公司").json["items"]} == {"organisation", "post"}
    notes = f"/desk/notes/organisation/{firm.organisation_id}"
    note = staff.post(notes, {"text": "打过电话"})
    assert note.status_code == 201
    assert staff.post(f"/desk/notes/{note.json['id']}/withdraw", {}).json["withdrawn_at"] is not None
    assert [(one["author"], one["text"]) for one in staff.get(notes).json["items"]] == [("staff", "打过电话")]
    assert staff.get("/desk/notes/event/x").status_code == 404
    assert api(firm.user_id).get(notes).status_code == 403


def test_the_report_is_read(app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]) -> None:
    staff = api(make_staff(platform, clock.moment, email="staff@example.cn").user_id)
    firm = make_member(platform, clock.moment, email="firm@example.cn", organisation="甲公司")
    make_need(platform, firm, clock.moment)
    for by in ("month", "industry", "town", "institution"):
        report = staff.get(f"/reports?by={by}").json
        assert report["totals"]["posts"] == report["unmet_needs"] == 1
        assert [group["counts"]["posts"] for group in report["groups"]] == ([] if by == "institution" else [1])
    assert staff.get("/reports?first=2026-02-01&last=2026-01-01").status_code == 422
    assert staff.get("/reports/cooperation").json == {"lines": [], "columns": [], "cells": [], "names": {}}
    for path in ("/reports", "/reports/cooperation"):
        assert api(firm.user_id).get(path).status_code == 403

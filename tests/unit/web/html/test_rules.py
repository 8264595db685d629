"""The pages of the bureau's rules: for the staff, wrong input comes back with what is wrong, changes hold at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.services.posts import submit_post
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.conftest import Browser, Clock

STAFF, FIRM = "staff@example.cn", "firm@example.cn"
PAGES = (
    "/rules/",
    "/rules/texts",
    "/rules/texts/reset_password",
    "/rules/lists",
    "/rules/lists/domain",
    "/rules/history",
)


@pytest.fixture
def staff(app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]) -> Browser:
    make_staff(platform, clock.moment, email=STAFF)
    return open_browser(STAFF)


def test_only_the_staff_open_them(
    staff: Browser, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=FIRM)
    firm, visitor = open_browser(FIRM), open_browser()
    for path in PAGES:
        assert staff.get(path).status_code == 200
        assert firm.get(path).status_code == 403
        assert visitor.get(path).status_code == 302
    for path in ("/rules/values/posts", "/rules/texts/reset_password", "/rules/lists/domain/materials"):
        assert firm.post(path, {"action": "retire"}).status_code == 403
    for path in ("/rules/texts/nix", "/rules/lists/nix"):
        assert staff.get(path).status_code == 404
    assert staff.post("/rules/values/nix").status_code == 404


def test_a_value_is_changed_put_back_and_taken_back(staff: Browser, platform: Platform) -> None:
    def load() -> int:
        with platform.reading() as reading:
            return platform.rules(reading).settings.weekly_load

    matching = {"least_probability": "0.15", "good_probability": "0.25", "suggestions_per_post": "10"}
    wrong = staff.post("/rules/values/matching", matching | {"weekly_load": "<viele>", "reason": "太多"})
    assert wrong.status_code == 422
    assert "&lt;viele&gt;" in wrong.text
    assert 'value="太多"' in wrong.text
    assert load() == 20
    staff.post("/rules/values/matching", matching | {"weekly_load": "7", "reason": "太多"})
    assert load() == 7
    history = staff.get("/rules/history").text
    assert "初始值 20 条" in history
    assert "7 条" in history
    assert "太多" in history
    staff.post("/rules/values/matching", {"reset": "weekly_load"})
    assert load() == 20
    assert staff.post("/rules/history/2/revert").status_code == 302
    assert load() == 7
    assert staff.post("/rules/history/1/revert").status_code == 409


def test_a_text_is_previewed_checked_and_saved(staff: Browser, platform: Platform) -> None:
    path = "/rules/texts/event_invitation"
    sent = {
        "subject_zh": "请来{event}",
        "body_zh": "{event}，{date}。",
        "subject_en": "Come",
        "body_en": "{event} {date}",
    }
    preview = staff.post(path, sent | {"action": "preview"})
    assert "请来线路板专场对接会" in preview.text
    assert "还没有保存" in preview.text
    wrong = staff.post(path, sent | {"body_en": "{place}"})
    assert wrong.status_code == 422
    assert "正文必须包含 {date}" in wrong.text
    assert "请来{event}" in wrong.text
    assert staff.post(path, sent).status_code == 302
    with platform.reading() as reading:
        assert platform.rules(reading).texts.line("event_invitation", "zh", "subject", event="甲会") == "请来甲会"
    staff.post(path, sent | {"action": "reset"})
    with platform.reading() as reading:
        assert not platform.rules(reading).texts.changed


def test_the_line_of_a_message_is_the_bureaus(
    staff: Browser, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    firm = make_member(platform, clock.moment, email=FIRM)
    post_id = make_need(platform, firm, clock.moment, publish=False)
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, post_id, clock.moment)
    staff.post(f"/review/{post_id}/publish")
    assert "您的信息已发布" in open_browser(FIRM).get("/inbox/").text
    staff.post("/rules/texts/notice_post_published", {"line_zh": "恭喜，已发布<1>", "line_en": "Now public"})
    assert "恭喜，已发布&lt;1&gt;" in open_browser(FIRM).get("/inbox/").text
    reader = open_browser(FIRM)
    reader.get("/language/en")
    assert "Now public" in reader.get("/inbox/").text


def test_a_list_is_kept_and_a_retired_entry_stays_on_old_posts(
    staff: Browser, platform: Platform, clock: Clock
) -> None:
    firm = make_member(platform, clock.moment, email=FIRM)
    post_id = make_need(platform, firm, clock.moment, domain="materials")
    assert staff.post("/rules/lists/domain", {"code": "hydrogen", "label_zh": "氢能"}).status_code == 422
    added = {"code": "hydrogen", "label_zh": "氢能", "label_en": "Hydrogen"}
    assert staff.post("/rules/lists/domain", added).status_code == 302
    assert staff.post("/rules/lists/domain/materials", {"action": "retire"}).status_code == 302
    chosen = staff.get("/search?type=need").text
    assert "氢能" in chosen
    assert "新材料及其应用" in staff.get(f"/posts/{post_id}").text
    kind = {"action": "rename", "label_zh": "科技成果", "label_en": "Result"}
    assert staff.post("/rules/lists/capability_kind/achievement", kind).status_code == 404, "not loaded here"
    listed = staff.get("/rules/lists/domain?q=material").text
    assert "已停用" in listed
    assert "hydrogen" not in listed


def test_the_reviewer_ticks_the_checklist(staff: Browser, platform: Platform, clock: Clock) -> None:
    firm = make_member(platform, clock.moment, email=FIRM)
    post_id = make_need(platform, firm, clock.moment, publish=False)
    with platform.unit_of_work() as uow:
        submit_post(uow, firm.actor, post_id, clock.moment)
    staff.post("/rules/lists/review_check", {"code": "clear", "label_zh": "写清楚了", "label_en": "Clear"})
    # The switch that is not sent is off: review before publication stays as it was only if it is sent.
    values = {"post_lifetime_days": "365", "expiry_notice_days": "14", "renew_within_days": "30"}
    staff.post("/rules/values/posts", values | {"review_checks_required": "y"})
    assert "写清楚了" in staff.get(f"/review/{post_id}").text
    refused = staff.post(f"/review/{post_id}/publish")
    assert refused.status_code == 422
    assert "请逐项核对审核清单" in refused.text
    assert staff.post(f"/review/{post_id}/publish", {"check": "clear"}).status_code == 302

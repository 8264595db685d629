"""The staff's desk, rules and reports in a real browser: a clerk's morning before a 对接会."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import find_barriers, find_chinese, find_overflow

pytestmark = pytest.mark.e2e

STAFF = "staff@example.cn"
PAGES = (
    "/desk/",
    "/desk/list?block=review",
    "/desk/search?q=线路板",
    "/rules/",
    "/rules/texts",
    "/rules/texts/event_invitation",
    "/rules/lists/review_check",
    "/rules/history",
    "/reports/",
    "/reports/cooperation?stage=mutual&by=organisation",
    "/reports/indicators",
)


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 1280), ("en", 390)])
def test_pages_are_open_to_everybody_in_both_languages(visit: Callable[..., Visit], language: str, width: int) -> None:
    reader = visit(STAFF, width=width, language=language)
    reader.open(f"/language/{language[:2]}")
    for path in PAGES:
        assert reader.open(path) == 200
        assert find_overflow(reader) == 0, path
        assert find_barriers(reader) == [], path
        if language == "en":
            assert find_chinese(reader) == [], path
        reader.keep_picture(f"desk-{path.strip('/').replace('/', '-').split('?')[0] or 'desk'}-{width}")


def test_a_rule_is_changed_and_the_change_taken_back(visit: Callable[..., Visit]) -> None:
    clerk = visit(STAFF)
    clerk.open("/rules/")
    clerk.page.fill("#stalled_days", "21")
    clerk.page.fill("#reason-engagements", "假期")
    clerk.page.press("#stalled_days", "Enter")
    clerk.page.wait_for_url("**/rules/#engagements")
    assert clerk.page.input_value("#stalled_days") == "21"
    clerk.open("/desk/")
    assert "21 天没有进展" in clerk.page.inner_text("main")
    clerk.open("/rules/history")
    row = clerk.page.locator("tbody tr").first
    assert "假期" in row.inner_text()
    row.locator("button").click()
    clerk.page.wait_for_load_state()
    clerk.open("/rules/")
    assert clerk.page.input_value("#stalled_days") == "14"


def test_all_that_waits_is_given_to_somebody_and_that_is_taken_back(visit: Callable[..., Visit]) -> None:
    clerk = visit(STAFF)
    clerk.open("/desk/list?block=registrations")
    rows = clerk.page.locator("input[name=item]").count()
    assert rows >= 1
    clerk.page.click("[data-tick=all]")
    assert clerk.page.inner_text("[data-ticked]") == f"({rows})"
    clerk.page.click("button[value=assign]")
    clerk.page.wait_for_selector("form[action^='/desk/undo/']")
    clerk.open("/desk/list?block=registrations&who=unassigned")
    assert clerk.page.locator("input[name=item]").count() == 0
    clerk.page.click("form[action^='/desk/undo/'] button")
    clerk.page.wait_for_load_state()
    clerk.open("/desk/list?block=registrations&who=unassigned")
    assert clerk.page.locator("input[name=item]").count() == rows

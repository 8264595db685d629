"""A clerk takes a 对接会 from its theme to a published timetable, and somebody cancels."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import find_barriers, find_overflow

pytestmark = pytest.mark.e2e

STAFF = "staff@example.cn"


class EventPages:
    """What the clerk does with an event, in their words."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.page = visit.page
        self.event_id = ""

    def create(self, title: str, **fields: str) -> None:
        """From the form to the choice of pairs."""
        self.visit.open("/events/new")
        self.page.fill("#title", title)
        for name, text in fields.items():
            if name in ("industry", "town"):
                self.page.select_option(f"#{name}", text)
            else:
                self.page.fill(f"#{name}", text)
        self.page.click("main form.dj-form button[type=submit]")
        self.page.wait_for_url(re.compile(r"/events/[0-9a-f-]{36}/pairs"))
        found = re.search(r"/events/([0-9a-f-]{36})/", self.page.url)
        assert found is not None
        self.event_id = found[1]

    def open(self, part: str) -> None:
        """A page of the event."""
        assert self.visit.open(f"/events/{self.event_id}/{part}") == 200

    def add_proposed(self) -> int:
        """Take the ticked pairs; returns how many."""
        ticked = self.page.locator("form[data-tick-count] input[name=suggestion]:checked").count()
        self.page.click("form[data-tick-count] button[type=submit]")
        self.page.wait_for_url(re.compile(r"#wanted$"))
        return ticked

    def compute(self) -> None:
        """Ask for a timetable and wait until the page shows it by itself."""
        self.open("timetable")
        self.page.click("form[action$='/timetable/compute'] button[type=submit]")
        self.page.wait_for_selector("#run")
        self.page.wait_for_selector("#run", state="detached", timeout=150_000)
        self.page.wait_for_selector(".dj-grid")

    def placed(self) -> int:
        """Meetings in the grid."""
        return self.page.locator(".dj-grid .dj-slot").count()

    def publish(self) -> str:
        """Publish; returns what the page says."""
        with self.page.expect_navigation():
            self.page.click("form[action$='/publish'] button[type=submit]")
        return self.page.inner_text("main")


def test_from_theme_to_published_timetable_and_a_cancellation(visit: Callable[..., Visit]) -> None:
    clerk = visit(STAFF)
    pages = EventPages(clerk)
    # A day of its own: people who meet at another event that day would not be free here.
    day = date(2027, 1, 4) + timedelta(days=int(time.time()) % 300)
    pages.create("电子信息小型对接会", held_on=day.isoformat(), venue="鹤山", rooms="4", industry="C39")
    clerk.keep_picture("event-pairs-1280")
    assert find_barriers(clerk) == []
    wanted = pages.add_proposed()
    assert wanted >= 5
    pages.compute()
    assert pages.placed() == wanted
    clerk.keep_picture("event-timetable-1280")
    assert find_barriers(clerk) == []
    assert re.search(r"发出 \d+ 封", pages.publish())
    assert "之后没有改动" in clerk.page.inner_text("main")

    # Somebody with meetings cancels on the day; the others are told only of what changes for them.
    pages.open("people")
    row = clerk.page.locator("tbody tr", has_text=re.compile(r"[1-9]\d* / [1-9]")).first
    row.locator("a").first.click()
    clerk.page.click("form[action$='/cancel'] button[type=submit]")
    clerk.page.wait_for_url(re.compile(r"/timetable$"))
    assert "发布之后的改动" in clerk.page.inner_text("main")
    pages.compute()
    clerk.keep_picture("event-changes-1280")
    moved = clerk.page.locator("section:has(form[action$='/publish']) tbody tr").all_inner_texts()
    assert moved
    assert all("取消" in line for line in moved), "nobody else has to move"
    assert re.search(r"发出 \d+ 封", pages.publish())

    for part in ("plan", "people", "day", "print/agenda", "print/badges", "print/cards"):
        pages.open(part)
        clerk.keep_picture(f"event-{part.replace('/', '-')}-1280")
        assert find_overflow(clerk) <= 0, part
    assert find_barriers(clerk) == []

    desk = visit(STAFF, language="en-US")
    desk.open("/language/en")
    in_english = EventPages(desk)
    in_english.event_id = pages.event_id
    for part in ("plan", "people", "timetable", "print/cards"):
        in_english.open(part)
        desk.keep_picture(f"event-{part.replace('/', '-')}-en-1280")
        assert find_overflow(desk) <= 0, part
        assert find_barriers(desk) == [], part
        assert "号桌" not in desk.page.inner_text("main"), part

    phone = visit(STAFF, width=390, language="en-US")
    on_phone = EventPages(phone)
    on_phone.event_id = pages.event_id
    for part in ("plan", "pairs", "people", "timetable", "day"):
        on_phone.open(part)
        phone.keep_picture(f"event-{part}-390")
        assert find_overflow(phone) <= 0, part
        assert find_barriers(phone) == [], part


def test_desk_and_reports_fit_desk_and_phone(visit: Callable[..., Visit]) -> None:
    for width, language in ((1280, "zh-CN"), (390, "en-US")):
        reader = visit(STAFF, width=width, language=language)
        for path in ("/desk/", "/reports/", "/reports/indicators", "/events/"):
            assert reader.open(path) == 200
            reader.keep_picture(f"{path.strip('/').replace('/', '-')}-{width}")
            assert find_overflow(reader) <= 0, path
            assert find_barriers(reader) == [], path


def test_a_visitor_sees_the_announcement_and_nothing_inside(visit: Callable[..., Visit]) -> None:
    visitor = visit()
    assert visitor.open("/events/") == 200
    visitor.page.click("main .dj-list a >> nth=0")
    assert "登录并报名" in visitor.page.inner_text("main")
    assert visitor.page.locator("a[href$='/plan']").count() == 0
    assert visitor.page.locator("a[href$='/people']").count() == 0

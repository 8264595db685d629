"""From a meeting to a registered contract: both sides' feedback, minutes, next step, contract, clock, report."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from matching.clock import shanghai_day, utc_now
from tests.e2e.conftest import Visit
from tests.e2e.engagement_pages import EngagementPage
from tests.e2e.pages import find_barriers, find_chinese, find_overflow
from tests.e2e.test_events import STAFF, EventPages

pytestmark = pytest.mark.e2e


class MeetingPages:
    """The page of one meeting of an event, its participants' own pages, and the report."""

    def __init__(self, event: EventPages) -> None:
        self.event = event
        self.page = event.page
        self.meeting_id = ""

    def hold_one(self) -> tuple[str, str]:
        """Take the likeliest pair alone, put it into the first slot of the day and publish; returns both links."""
        page = self.page
        page.click("button[data-tick=none]")
        page.locator("input[name=suggestion]").first.check()
        page.click("form[data-tick-count] button[type=submit]")
        page.wait_for_url(re.compile("#wanted$"))
        page.click("#wanted tbody a >> nth=0")
        page.wait_for_url(re.compile("/meetings/"))
        self.meeting_id = page.url.rsplit("/", 1)[1]
        page.select_option("#slot_id", index=1)
        page.get_by_role("button", name="移动并锁定").click()
        page.get_by_text("已移动并锁定").wait_for()
        self.event.open("timetable")
        self.event.publish()
        self.event.open("people")
        places = [str(one.get_attribute("href")) for one in page.locator("tbody td:first-child a").all()]
        links = []
        for place in places:
            self.event.visit.open(place)
            links.append(str(page.get_by_role("link", name="打开参会者看到的页面").get_attribute("href")))
        return links[0], links[1]

    def write_down(self, minutes: str, next_step: str, on: date) -> None:
        """That it was held, what was said, and what comes next."""
        self.page.select_option("#result", "held")
        self.page.fill("#minutes", minutes)
        self.page.fill("#next_step", next_step)
        self.page.fill("#next_step_on", on.isoformat())
        self.page.locator("form[action$='/result'] button[type=submit]").click()
        self.page.get_by_text("已记录。").wait_for()

    def engage(self) -> str:
        """Begin the engagement; returns its id."""
        self.page.get_by_role("button", name="建立对接").click()
        self.page.wait_for_url(re.compile(r"/engagements/[0-9a-f-]{36}$"))
        return self.page.url.rsplit("/", 1)[1]

    def contracts(self, day: date) -> tuple[int, str]:
        """The number of contracts signed that day in the report, and the sums beside it."""
        assert self.event.visit.open(f"/reports/?from={day}&to={day}") == 200
        facts = self.page.locator("section", has=self.page.get_by_role("heading", name="技术合同", exact=True)).locator(
            "dd"
        )
        return int(facts.nth(0).inner_text()), facts.nth(1).inner_text() + facts.nth(2).inner_text()


def say(visit: Visit, path: str, rating: int, comment: str, picture: str) -> None:
    """A participant's feedback by their own link, without an account."""
    assert visit.open(path) == 200
    visit.keep_picture(f"{picture}-asked")
    assert find_barriers(visit) == []
    visit.page.locator(f"input[name=rating][value='{rating}']").check()
    visit.page.locator("input[name=wants_more]").check()
    visit.page.locator("textarea[name=comment]").fill(comment)
    visit.page.locator("form[action$='/feedback'] button[type=submit]").click()
    visit.page.wait_for_load_state()
    assert f"{rating} / 5" in visit.page.inner_text("main")
    visit.keep_picture(f"{picture}-said")
    assert find_overflow(visit) <= 0


def test_from_the_meeting_to_the_report(visit: Callable[..., Visit]) -> None:
    today, clerk = shanghai_day(utc_now()), visit(STAFF)
    event = EventPages(clerk)
    # Slots from midnight on: the first one has begun whenever the test runs.
    event.create(
        "会后跟进演练对接会", held_on=today.isoformat(), venue=f"演练室 {uuid.uuid4().hex[:6]}", rooms="1",
        industry="C39", sessions="全天 00:00-23:00", breaks="", slot_minutes="60", gap_minutes="0",
    )  # fmt: skip
    meeting = MeetingPages(event)
    one, other = meeting.hold_one()
    say(visit(), path_of(one), 5, "样板数据很有用，愿意先做小试。", "after-feedback-1280")
    phone = visit(width=390, language="en-US")
    say(phone, path_of(other), 4, "Happy to run a pilot.", "after-feedback-390")

    event.open("plan")
    assert "收到反馈 2 份" in clerk.page.inner_text("#after")
    clerk.page.click("#after li a")
    clerk.keep_picture("after-meeting-1280")
    assert "双方都愿意" in clerk.page.inner_text("main")
    meeting.write_down("双方同意先做小试，甲方出板。", "寄送五块样板", today + timedelta(days=7))
    assert find_barriers(clerk) == []
    engagement_id = meeting.engage()

    engagement = EngagementPage(clerk, engagement_id)
    assert "寄送五块样板" in clerk.page.inner_text("main")
    assert clerk.page.locator(f"a[href$='/meetings/{meeting.meeting_id}']").inner_text() == "来自对接会的洽谈"
    assert re.search(r"匹配建议\s+\S+，排在需求的第 \d+ 位", clerk.page.inner_text("main"))
    for stage in ("商谈条款", "签订合同"):
        engagement.go_on_to(stage)
    before, _ = meeting.contracts(today)
    clerk.open(f"/engagements/{engagement_id}")
    engagement.record_terms(
        contract_type="development", contract_amount="620", technology_amount="580.5", signed_on=today.isoformat(),
        starts_on=today.isoformat(), ends_on=(today + timedelta(days=300)).isoformat(),
    )  # fmt: skip
    assert "还有 30 个工作日" in clerk.page.inner_text("#terms"), "the longer clock, from 500 on"
    engagement.close_with_contract()
    clerk.keep_picture("after-engagement-1280")
    assert find_barriers(clerk) == []
    count, sums = meeting.contracts(today)
    assert count == before + 1
    assert "580.5" in sums or before, sums
    clerk.page.locator("a[href*='/reports/contracts']").first.click()
    clerk.page.wait_for_load_state()
    assert clerk.page.locator(f"tr:has(a[href$='/engagements/{engagement_id}'])").inner_text().count("前登记") == 1
    clerk.keep_picture("after-contracts-1280")
    clerk.open("/desk/list?block=contracts")
    assert clerk.page.locator(f"a[href$='/engagements/{engagement_id}']").count() == 1

    clerk.open(f"/engagements/{engagement_id}")
    engagement.record_terms(registration_number="2026440784000777")
    assert "个工作日" not in clerk.page.inner_text("#terms"), "registered: the clock stops"

    event.open("plan")
    clerk.page.get_by_role("button", name="标记为已结束").click()
    clerk.page.get_by_text("对接会已结束。").wait_for()

    small = visit(STAFF, width=390, language="en-US")
    small.open("/language/en")
    for name, path in (
        ("meeting", f"/events/{event.event_id}/meetings/{meeting.meeting_id}"),
        ("engagement", f"/engagements/{engagement_id}"),
        ("contracts", f"/reports/contracts?from={today}&to={today}"),
        ("hosting", "/hosting/"),
    ):
        assert small.open(path) == 200
        small.keep_picture(f"after-{name}-390")
        assert find_overflow(small) <= 0, name
        assert find_barriers(small) == [], name
        assert find_chinese(small) == [], name


def path_of(address: str) -> str:
    """A mailed link's path: the product under test has another port than its settings say."""
    return re.sub(r"^https?://[^/]+", "", address)

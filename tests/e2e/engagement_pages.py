"""What people do with suggestions, interests and engagements, in their words."""

from __future__ import annotations

import re

from tests.e2e.conftest import Visit


class SuggestionCard:
    """The card of a suggested post on the page of an own post."""

    def __init__(self, visit: Visit, other_id: str) -> None:
        self.page = visit.page
        self.card = visit.page.locator(f"article[data-suggestion='{other_id}']")

    def wait(self) -> None:
        """Until it is there; suggestions appear by themselves."""
        self.card.wait_for(timeout=90_000)

    def decline(self, reason: str) -> str:
        """Not for us; returns what the card says then."""
        self.card.get_by_text("不合适…").click()
        self.card.locator("select[name=reason_code]").select_option(reason)
        self.card.get_by_role("button", name="标为不合适").click()
        said = self.card.get_by_text("已标为不合适")
        said.wait_for()
        return self.card.locator(".dj-answer").inner_text()

    def undo(self) -> None:
        """Take the answer back."""
        self.card.get_by_role("button", name="撤销").click()
        self.card.get_by_text("不合适…").wait_for()

    def ask(self, aim: str) -> str:
        """Say interest and answer the set questions; returns the interest's id."""
        self.card.get_by_role("link", name="有意向", exact=True).click()
        self.page.wait_for_url("**/interests/new?**")
        self.page.fill("#aim", aim)
        self.page.get_by_label("三个月内").check()
        self.page.fill("#contact_name", "林晓工")
        self.page.fill("#contact_phone", "0750-7654321")
        self.page.get_by_role("button", name="告诉对方").click()
        self.page.wait_for_url(re.compile(r"/interests/[0-9a-f-]{36}$"))
        return self.page.url.rsplit("/", 1)[1]


class InterestInbox:
    """Interests among a person's messages."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.page = visit.page

    def open_latest(self) -> None:
        """Go from the inbox to the latest interest that waits for an answer."""
        self.visit.open("/inbox/?show=interests")
        self.page.locator("[data-message=interest_received]").first.get_by_role("button", name="查看并答复").click()
        self.page.wait_for_url(re.compile(r"/interests/[0-9a-f-]{36}$"))

    def accept(self, phone: str) -> str:
        """Yes; returns the engagement's id."""
        self.page.fill("#contact_phone", phone)
        self.page.get_by_role("button", name="同意，开始对接").click()
        self.page.wait_for_url(re.compile(r"/engagements/[0-9a-f-]{36}$"))
        return self.page.url.rsplit("/", 1)[1]


class EngagementPage:
    """The page of an engagement."""

    def __init__(self, visit: Visit, engagement_id: str) -> None:
        self.visit = visit
        self.page = visit.page
        if not self.page.url.endswith(f"/engagements/{engagement_id}"):
            visit.open(f"/engagements/{engagement_id}")

    def contacts(self) -> str:
        """Both contacts as they are shown."""
        return self.page.inner_text("#contacts")

    def stage(self) -> str:
        """Where it stands."""
        return self.page.inner_text(".dj-stages [aria-current]")

    def go_on_to(self, stage: str) -> None:
        """Take it to a stage by its name."""
        self.page.get_by_role("button", name=f"进入「{stage}」").click()
        self.page.locator(".dj-stages [aria-current]", has_text=stage).wait_for()

    def write(self, text: str) -> None:
        """Write to all who take part."""
        self.page.fill("#message-text", text)
        self.page.get_by_role("button", name="发送").click()
        self.page.locator("#messages li", has_text=text).wait_for()

    def record_terms(self, **fields: str) -> None:
        """Open the form, fill it in by field names, and save."""
        self.page.get_by_text("记录条款…").click()
        for name, value in fields.items():
            field = self.page.locator(f"#terms [name={name}]")
            if field.evaluate("element => element.tagName") == "SELECT":
                field.select_option(value)
            else:
                field.fill(value)
        self.page.get_by_role("button", name="保存条款").click()
        self.page.get_by_text("条款已保存。").wait_for()

    def close_with_contract(self) -> None:
        """End it as a contract."""
        self.page.get_by_text("结束对接…").click()
        self.page.get_by_label("签订了合同").check()
        self.page.get_by_role("button", name="结束对接").click()
        self.page.locator(".dj-stages [aria-current]", has_text="已结束").wait_for()

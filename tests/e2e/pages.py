"""What people do on the pages, in their words; the tests know no selectors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from tests.e2e.conftest import Visit

SAID = "nav, h1, h2, label, legend, button, .dj-hint, .dj-error, summary, th, dt, .dj-notice, .dj-stages"
"""Where a page speaks for itself."""
_HAN = re.compile(r"[\u3400-\u9fff]")
_AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"


def find_barriers(visit: Visit) -> list[str]:
    """What axe-core finds serious or critical on the page as it stands: rule and place."""
    assert _AXE.is_file(), "run `npm ci`"
    visit.page.evaluate(_AXE.read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = visit.page.evaluate(
        "axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice']}).then(r => r.violations)"
    )
    return [
        f"{rule['id']}: {node['html'][:150]} {node.get('failureSummary', '')[:200]}"
        for rule in found
        if rule["impact"] in ("serious", "critical")
        for node in rule["nodes"]
    ]


def find_overflow(visit: Visit) -> int:
    """How many pixels the page is wider than its window."""
    return int(visit.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))


def find_chinese(visit: Visit, places: str = SAID) -> list[str]:
    """What the product says in Chinese there. What people wrote carries its own language, and names stay."""
    said: list[str] = visit.page.evaluate(
        """places => [...document.querySelectorAll(places)]
             .filter(e => !e.closest('[lang]:not(html), [translate=no]') && !e.querySelector('[lang]'))
             .map(e => e.innerText)""",
        places,
    )
    return [text for text in said if _HAN.search(text)]


class WritingPage:
    """The form of a need or a capability, with the column beside it."""

    def __init__(self, visit: Visit, path: str = "/needs/new") -> None:
        self.visit = visit
        self.page = visit.page
        visit.open(path)

    def write(self, **fields: str) -> None:
        """Fill in fields by name."""
        for name, text in fields.items():
            self.open_step_of(name)
            self.page.fill(f"#{name}", text)

    def open_step_of(self, name: str) -> None:
        """Go to the step that asks for a field, unless it is open."""
        step = self.page.locator(f"[data-step]:has(#{name})")
        if not step.is_visible():
            self.open_step(str(step.get_attribute("data-step")))

    def open_step(self, key: str) -> None:
        """Go to a step by its place in the list."""
        self.page.click(f".dj-stepper button[value='step:{key}']")
        self.page.wait_for_selector(f"[data-step={key}].dj-step--here")

    def check(self) -> None:
        """Go to the last step, where what was written is checked."""
        if not self.page.locator("[data-step=check]").is_visible():
            self.open_step("check")

    def wait_for_matches(self) -> list[str]:
        """The titles of those who might help, as soon as they appear beside the form."""
        self.page.wait_for_selector("#preview [data-suggestion]")
        return self.page.locator("#preview [data-suggestion] h3").all_inner_texts()

    def advice(self) -> str:
        """What the coach says."""
        return self.page.inner_text("#preview")

    def send(self) -> str:
        """Check and publish; returns the post's id."""
        self.check()
        self.page.click("button[name=then][value=send]")
        self.page.wait_for_url(re.compile(r"/posts/[0-9a-f-]{36}$"))
        return self.page.url.rsplit("/", 1)[1]


class PostPage:
    """A post's page."""

    def __init__(self, visit: Visit, post_id: str) -> None:
        self.visit = visit
        self.page = visit.page
        if not self.page.url.endswith(f"/posts/{post_id}"):
            visit.open(f"/posts/{post_id}")

    def wait_for_suggestions(self) -> list[str]:
        """Titles of the suggestions, which appear by themselves."""
        self.page.wait_for_selector("#suggestions [data-suggestion]", timeout=60_000)
        return self.page.locator("#suggestions [data-suggestion] h3").all_inner_texts()

    def marked_on_both_sides(self) -> tuple[list[str], list[str]]:
        """The phrases marked in the own and in the other text of the first suggestion."""
        sides = self.page.locator("#suggestions .dj-both").first.locator("> div")
        return sides.nth(0).locator("mark").all_inner_texts(), sides.nth(1).locator("mark").all_inner_texts()


class InboxPage:
    """A person's inbox."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.page = visit.page

    def reasons_for(self, post_id: str, *, within_seconds: float) -> list[str]:
        """The reasons with the message about the post; reloads until it is there."""
        for _ in range(int(within_seconds * 2)):
            self.visit.open("/inbox/")
            message = self.page.locator(f"li:has(a[href='/posts/{post_id}'])").first
            if message.count():
                return message.locator(".dj-reasons").first.locator("li").all_inner_texts()
            self.page.wait_for_timeout(500)
        raise AssertionError(f"no message about {post_id} within {within_seconds} s")

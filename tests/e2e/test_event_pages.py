"""An event with nothing in it and a long name: every page has an answer, at both widths, in English without a word of
Chinese; and what an event that was called off no longer offers.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import find_barriers, find_chinese, find_overflow
from tests.e2e.test_events import STAFF, EventPages

pytestmark = pytest.mark.e2e

TITLE = (
    "Bilateral Matchmaking Day for Advanced Interconnect, Surface Finishing and Intelligent Lighting Control Systems"
)
PARTS = ("plan", "pairs", "people", "timetable", "day", "print/agenda", "print/agendas", "print/badges", "print/cards")


def test_an_empty_event_in_english(visit: Callable[..., Visit]) -> None:
    clerk = visit(STAFF, language="en-US")
    clerk.open("/language/en")
    event = EventPages(clerk)
    event.create(TITLE, held_on="2028-08-03", venue="Heshan International Conference Centre", rooms="2", industry="T")
    for width in (1280, 390):
        clerk.page.set_viewport_size({"width": width, "height": 900})
        for part in PARTS:
            event.open(part)
            clerk.keep_picture(f"event-empty-{part.replace('/', '-')}-{width}")
            assert find_overflow(clerk) <= 0, (part, width)
            assert find_chinese(clerk) == [], (part, width)
            assert find_barriers(clerk) == [], (part, width)
    event.open("timetable")
    assert clerk.page.locator("form[action$='/compute']").count() == 0, "nothing to compute yet"
    event.open("plan")
    clerk.page.click("main details summary")
    clerk.page.click("form[action$='/cancel'] button")
    event.open("pairs")
    assert clerk.page.locator("main form").count() == 0, "called off: no pairs to choose"

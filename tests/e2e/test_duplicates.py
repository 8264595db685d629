"""Writing what was posted already, and the staff's pages of duplicates and rankers, in a real browser."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import WritingPage, find_barriers, find_overflow

pytestmark = pytest.mark.e2e

FIRM, STAFF = "engineer@example.cn", "staff@example.cn"
RECORDS = Path(__file__).parents[2] / "seed_data" / "records"


def test_a_writer_is_shown_what_was_posted_already(visit: Callable[..., Visit]) -> None:
    lines = (RECORDS / "needs.jsonl").read_text(encoding="utf-8").splitlines()
    posted = next(row for row in map(json.loads, lines) if row["id"] == "need-0006")
    reader = visit(FIRM)
    form = WritingPage(reader)
    form.write(title=posted["title"], problem=posted["problem"])
    reader.page.wait_for_selector("#alike-title", timeout=60_000)
    assert posted["title"] in reader.page.inner_text("section[aria-labelledby=alike-title]")
    assert find_barriers(reader) == []


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("path", ["/duplicates/", "/models/"])
def test_pages_of_the_staff(visit: Callable[..., Visit], path: str, width: int) -> None:
    reader = visit(STAFF, width=width)
    assert reader.open(path) == 200
    reader.page.wait_for_load_state("networkidle")
    assert find_overflow(reader) == 0
    assert find_barriers(reader) == []
    reader.keep_picture(f"{path.strip('/')}-{width}")

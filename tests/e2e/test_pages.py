"""Every page at two widths and in two languages: no barrier, no overflow, no untranslated text; a picture of each."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import find_barriers, find_chinese, find_overflow

pytestmark = pytest.mark.e2e

FIRM, PROFESSOR, STAFF = "engineer@example.cn", "professor@example.edu.cn", "staff@example.cn"
PAGES: dict[str, tuple[str | None, str, int]] = {
    "home": (None, "/", 200),
    "search-needs": (None, "/search?type=need&q=%E7%9B%90%E9%9B%BE", 200),
    "search-capabilities": (None, "/search?type=capability&domain=materials", 200),
    "search-nothing": (None, "/search?type=need&q=zzz&town=none", 200),
    "need-visitor": (None, "/posts/need-0005", 200),
    "capability-visitor": (None, "/posts/cap-0006", 200),
    "sign-in": (None, "/sign-in", 200),
    "need-new": (None, "/needs/new", 200),
    "capability-new": (PROFESSOR, "/capabilities/new", 200),
    "need-owner": (FIRM, "/posts/need-0005", 200),
    "need-edit": (FIRM, "/posts/need-0005/edit", 200),
    "mine": (FIRM, "/posts/mine", 200),
    "inbox": (PROFESSOR, "/inbox/", 200),
    "review": (STAFF, "/review/", 200),
    "review-post": (STAFF, "/review/need-0005", 200),
    "not-found": (None, "/posts/none", 404),
    "forbidden": (FIRM, "/review/", 403),
    "wrong": (None, "/search?type=nix", 422),
}


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("name", PAGES)
def test_page(visit: Callable[..., Visit], name: str, language: str, width: int) -> None:
    email, path, status = PAGES[name]
    reader = visit(email, width=width, language=language)
    if email is not None:  # an account's language comes before the browser's, what was chosen before both
        reader.open(f"/language/{language[:2]}")
    assert reader.open(path) == status
    reader.page.wait_for_load_state("networkidle")
    assert reader.page.get_attribute("html", "lang") == language
    assert find_overflow(reader) == 0
    assert find_barriers(reader) == []
    if language == "en":
        assert find_chinese(reader) == []
    reader.keep_picture(f"{name}-{language[:2]}-{width}")


@pytest.mark.parametrize("name", ["home", "need-owner", "need-new", "inbox"])
def test_page_in_the_dark(visit: Callable[..., Visit], name: str) -> None:
    email, path, _ = PAGES[name]
    reader = visit(email, dark=True)
    reader.open(path)
    reader.page.wait_for_load_state("networkidle")
    assert reader.page.get_attribute("html", "data-bs-theme") == "dark"
    assert find_barriers(reader) == []
    reader.keep_picture(f"{name}-dark-1280")


def test_a_post_prints_as_the_sheet_of_its_matches_without_the_furniture(visit: Callable[..., Visit]) -> None:
    reader = visit(FIRM)
    reader.open("/posts/need-0005")
    reader.page.emulate_media(media="print")
    assert not reader.page.is_visible(".dj-header")
    assert not reader.page.is_visible("[data-print]")
    assert not reader.page.is_visible("#attachments")  # an empty heading held the first match off the first sheet
    assert reader.page.is_visible("h1")
    assert reader.page.is_visible("#suggestions .dj-reasons")
    assert not reader.page.is_visible("#suggestions button")
    reader.keep_picture("need-owner-print")

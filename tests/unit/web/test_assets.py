"""Static files: small, cached, and nothing outside their folder."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable

import pytest

from tests.unit.web.conftest import Browser
from web.assets import STATIC_FOLDER, load_asset


def test_the_first_load_is_small(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    page = browser.get("/")
    total = len(gzip.compress(page.data))
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len(addresses) == 6
    for address in addresses:
        answer = browser.get(address, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200, f"{address}: run `npm ci && npm run assets`"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        total += len(answer.data)
    assert total < 200_000


def test_the_icon_is_where_browsers_look_for_it(open_browser: Callable[..., Browser]) -> None:
    answer = open_browser().get("/favicon.ico")
    assert (answer.status_code, answer.content_type) == (200, "image/svg+xml")
    assert answer.text.startswith("<svg")


def test_a_browser_that_does_not_compress_gets_the_file_as_it_is(open_browser: Callable[..., Browser]) -> None:
    answer = open_browser().get("/static/duijie.css")
    assert "Content-Encoding" not in answer.headers
    assert answer.data == (STATIC_FOLDER / "duijie.css").read_bytes()
    assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_file_that_is_known_is_not_sent_again(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    tag = browser.get("/static/duijie.js").headers["ETag"]
    assert browser.get("/static/duijie.js", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    "name", ["../app.py", "..%2Fapp.py", "vendor/../../app.py", "/etc/passwd", "none.css", "vendor"]
)
def test_nothing_else_is_sent(open_browser: Callable[..., Browser], name: str) -> None:
    assert load_asset(name) is None
    assert open_browser().get(f"/static/{name}").status_code in (404, 308)


def test_no_style_sheet_or_script_asks_another_host() -> None:
    for file in [STATIC_FOLDER / "duijie.css", *STATIC_FOLDER.glob("*.js"), *STATIC_FOLDER.glob("vendor/*.css")]:
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"url\((?!['\"]?data:)", text), file
        assert "@import" not in text, file
        assert "sourceMappingURL" not in text, file

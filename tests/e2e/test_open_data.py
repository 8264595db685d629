"""Open data and privacy in a real browser: the policy lets blocks of data be, pages fit and bar nobody."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Product, Visit
from tests.e2e.pages import find_barriers, find_chinese, find_overflow

pytestmark = pytest.mark.e2e
PAGES = ("/open-data", "/privacy/", "/privacy/matching")


def test_the_data_of_a_post_is_in_its_page_and_the_policy_stops_nothing(
    product: Product, visit: Callable[..., Visit]
) -> None:
    """What the policy would stop is a problem of the visit, which fails the test at its end."""
    addresses = re.findall(r"<loc>[^<]*(/posts/[^<]+)</loc>", product.read("/sitemaps/posts-1.xml"))
    window = visit()
    assert window.open(addresses[0]) == 200
    blocks = window.page.eval_on_selector_all(
        'script[type="application/ld+json"]', "nodes => nodes.map(node => node.textContent)"
    )
    [data] = [json.loads(block) for block in blocks]
    assert data["@context"] == "https://schema.org"
    heading = window.page.inner_text("h1")
    assert heading in {node["name"] for node in data["@graph"]}
    feeds = window.page.eval_on_selector_all(
        'link[type="application/atom+xml"]', "nodes => nodes.map(node => node.href)"
    )
    assert all(product.read(feed.removeprefix(product.base_url)).startswith("<?xml") for feed in feeds)
    assert feeds


@pytest.mark.parametrize(("width", "language"), [(1280, "zh-CN"), (390, "en")])
def test_the_pages_fit_and_speak_the_language(visit: Callable[..., Visit], width: int, language: str) -> None:
    window = visit(width=width, language=language, dark=width == 390)
    for path in PAGES:
        assert window.open(path) == 200
        assert find_overflow(window) == 0, path
        assert find_barriers(window) == [], path
        if language == "en":
            assert find_chinese(window) == [], path
        window.keep_picture(f"open-data-{path.strip('/').replace('/', '-')}-{width}")

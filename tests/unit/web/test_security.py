"""Headers, cookies, request ids, and where a sign-in may lead."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
import structlog
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from matching.bootstrap import Platform
from matching.settings import Settings
from tests.factories.platforms import make_platform
from tests.unit.web.conftest import Browser
from web.app import create_app
from web.security import CONTENT_SECURITY_POLICY, safe_next

TEMPLATES = Path(__file__).parents[3] / "web" / "templates"


@pytest.mark.parametrize("target", ["/", "/posts/mine", "/search?q=%E6%B6%82%E5%B1%82&type=need", "/a:b", "/posts/x#y"])
def test_paths_of_this_site_are_kept(target: str) -> None:
    assert safe_next(target, "/fallback") == target


@pytest.mark.parametrize(
    "target",
    [
        None,
        "",
        "posts",
        "//host",
        "////host",
        "/\\host",
        "\\\\host",
        "/\t/host",
        "\t//host",
        "/\n/host",
        "https://host/",
        "http:host",
        "javascript:alert(1)",
        "data:text/html,x",
        " /posts",
        "/posts x",
        "/\u2028/host",
        "/\x7f/host",
        "/" + "a" * 3000,
    ],
)
def test_everything_else_is_refused(target: str | None) -> None:
    assert safe_next(target, "/fallback") == "/fallback"


@given(st.text(alphabet="/\\.:@?#ah \t\n\r%\u3000", max_size=20) | st.text(max_size=30))
def test_whatever_is_kept_stays_on_the_site(target: str) -> None:
    kept = safe_next(target, "/fallback")
    # What browsers do before resolving: drop tabs and line ends, read \ as /.
    as_browser = re.sub(r"[\t\n\r]", "", kept).replace("\\", "/")
    assert urlsplit(urljoin("https://here.example/page", as_browser)).netloc == "here.example"


def test_the_policy_allows_nothing_inline() -> None:
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "default-src 'none'" in CONTENT_SECURITY_POLICY
    assert "frame-ancestors 'none'" in CONTENT_SECURITY_POLICY


def test_no_template_has_inline_scripts_styles_or_handlers() -> None:
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), template
        assert not re.search(r"<style\b|\sstyle=", text), template
        assert not re.search(r"\son[a-z]+=", text), template
        assert not re.search(r"\|\s*safe\b|hx-on|javascript:", text), template


def test_no_page_asks_another_host(open_browser: Callable[..., Browser]) -> None:
    page = open_browser().get("/").text
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', page):
        assert address.startswith(("/", "#")), address


def test_every_answer_carries_the_headers(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    for path, status in (("/", 200), ("/posts/none", 404), ("/static/duijie.css", 200), ("/healthz", 200)):
        answer = browser.get(path)
        assert answer.status_code == status
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-ID"])
    assert browser.get("/").headers["Cache-Control"] == "no-store"


def test_request_ids_are_taken_from_a_trusted_proxy_only(tmp_path: Path, open_browser: Callable[..., Browser]) -> None:
    given_id = {"X-Request-ID": "from-the-proxy.1"}
    assert open_browser().get("/healthz", headers=given_id).headers["X-Request-ID"] != "from-the-proxy.1"
    behind = make_platform(tmp_path / "behind", behind_proxy=True, public_url="https://duijie.example")
    client = create_app(behind).test_client()
    assert client.get("/healthz", headers=given_id).headers["X-Request-ID"] == "from-the-proxy.1"
    odd = client.get("/healthz", headers={"X-Request-ID": "a b\u00e9"})
    assert re.fullmatch(r"[0-9a-f]{16}", odd.headers["X-Request-ID"])
    behind.close()


def test_cookies_are_secure_where_the_site_is(tmp_path: Path) -> None:
    behind = make_platform(tmp_path / "secure", behind_proxy=True, public_url="https://duijie.example")
    answer = create_app(behind).test_client().get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-duijie=")
    for part in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert part in cookie
    assert "max-age=31536000" in answer.headers["Strict-Transport-Security"]
    behind.close()


def test_a_request_that_is_too_large_gets_a_page(open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    browser.get("/sign-in")
    answer = browser.post("/sign-in", {"email": "x" * 3_000_000})
    assert answer.status_code == 413
    assert "提交的内容太大" in answer.text


def test_production_refuses_to_start_without_a_secret(tmp_path: Path) -> None:
    from matching.errors import InvalidInput

    with pytest.raises(InvalidInput) as caught:
        create_app(Platform(Settings(mode="production", data_dir=tmp_path)))
    assert caught.value.code == "settings.secret_key"


def test_log_lines_of_a_request_carry_its_id(app: Flask) -> None:
    seen: list[dict[str, Any]] = []

    @app.get("/logged")
    def logged() -> str:
        seen.append(structlog.contextvars.get_contextvars())
        return ""

    answers = [app.test_client().get("/logged") for _ in range(2)]
    assert [{"request_id": answer.headers["X-Request-ID"]} for answer in answers] == seen
    assert seen[0] != seen[1]

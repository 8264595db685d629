"""The application over a platform of its own, and browsers that speak to it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from matching.bootstrap import Platform
from matching.models import VocabularyTerm
from tests.factories.people import PASSWORD
from web.app import create_app

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
_TERMS = (
    ("domain", "electronics", "电子信息", "Electronics and information"),
    ("domain", "materials", "新材料及其应用", "New materials"),
    ("industry", "C", "制造业", "Manufacturing"),
    ("industry", "C39", "计算机、通信和其他电子设备制造业", "Computers and electronics"),
    ("cooperation_mode", "development", "技术开发", "Technology development"),
    ("cooperation_mode", "transfer", "技术转让", "Technology transfer"),
    ("maturity_level", "7", "TRL 7 现场试用", "TRL 7 Field demonstration"),
    ("close_reason", "solved_here", "通过本平台解决", "Solved through this platform"),
    ("close_reason", "dropped", "不再需要", "No longer needed"),
    ("return_reason", "too_vague", "问题或指标不清楚", "Problem or indicators unclear"),
)


class Clock:
    """The moment that the application takes for now."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, **by: float) -> None:
        """Let time pass."""
        self.moment += timedelta(**by)


class Browser:
    """A client that keeps cookies and sends the token of the page it last saw, as a person's browser does."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client
        self.token = ""

    def get(self, path: str, **options: Any) -> TestResponse:
        """Open a page."""
        return self._seen(self.client.get(path, **options))

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form."""
        return self._seen(self.client.post(path, data={"csrf_token": self.token} | (data or {}), **options))

    def sign_in(self, email: str, password: str = PASSWORD) -> TestResponse:
        """Through the sign-in page."""
        self.get("/sign-in")
        answer = self.post("/sign-in", {"email": email, "password": password})
        self.get("/")
        return answer

    def _seen(self, answer: TestResponse) -> TestResponse:
        found = _TOKEN.search(answer.text) if answer.mimetype == "text/html" else None
        if found:
            self.token = unescape(found[1])
        return answer


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def app(platform: Platform, clock: Clock) -> Flask:
    with platform.unit_of_work() as uow:
        for position, (vocabulary, code, zh, en) in enumerate(_TERMS):
            uow.session.add(
                VocabularyTerm(vocabulary=vocabulary, code=code, label_zh=zh, label_en=en, position=position)
            )
        uow.commit()
    made = create_app(platform, clock=clock)
    made.testing = True
    return made


@pytest.fixture
def open_browser(app: Flask) -> Callable[..., Browser]:
    """Opens a browser, signed in as the address given, in the language given."""

    def make(email: str | None = None, language: str = "zh") -> Browser:
        browser = Browser(app.test_client())
        browser.client.environ_base["HTTP_ACCEPT_LANGUAGE"] = language
        if email is not None:
            assert browser.sign_in(email).status_code == 302
        return browser

    return make

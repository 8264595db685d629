"""Signing in through a real OpenID Connect provider, and all that does not."""

from __future__ import annotations

import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from werkzeug.test import TestResponse

from matching.bootstrap import Platform
from matching.models import LinkedIdentity, User
from matching.services.two_factor import begin_two_factor, code_at, enable_two_factor, step_at
from tests.factories.people import Member, make_member
from tests.factories.platforms import make_platform
from tests.servers.identity_provider import (
    IdentityProvider,
    RsaKey,
    make_rsa_key,
    published_key,
    start_identity_provider,
)
from tests.unit.web.conftest import Browser, Clock
from web.app import create_app


@pytest.fixture
def provider(clock: Clock) -> Iterator[IdentityProvider]:
    with start_identity_provider() as started:
        started.moment = clock.moment.timestamp()
        yield started


@pytest.fixture
def platform(tmp_path: Path, provider: IdentityProvider) -> Iterator[Platform]:
    made = make_platform(
        tmp_path,
        oidc_issuer=provider.issuer,
        oidc_client_id=provider.client_id,
        oidc_client_secret=provider.client_secret,
        oidc_name="粤政易",
        public_url="http://localhost",
    )
    yield made
    made.close()


@pytest.fixture(autouse=True)
def member(app: Any, platform: Platform, clock: Clock) -> Member:
    return make_member(platform, clock.moment, email="li@example.cn", organisation="示例单位")


def follow(address: str) -> str:
    """What the provider answers the browser with; returns the path on our side."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    location = connection.getresponse().headers["Location"]
    connection.close()
    assert location.startswith("http://localhost/sign-in/provider/back?")
    return location.removeprefix("http://localhost")


def sign_in(browser: Browser, start: str = "/sign-in/provider") -> TestResponse:
    return browser.get(follow(browser.get(start).headers["Location"]))


def is_signed_in(browser: Browser) -> bool:
    return browser.get("/account/").status_code == 200


def test_who_has_an_account_is_signed_in_and_goes_on(
    open_browser: Callable[..., Browser], platform: Platform, provider: IdentityProvider, member: Member
) -> None:
    browser = open_browser()
    assert "粤政易" in browser.get("/sign-in").text
    assert sign_in(browser, "/sign-in/provider?next=/inbox/").headers["Location"] == "/inbox/"
    assert is_signed_in(browser)
    with platform.unit_of_work() as uow:
        assert [(row.subject, row.user_id) for row in uow.session.query(LinkedIdentity)] == [("p-1", member.user_id)]
        uow.session.get_one(User, member.user_id).email = "moved@example.cn"
        uow.commit()
    provider.claims = {"sub": "p-1"}  # known by the subject from now on
    again = open_browser()
    sign_in(again)
    assert is_signed_in(again)


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "p-2", "email": "nobody@example.cn", "email_verified": True},
        {"sub": "p-2", "email": "li@example.cn", "email_verified": False},
        {"sub": "p-2", "email": "li@example.cn"},
        {"sub": "p-2", "email": "li@example.cn", "email_verified": "true"},
        {"sub": "p-2"},
    ],
)
def test_an_identity_without_an_account_opens_none(
    open_browser: Callable[..., Browser], platform: Platform, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims = claims
    browser = open_browser()
    answer = sign_in(browser)
    assert answer.status_code == 422
    assert "还没有与这个身份对应的账号" in answer.text
    assert not is_signed_in(browser)
    with platform.reading() as session:
        assert session.query(LinkedIdentity).count() == 0


@pytest.mark.parametrize(
    "changed",
    [
        {"iss": "https://other.example"},
        {"aud": "other"},
        {"aud": ["duijie", "other"]},
        {"exp": 1},
        {"exp": None},
        {"nonce": "other"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
)
def test_a_token_for_something_else_opens_nothing(
    open_browser: Callable[..., Browser], provider: IdentityProvider, changed: dict[str, Any]
) -> None:
    provider.changed = changed
    browser = open_browser()
    assert sign_in(browser).status_code == 422
    assert not is_signed_in(browser)


@pytest.mark.parametrize(("algorithm", "secret"), [("none", None), ("HS256", "another secret")])
def test_a_token_that_is_not_signed_opens_nothing(
    open_browser: Callable[..., Browser], provider: IdentityProvider, algorithm: str, secret: str | None
) -> None:
    provider.algorithm, provider.signing_secret = algorithm, secret
    browser = open_browser()
    assert sign_in(browser).status_code == 422
    assert not is_signed_in(browser)


def test_a_token_signed_with_the_providers_rsa_key_opens_the_account(
    open_browser: Callable[..., Browser], provider: IdentityProvider
) -> None:
    provider.algorithm = "RS256"
    for key_id in ("k-1", None):
        provider.key_id = key_id
        browser = open_browser()
        assert sign_in(browser).status_code == 302
        assert is_signed_in(browser)


@pytest.mark.parametrize("lie", ["another key", "another name", "changed"])
def test_an_rsa_signature_of_somebody_else_opens_nothing(
    open_browser: Callable[..., Browser], provider: IdentityProvider, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    provider.algorithm = "RS256"
    if lie == "another key":
        provider.signing_key = make_rsa_key()
    elif lie == "another name":
        provider.key_id = "other"
    else:
        monkeypatch.setattr(RsaKey, "sign", lambda _key, _content: published_key().modulus.to_bytes(257)[1:])
    browser = open_browser()
    assert sign_in(browser).status_code == 422
    assert not is_signed_in(browser)


def test_the_answer_belongs_to_one_browser_and_works_once(
    open_browser: Callable[..., Browser], provider: IdentityProvider
) -> None:
    attacker, victim = open_browser(), open_browser()
    planted = follow(attacker.get("/sign-in/provider").headers["Location"])
    assert victim.get(planted).status_code == 422
    victim.get("/sign-in/provider")
    assert victim.get(planted).status_code == 422
    assert not is_signed_in(victim)
    browser = open_browser()
    answer = follow(browser.get("/sign-in/provider").headers["Location"])
    assert browser.get(answer).status_code == 302
    browser.get("/account/")
    assert browser.post("/sign-out").status_code == 302
    assert browser.get(answer).status_code == 422
    for wrong in ("?state=x&code=y", "?error=access_denied", "", "?code=y"):
        assert browser.get(f"/sign-in/provider/back{wrong}").status_code == 422
    assert not is_signed_in(browser)


def test_the_second_factor_is_asked_for_all_the_same(
    open_browser: Callable[..., Browser], platform: Platform, member: Member, clock: Clock
) -> None:
    with platform.unit_of_work() as uow:
        key = begin_two_factor(uow, member.actor, platform.settings, clock.moment)
    with platform.unit_of_work() as uow:
        code = code_at(key, step_at(clock.moment))
        enable_two_factor(uow, member.actor, platform.settings, code, clock.moment)
    clock.advance(minutes=2)
    browser = open_browser()
    assert "one_time_code" in sign_in(browser).text
    assert not is_signed_in(browser)
    browser.get("/sign-in")
    browser.post("/sign-in/code", {"one_time_code": code_at(key, step_at(clock.moment))})
    assert is_signed_in(browser)


def test_next_leads_nowhere_else(open_browser: Callable[..., Browser]) -> None:
    assert sign_in(open_browser(), "/sign-in/provider?next=//evil.example").headers["Location"] == "/"


def test_a_provider_that_is_away_or_lies_about_itself(tmp_path: Path, clock: Clock, provider: IdentityProvider) -> None:
    for issuer in (f"{provider.issuer}/other", "http://provider.example", "http://127.0.0.1:9"):
        made = make_platform(tmp_path / issuer[-5:].replace("/", "_"), oidc_issuer=issuer, oidc_client_id="duijie")
        browser = Browser(create_app(made, clock=clock).test_client())
        assert browser.get("/sign-in/provider").status_code == 422
        made.close()
    without = make_platform(tmp_path / "without")
    browser = Browser(create_app(without, clock=clock).test_client())
    assert browser.get("/sign-in/provider").status_code == 404
    assert browser.get("/sign-in/provider/back").status_code == 404
    assert "/sign-in/provider" not in browser.get("/sign-in").text
    without.close()

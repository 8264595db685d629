"""Limits by address and by member, without a Redis: each process counts for itself, and nothing fails for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from matching.bootstrap import Platform
from matching.errors import InvalidInput
from matching.services.actor import SYSTEM
from matching.services.api_tokens import make_api_token
from tests.factories.people import make_member
from tests.factories.platforms import make_platform
from tests.servers.redis import free_port
from web.app import create_app
from web.limits import ADDRESS_FACTOR, DEMONSTRATION_FACTOR, kind_of

Limited = Callable[..., FlaskClient]


@pytest.fixture
def limited(tmp_path: Path, now: datetime) -> Iterator[Limited]:
    """A client of an application in production with the limits given, and no Redis."""
    made: list[Platform] = []

    def make(**settings: Any) -> FlaskClient:
        chosen: dict[str, Any] = {
            "mode": "production",
            "secret_key": "s" * 40,
            "rate_limits": True,
            "smtp_host": "mail.example.cn",
            "mail_from": "office@example.cn",
            "redis_url": f"redis://127.0.0.1:{free_port()}/0",
        }
        platform = make_platform(tmp_path, **(chosen | settings))
        made.append(platform)
        return create_app(platform, clock=lambda: now).test_client()

    yield make
    for platform in made:
        platform.close()


def token_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found is not None
    return found[1]


def sign_in(client: FlaskClient, **options: Any) -> int:
    token = token_of(client.get("/sign-in").text)
    data = {"csrf_token": token, "email": "nobody@example.cn", "password": "wrong password"}
    return client.post("/sign-in", data=data, **options).status_code


def test_sign_ins_are_limited_by_address(limited: Limited) -> None:
    client = limited(sign_in_limit="2/minute")
    assert [sign_in(client) for _ in range(3)] == [422, 422, 429]
    token = token_of(client.get("/sign-in").text)
    answer = client.post("/sign-in", data={"csrf_token": token}, headers={"Accept-Language": "en"})
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert "Too many requests; please try again in" in answer.text
    assert sign_in(client, environ_base={"REMOTE_ADDR": "198.51.100.7"}) == 422


def test_a_form_that_comes_too_often_is_kept(limited: Limited) -> None:
    client = limited(registration_limit="1/minute")
    page = client.get("/password/forgotten")
    data = {"csrf_token": token_of(page.text), "email": "somebody@example.cn"}
    headers = {"Referer": "http://localhost/password/forgotten"}
    assert client.post("/password/forgotten", data=data, headers=headers).status_code in (200, 302)
    answer = client.post("/password/forgotten", data=data, headers=headers)
    assert answer.status_code == 429
    assert "somebody@example.cn" in answer.text
    assert "请求过于频繁" in answer.text
    assert client.get("/password/forgotten").status_code == 200  # to open the empty form is no attempt


def test_the_api_tells_where_callers_stand_and_answers_with_a_problem(limited: Limited) -> None:
    client = limited(api_limit="1/minute")
    told = client.get("/api/v1/needs")
    assert told.headers["RateLimit-Policy"] == f'"api";q={ADDRESS_FACTOR};w=60'
    assert told.headers["RateLimit"].startswith(f'"api";r={ADDRESS_FACTOR - 1};t=')
    for _ in range(ADDRESS_FACTOR - 1):
        assert client.get("/api/v1/needs").status_code == 200
    for language, title in (("zh", "尝试次数过多"), ("en", "Too many attempts")):
        refused = client.get("/api/v1/needs", headers={"Accept-Language": language})
        assert refused.status_code == 429
        assert refused.mimetype == "application/problem+json"
        assert refused.json is not None
        assert (refused.json["title"], refused.json["code"]) == (title, "requests.too_many")
        assert int(refused.headers["Retry-After"]) >= 1
    assert client.get("/").status_code == 200  # pages have a limit of their own


def test_members_of_one_address_are_counted_apart(limited: Limited, now: datetime) -> None:
    client = limited(api_limit="2/minute")
    platform: Platform = client.application.extensions["duijie.platform"]
    headers = []
    for name in ("one", "two"):
        member = make_member(platform, now, email=f"{name}@example.cn", organisation=name)
        with platform.unit_of_work() as uow:
            until = now + timedelta(days=1)
            secret = make_api_token(uow, SYSTEM, member.user_id, "t", ("read",), until, now)[1]
        headers.append({"Authorization": f"Bearer {secret}"})
    asked = [client.get("/api/v1/me", headers=headers[0]).status_code for _ in range(3)]
    assert asked == [200, 200, 429]
    assert client.get("/api/v1/me", headers=headers[1]).status_code == 200
    # A token that does not work is a visitor's request of that address.
    assert client.get("/api/v1/me", headers={"Authorization": "Bearer x"}).status_code == 401


def test_a_campus_of_ipv6_addresses_is_one_address(limited: Limited) -> None:
    client = limited(sign_in_limit="1/minute")
    assert sign_in(client, environ_base={"REMOTE_ADDR": "2001:db8:1:2::1"}) == 422
    assert sign_in(client, environ_base={"REMOTE_ADDR": "2001:db8:1:2:ffff::9"}) == 429
    assert sign_in(client, environ_base={"REMOTE_ADDR": "2001:db8:1:3::1"}) == 422


@pytest.mark.parametrize(
    ("settings", "statuses"),
    [
        ({}, [422, 429, 429]),  # nobody vouches for the header: all come from one address
        ({"behind_proxy": True}, [422, 422, 422]),
        ({"behind_proxy": True, "trusted_proxies": 2}, [422, 429, 429]),  # what the client itself wrote counts less
    ],
)
def test_an_address_is_taken_from_trusted_proxies_only(
    limited: Limited, settings: dict[str, Any], statuses: list[int]
) -> None:
    client = limited(sign_in_limit="1/minute", **settings)
    asked = []
    for number in range(3):
        headers = {"X-Forwarded-For": f"192.0.2.50, 198.51.100.{number}", "X-Forwarded-Proto": "http"}
        asked.append(sign_in(client, headers=headers | {"Referer": "http://localhost/sign-in"}))
    assert asked == statuses


def test_demonstrations_read_more_and_guess_no_faster(limited: Limited) -> None:
    client = limited(mode="demonstration", api_limit="1/minute", sign_in_limit="1/minute")
    told = client.get("/api/v1/needs").headers["RateLimit-Policy"]
    assert told == f'"api";q={ADDRESS_FACTOR * DEMONSTRATION_FACTOR};w=60'
    assert [sign_in(client), sign_in(client)] == [422, 429]


def test_a_setting_turns_limits_off(limited: Limited) -> None:
    client = limited(rate_limits=False, api_limit="1/minute", sign_in_limit="1/minute")
    assert {client.get("/api/v1/needs").status_code for _ in range(12)} == {200}
    assert "RateLimit" not in client.get("/api/v1/needs").headers


def test_probes_and_files_are_not_counted() -> None:
    assert kind_of("ops.healthz", "GET", "/healthz") is None
    assert kind_of("assets.send_asset", "GET", "/static/x") is None
    assert kind_of(None, "GET", "/nowhere") == "page"
    assert kind_of(None, "GET", "/api/nowhere") == "api"
    assert kind_of("api-tokens.make_token", "POST", "/api/v1/tokens") == "sign_in"


def test_a_wrong_limit_names_its_variable(limited: Limited) -> None:
    with pytest.raises(InvalidInput) as caught:
        limited(search_limit="many")
    assert caught.value.where == "DUIJIE_SEARCH_LIMIT"

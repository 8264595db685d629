"""Tokens: made from e-mail and password, limited by scope and time, revoked at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from matching.bootstrap import Platform
from matching.models import ApiToken, AuditEntry, User
from matching.services.accounts import FAILURES_BEFORE_LOCK
from matching.services.two_factor import begin_two_factor, code_at, enable_two_factor, step_at
from tests.factories.people import PASSWORD, make_member, make_staff
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Browser, Clock

MakeApi = Callable[..., Api]


def test_a_token_is_made_with_the_password_and_works(
    api: MakeApi, platform: Platform, now: datetime, clock: Clock
) -> None:
    member = make_member(platform, now, email="a@example.cn", organisation="甲厂", role="editor")
    made = api().post("/tokens", {"email": " A@example.cn ", "password": PASSWORD, "name": "ERP", "expires_in_days": 7})
    assert made.status_code == 201
    secret = made.json["token"]
    assert secret.startswith("dj_")
    assert len(secret) == 46
    assert {key: made.json[key] for key in ("name", "scopes", "created_at", "expires_at", "last_used_at")} == {
        "name": "ERP",
        "scopes": ["read", "write"],
        "created_at": "2026-11-25T01:00:00+00:00",
        "expires_at": "2026-12-02T01:00:00+00:00",
        "last_used_at": None,
    }
    me = api().get("/me", headers={"Authorization": f"Bearer {secret}"})
    assert me.json == {
        "id": member.user_id,
        "name": "a",
        "email": "a@example.cn",
        "role": "member",
        "language": "zh",
        "region_code": None,
        "organisations": [{"id": member.organisation_id, "name": "甲厂", "role": "editor"}],
        "token": {
            "id": made.json["id"],
            "name": "ERP",
            "scopes": ["read", "write"],
            "expires_at": "2026-12-02T01:00:00+00:00",
        },
    }
    with platform.reading() as session:
        row = session.get_one(ApiToken, made.json["id"])
        assert row.used_at == now
        assert secret not in (row.token_hash, row.name, row.id)
    clock.advance(days=7)
    expired = api().get("/me", headers={"Authorization": f"Bearer {secret}"})
    assert (expired.status_code, expired.json["code"]) == (401, "token.invalid")
    assert expired.headers["WWW-Authenticate"] == 'Bearer realm="duijie"'


def test_the_last_use_is_noted_once_a_minute(api: MakeApi, platform: Platform, now: datetime, clock: Clock) -> None:
    member = make_member(platform, now, email="a@example.cn")
    client = api(member.user_id)
    uses = []
    for seconds in (0, 59, 1):
        clock.advance(seconds=seconds)
        uses.append(client.get("/tokens").json["items"][0]["last_used_at"])
    assert uses == ["2026-11-25T01:00:00+00:00", "2026-11-25T01:00:00+00:00", "2026-11-25T01:01:00+00:00"]


def test_wrong_passwords_are_refused_alike_and_lock_the_account(
    api: MakeApi, platform: Platform, now: datetime
) -> None:
    make_member(platform, now, email="a@example.cn")
    unknown = api().post("/tokens", {"email": "b@example.cn", "password": PASSWORD})
    for _ in range(FAILURES_BEFORE_LOCK):
        wrong = api().post("/tokens", {"email": "a@example.cn", "password": "not the password"})
        assert wrong.status_code == 401
        assert {**wrong.json, "request_id": ""} == {**unknown.json, "request_id": ""}
    assert api().post("/tokens", {"email": "a@example.cn", "password": PASSWORD}).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [(("read",), 200, 403), (("write",), 403, 201), (("read", "write"), 200, 201)],
)
def test_scopes_limit_what_a_token_does(
    api: MakeApi, platform: Platform, now: datetime, scopes: tuple[str, ...], reads: int, writes: int
) -> None:
    member = make_member(platform, now, email="a@example.cn")
    client = api(member.user_id, scopes)
    assert client.get("/me").status_code == reads
    assert client.get("/needs").status_code == reads
    assert client.post("/needs", {"title": "线路板翘曲"}).status_code == writes


def test_tokens_are_listed_without_secrets_and_revoked(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    other = make_member(platform, now, email="b@example.cn")
    first, second = api(member.user_id), api(member.user_id, ("read",))
    listed = first.get("/tokens").json["items"]
    assert len(listed) == 2
    assert all("token" not in one for one in listed)
    reader = next(one["id"] for one in listed if one["scopes"] == ["read"])
    writer = next(one["id"] for one in listed if one["scopes"] == ["read", "write"])
    assert second.delete(f"/tokens/{writer}").json["code"] == "token.scope"
    assert api(other.user_id).delete(f"/tokens/{writer}").status_code == 404
    assert second.delete(f"/tokens/{reader}").status_code == 204
    assert second.get("/me").status_code == 401
    assert [one["id"] for one in first.get("/tokens").json["items"]] == [writer]
    with platform.reading() as session:
        assert [row.action for row in session.query(AuditEntry).filter_by(subject_id=reader)] == [
            "token.make",
            "token.revoke",
        ]


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer ", "Bearer dj_wrong", "Basic YTpi", "dj_x", "", "Bearer \xff\xfe"]
)
def test_a_token_that_does_not_work_is_refused_even_where_none_is_needed(api: MakeApi, header: str) -> None:
    answer = api().get("/needs", headers={"Authorization": header})
    assert (answer.status_code, answer.json["code"]) == (401, "token.invalid")


def test_a_closed_account_has_no_tokens(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    client = api(member.user_id)
    with platform.unit_of_work() as uow:
        uow.session.get_one(User, member.user_id).active = False
        uow.commit()
    assert client.get("/me").status_code == 401


def test_a_session_of_the_pages_opens_nothing(
    api: MakeApi, platform: Platform, now: datetime, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, now, email="a@example.cn")
    browser = open_browser("a@example.cn")
    assert browser.client.get("/api/v1/me").status_code == 401
    assert browser.client.post("/api/v1/needs", json={"title": "线路板翘曲"}).status_code == 401


def test_staff_have_a_region_and_no_organisation(api: MakeApi, platform: Platform, now: datetime) -> None:
    actor = make_staff(platform, now, email="s@example.cn")
    me = api(actor.user_id).get("/me").json
    assert (me["role"], me["region_code"], me["organisations"]) == ("staff", "440784", [])


def test_two_step_verification_guards_tokens_too(api: MakeApi, platform: Platform, now: datetime, clock: Clock) -> None:
    member = make_member(platform, now, email="two@example.cn", organisation="两步单位")
    with platform.unit_of_work() as uow:
        key = begin_two_factor(uow, member.actor, platform.settings, now)
    with platform.unit_of_work() as uow:
        enable_two_factor(uow, member.actor, platform.settings, code_at(key, step_at(now)), now)
    clock.advance(minutes=2)
    entry = {"email": "two@example.cn", "password": PASSWORD}
    for wrong in ({}, {"code": "000000"}):
        answer = api().post("/tokens", entry | wrong)
        assert answer.status_code == 422
        assert answer.json["where"] == "code"
    code = code_at(key, step_at(clock.moment))
    assert api().post("/tokens", entry | {"code": code}).status_code == 201
    assert api().post("/tokens", entry | {"code": code}).status_code == 422
    for _ in range(6):
        answer = api().post("/tokens", entry | {"code": "000000"})
    assert answer.status_code == 429

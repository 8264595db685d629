"""Errors: one form for all of them, in both languages, and nothing that is our fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from importlib import import_module

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from matching.bootstrap import Platform
from tests.factories.people import make_member
from tests.unit.web.api.conftest import Api
from web.api.body import parse_json
from web.api.problems import MalformedBody

MakeApi = Callable[..., Api]


@pytest.mark.parametrize(
    "path", ["/api", "/api/", "/api/v2/needs", "/api/v1/", "/api/v1/nothing", "/api/v1/needs/a/b/c"]
)
def test_addresses_that_lead_nowhere(app: Flask, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        answer = app.test_client().open(path, method=method)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
        assert {key: answer.json[key] for key in ("type", "title", "status", "code", "detail")} == {
            "type": "/api/docs#status-404",
            "title": "没有找到",
            "status": 404,
            "code": "http.404",
            "detail": "没有这个地址",
        }
    assert "Set-Cookie" not in answer.headers


def test_addresses_that_are_not_of_the_api_keep_their_pages(app: Flask) -> None:
    answer = app.test_client().get("/apix")
    assert (answer.status_code, answer.mimetype) == (404, "text/html")


@pytest.mark.parametrize(
    "path", ["/needs/a%00b", "/needs/%F0%28", "/needs/" + "x" * 65, "/experts/a%0Ab", "/needs/a%20b"]
)
def test_ids_that_cannot_be_ids(api: MakeApi, path: str) -> None:
    assert api().get(path).json["code"] == "http.404"


def test_methods_that_an_address_does_not_know(api: MakeApi) -> None:
    answer = api().call("PUT", "/needs")
    assert answer.status_code == 405
    assert sorted(answer.allow) == ["GET", "HEAD", "OPTIONS", "POST"]
    assert answer.json["code"] == "http.405"


def test_titles_and_details_are_in_the_language_of_the_request(api: MakeApi) -> None:
    for wanted, title in (
        ("en", "Valid credentials are needed"),
        ("zh-CN", "需要有效的身份凭证"),
        ("de", "需要有效的身份凭证"),
    ):
        assert api().get("/me", headers={"Accept-Language": wanted}).json["title"] == title


def test_bodies_that_cannot_be_read(api: MakeApi, platform: Platform, now: datetime) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)

    def send(data: bytes, content_type: str | None = "application/json") -> tuple[int, str]:
        answer = client.call("POST", "/needs", data=data, content_type=content_type)
        return answer.status_code, answer.json["code"]

    assert send(b"{") == (400, "input.malformed")
    assert send(b"") == (400, "input.malformed")
    assert send(b"\xff\xfe") == (400, "input.malformed")
    assert send(b"[" * 100_000) == (400, "input.malformed")
    assert send(b'{"budget":{"minimum":NaN}}') == (400, "input.malformed")
    assert send(b'{"budget":{"minimum":1e99999999999999999999}}') == (400, "input.malformed")
    assert send(b'{"budget":{"minimum":' + b"9" * 5000 + b"}}") == (400, "input.malformed")
    assert send(b"[]") == (422, "input.invalid")
    assert send(b"null") == (422, "input.invalid")
    assert send(b'"title"') == (422, "input.invalid")
    assert send(b"title=x", "application/x-www-form-urlencoded") == (415, "input.content_type")
    assert send(b'{"title":"x"}', "text/plain") == (415, "input.content_type")
    assert send(b'{"title":"x"}', None) == (415, "input.content_type")
    assert send(json.dumps({"title": "x", "problem": "长" * 400_000}).encode()) == (413, "http.413")


def test_unknown_fields_are_repeated_but_not_at_length(api: MakeApi, platform: Platform, now: datetime) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    answer = client.post("/needs", {"title": "翘曲", "\ud800" + "x" * 5000: 1})
    assert (answer.status_code, len(answer.json["where"])) == (422, 60)


def test_a_database_that_is_away_is_said(api: MakeApi, platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object, **__: object) -> None:
        raise OperationalError("select", {}, Exception("gone"))

    client = api()
    monkeypatch.setattr(import_module("web.api.v1.vocabularies"), "load_vocabularies", away)
    answer = client.get("/vocabularies")
    assert (answer.status_code, answer.json["code"]) == (503, "part.database_unavailable")
    assert answer.headers["Retry-After"] == "5"


def test_what_nobody_foresaw_is_a_problem_without_particulars(
    app: Flask, api: MakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret particulars")

    monkeypatch.setattr(import_module("web.api.v1.vocabularies"), "load_vocabularies", fail)
    app.testing = False
    answer = app.test_client().get("/api/v1/vocabularies")
    assert (answer.status_code, answer.json["code"]) == (500, "http.500")
    assert "secret particulars" not in answer.text


@given(st.recursive(st.none() | st.booleans() | st.integers(-(10**40), 10**40) | st.text(), st.lists, max_leaves=20))
def test_json_is_read_as_it_was_written(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_json_or_malformed(body: bytes) -> None:
    try:
        known = json.loads(body, parse_constant=lambda name: {}[name], parse_float=Decimal)
    except (ValueError, KeyError):
        with pytest.raises(MalformedBody):
            parse_json(body)
    else:
        assert parse_json(body) == known

"""What answers say beside their content: the policy on every error, what may be kept, problems in both languages."""

from __future__ import annotations

import json
import re
from typing import Any

import lxml.html
import pytest
from flask import Flask

from tests.integration.policy.crawler import Reader, addresses, known_ids
from tests.integration.policy.world import World
from tests.unit.web.attacks.test_requests import fill, rows_of, rules_by_method
from web.app import create_app
from web.security import CONTENT_SECURITY_POLICY

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(1)</script>' onmouseover='alert(1)"


def assert_inert(page: str, where: str) -> None:
    """Nothing in a page runs that somebody wrote."""
    for element in lxml.html.fromstring(page or "<p>").iter():
        if not isinstance(element.tag, str):
            continue
        assert not (element.tag == "script" and not element.get("src") and element.get("type") is None), where
        assert element.get("src") != "x", where
        for name, value in element.attrib.items():
            assert not name.startswith("on"), f"{where}: {name}"
            assert name != "style", where
            if name in ("href", "action", "formaction", "hx-get", "hx-post"):
                assert not re.match(r"\s*(javascript|data|vbscript):", value, re.I), where


def test_every_error_has_the_policy_and_is_not_kept(
    world: World, attacked: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    member, visitor = Reader(world, attacked, "firm_owner"), Reader(world, attacked, "visitor")

    def fail(*_: object, **__: object) -> Any:
        raise RuntimeError("unforeseen")

    broken = create_app(world.platform, clock=lambda: world.now)
    broken.view_functions["privacy.show_register"] = fail
    answers = {
        400: visitor.client.post("/sign-in", data={"email": "x"}),
        403: member.client.get("/users/"),
        404: visitor.client.get(f"/nothing/{HOSTILE}"),
        405: visitor.client.delete("/search"),
        413: member.client.post("/needs/new", data={"csrf_token": member.csrf, "title": "x" * 3_000_000}),
        422: member.client.post("/needs/new", data={"csrf_token": member.csrf, "title": HOSTILE * 9}),
        500: broken.test_client().get("/privacy/"),
    }
    for status, answer in answers.items():
        assert answer.status_code == status, (status, answer.status_code)
        assert answer.headers["Content-Security-Policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "unforeseen" not in answer.text
        assert_inert(answer.text, str(status))


@pytest.mark.parametrize("name", ["administrator", "visitor", "rival_editor"])
def test_a_table_of_experts_holds_contacts_of_the_own_organisation_only(
    world: World, attacked: Flask, name: str
) -> None:
    """An administrator may edit every entry, and yet takes nobody's telephone along in a file."""
    for address in ("/exports/experts.csv", "/exports/experts.xlsx", "/exports/experts.csv?own=1"):
        seen = Reader(world, attacked, name).get(address)
        kinds = {world.secrets[mark].kind for mark in seen.marks}
        assert "expert.contact" not in kinds, address


def test_no_header_and_no_field_makes_a_method_another(world: World, attacked: Flask) -> None:
    reader = Reader(world, attacked, "firm_owner")
    before = rows_of(world)
    need = next(post.id for post in world.posts if post.plan.side == "need")
    token = {"Authorization": f"Bearer {world.tokens['firm_owner']}"}
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        for method in ("DELETE", "PATCH", "POST"):
            answer = reader.client.get(f"/api/v1/needs/{need}", headers={**token, name: method, "If-Match": '"1"'})
            assert answer.status_code == 200
            assert json.loads(answer.data)["id"] == need
            answer = reader.client.get(f"/posts/{need}/edit?_method={method}", headers={name: method})
            assert answer.status_code == 200
    assert rows_of(world) == before
    for method in ("TRACE", "CONNECT", "PROPFIND"):
        assert reader.client.open("/search", method=method).status_code == 405


@pytest.mark.parametrize(("language", "letters"), [("zh", r"[一-鿿]"), ("en", r"^[\x00-\x7f‘’“”…–]+$")])
def test_refusals_of_the_protocol_are_problems_in_both_languages(
    world: World, attacked: Flask, language: str, letters: str
) -> None:
    reader = Reader(world, attacked, "firm_owner")
    need = next(post for post in world.posts if post.plan.side == "need" and post.plan.owner == "firm")
    headers = {"Authorization": f"Bearer {world.tokens['firm_owner']}", "Accept-Language": language}
    one, many = f"/api/v1/needs/{need.id}", "/api/v1/needs"
    asked: dict[int, dict[str, Any]] = {
        401: {"path": "/api/v1/me", "headers": {"Authorization": "Bearer dj_wrong"}},
        404: {"path": "/api/v1/needs/nothing"},
        405: {"path": one, "method": "PUT", "json": {}},
        406: {"path": many, "headers": {"Accept": "text/html"}},
        412: {"path": one, "method": "PATCH", "json": {"title": "新"}, "headers": {"If-Match": '"999"'}},
        413: {"path": many, "method": "POST", "json": {"title": "x" * 3_000_000}},
        415: {"path": many, "method": "POST", "data": b"<a/>", "headers": {"Content-Type": "application/xml"}},
        422: {"path": many, "method": "POST", "json": {"nobodys": HOSTILE}},
        428: {"path": one, "method": "PATCH", "json": {"title": "新"}},
    }
    for status, request in asked.items():
        answer = reader.client.open(**{**request, "headers": headers | request.get("headers", {})})
        assert answer.status_code == status, (status, answer.status_code, answer.text[:300])
        assert answer.mimetype == "application/problem+json", status
        told = json.loads(answer.data)
        assert told["status"] == status
        assert re.search(letters, told["title"]), told
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_no_operation_takes_a_field_that_it_does_not_name(world: World, attacked: Flask) -> None:
    """Whatever a row has more than a body describes cannot be set by writing it there."""
    document = json.loads(attacked.test_client().get("/api/v1/openapi.json").data)
    reader = Reader(world, attacked, "administrator")
    ids = {name: values[0] for name, values in known_ids(world).items() if values}
    before = rows_of(world)
    tried = 0
    for rule in rules_by_method(attacked, "POST", "PATCH", "PUT"):
        described = document["paths"].get(re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule))
        if described is None:
            continue
        for method in sorted({"POST", "PATCH", "PUT"} & (rule.methods or set())):
            if "requestBody" not in described.get(method.lower(), {}):
                continue
            headers = {"Authorization": f"Bearer {world.tokens['administrator']}", "If-Match": '"1"'}
            body = {"is_admin_of_nobody": True, "version": 99, "created_at": "2020-01-01T00:00:00Z"}
            answer = reader.client.open(fill(rule, ids), method=method, json=body, headers=headers)
            assert 400 <= answer.status_code < 500, f"{method} {rule.rule}: {answer.status_code}"
            tried += 1
    assert tried > 60
    assert rows_of(world) == before


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 50_000, b'{"title": ' + b"9" * 6_000 + b"}", b'{"title": 1e999999}', b"\xff\xfe{}"],
    ids=["deep lists", "deep objects", "a long number", "beyond numbers", "another encoding"],
)
def test_a_body_that_is_built_to_break_the_reader_is_refused(world: World, attacked: Flask, body: bytes) -> None:
    headers = {
        "Authorization": f"Bearer {world.tokens['firm_owner']}",
        "Content-Type": "application/json",
    }
    for path in ("/api/v1/needs", "/api/v1/tokens", "/api/v1/interests"):
        answer = attacked.test_client().post(path, data=body, headers=headers)
        assert 400 <= answer.status_code < 500, (path, answer.status_code)
        assert answer.mimetype == "application/problem+json"


def test_what_is_asked_for_is_shown_as_text(world: World, attacked: Flask) -> None:
    """Query strings that pages repeat: words, filters, orders, and arguments that nothing has."""
    reader, tried = Reader(world, attacked, "administrator"), set()
    names = ("q", "type", "town", "industry", "domain", "sort", "state", "status", "kind", "next", "back", "cursor",
             "page", "field", "from", "until", "box", "stage", "month", "year", "language", "organisation")  # fmt: skip
    for endpoint, address in addresses(attacked, world):
        if address.startswith("/api/") or endpoint in tried or "?" in address:
            continue
        tried.add(endpoint)
        answer = reader.client.get(address, query_string=dict.fromkeys(names, HOSTILE))
        assert answer.status_code < 500, address
        if answer.mimetype == "text/html":
            assert_inert(answer.text, address)
        assert "onerror=alert(1)>" not in answer.headers.get("Location", "")
    assert len(tried) > 80

"""The document is valid OpenAPI 3.1 for what is there, and the page about it shows all of it."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask
from jsonschema import Draft202012Validator

METHODS = {"get", "post", "patch", "delete"}


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): item[method]
        for path, item in document["paths"].items()
        for method in METHODS & item.keys()
    }


def test_every_route_of_the_application_is_described(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/") and not rule.rule.endswith("openapi.json")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert set(operations(document)) == routes
    assert len(routes) == 209


def test_the_contract_is_kept(document: dict[str, Any]) -> None:
    described = operations(document)
    assert document["openapi"] == "3.1.0"
    for noun in ("needs", "capabilities"):
        assert "201" in described["POST", f"/api/v1/{noun}"]["responses"]
        assert ("POST", f"/api/v1/{noun}/{{post_id}}/publish") in described
        assert ("GET", f"/api/v1/{noun}/{{post_id}}/suggestions") in described
    arguments = {one["name"] for one in described["GET", "/api/v1/search"]["parameters"]}
    assert arguments >= {"q", "type", "cursor", "industry", "domain", "town", "region", "kind", "language"}
    suggestion = document["components"]["schemas"]["CapabilitySuggestion"]
    assert set(suggestion["required"]) >= {"score", "rank", "probability", "reasons", "capability"}


def test_operations_have_names_locks_and_problems(document: dict[str, Any]) -> None:
    described = operations(document)
    names = [one["operationId"] for one in described.values()]
    assert len(set(names)) == len(names)
    tags = {tag["name"] for tag in document["tags"]}
    for (method, path), one in described.items():
        assert set(one["tags"]) <= tags
        assert re.search(r"[\u4e00-\u9fff].* / [A-Z]", one["summary"]), one["summary"]
        assert {"token": []} in one["security"]
        assert method == "GET" or {} not in one["security"] or path == "/api/v1/tokens"
        for status, answer in one["responses"].items():
            kinds = set(answer.get("content", {}))
            assert kinds == ({"application/problem+json"} if status >= "400" else kinds & {"application/json"})
        assert {"401", "403", "503"} <= one["responses"].keys()
        # The caller's own entry as an expert is named by no id, and may not be there.
        own_entry = path.startswith("/api/v1/me/data") and method != "GET"
        assert ("404" in one["responses"]) == ("{" in path or own_entry)
        assert ("415" in one["responses"]) == ("requestBody" in one)


def test_schemas_are_schemas_and_leave_nothing_open(document: dict[str, Any]) -> None:
    for name, schema in document["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert schema["additionalProperties"] is False, name
        assert schema["description"], name


def test_the_page_lists_every_operation_without_scripts_of_its_own(app: Flask, document: dict[str, Any]) -> None:
    answer = app.test_client().get("/api/docs", headers={"Accept-Language": "en"})
    assert answer.status_code == 200
    for (method, path), one in operations(document).items():
        assert f"<code>{method} {path}</code>" in answer.text
        assert f'id="{one["operationId"]}"' in answer.text
    for name in document["components"]["schemas"]:
        assert f'<details id="{name}">' in answer.text
    assert "需要令牌" not in answer.text
    assert "token needed" in answer.text
    assert re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text) == []
    assert re.findall(r"<script(?![^>]*\bsrc=)", answer.text) == []
    assert " style=" not in answer.text
    # Every link inside the page leads somewhere.
    targets = set(re.findall(r'id="([^"]+)"', answer.text))
    assert set(re.findall(r'href="#([^"]+)"', answer.text)) <= targets

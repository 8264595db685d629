"""A client of the API that checks every answer against the document before a test sees it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator, FormatChecker
from werkzeug.test import TestResponse

from matching.bootstrap import Platform
from matching.services.actor import SYSTEM
from matching.services.api_tokens import make_api_token

FORMATS = FormatChecker()


@FORMATS.checks("date-time", raises=ValueError)
def _is_moment(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


class Api:
    """Calls the API as one member, or as a visitor."""

    def __init__(self, app: Flask, document: dict[str, Any], token: str | None = None) -> None:
        self._client = app.test_client()
        self._document = document
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, **options: Any) -> TestResponse:
        """GET; `query` gives the arguments."""
        return self.call("GET", path, query_string=options.pop("query", None), **options)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        """POST, with a JSON body where one is given."""
        return self.call("POST", path, **({"json": body} if body is not None else {}), **options)

    def patch(self, path: str, body: Any, etag: str | None = None, **options: Any) -> TestResponse:
        """PATCH, with If-Match where an ETag is given."""
        headers = options.pop("headers", {}) | ({"If-Match": etag} if etag else {})
        return self.call("PATCH", path, json=body, headers=headers, **options)

    def delete(self, path: str) -> TestResponse:
        """DELETE."""
        return self.call("DELETE", path)

    def call(self, method: str, path: str, **options: Any) -> TestResponse:
        """Any request below /api/v1."""
        headers = self.headers | dict(options.pop("headers", {}))
        if "json" in options:
            # By ourselves, since tests also send what the application's encoder would refuse.
            options |= {"data": json.dumps(options.pop("json")), "content_type": "application/json"}
        answer = self._client.open(f"/api/v1{path}", method=method, headers=headers, **options)
        check_against_document(self._document, method, f"/api/v1{path}", answer)
        return answer


def check_against_document(document: dict[str, Any], method: str, path: str, answer: TestResponse) -> None:
    """The operation knows this status, this content type and this body; addresses of none answer with a problem."""
    operation = _find_operation(document, method, path.split("?")[0])
    if operation is None:
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        assert answer.status_code in (404, 405)
    else:
        described = operation["responses"].get(str(answer.status_code))
        assert described is not None, f"{method} {path} answered {answer.status_code}: {answer.text}"
        content = described.get("content", {})
        for name in described.get("headers", {}):
            assert name in answer.headers
    if not content:
        assert answer.data == b""
        return
    schema = {**content[answer.mimetype]["schema"], "components": document["components"]}
    Draft202012Validator(schema, format_checker=FORMATS).validate(answer.json)


def _find_operation(document: dict[str, Any], method: str, path: str) -> dict[str, Any] | None:
    # Addresses without a parameter go before those with one, as in the application.
    for template, item in sorted(document["paths"].items(), key=lambda pair: pair[0].count("{")):
        pattern = re.sub(r"\{[^}]*\}", "[A-Za-z0-9._:~-]{1,64}", template)
        if re.fullmatch(pattern, path) and method.lower() in item:
            found: dict[str, Any] = item[method.lower()]
            return found
    return None


@pytest.fixture
def document(app: Flask) -> dict[str, Any]:
    found: dict[str, Any] = app.test_client().get("/api/v1/openapi.json").json
    return found


@pytest.fixture
def api(app: Flask, document: dict[str, Any], platform: Platform, now: datetime) -> Callable[..., Api]:
    """Makes a client for an account, or for a visitor."""

    def make(user_id: str | None = None, scopes: tuple[str, ...] = ("read", "write"), days: int = 30) -> Api:
        if user_id is None:
            return Api(app, document)
        with platform.unit_of_work() as uow:
            _, secret = make_api_token(uow, SYSTEM, user_id, "test", scopes, now + timedelta(days=days), now)
        return Api(app, document, secret)

    return make

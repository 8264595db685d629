"""Hostile text typed into every field of every form that a role sees: neither the answer nor any later page runs it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import lxml.html
import pytest
from flask import Flask

from tests.integration.policy.crawler import Reader, addresses
from tests.integration.policy.world import World
from tests.unit.web.attacks.test_answers import assert_inert

PAYLOAD = "\"'><svg onload=alert(1)>"
"""Short, so that it fits where little does."""

LEFT_OUT = (
    "/sign-out", "/sign-in", "/language/", "/me/data/close", "/me/data/erase", "/account/two-factor",
    "/account/password", "/account/sign-ins", "/users/",
)  # fmt: skip
"""Beginnings of actions that would end the reader's sign-in or account."""


def forms_of(page: str) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(action, fields) of each form of a page that is sent by POST, hostile wherever somebody may type."""
    for form in lxml.html.fromstring(page).iter("form"):
        if (form.get("method") or "").lower() != "post" or form.get("enctype") == "multipart/form-data":
            continue
        fields: list[tuple[str, str]] = []
        for one in form.iter("input", "textarea", "select"):
            name, kind = one.get("name"), one.get("type", "text")
            if not name:
                continue
            if one.tag == "select":
                options = [option.get("value", "") for option in one.iter("option")]
                fields.append((name, next((value for value in options if value), "")))
            elif kind == "hidden":
                fields.append((name, one.get("value", "")))
            elif kind in ("checkbox", "radio"):
                if kind == "checkbox" or all(name != known for known, _value in fields):
                    fields.append((name, one.get("value", "y")))
            elif kind not in ("submit", "file", "password"):
                fields.append((name, f"{PAYLOAD}@x.example" if kind == "email" else PAYLOAD))
        yield form.get("action") or "", fields


@pytest.mark.parametrize("name", ["firm_owner", "administrator"])
def test_nothing_typed_into_a_form_runs(world: World, attacked: Flask, name: str) -> None:
    reader = Reader(world, attacked, name)
    pages: dict[str, str] = {}
    for endpoint, address in addresses(attacked, world):
        if not address.startswith("/api/") and endpoint not in pages and "?" not in address:
            answer = reader.client.get(address)
            if answer.status_code == 200 and answer.mimetype == "text/html":
                pages[endpoint] = address
    sent: dict[str, int] = {}
    for address in pages.values():
        for action, fields in forms_of(reader.client.get(address).text):
            target = action or address
            if target.startswith(LEFT_OUT) or not target.startswith("/") or target in sent:
                continue
            answer = reader.client.post(target, data=_multi(fields))
            assert answer.status_code < 500, (target, fields)
            sent[target] = answer.status_code
            if answer.mimetype == "text/html":
                assert_inert(answer.text, f"answer to {target}")
    assert len(sent) > 20
    assert sum(status in (200, 302, 303) for status in sent.values()) > 5
    shown = 0
    for address in pages.values():
        answer = reader.client.get(address)
        assert answer.status_code < 500, address
        if answer.mimetype == "text/html":
            assert_inert(answer.text, address)
            shown += "onload=alert(1)" in answer.text
    assert shown > 0


def _multi(fields: list[tuple[str, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in fields:
        found.setdefault(name, []).append(value)
    return found

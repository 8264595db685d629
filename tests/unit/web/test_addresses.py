"""Kept addresses are those that Flask puts together."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Blueprint, Flask, url_for

from web import addresses
from web.addresses import Application


@pytest.fixture
def app() -> Application:
    app = Application(__name__)
    part = Blueprint("part", __name__)
    part.add_url_rule("/things/<name>", "show", lambda name: url_for(".show", name=name))
    other = Blueprint("other", __name__)
    other.add_url_rule("/others/<name>", "show", lambda name: url_for(".show", name=name))
    app.register_blueprint(part)
    app.register_blueprint(other)
    return app


VALUES: tuple[dict[str, Any], ...] = (
    {"name": "a"},
    {"name": "甲/乙?&"},
    {"name": "a", "page": "1"},
    {"name": "a", "page": 1},
    {"name": "a", "page": True},
    {"name": "a", "page": None},
    {"name": "a", "kind": ["x", "y"]},
    {"name": "a", "b": "2", "c": "3"},
    {"name": "a", "_anchor": "end"},
    {"name": "a", "_external": True},
)


def test_an_address_is_the_same_every_time_and_flasks_own(app: Application) -> None:
    for mounted in ("", "/site"):
        with app.test_request_context("/", environ_overrides={"SCRIPT_NAME": mounted}):
            for values in VALUES * 2:
                assert url_for("part.show", **values) == Flask.url_for(app, "part.show", **values)


def test_a_relative_endpoint_is_that_of_the_page(app: Application) -> None:
    client = app.test_client()
    assert [client.get(path).text for path in ("/things/a", "/others/a")] == ["/things/a", "/others/a"]


def test_no_more_than_so_many_are_kept(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(addresses, "MOST_KEPT", 3)
    with app.test_request_context("/"):
        for number in range(10):
            assert url_for("part.show", name=str(number)) == f"/things/{number}"
            assert len(app._kept_addresses) <= 3

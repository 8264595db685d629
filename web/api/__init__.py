"""The HTTP API: nouns under /api/v1, described by a document that is generated from the code, and a page about it."""

from __future__ import annotations

from flask import Flask
from flask.json.provider import DefaultJSONProvider

from web.api.document import make_document
from web.api.guide import guide
from web.api.problems import answer_unknown_addresses
from web.api.v1 import NOUNS

__all__ = ["install_api"]


def install_api(app: Flask) -> None:
    """Register everything under /api. Needs the reader and, because no session counts here, the CSRF guard."""
    document = make_document(app)
    if isinstance(app.json, DefaultJSONProvider):
        app.json.ensure_ascii = False  # people who look at raw answers read Chinese, not escapes
    csrf = app.extensions["csrf"]
    for noun in NOUNS:
        document.add_noun(noun)
        # Programs present a token; a cookie that a browser adds by itself opens nothing here.
        csrf.exempt(noun)
    app.extensions["duijie.api_document"] = document
    app.register_blueprint(guide)
    answer_unknown_addresses(app)

"""Writing a need."""

from __future__ import annotations

from flask import Blueprint

from web.html import writing

needs = Blueprint("needs", __name__, url_prefix="/needs")


@needs.route("/new", methods=["GET", "POST"])
def write_new() -> writing.Page:
    """A new need; open to visitors until it is sent."""
    return writing.write_new("need")


@needs.post("/preview")
def preview() -> str:
    """Who might solve it, and what the text still lacks."""
    return writing.preview("need")

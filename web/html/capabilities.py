"""Writing a capability."""

from __future__ import annotations

from flask import Blueprint

from web.html import writing

capabilities = Blueprint("capabilities", __name__, url_prefix="/capabilities")


@capabilities.route("/new", methods=["GET", "POST"])
def write_new() -> writing.Page:
    """A new capability; open to visitors until it is sent."""
    return writing.write_new("capability")


@capabilities.post("/preview")
def preview() -> str:
    """Who might need it, and what the text still lacks."""
    return writing.preview("capability")

"""What all answers have in common: the headers that name a state and keep private answers out of caches."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.models import Post
from web.api.body import Versioned, etag_of
from web.api.document import PREFIX

PLURALS = {"need": "needs", "capability": "capabilities"}

ETAG_HEADER: dict[str, Any] = {
    "ETag": {"description": "Names this state; give it back in `If-Match`.", "schema": {"type": "string"}}
}
CREATED_HEADERS: dict[str, Any] = {
    **ETAG_HEADER,
    "Location": {"description": "Where the new post is.", "schema": {"type": "string", "format": "uri-reference"}},
}
IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag the post was read with; checked where given.",
    "schema": {"type": "string"},
}
IF_MATCH_NEEDED: dict[str, Any] = {
    **IF_MATCH,
    "description": "The ETag the post was read with. Needed: without it the answer is 428.",
}


def state_headers(post: Versioned) -> dict[str, str]:
    """The ETag of the row's present state."""
    return {"ETag": f'"{etag_of(post)}"'}


def created_headers(post: Post) -> dict[str, str]:
    """Where the post is, and its state."""
    return {**state_headers(post), "Location": f"{PREFIX}/{PLURALS[post.side]}/{post.id}"}


def nothing_more() -> Response:
    """Done, and there is nothing to say about it (204)."""
    response = Response(status=204)
    del response.headers["Content-Type"]
    return response

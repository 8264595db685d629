"""Reads what a request brings: JSON that is exact about numbers and refuses what cannot be stored, and its headers."""

from __future__ import annotations

import hashlib
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn, Protocol

from flask import Request, request
from webargs.core import missing
from webargs.flaskparser import FlaskParser, is_json_request

from matching.errors import EditConflict, InvalidInput
from matching.store.unit_of_work import edit_conflict
from web.api.problems import MalformedBody, NotAcceptable, PreconditionMissing, UnsupportedBody

_LONGEST_NUMBER = 60
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class Versioned(Protocol):
    """A row whose version grows with each change: a post, an organisation, an expert."""

    version: Any


class ExactParser(FlaskParser):
    """As webargs's parser, but fractions stay exact, and unknown fields are faults wherever they stand."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {}  # noqa: RUF012 - the schemas say: RAISE

    def load_json(self, req: Request, schema: Any) -> Any:
        """The parsed body; raises MalformedBody."""
        if not is_json_request(req):
            return missing
        return parse_json(req.get_data(cache=True))


def parse_json(body: bytes) -> Any:
    """JSON with fractions as Decimal. Raises MalformedBody, also for NaN, numbers of absurd length and endless
    nesting.
    """
    try:
        return json.loads(body, parse_float=_parse_fraction, parse_int=_parse_int, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise MalformedBody(
            "input.malformed", "请求内容不是有效的 JSON", where="body", message_en="The body is not valid JSON"
        ) from error


def require_json() -> None:
    """Raises UnsupportedBody unless the request brings JSON."""
    if not is_json_request(request):
        raise UnsupportedBody(
            "input.content_type",
            "请以 application/json 提交",
            where="Content-Type",
            message_en="Please send application/json",
        )


def require_acceptable() -> None:
    """Raises NotAcceptable where the request takes neither JSON nor anything else that JSON is."""
    accepted = request.accept_mimetypes
    if accepted and not (accepted["application/json"] or accepted["application/problem+json"]):
        raise NotAcceptable(
            "output.accept",
            "这里只有 application/json",
            where="Accept",
            message_en="There is only application/json here",
        )


def require_match(post: Versioned) -> None:
    """Raises PreconditionMissing without If-Match, EditConflict unless it names the row's present version."""
    if "If-Match" not in request.headers:
        raise PreconditionMissing(
            "precondition.missing",
            "修改时请用 If-Match 给出您读到的 ETag，以免覆盖别人的修改",
            where="If-Match",
            message_en="A change names the ETag it was read with in If-Match, so that it overwrites nobody's work",
        )
    match_if_given(post)


def match_if_given(post: Versioned) -> None:
    """Raises EditConflict when there is an If-Match that does not name the row's present version."""
    if "If-Match" in request.headers and not request.if_match.contains(etag_of(post)):
        conflict: EditConflict = edit_conflict()
        raise conflict


def etag_of(post: Versioned) -> str:
    """What names the row's state, without quotes."""
    return str(post.version)


IDEMPOTENCY_KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Any text of your own, such as a UUID. The same request with the same key makes one thing only, "
    "for two days.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}


def idempotency_key() -> str | None:
    """The Idempotency-Key of the request; raises InvalidInput for one that is none."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise InvalidInput(
            "idempotency.key",
            "Idempotency-Key 应为 1–200 个可见的 ASCII 字符",
            where="Idempotency-Key",
            message_en="An Idempotency-Key has 1 to 200 visible ASCII characters",
        )
    return key


def request_hash() -> str:
    """Names what was asked for: address and content, whatever the order of its keys or its white space."""
    content = json.dumps(parse_json(request.get_data(cache=True)), sort_keys=True, default=str)
    return hashlib.sha256(f"{request.method} {request.path}\n{content}".encode()).hexdigest()


def _parse_fraction(text: str) -> Decimal:
    try:
        if len(text) > _LONGEST_NUMBER:
            raise ValueError("too long for a number")
        return Decimal(text)
    except InvalidOperation as error:
        raise ValueError("no number") from error


def _parse_int(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise ValueError("too long for a number")
    return int(text)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")

"""Errors as RFC 9457 problem documents, in the language the request asks for. One mapping for the whole API."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, request
from marshmallow import ValidationError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, UnprocessableEntity

from matching.errors import (
    DuijieError,
    EditConflict,
    IllegalMove,
    InvalidInput,
    NotAllowed,
    NotFound,
    PartUnavailable,
)
from matching.services.accounts import SignInRefused
from matching.services.attempts import TooManyAttempts
from web.api.access import TokenRequired
from web.api.field_messages import FieldFault, faults_of, whole_body_fault

logger = logging.getLogger(__name__)

PROBLEM_TYPE = "application/problem+json"
_RETRY_SECONDS = 5


class PreconditionMissing(DuijieError):
    """A change came without If-Match, so it could overwrite what its sender has not seen."""


class UnsupportedBody(DuijieError):
    """The body is of a kind that is not read here."""


class NotAcceptable(DuijieError):
    """The request takes no JSON."""


class MalformedBody(DuijieError):
    """The body is not JSON."""


STATUSES: tuple[tuple[type[DuijieError], int], ...] = (
    (TokenRequired, 401),
    (SignInRefused, 401),
    (NotAllowed, 403),
    (NotFound, 404),
    (NotAcceptable, 406),
    (IllegalMove, 409),
    (MalformedBody, 400),
    (UnsupportedBody, 415),
    (PreconditionMissing, 428),
    (InvalidInput, 422),
    (TooManyAttempts, 429),
    (PartUnavailable, 503),
)

_TITLES: Mapping[int, tuple[str, str]] = {
    400: ("请求无法读取", "The request cannot be read"),
    401: ("需要有效的身份凭证", "Valid credentials are needed"),
    403: ("没有权限", "Not allowed"),
    404: ("没有找到", "Not found"),
    405: ("这个地址不支持这种方法", "The address does not know this method"),
    406: ("没有您要的格式", "Not in the form that is asked for"),
    409: ("当前状态下不能这样做", "Not possible in the present state"),
    412: ("内容已被别人修改", "Somebody else changed it"),
    413: ("提交的内容太大", "The content is too large"),
    415: ("不支持这种内容类型", "The content type is not supported"),
    422: ("内容有误", "The content is wrong"),
    428: ("缺少 If-Match", "If-Match is missing"),
    429: ("尝试次数过多", "Too many attempts"),
    500: ("系统出了问题", "Something went wrong here"),
    503: ("暂时不可用", "Not available now"),
}

_HTTP_DETAILS: Mapping[int, tuple[str, str]] = {
    400: ("请求格式有误", "The request is malformed"),
    404: ("没有这个地址", "There is no such address"),
    405: ("请改用 Allow 标头里列出的方法", "Please use one of the methods in the Allow header"),
    413: ("一次最多提交 2 MB", "A request has at most 2 MB"),
    415: ("请以 application/json 提交", "Please send application/json"),
    500: ("我们已经记录下来", "We have taken note of it"),
}


def language() -> str:
    """zh unless Accept-Language prefers English."""
    best = request.accept_languages.best_match(["zh-CN", "zh", "zh-Hans", "en"], default="zh")
    return "en" if best == "en" else "zh"


def in_language(zh: str, en: str) -> str:
    """The one of two texts that the request asks for."""
    return (en or zh) if language() == "en" else (zh or en)


def status_of(error: DuijieError) -> int:
    """The HTTP status of a domain error. A conflict is 412 where the request named the version it knows, else 409."""
    if isinstance(error, EditConflict):
        return 412 if "If-Match" in request.headers else 409
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def problem(
    status: int, code: str, detail: str, *, where: str | None = None, faults: list[FieldFault] | None = None
) -> Response:
    """A problem document. `where` names the place in the request, `faults` all places where several are wrong."""
    title_zh, title_en = _TITLES.get(status) or (HTTPStatus(status).phrase,) * 2
    body: dict[str, Any] = {
        "type": f"/api/docs#status-{status}",
        "title": in_language(title_zh, title_en),
        "status": status,
        "detail": detail,
        "code": code,
    }
    if where is not None:
        body["where"] = where
    if faults:
        body["errors"] = [{"where": fault.where, "detail": in_language(fault.zh, fault.en)} for fault in faults]
    if request_id := g.get("request_id"):
        body["request_id"] = request_id
    response = Response(current_app.json.dumps(body).encode("utf-8", "replace"), status, content_type=PROBLEM_TYPE)
    response.cache_control.no_store = True
    response.vary.update(("Authorization", "Accept-Language"))
    response.headers["Content-Language"] = "en" if language() == "en" else "zh-CN"
    if status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="duijie"'
    if status == 503:
        response.headers["Retry-After"] = str(_RETRY_SECONDS)
    return response


def answer_with_problems(blueprint: Blueprint) -> None:
    """Make every error in the blueprint's views a problem document."""
    blueprint.register_error_handler(DuijieError, _of_domain)
    blueprint.register_error_handler(HTTPException, _of_http)
    blueprint.register_error_handler(OperationalError, _of_database)
    blueprint.register_error_handler(Exception, _unforeseen)


def answer_unknown_addresses(app: Flask) -> None:
    """Addresses below /api that lead nowhere, and methods that they do not know, belong to no blueprint: they are
    answered before the application's own pages for them are.
    """

    @app.before_request
    def _answer() -> Response | None:
        error = request.routing_exception
        if error is None or (error.code or 500) < 400:
            return None
        return _of_http(error) if request.path == "/api" or request.path.startswith("/api/") else None


def _of_domain(error: DuijieError) -> Response:
    status = status_of(error)
    if isinstance(error, PartUnavailable):
        logger.warning("%s is unavailable: %s", error.part, error)
    if status == 500:
        logger.error("a domain error without a status", exc_info=error)
    return problem(status, error.code, in_language(error.message, error.message_en), where=_place_of(error))


def _place_of(error: DuijieError) -> str | None:
    """Services speak of `money`; callers know it as a need's budget or a capability's price."""
    if error.where == "money":
        return "price" if request.path.startswith("/api/v1/capabilities") else "budget"
    return error.where


def _of_http(error: HTTPException) -> Response:
    status = error.code or 500
    found = getattr(error, "exc", None)  # webargs puts there what the schema found
    if isinstance(error, UnprocessableEntity) and isinstance(found, ValidationError):
        return _of_validation(found)
    zh, en = _HTTP_DETAILS.get(status) or _HTTP_DETAILS[500 if status >= 500 else 400]
    response = problem(status, f"http.{status}", in_language(zh, en))
    if isinstance(error, MethodNotAllowed) and error.valid_methods:
        response.allow.update(error.valid_methods)
    return response


def _of_validation(error: ValidationError) -> Response:
    faults = faults_of(error.messages_dict) or [whole_body_fault()]
    first = faults[0]
    return problem(422, "input.invalid", in_language(first.zh, first.en), where=first.where, faults=faults)


def _of_database(error: OperationalError) -> Response:
    logger.error("the database does not answer", exc_info=error)
    return problem(
        503,
        "part.database_unavailable",
        in_language("数据库暂时没有应答，请稍后再试", "The database does not answer; please try again"),
    )


def _unforeseen(error: Exception) -> Response:
    if current_app.testing:
        raise error
    logger.error("unforeseen error in %s %s", request.method, request.path, exc_info=error)
    zh, en = _HTTP_DETAILS[500]
    return problem(500, "http.500", in_language(zh, en))

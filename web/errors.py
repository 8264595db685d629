"""One handler for all errors: domain errors become pages with a status, and nothing else is shown of them."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from flask import Flask, g, render_template, request
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge
from werkzeug.wrappers import Response

from matching.errors import (
    DuijieError,
    EditConflict,
    IllegalMove,
    InvalidInput,
    NotAllowed,
    NotFound,
    PartUnavailable,
)
from matching.services.attempts import TooManyAttempts
from web.html.sessions import kept_fields, render_send_again
from web.languages import in_language
from web.limits import TooManyRequests
from web.reader import forget_reader
from web.unsent_files import TEXT_ID, keep_sent_files

logger = logging.getLogger(__name__)

_WITH_FILES = ("needs.write_new", "capabilities.write_new")
"""Forms whose files wait beside their text."""

STATUSES: tuple[tuple[type[DuijieError], int], ...] = (
    (NotFound, 404),
    (NotAllowed, 403),
    (IllegalMove, 409),
    (EditConflict, 409),
    (InvalidInput, 422),
    (TooManyAttempts, 429),
    (PartUnavailable, 503),
)


def status_of(error: DuijieError) -> int:
    """The HTTP status of a domain error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def install_error_pages(app: Flask) -> None:
    """Register the handler; API blueprints register their own for problem documents."""

    @app.errorhandler(DuijieError)
    def _domain(error: DuijieError) -> tuple[str, int]:
        status = status_of(error)
        if isinstance(error, PartUnavailable):
            logger.warning("%s is unavailable: %s", error.part, error)
            if error.part == "database":
                forget_reader()
        return _answer(status, in_language(error.message, error.message_en), code=error.code)

    @app.errorhandler(TooManyRequests)
    def _often(error: TooManyRequests) -> tuple[str, int]:
        # What was written stays: the page holds it and sends it again with one click.
        message = in_language(error.message, error.message_en)
        fields = kept_fields(request.form) if request.method == "POST" and _is_from_here() else []
        if fields and not request.path.startswith("/sign-in"):
            return render_send_again(request.full_path.rstrip("?"), fields, notice=message), 429
        return _answer(429, message, code=error.code)

    @app.errorhandler(OperationalError)
    def _database(error: OperationalError) -> tuple[str, int]:
        return _say_database_is_away(error)

    @app.errorhandler(CSRFError)
    def _stale(error: CSRFError) -> tuple[str, int]:
        # The token of a page that stood open for long, or from before a sign-in. What was written is on the next page.
        # A request that another site caused gets neither a form with a valid token nor what it sent.
        fields = kept_fields(request.form) if _is_from_here() else []
        if fields and request.endpoint in _WITH_FILES and TEXT_ID.fullmatch(request.form.get("draft_id", "")):
            keep_sent_files(request.form["draft_id"])
        if request.path.startswith("/sign-in") or not fields:
            return _answer(400, _("页面打开太久，已经失效。请返回刷新后再试。"), code="page.stale")
        return render_send_again(request.full_path.rstrip("?"), fields), 400

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response | tuple[str, int]:
        status = error.code or 500
        if status < 400:
            return error.get_response()
        try:
            if isinstance(error, RequestEntityTooLarge):
                status = 413
            return _answer(status, _message_of(status), code=f"http.{status}")
        except OperationalError as away:  # the language of the message may be the account's
            return _say_database_is_away(away)

    @app.errorhandler(Exception)
    def _unforeseen(error: Exception) -> tuple[str, int]:
        logger.error("unforeseen error in %s %s", request.method, request.path, exc_info=error)
        if app.testing:
            raise error
        return _answer(500, _("系统出了问题，我们已经记录下来。"), code="http.500")


def _message_of(status: int) -> str:
    """What is said of a status that is no domain error's."""
    messages = {
        404: _("没有找到这个页面。地址可能写错了，或者内容已经下线。"),
        403: _("您没有查看这个页面的权限。"),
        405: _("这个地址不能这样访问。"),
        413: _("提交的内容太大。"),
    }
    other = _("请求有误。") if status < 500 else _("系统出了问题，我们已经记录下来。")
    return str(messages.get(status, other))


def _is_from_here() -> bool:
    """Whether the browser says that one of our own pages sent the request."""
    origin = urlsplit(request.headers.get("Origin") or request.referrer or "")
    return request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin" and origin.netloc == request.host


def _answer(status: int, message: str, *, code: str) -> tuple[str, int]:
    """The error's page. Even an address that leads nowhere shows who is signed in, for which the database is asked."""
    try:
        return _render(status, message, code=code), status
    except OperationalError as error:
        return _say_database_is_away(error)


def _say_database_is_away(error: OperationalError) -> tuple[str, int]:
    logger.error("the database does not answer", exc_info=error)
    forget_reader()
    fields = kept_fields(request.form) if request.method == "POST" and _is_from_here() else []
    if fields and not request.path.startswith("/sign-in"):
        notice = _("数据库暂时没有应答。请过一会儿再点「继续提交」，不要关闭这个页面。")
        return render_send_again(request.full_path.rstrip("?"), fields, notice=notice), 503
    message = _("数据库暂时没有应答，请稍后再试。")
    return _render(503, message, code="part.database_unavailable"), 503


def _render(status: int, message: str, *, code: str) -> str:
    template = "errors/fragment.html" if request.headers.get("HX-Request") else "errors/error.html"
    return render_template(
        template, status=status, message=message, code=code, request_id=g.get("request_id", ""), back=request.referrer
    )

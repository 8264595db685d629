"""Signing in and out, and the language of the pages."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from matching.models import User
from matching.services.accounts import SignInRefused, authenticate_user, token_hash
from matching.services.attempts import TooManyAttempts
from matching.services.two_factor import WrongCode, check_second_factor, is_enabled
from web.forms.accounts import CodeForm
from web.forms.sign_in import SignInForm
from web.languages import LANGUAGES, in_language
from web.reader import now, platform, sign_in, sign_out
from web.security import safe_next

sessions = Blueprint("sessions", __name__)

_NOT_KEPT = frozenset({"csrf_token", "password", "password_again", "present_password", "one_time_code", "file"})
_SECOND_FACTOR_SECONDS = 300


def kept_fields(pending: MultiDict[str, str]) -> list[tuple[str, str]]:
    """What was entered on a form that could not be taken, without tokens and passwords."""
    return [(name, value) for name, value in pending.items(multi=True) if name not in _NOT_KEPT]


def render_sign_in(
    form: SignInForm | None = None,
    *,
    pending_path: str = "",
    pending: MultiDict[str, str] | None = None,
    next_path: str = "",
) -> str:
    """The sign-in page; `pending` is text that was entered elsewhere and goes on after signing in."""
    return render_template(
        "sessions/sign_in.html",
        form=form or SignInForm(formdata=None),
        pending_path=pending_path,
        pending_fields=kept_fields(pending) if pending is not None else [],
        next_path=next_path,
        demonstration=platform().settings.mode == "demonstration",
        provider=platform().settings.oidc_name if platform().settings.oidc_issuer else "",
    )


def render_second_factor(
    form: CodeForm | None = None,
    *,
    pending_path: str = "",
    pending: MultiDict[str, str] | None = None,
    next_path: str = "",
) -> str:
    """The page that asks for the code; what was entered elsewhere goes on through it."""
    return render_template(
        "sessions/second_factor.html",
        form=form or CodeForm(formdata=None),
        pending_path=pending_path,
        pending_fields=kept_fields(pending) if pending is not None else [],
        next_path=next_path,
    )


def expect_second_factor(user: User) -> None:
    """Note in this browser that the password fits; it lasts for a few minutes, and not beyond a change of it."""
    session["second_factor"] = [user.id, now().timestamp(), _mark(user)]


def _expected_user() -> User | None:
    """Whose password was entered here a moment ago and still fits."""
    noted = session.get("second_factor")
    if not isinstance(noted, list) or len(noted) != 3:
        return None
    user_id, moment, mark = noted
    if not 0 <= now().timestamp() - moment <= _SECOND_FACTOR_SECONDS:
        return None
    with platform().reading() as reading:
        user = reading.get(User, user_id)
    return user if user is not None and user.active and _mark(user) == mark else None


def _mark(user: User) -> str:
    return token_hash(user.password_hash or "")[:16]


def _where_to() -> tuple[str, MultiDict[str, str], str]:
    """The text that waits to be sent, and the page to go to."""
    pending: MultiDict[str, str] = MultiDict(
        (name.removeprefix("pending."), value)
        for name, value in request.form.items(multi=True)
        if name.startswith("pending.")
    )
    pending_path = safe_next(request.form.get("pending_path"), "")
    return pending_path, pending, safe_next(request.form.get("next"), url_for("home.show_home"))


def enter_as(user: User, pending_path: str, pending: MultiDict[str, str], next_path: str) -> str | Response:
    sign_in(user)
    if pending_path:
        return render_send_again(pending_path, kept_fields(pending))
    return redirect(next_path)


def render_send_again(path: str, fields: Iterable[tuple[str, str]], *, notice: str = "") -> str:
    """A page that holds entered text and sends it with one click; `notice` says why it was not taken."""
    return render_template("sessions/send_again.html", path=path, fields=list(fields), notice=notice)


@sessions.get("/sign-in")
def show_sign_in() -> str | Response:
    """The sign-in page, or on to `next` for those already signed in."""
    next_path = safe_next(request.args.get("next"), url_for("home.show_home"))
    if current_user.is_authenticated:
        return redirect(next_path)
    return render_sign_in(next_path=next_path)


@sessions.post("/sign-in")
def do_sign_in() -> str | Response | tuple[str, int]:
    """Check the password; then on to where the reader wanted to go, or to the text that was being sent."""
    form = SignInForm()
    pending_path, pending, next_path = _where_to()
    if form.validate_on_submit():
        try:
            with platform().unit_of_work() as uow:
                user = authenticate_user(
                    uow, form.email.data or "", form.password.data or "", now(), origin=request.remote_addr
                )
                second = is_enabled(uow.session, user.id)
        except (SignInRefused, TooManyAttempts) as error:
            form.form_errors.append(in_language(error.message, error.message_en))
        else:
            if second:
                expect_second_factor(user)
                return render_second_factor(pending_path=pending_path, pending=pending, next_path=next_path)
            return enter_as(user, pending_path, pending, next_path)
    return render_sign_in(form, pending_path=pending_path, pending=pending, next_path=next_path), 422


@sessions.post("/sign-in/code")
def do_second_factor() -> str | Response | tuple[str, int]:
    """Check the code of the second factor; the password was checked a moment ago in this browser."""
    pending_path, pending, next_path = _where_to()
    user = _expected_user()
    if user is None:
        form = SignInForm(formdata=None)
        form.form_errors.append(_("时间太久了，请重新登录"))
        return render_sign_in(form, pending_path=pending_path, pending=pending, next_path=next_path), 422
    form = CodeForm()
    if form.validate():
        try:
            with platform().unit_of_work() as uow:
                check_second_factor(uow, platform().settings, user.id, form.one_time_code.data or "", now())
        except (WrongCode, TooManyAttempts) as error:
            form.show(error)
        else:
            return enter_as(user, pending_path, pending, next_path)
    return render_second_factor(form, pending_path=pending_path, pending=pending, next_path=next_path), 422


@sessions.post("/sign-out")
def do_sign_out() -> Response:
    """Sign out here and go to the start page."""
    sign_out()
    return redirect(url_for("home.show_home"))


@sessions.get("/language/<language>")
def choose(language: str) -> Response:
    """Keep the language of the pages in the session and go back to the page."""
    if language not in LANGUAGES:
        abort(404)
    session["language"] = language
    came_from = urlsplit(request.referrer or "")
    back = came_from.path + (f"?{came_from.query}" if came_from.query else "")
    if came_from.netloc != request.host:
        back = ""
    return redirect(safe_next(request.args.get("next") or back, url_for("home.show_home")))

"""Signing in through an organisation's own OpenID Connect provider."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, request, session, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from matching.notifying.letters import public_address
from matching.services.single_sign_on import (
    SingleSignOnFailed,
    begin_single_sign_on,
    find_identity_user,
    finish_single_sign_on,
)
from matching.services.two_factor import is_enabled
from web.forms.sign_in import SignInForm
from web.html.sessions import enter_as, expect_second_factor, render_second_factor, render_sign_in
from web.languages import in_language
from web.reader import now, platform
from web.security import safe_next

single_sign_on = Blueprint("single_sign_on", __name__, url_prefix="/sign-in/provider")


@single_sign_on.get("")
def begin() -> Response | str | tuple[str, int]:
    """Send the browser to the provider; its session keeps what the answer must fit."""
    settings = platform().settings
    if not settings.oidc_issuer:
        abort(404)
    next_path = safe_next(request.args.get("next"), url_for("home.show_home"))
    try:
        address, memory = begin_single_sign_on(settings, _back_url())
    except SingleSignOnFailed as error:
        return _refused(error, next_path)
    session["single_sign_on"] = {**memory, "next": next_path}
    return redirect(address)


@single_sign_on.get("/back")
def finish() -> Response | str | tuple[str, int]:
    """The provider's answer. It works once, in the browser that asked."""
    settings = platform().settings
    if not settings.oidc_issuer:
        abort(404)
    memory = session.pop("single_sign_on", None) or {}
    next_path = safe_next(memory.get("next"), url_for("home.show_home"))
    try:
        identity = finish_single_sign_on(settings, memory, request.args, _back_url(), now())
        with platform().unit_of_work() as uow:
            user = find_identity_user(uow, identity, now())
            second = is_enabled(uow.session, user.id)
    except SingleSignOnFailed as error:
        return _refused(error, next_path)
    if second:
        expect_second_factor(user)
        return render_second_factor(next_path=next_path)
    return enter_as(user, "", MultiDict(), next_path)


def _refused(error: SingleSignOnFailed, next_path: str) -> tuple[str, int]:
    form = SignInForm(formdata=None)
    form.form_errors.append(in_language(error.message, error.message_en))
    return render_sign_in(form, next_path=next_path), 422


def _back_url() -> str:
    return public_address(platform().settings, url_for("single_sign_on.finish"))

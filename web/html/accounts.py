"""One's own account: name, password, second factor, sign-ins; and what mailed links lead to."""

from __future__ import annotations

from datetime import timedelta

import segno
from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_login import current_user
from werkzeug.wrappers import Response

from matching.errors import InvalidInput, NotAllowed
from matching.models import User
from matching.queries.profiles import list_organisations_of
from matching.services.account_links import find_link
from matching.services.accounts import (
    ask_for_reset,
    change_password,
    change_profile,
    end_listed_session,
    end_other_sessions,
    list_sessions,
    reset_password,
    token_hash,
)
from matching.services.attempts import TooManyAttempts
from matching.services.invitations import accept_invitation, accept_invitation_as_new, find_invitation
from matching.services.two_factor import (
    authenticator_address,
    begin_two_factor,
    count_recovery_codes,
    disable_two_factor,
    enable_two_factor,
    is_enabled,
    is_required,
    renew_recovery_codes,
)
from web.errors import status_of
from web.forms.accounts import ChangePasswordForm, CodeForm, ForgottenForm, JoinForm, NewPasswordForm, ProfileForm
from web.html.registrations import MEMBER_ROLE_LABELS, MEMBER_ROLE_SHORT, mails_leave
from web.reader import actor, now, platform, sign_in, sign_out, signed_in_only

accounts = Blueprint("accounts", __name__)


@accounts.route("/account/", methods=["GET", "POST"])
@signed_in_only
def show_account() -> str | Response | tuple[str, int]:
    """Everything of the account on one page; sending changes name and language."""
    user_id = str(actor().user_id)
    with platform().reading() as reading:
        user = reading.get_one(User, user_id)
        organisations = list_organisations_of(reading, actor())
        enabled = is_enabled(reading, user_id)
        sign_ins = len(list_sessions(reading, user_id, now(), unused_for=_unused_for()))
    form = ProfileForm(obj=user)
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                with platform().unit_of_work() as uow:
                    change_profile(uow, actor(), form.name.data or "", form.locale.data or "", now())
            except InvalidInput as error:
                form.show(error)
            else:
                session.pop("language", None)
                flash(_("已保存。"), "info")
                return redirect(url_for("accounts.show_account"))
    return render_template(
        "accounts/show.html",
        form=form,
        user=user,
        organisations=[(one, MEMBER_ROLE_SHORT[actor().organisation_roles[one.id]]) for one in organisations],
        two_factor=enabled,
        required=is_required(platform().settings, actor().role),
        sign_ins=sign_ins,
    ), status


@accounts.route("/account/password", methods=["GET", "POST"])
@signed_in_only
def change() -> str | Response | tuple[str, int]:
    """Change the password; every other sign-in ends, this one goes on."""
    form = ChangePasswordForm()
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                with platform().unit_of_work() as uow:
                    change_password(uow, actor(), form.present_password.data or "", form.password.data or "", now())
            except InvalidInput as error:
                form.show(error)
            else:
                with platform().reading() as reading:
                    user = reading.get_one(User, str(actor().user_id))
                sign_in(user)
                flash(_("密码已修改，其他设备上的登录都已结束。"), "info")
                return redirect(url_for("accounts.show_account"))
    return render_template("accounts/password.html", form=form), status


@accounts.get("/account/sign-ins")
@signed_in_only
def list_sign_ins() -> str:
    """Where the account is signed in."""
    with platform().reading() as reading:
        rows = list_sessions(reading, str(actor().user_id), now(), unused_for=_unused_for())
    return render_template("accounts/sign_ins.html", rows=rows, present=token_hash(current_user.token))


@accounts.post("/account/sign-ins/<session_id>/end")
@signed_in_only
def end_sign_in(session_id: str) -> Response:
    """End one of them."""
    with platform().unit_of_work() as uow:
        end_listed_session(uow, actor(), session_id, now())
    flash(_("已结束这次登录。"), "info")
    return redirect(url_for("accounts.list_sign_ins"))


@accounts.post("/account/sign-ins/end")
@signed_in_only
def end_sign_ins() -> Response:
    """End all but this one."""
    with platform().unit_of_work() as uow:
        ended = end_other_sessions(uow, actor(), current_user.token, now())
    flash(_("已结束其他 %(count)s 次登录。", count=ended), "info")
    return redirect(url_for("accounts.list_sign_ins"))


@accounts.get("/account/two-factor")
@signed_in_only
def show_two_factor() -> str:
    """The second factor: how to set it up, or that it is on."""
    return _render_two_factor(CodeForm(formdata=None))


@accounts.post("/account/two-factor/<what>")
@signed_in_only
def change_two_factor(what: str) -> str | Response | tuple[str, int]:
    """Enable, renew the recovery codes, or disable; each takes a code."""
    form = CodeForm()
    status = 422
    if form.validate():
        code = form.one_time_code.data or ""
        try:
            with platform().unit_of_work() as uow:
                if what == "disable":
                    disable_two_factor(uow, actor(), platform().settings, code, now())
                    flash(_("两步验证已关闭。"), "warning")
                    return redirect(url_for("accounts.show_account"))
                change_codes = renew_recovery_codes if what == "codes" else enable_two_factor
                codes = change_codes(uow, actor(), platform().settings, code, now())
            return render_template("accounts/recovery_codes.html", codes=codes, renewed=what == "codes")
        except (InvalidInput, TooManyAttempts, NotAllowed) as error:
            form.show(error)
            status = status_of(error)
    return _render_two_factor(form), status


@accounts.route("/password/forgotten", methods=["GET", "POST"])
def forgotten() -> str | tuple[str, int]:
    """Ask for a link to choose a new password; the answer is the same for every address."""
    form = ForgottenForm()
    status = 200
    if request.method == "POST" and mails_leave():
        status = 422
        if form.validate():
            try:
                with platform().unit_of_work() as uow:
                    ask_for_reset(uow, form.email.data or "", now(), origin=request.remote_addr)
            except (InvalidInput, TooManyAttempts) as error:
                form.show(error)
                status = status_of(error)
            else:
                return render_template("accounts/forgotten_sent.html", email=form.email.data)
    return render_template(
        "accounts/forgotten.html", form=form, possible=mails_leave(), office=platform().settings.mail_reply_to
    ), status


@accounts.route("/links/reset/<token>", methods=["GET", "POST"])
def reset(token: str) -> str | Response | tuple[str, int]:
    """The mailed link: choose a new password. Only sending the form spends it."""
    form = NewPasswordForm()
    with platform().reading() as reading:
        find_link(reading, platform().settings, "reset", token, now())
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                with platform().unit_of_work() as uow:
                    reset_password(uow, platform().settings, token, form.password.data or "", now())
            except InvalidInput as error:
                form.show(error)
            else:
                sign_out()
                flash(_("新密码已生效，请登录。"), "info")
                return redirect(url_for("sessions.show_sign_in"))
    return render_template("accounts/reset.html", form=form, token=token), status


@accounts.route("/links/invite/<token>", methods=["GET", "POST"])
def join(token: str) -> str | Response | tuple[str, int]:
    """The mailed invitation: join as who is signed in, or with a new account."""
    settings = platform().settings
    with platform().reading() as reading:
        invitation, organisation, known = find_invitation(reading, settings, token, now())
    fits = current_user.is_authenticated and current_user.email == invitation.email
    form = JoinForm()
    status = 200
    if request.method == "POST" and (fits or not known):
        status = 422
        try:
            if fits:
                with platform().unit_of_work() as uow:
                    accept_invitation(uow, actor(), settings, token, now())
                flash(_("您已加入「%(organisation)s」。", organisation=organisation.name), "info")
                return redirect(url_for("accounts.show_account"))
            if form.validate():
                with platform().unit_of_work() as uow:
                    user = accept_invitation_as_new(
                        uow, settings, token, form.name.data or "", form.password.data or "", now()
                    )
                sign_in(user)
                flash(_("您已加入「%(organisation)s」。", organisation=organisation.name), "info")
                return redirect(url_for("home.show_home"))
        except (InvalidInput, NotAllowed) as error:
            form.show(error)
    return render_template(
        "accounts/join.html",
        form=form,
        token=token,
        invitation=invitation,
        organisation=organisation,
        role=MEMBER_ROLE_LABELS[invitation.role],
        known=known,
        fits=fits,
        here=url_for("accounts.join", token=token),
    ), status


def _render_two_factor(form: CodeForm) -> str:
    user_id = str(actor().user_id)
    settings = platform().settings
    with platform().reading() as reading:
        enabled = is_enabled(reading, user_id)
        left = count_recovery_codes(reading, user_id) if enabled else 0
    key = picture = ""
    if not enabled:
        with platform().unit_of_work() as uow:
            key = begin_two_factor(uow, actor(), settings, now())
        code = segno.make(authenticator_address(key, current_user.email, settings.mail_from_name), error="m")
        # A data address: the policy allows pictures of this kind, and the key stands in no address of ours.
        picture = code.svg_data_uri(scale=5, border=3, dark="#000", light="#fff")
    return render_template(
        "accounts/two_factor.html",
        form=form,
        enabled=enabled,
        left=left,
        key=" ".join(key[start : start + 4] for start in range(0, len(key), 4)),
        picture=picture,
        required=is_required(settings, actor().role),
    )


def _unused_for() -> timedelta:
    return timedelta(hours=platform().settings.session_hours)

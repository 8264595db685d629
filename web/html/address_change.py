"""A new e-mail address for one's own account: asked for, confirmed by the mailed link, or given up."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.models import User
from matching.services.account_links import find_link
from matching.services.address_change import ask_for_new_address, confirm_new_address, drop_address_change
from web.forms.accounts import NewAddressForm
from web.html.registrations import mails_leave
from web.languages import in_language
from web.reader import actor, now, platform, sign_out, signed_in_only

address_change = Blueprint("address_change", __name__)


@address_change.route("/account/address", methods=["GET", "POST"])
@signed_in_only
def show() -> str | Response | tuple[str, int]:
    """Ask for it; takes the password."""
    form = NewAddressForm()
    status = 200
    if request.method == "POST" and mails_leave():
        status = 422
        if form.validate():
            try:
                with platform().unit_of_work() as uow:
                    ask_for_new_address(uow, actor(), form.email.data or "", form.present_password.data or "", now())
            except InvalidInput as error:
                form.show(error)
            else:
                return redirect(url_for("address_change.show"))
    with platform().reading() as reading:
        user = reading.get_one(User, str(actor().user_id))
        return render_template(
            "accounts/address.html", form=form, email=user.email, waiting=user.new_email, possible=mails_leave()
        ), status


@address_change.post("/account/address/drop")
@signed_in_only
def drop() -> Response:
    """Leave it as it is."""
    with platform().unit_of_work() as uow:
        drop_address_change(uow, actor(), now())
    flash(_("邮箱保持不变，发出的链接不再有效。"), "info")
    return redirect(url_for("accounts.show_account"))


@address_change.route("/links/email/<token>", methods=["GET", "POST"])
def confirm(token: str) -> str | Response | tuple[str, int]:
    """The mailed link. Only sending the form spends it: mail programs look behind links before people do."""
    with platform().reading() as reading:
        find_link(reading, platform().settings, "email", token, now())
    if request.method == "GET":
        return render_template("accounts/address_confirm.html", error="")
    try:
        with platform().unit_of_work() as uow:
            confirm_new_address(uow, platform().settings, token, now())
    except InvalidInput as error:
        shown = in_language(error.message, error.message_en)
        return render_template("accounts/address_confirm.html", error=shown), 422
    sign_out()
    flash(_("邮箱已更换，请用新邮箱登录。"), "info")
    return redirect(url_for("sessions.show_sign_in"))

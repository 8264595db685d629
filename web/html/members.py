"""Colleagues in an organisation: who belongs, who is invited."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import Organisation
from matching.notifying.letters import link_address
from matching.queries.registrations import list_members, list_open_invitations
from matching.services.invitations import (
    change_member_role,
    invite_colleague,
    may_manage_members,
    remove_member,
    withdraw_invitation,
)
from web.forms.accounts import InviteForm
from web.html.registrations import MEMBER_ROLE_LABELS, MEMBER_ROLE_SHORT, mails_leave
from web.languages import in_language, page_language
from web.reader import actor, now, platform, signed_in_only

members = Blueprint("members", __name__, url_prefix="/account/members")


@members.get("/<organisation_id>")
@signed_in_only
def show(organisation_id: str) -> str:
    """The members; owners also see who is invited."""
    return _render(organisation_id, _form(formdata=False))


@members.post("/<organisation_id>/invite")
@signed_in_only
def invite(organisation_id: str) -> str | Response | tuple[str, int]:
    """Invite somebody by mail. Where no mail leaves, the page shows the link to hand over."""
    form = _form()
    if form.validate():
        try:
            with platform().unit_of_work() as uow:
                _row, link_id = invite_colleague(
                    uow, actor(), organisation_id, form.email.data or "", form.role.data or "", now(),
                    locale=page_language(),
                )  # fmt: skip
        except InvalidInput as error:
            form.show(error)
        else:
            if not mails_leave():
                handover = link_address(platform().settings, "invite", link_id)
                return _render(organisation_id, _form(formdata=False), handover=handover)
            flash(_("邀请已发出。"), "info")
            return redirect(url_for("members.show", organisation_id=organisation_id))
    return _render(organisation_id, form), 422


@members.post("/<organisation_id>/invitations/<invitation_id>/withdraw")
@signed_in_only
def withdraw(organisation_id: str, invitation_id: str) -> Response:
    """Take an invitation back."""
    with platform().unit_of_work() as uow:
        withdraw_invitation(uow, actor(), invitation_id, now())
    flash(_("邀请已撤回，链接不再有效。"), "info")
    return redirect(url_for("members.show", organisation_id=organisation_id))


@members.post("/<organisation_id>/<user_id>/role")
@signed_in_only
def change_role(organisation_id: str, user_id: str) -> Response:
    """Make somebody owner, editor or reader."""
    try:
        with platform().unit_of_work() as uow:
            change_member_role(uow, actor(), organisation_id, user_id, request.form.get("role", ""), now())
    except IllegalMove as error:
        flash(in_language(error.message, error.message_en), "danger")
    else:
        flash(_("已保存。"), "info")
    return redirect(url_for("members.show", organisation_id=organisation_id))


@members.post("/<organisation_id>/<user_id>/remove")
@signed_in_only
def remove(organisation_id: str, user_id: str) -> Response:
    """End a membership, one's own for one."""
    try:
        with platform().unit_of_work() as uow:
            remove_member(uow, actor(), organisation_id, user_id, now())
    except IllegalMove as error:
        flash(in_language(error.message, error.message_en), "danger")
        return redirect(url_for("members.show", organisation_id=organisation_id))
    flash(_("已退出该单位。") if user_id == actor().user_id else _("已移除这位成员。"), "info")
    if user_id == actor().user_id:
        return redirect(url_for("accounts.show_account"))
    return redirect(url_for("members.show", organisation_id=organisation_id))


def _form(*, formdata: bool = True) -> InviteForm:
    form = InviteForm() if formdata else InviteForm(formdata=None)
    form.role.choices = list(MEMBER_ROLE_LABELS.items())
    return form


def _render(organisation_id: str, form: InviteForm, *, handover: str = "") -> str:
    with platform().reading() as reading:
        organisation = reading.get(Organisation, organisation_id)
        manages = may_manage_members(reading, actor(), organisation_id)
        if organisation is None or not (manages or organisation_id in actor().organisation_roles):
            raise NotFound("organisation.not_found", "没有找到这个单位", message_en="There is no such organisation")
        return render_template(
            "members/show.html",
            organisation=organisation,
            members=list_members(reading, organisation_id),
            invitations=list_open_invitations(reading, organisation_id, now()) if manages else [],
            manages=manages,
            form=form,
            roles=MEMBER_ROLE_SHORT,
            handover=handover,
        )

"""Registering, and the staff's desk for what was registered."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select
from werkzeug.wrappers import Response

from matching.errors import DuijieError, InvalidInput
from matching.models import Region
from matching.models.invitation import REGISTRATION_ROLES
from matching.notifying.letters import link_address
from matching.queries.registrations import (
    list_registrations,
    places_of_experts,
    similar_experts,
    similar_organisations,
)
from matching.queries.vocabularies import load_vocabularies
from matching.services.attempts import TooManyAttempts
from matching.services.registrations import (
    KINDS_OF_ROLE,
    Approval,
    RegistrationFields,
    approve_registration,
    confirm_registration,
    find_registration,
    find_unconfirmed,
    refuse_registration,
    register,
)
from web.errors import status_of
from web.forms.accounts import NewPasswordForm, RegistrationForm
from web.languages import in_language, label_of, page_language
from web.reader import actor, now, platform, staff_only

registrations = Blueprint("registrations", __name__)

ROLE_LABELS: dict[str, Any] = {
    "enterprise": _l("企业"),
    "researcher": _l("专家、科研人员"),
    "institution": _l("高校、科研院所管理人员"),
    "broker": _l("技术经理人、科技中介"),
}
ROLE_HINTS: dict[str, Any] = {
    "enterprise": _l("发布技术需求，看到谁可能解决、为什么"),
    "researcher": _l("收到适合的需求，发布自己的成果和能力"),
    "institution": _l("管理本单位的专家和成果，批量导入"),
    "broker": _l("跟进对接，从第一次联系到合同"),
}
ORGANISATION_KIND_LABELS: dict[str, Any] = {
    "enterprise": _l("企业"),
    "university": _l("高等院校"),
    "institute": _l("科研机构"),
    "intermediary": _l("科技中介"),
    "financier": _l("金融机构"),
    "government": _l("政府部门"),
}
MEMBER_ROLE_LABELS: dict[str, Any] = {
    "owner": _l("负责人：管理成员，发布和编辑"),
    "editor": _l("编辑：发布和编辑"),
    "reader": _l("只读：查看，不能发布"),
}
MEMBER_ROLE_SHORT: dict[str, Any] = {"owner": _l("负责人"), "editor": _l("编辑"), "reader": _l("只读")}
STATE_LABELS: dict[str, Any] = {"waiting": _l("待审核"), "approved": _l("已通过"), "refused": _l("未通过")}
_WHY: dict[str, Any] = {"code": _l("代码相同"), "name": _l("名称相同"), "alike": _l("名称相近")}


def mails_leave() -> bool:
    """Whether mails are sent at all."""
    return platform().mailer.available


def shows_links() -> bool:
    """In the demonstration, where no mail leaves, a page shows the link that would have been mailed."""
    return platform().settings.mode == "demonstration" and not mails_leave()


@registrations.get("/register")
def choose_role() -> str | Response:
    """Who are you? One question a page."""
    if current_user.is_authenticated:
        return redirect(url_for("accounts.show_account"))
    return render_template(
        "registrations/choose_role.html",
        roles=[(role, ROLE_LABELS[role], ROLE_HINTS[role]) for role in REGISTRATION_ROLES],
        possible=mails_leave() or shows_links(),
        office=platform().settings.mail_reply_to,
    )


@registrations.route("/register/<role>", methods=["GET", "POST"])
def enter(role: str) -> str | Response | tuple[str, int]:
    """The form of a role; the answer to a complete one is the same whether or not the address is known."""
    if role not in REGISTRATION_ROLES:
        abort(404)
    if not (mails_leave() or shows_links()):
        return redirect(url_for("registrations.choose_role"))
    form = RegistrationForm()
    _offer(form, role)
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                with platform().unit_of_work() as uow:
                    link_id = register(uow, _entered(form, role), now(), origin=request.remote_addr)
            except (InvalidInput, TooManyAttempts) as error:
                form.show(error)
                status = status_of(error)
            else:
                shown = link_address(platform().settings, "confirm", link_id) if link_id and shows_links() else ""
                return render_template(
                    "registrations/sent.html", email=form.email.data, demonstration=shows_links(), confirm_address=shown
                )
    return render_template("registrations/enter.html", form=form, role=role, role_label=ROLE_LABELS[role]), status


@registrations.route("/links/confirm/<token>", methods=["GET", "POST"])
def confirm(token: str) -> str | tuple[str, int]:
    """The mailed link: confirm the address and choose a password. Only sending the form spends it."""
    form = NewPasswordForm()
    with platform().reading() as reading:
        row = find_unconfirmed(reading, platform().settings, token, now())
    status = 200
    if request.method == "POST":
        status = 422
        if form.validate():
            try:
                with platform().unit_of_work() as uow:
                    confirm_registration(uow, platform().settings, token, form.password.data or "", now())
            except InvalidInput as error:
                form.show(error)
            else:
                return render_template("registrations/confirmed.html", row=row)
    return render_template("registrations/confirm.html", form=form, row=row, token=token), status


@registrations.get("/registrations/")
@staff_only
def list_waiting() -> str:
    """The staff's list, by state."""
    state = request.args.get("state", "waiting")
    if state not in STATE_LABELS:
        abort(404)
    with platform().reading() as reading:
        return render_template(
            "registrations/list.html",
            rows=list_registrations(reading, actor(), state),
            state=state,
            states=STATE_LABELS,
            role_labels=ROLE_LABELS,
            regions=_region_labels(reading),
        )


@registrations.get("/registrations/<registration_id>")
@staff_only
def show(registration_id: str) -> str:
    """One registration with what is like it, and the decision."""
    return _render(registration_id)


@registrations.post("/registrations/<registration_id>/approve")
@staff_only
def approve(registration_id: str) -> Response | tuple[str, int]:
    """Make account and organisation."""
    organisation_id = request.form.get("organisation_id", "")
    decided = Approval(
        organisation_id=organisation_id or None,
        member_role=request.form.get("member_role", "editor"),
        expert_id=request.form.get("expert_id") or None,
    )
    try:
        if "organisation_id" not in request.form:
            raise InvalidInput(
                "registration.organisation", "请选择是新单位还是已有单位", where="organisation_id",
                message_en="Please choose whether the organisation is new",
            )  # fmt: skip
        with platform().unit_of_work() as uow:
            approve_registration(uow, actor(), registration_id, decided, now())
    except InvalidInput as error:
        return _render(registration_id, error=error, chosen=decided), 422
    flash(_("已通过，账号已开通，结果会邮件告知。"), "info")
    return redirect(url_for("registrations.list_waiting"))


@registrations.post("/registrations/<registration_id>/refuse")
@staff_only
def refuse(registration_id: str) -> Response | tuple[str, int]:
    """Refuse, with a reason that is mailed."""
    reason = request.form.get("reason", "")
    try:
        with platform().unit_of_work() as uow:
            refuse_registration(uow, actor(), registration_id, reason, now())
    except InvalidInput as error:
        return _render(registration_id, error=error, reason=reason), 422
    flash(_("未通过，原因会邮件告知申请人。"), "info")
    return redirect(url_for("registrations.list_waiting"))


def _render(
    registration_id: str, *, error: DuijieError | None = None, chosen: Approval | None = None, reason: str = ""
) -> str:
    with platform().reading() as reading:
        row = find_registration(reading, actor(), registration_id)
        waiting = row.state == "waiting"
        similar = similar_organisations(reading, row.organisation_name, row.uscc) if waiting else []
        experts = similar_experts(reading, row.name, row.email) if waiting and row.role == "researcher" else []
        return render_template(
            "registrations/show.html",
            row=row,
            similar=[(one.organisation, _WHY[one.why]) for one in similar],
            experts=experts,
            places=places_of_experts(reading, [expert.id for expert in experts]),
            role_labels=ROLE_LABELS,
            kind_labels=ORGANISATION_KIND_LABELS,
            state_labels=STATE_LABELS,
            member_roles=MEMBER_ROLE_LABELS,
            regions=_region_labels(reading),
            error=in_language(error.message, error.message_en) if error is not None else "",
            where=error.where if error is not None else "",
            chosen=chosen,
            reason=reason,
            # A code that is taken can only be that organisation's; else new is likely.
            proposed=similar[0].organisation.id if similar and similar[0].why in ("code", "name") else "",
        )


def _offer(form: RegistrationForm, role: str) -> None:
    kinds = KINDS_OF_ROLE[role]
    form.organisation_kind.choices = [(kind, ORGANISATION_KIND_LABELS[kind]) for kind in kinds]
    if form.organisation_kind.data not in kinds:
        form.organisation_kind.data = kinds[0]
    with platform().reading() as reading:
        regions = reading.scalars(select(Region).order_by(Region.code)).all()
        towns = load_vocabularies(reading).active("town")
    form.region_code.choices = [("", _("未选择")), *((region.code, label_of(region)) for region in regions)]
    form.town.choices = [("", _("未选择")), *((term.code, label_of(term)) for term in towns)]


def _entered(form: RegistrationForm, role: str) -> RegistrationFields:
    return RegistrationFields(
        role=role,
        email=form.email.data or "",
        name=form.name.data or "",
        title=form.title.data or "",
        organisation_kind=form.organisation_kind.data or "",
        organisation_name=form.organisation_name.data or "",
        uscc=form.uscc.data or "",
        region_code=form.region_code.data or "",
        town=form.town.data or None,
        note=form.note.data or "",
        locale=page_language(),
    )


def _region_labels(session: Any) -> dict[str, str]:
    return {region.code: label_of(region) for region in session.scalars(select(Region))}

"""Accounts, for administrators: find one, change its role, lock it, help somebody who cannot sign in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.errors import DuijieError, IllegalMove, InvalidInput, NotFound
from matching.models.user import USER_ROLES
from matching.notifying.letters import link_address
from matching.queries.profiles import list_regions
from matching.queries.users import STATES, list_users, list_waiting_invitations, show_user
from matching.services.accounts import ask_for_reset
from matching.services.two_factor import reset_two_factor
from matching.services.user_administration import (
    change_user_role,
    end_user_sessions,
    lock_user,
    require_administrator,
    resend_invitation,
    unlock_user,
)
from matching.store.unit_of_work import UnitOfWork
from web.html.registrations import MEMBER_ROLE_SHORT, mails_leave
from web.languages import in_language
from web.reader import actor, now, platform, signed_in_only

users = Blueprint("users", __name__, url_prefix="/users")

Page = str | Response | tuple[str, int]
USER_ROLE_LABELS: dict[str, Any] = {
    "member": _l("普通用户"),
    "staff": _l("主管部门"),
    "administrator": _l("管理员"),
}
USER_STATE_LABELS: dict[str, Any] = {"active": _l("可以登录"), "locked": _l("已停用")}
ACTION_LABELS: dict[str, Any] = {
    "user.add": _l("建立账号"),
    "user.sign_in": _l("登录"),
    "user.lock": _l("密码多次错误，暂时锁定"),
    "user.password": _l("修改密码"),
    "user.ask_reset": _l("申请重设密码"),
    "user.role": _l("修改角色"),
    "user.deactivate": _l("停用账号"),
    "user.activate": _l("恢复账号"),
    "user.end_session": _l("结束一次登录"),
    "user.end_sessions": _l("结束全部登录"),
    "user.profile": _l("修改姓名或语言"),
    "user.ask_address": _l("申请更换邮箱"),
    "user.address": _l("更换邮箱"),
    "user.drop_address": _l("放弃更换邮箱"),
    "two_factor.reset": _l("重置两步验证"),
    "two_factor.enable": _l("开启两步验证"),
    "two_factor.disable": _l("关闭两步验证"),
}


@users.get("/")
@signed_in_only
def show_list() -> str:
    """Accounts by name, searched and filtered, and who was invited but never came."""
    require_administrator(actor())
    role, state = request.args.get("role") or None, request.args.get("state") or None
    if role not in (None, *USER_ROLES) or state not in (None, *STATES):
        raise InvalidInput("list.filter", "没有这种筛选", where="role", message_en="There is no such filter")
    entered = request.args.get("page", "1")
    page = int(entered) if entered.isascii() and entered.isdigit() and len(entered) < 6 else 1
    with platform().reading() as reading:
        return render_template(
            "users/list.html",
            found=list_users(reading, text=request.args.get("q", "")[:200], role=role, state=state, page=page),
            invitations=list_waiting_invitations(reading),
            regions=_region_labels(reading),
            roles=USER_ROLE_LABELS,
            states=USER_STATE_LABELS,
            member_roles=MEMBER_ROLE_SHORT,
            handover=None,
        )


@users.get("/<user_id>")
@signed_in_only
def show(user_id: str) -> str:
    """One account."""
    require_administrator(actor())
    return _render(user_id)


@users.post("/<user_id>/role")
@signed_in_only
def change_role(user_id: str) -> Page:
    """Make it member, staff or administrator."""
    entered = request.form
    return _do(
        user_id,
        lambda uow: change_user_role(
            uow, actor(), user_id, entered.get("role", ""), entered.get("region_code") or None, now()
        ),
        _("角色已保存，对方需要重新登录。"),
    )


@users.post("/<user_id>/lock")
@signed_in_only
def lock(user_id: str) -> Page:
    """Close it."""
    return _do(
        user_id,
        lambda uow: lock_user(uow, actor(), user_id, request.form.get("reason", ""), now()),
        _("账号已停用，登录已全部结束。"),
    )


@users.post("/<user_id>/unlock")
@signed_in_only
def unlock(user_id: str) -> Page:
    """Open it again."""
    return _do(user_id, lambda uow: unlock_user(uow, actor(), user_id, now()), _("账号已恢复。"))


@users.post("/<user_id>/end-sessions")
@signed_in_only
def end_sessions(user_id: str) -> Page:
    """Sign it out everywhere."""
    return _do(user_id, lambda uow: end_user_sessions(uow, actor(), user_id, now()), _("登录已全部结束。"))


@users.post("/<user_id>/reset-two-factor")
@signed_in_only
def reset_factor(user_id: str) -> Page:
    """For somebody who lost device and recovery codes; the page reminds to make sure who asks."""
    return _do(
        user_id,
        lambda uow: reset_two_factor(uow, actor(), user_id, now()),
        _("两步验证已关闭，对方下次登录后可重新设置。"),
    )


@users.post("/<user_id>/mail-reset")
@signed_in_only
def mail_reset(user_id: str) -> Page:
    """Mail a link to choose a new password; nobody here ever knows it."""
    require_administrator(actor())
    with platform().reading() as reading:
        view = show_user(reading, user_id, now(), unused_for=_unused_for())
    if view is None:
        raise _not_found()
    email = view.user.email
    return _do(user_id, lambda uow: ask_for_reset(uow, email, now()), _("重设密码的邮件已发出。"))


@users.post("/invitations/<invitation_id>/resend")
@signed_in_only
def resend(invitation_id: str) -> Page:
    """Invite again; where no mail leaves, the page shows the link to hand over."""
    try:
        with platform().unit_of_work() as uow:
            row, link_id = resend_invitation(uow, actor(), invitation_id, now())
            address = row.email
    except (InvalidInput, IllegalMove) as error:
        flash(in_language(error.message, error.message_en), "danger")
        return redirect(url_for("users.show_list", _anchor="invitations"))
    if not mails_leave():
        handover = (address, link_address(platform().settings, "invite", link_id))
        with platform().reading() as reading:
            return render_template(
                "users/list.html",
                found=list_users(reading),
                invitations=list_waiting_invitations(reading),
                regions=_region_labels(reading),
                roles=USER_ROLE_LABELS,
                states=USER_STATE_LABELS,
                member_roles=MEMBER_ROLE_SHORT,
                handover=handover,
            )
    flash(_("邀请已重新发出，原来的链接不再有效。"), "info")
    return redirect(url_for("users.show_list", _anchor="invitations"))


def _do(user_id: str, act: Callable[[UnitOfWork], object], done: str) -> Page:
    require_administrator(actor())
    try:
        with platform().unit_of_work() as uow:
            act(uow)
    except InvalidInput as error:
        return _render(user_id, error=error), 422
    except IllegalMove as error:
        return _render(user_id, error=error), 409
    flash(done, "info")
    return redirect(url_for("users.show", user_id=user_id))


def _render(user_id: str, *, error: DuijieError | None = None) -> str:
    with platform().reading() as reading:
        view = show_user(reading, user_id, now(), unused_for=_unused_for())
        if view is None:
            raise _not_found()
        return render_template(
            "users/show.html",
            view=view,
            user=view.user,
            own=view.user.id == actor().user_id,
            regions=list_regions(reading),
            roles=USER_ROLE_LABELS,
            member_roles=MEMBER_ROLE_SHORT,
            actions=ACTION_LABELS,
            mails_leave=mails_leave(),
            error=in_language(error.message, error.message_en) if error is not None else "",
            wrong=error.where if error is not None else None,
            typed=request.form,
        )


def _region_labels(reading: Session) -> dict[str, str]:
    return {region.code: in_language(region.label_zh, region.label_en) for region in list_regions(reading)}


def _unused_for() -> timedelta:
    return timedelta(hours=platform().settings.session_hours)


def _not_found() -> NotFound:
    return NotFound("user.not_found", "没有这个账号", message_en="No such account")

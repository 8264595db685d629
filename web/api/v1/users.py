"""账号, for administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response

from matching.errors import NotFound
from matching.models import Invitation
from matching.queries.users import list_users, list_waiting_invitations, show_user
from matching.services.accounts import ask_for_reset
from matching.services.user_administration import (
    change_user_role,
    end_user_sessions,
    lock_user,
    require_administrator,
    resend_invitation,
    unlock_user,
)
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas import users as schemas
from web.reader import now, platform

users = Noun("users", "/users", "账号: accounts, for administrators. Every change is in the audit log.")

_USER = tuple(schemas.User._declared_fields)


@users.operation(
    "GET",
    "",
    name="list_users",
    zh="账号列表",
    en="List accounts",
    access="read",
    answers=schemas.UserPage,
    query=schemas.UserQuery,
)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List accounts"""
    require_administrator(caller().actor)
    with platform().reading() as session:
        found = list_users(
            session, text=query["q"], role=query.get("role"), state=query.get("state"), page=query["page"]
        )
        return {
            "items": [
                {
                    **{name: getattr(row.user, name) for name in _USER},
                    "organisations": list(row.organisations),
                    "last_seen": row.last_seen,
                }
                for row in found.rows
            ],
            "total": found.count,
            "page": found.page,
            "pages": found.pages,
        }


@users.operation(
    "GET",
    "/invitations",
    name="list_waiting_invitations",
    zh="未接受的邀请",
    en="List waiting invitations",
    access="read",
    answers=schemas.WaitingInvitationList,
)
def list_invitations() -> dict[str, Any]:
    """List waiting invitations"""
    require_administrator(caller().actor)
    with platform().reading() as session:
        return {"items": [_invitation(row, name) for row, name in list_waiting_invitations(session)]}


@users.operation(
    "POST",
    "/invitations/<id:invitation_id>/resend",
    name="resend_invitation",
    zh="重发邀请",
    en="Send an invitation again",
    access="write",
    answers=schemas.WaitingInvitation,
    problems=(409, 422),
)
def resend(invitation_id: str) -> dict[str, Any]:
    """Send an invitation again

    A fresh one takes its place; the link that was mailed before stops working.
    """
    with platform().unit_of_work() as uow:
        row, _link = resend_invitation(uow, caller().actor, invitation_id, now())
    with platform().reading() as session:
        for one, name in list_waiting_invitations(session):
            if one.id == row.id:
                return _invitation(one, name)
    raise NotFound("invitation.not_found", "没有这份邀请", message_en="There is no such invitation")


@users.operation(
    "GET",
    "/<id:user_id>",
    name="show_user",
    zh="账号",
    en="Show an account",
    access="read",
    answers=schemas.ShownUser,
)
def show(user_id: str) -> dict[str, Any]:
    """Show an account"""
    require_administrator(caller().actor)
    return _shown(user_id)


@users.operation(
    "POST",
    "/<id:user_id>/role",
    name="change_user_role",
    zh="修改账号角色",
    en="Change an account's role",
    access="write",
    answers=schemas.ShownUser,
    body=schemas.UserRole,
    problems=(409,),
)
def change_role(entry: dict[str, Any], user_id: str) -> dict[str, Any]:
    """Change an account's role

    Its sign-ins end. Nobody changes their own, and the last administrator stays one.
    """
    with platform().unit_of_work() as uow:
        change_user_role(uow, caller().actor, user_id, entry["role"], entry["region_code"], now())
    return _shown(user_id)


@users.operation(
    "POST",
    "/<id:user_id>/lock",
    name="lock_user",
    zh="停用账号",
    en="Close an account",
    access="write",
    answers=schemas.ShownUser,
    body=schemas.LockReason,
    problems=(409,),
)
def lock(entry: dict[str, Any], user_id: str) -> dict[str, Any]:
    """Close an account

    Its sign-ins and tokens end and mailed links stop working; nothing of it is deleted.
    """
    with platform().unit_of_work() as uow:
        lock_user(uow, caller().actor, user_id, entry["reason"], now())
    return _shown(user_id)


@users.operation(
    "POST",
    "/<id:user_id>/unlock",
    name="unlock_user",
    zh="恢复账号",
    en="Open an account again",
    access="write",
    answers=schemas.ShownUser,
)
def unlock(user_id: str) -> dict[str, Any]:
    """Open an account again"""
    with platform().unit_of_work() as uow:
        unlock_user(uow, caller().actor, user_id, now())
    return _shown(user_id)


@users.operation(
    "POST",
    "/<id:user_id>/end-sessions",
    name="end_user_sign_ins",
    zh="结束账号的登录",
    en="End an account's sign-ins",
    access="write",
    answers=schemas.EndedSignIns,
)
def end_sessions(user_id: str) -> dict[str, Any]:
    """End an account's sign-ins"""
    with platform().unit_of_work() as uow:
        return {"ended": end_user_sessions(uow, caller().actor, user_id, now())}


@users.operation(
    "POST",
    "/<id:user_id>/mail-reset",
    name="mail_user_reset",
    zh="发送重设密码邮件",
    en="Mail a link to choose a new password",
    access="write",
    answers=None,
    status=204,
)
def mail_reset(user_id: str) -> Response:
    """Mail a link to choose a new password

    To the account's own address; nobody else ever sees it.
    """
    require_administrator(caller().actor)
    email = _shown(user_id)["email"]
    with platform().unit_of_work() as uow:
        ask_for_reset(uow, email, now())
    return nothing_more()


def _shown(user_id: str) -> dict[str, Any]:
    unused_for = timedelta(hours=platform().settings.session_hours)
    with platform().reading() as session:
        view = show_user(session, user_id, now(), unused_for=unused_for)
        if view is None:
            raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
        return {
            **{name: getattr(view.user, name) for name in _USER},
            "memberships": [
                {"organisation_id": row.organisation_id, "organisation": name, "role": row.role}
                for row, name in view.memberships
            ],
            "sign_ins": view.sign_ins,
            "two_factor": view.two_factor,
        }


def _invitation(row: Invitation, organisation: str) -> dict[str, Any]:
    return {
        "id": row.id,
        "organisation_id": row.organisation_id,
        "organisation": organisation,
        "email": row.email,
        "role": row.role,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }

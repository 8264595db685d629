"""Colleagues in the caller's organisations."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.errors import NotAllowed, NotFound
from matching.models import Invitation
from matching.queries.registrations import list_members, list_open_invitations
from matching.services.invitations import (
    change_member_role,
    invite_colleague,
    may_manage_members,
    remove_member,
    withdraw_invitation,
)
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.accounts import Invitation as InvitationAnswer
from web.api.schemas.accounts import InvitationEntry, InvitationList, MemberList, MemberRoleEntry
from web.reader import now, platform

members = Noun("members", "/members", "成员: colleagues in the caller's organisations, and who is invited.")


@members.operation(
    "GET",
    "/<id:organisation_id>",
    name="list_members",
    zh="成员列表",
    en="List members",
    access="read",
    answers=MemberList,
)
def list_all(organisation_id: str) -> dict[str, Any]:
    """List members

    For members of the organisation and the staff of its region.
    """
    actor = caller().actor
    with platform().reading() as session:
        if organisation_id not in actor.organisation_roles and not may_manage_members(session, actor, organisation_id):
            raise _no_organisation()
        return {
            "items": [
                {"id": one.user.id, "name": one.user.name, "role": one.role, "since": one.since}
                for one in list_members(session, organisation_id)
            ]
        }


@members.operation(
    "GET",
    "/<id:organisation_id>/invitations",
    name="list_invitations",
    zh="邀请列表",
    en="List invitations",
    access="read",
    answers=InvitationList,
)
def list_invitations(organisation_id: str) -> dict[str, Any]:
    """List invitations

    Those that may still be accepted; for owners.
    """
    actor = caller().actor
    with platform().reading() as session:
        if not may_manage_members(session, actor, organisation_id):
            if organisation_id in actor.organisation_roles:
                raise NotAllowed("member.owner_only", "只有单位负责人可以管理成员",
                                 message_en="Only owners look after members")  # fmt: skip
            raise _no_organisation()
        return {"items": [_shown(row) for row in list_open_invitations(session, organisation_id, now())]}


@members.operation(
    "POST",
    "/<id:organisation_id>/invitations",
    name="invite_colleague",
    zh="邀请同事",
    en="Invite a colleague",
    access="write",
    answers=InvitationAnswer,
    status=201,
    body=InvitationEntry,
)
def invite(entry: dict[str, Any], organisation_id: str) -> tuple[dict[str, Any], int]:
    """Invite a colleague

    By a link that is mailed. An earlier invitation of the same address is replaced.
    """
    with platform().unit_of_work() as uow:
        row, _link = invite_colleague(
            uow, caller().actor, organisation_id, entry["email"], entry["role"], now(), locale=entry["language"]
        )
    return _shown(row), 201


@members.operation(
    "DELETE",
    "/<id:organisation_id>/invitations/<id:invitation_id>",
    name="withdraw_invitation",
    zh="撤回邀请",
    en="Withdraw an invitation",
    access="write",
    answers=None,
    status=204,
    problems=(409,),
)
def withdraw(organisation_id: str, invitation_id: str) -> Response:
    """Withdraw an invitation

    Its link stops working at once.
    """
    with platform().reading() as session:
        row = session.get(Invitation, invitation_id)
        if row is None or row.organisation_id != organisation_id:
            raise NotFound("invitation.not_found", "没有这份邀请", message_en="There is no such invitation")
    with platform().unit_of_work() as uow:
        withdraw_invitation(uow, caller().actor, invitation_id, now())
    return nothing_more()


@members.operation(
    "PATCH",
    "/<id:organisation_id>/<id:user_id>",
    name="change_member_role",
    zh="修改成员角色",
    en="Change a member's role",
    access="write",
    answers=None,
    status=204,
    body=MemberRoleEntry,
    problems=(409,),
)
def change_role(entry: dict[str, Any], organisation_id: str, user_id: str) -> Response:
    """Change a member's role

    For owners. An organisation keeps at least one owner.
    """
    with platform().unit_of_work() as uow:
        change_member_role(uow, caller().actor, organisation_id, user_id, entry["role"], now())
    return nothing_more()


@members.operation(
    "DELETE",
    "/<id:organisation_id>/<id:user_id>",
    name="remove_member",
    zh="移除成员",
    en="Remove a member",
    access="write",
    answers=None,
    status=204,
    problems=(409,),
)
def remove(organisation_id: str, user_id: str) -> Response:
    """Remove a member

    For owners; everybody may leave.
    """
    with platform().unit_of_work() as uow:
        remove_member(uow, caller().actor, organisation_id, user_id, now())
    return nothing_more()


def _shown(row: Invitation) -> dict[str, Any]:
    return {
        "id": row.id,
        "email": row.email,
        "role": row.role,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
    }


def _no_organisation() -> NotFound:
    return NotFound("organisation.not_found", "没有找到这个单位", message_en="There is no such organisation")

"""What administrators do with accounts: roles, locks, sign-ins, invitations. Each of it is in the audit log.

Nobody takes the last administrator away, nor locks themself out: an installation that nobody governs can only be helped
from the command line.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import ApiToken, Invitation, Region, User, UserSession
from matching.models.user import USER_ROLES
from matching.services.account_links import spend_links
from matching.services.actor import Actor
from matching.services.invitations import invite_colleague
from matching.store.unit_of_work import UnitOfWork


def require_administrator(actor: Actor) -> None:
    """Raises NotAllowed for everybody else."""
    if not actor.is_administrator:
        raise NotAllowed("page.administrators_only", "此页面仅供管理员使用", message_en="For administrators only")


def change_user_role(
    uow: UnitOfWork, actor: Actor, user_id: str, role: str, region_code: str | None, now: datetime
) -> User:
    """Make an account member, staff of a region, or administrator. Its sign-ins end, so that the new rights hold."""
    user = _load(uow, actor, user_id)
    if role not in USER_ROLES:
        raise InvalidInput("user.role", "请选择角色", where="role", message_en="Please choose a role")
    region = region_code if role == "staff" else None
    if role == "staff" and (not region or uow.session.get(Region, region) is None):
        raise InvalidInput("user.region", "工作人员须选择地区", where="region_code", message_en="Staff need a region")
    if (user.role, user.region_code) == (role, region):
        return user
    if user.role == "administrator":
        _require_another(uow.session, actor, user)
    before = {"role": user.role, "region_code": user.region_code}
    user.role, user.region_code = role, region
    _end_sign_ins(uow.session, user.id, now)
    uow.record(now, actor.user_id, "user.role", "user", user.id, before=before, role=role, region_code=region)
    uow.commit()
    return user


def lock_user(uow: UnitOfWork, actor: Actor, user_id: str, reason: str, now: datetime) -> User:
    """Close an account: its sign-ins and API tokens end, mailed links stop working, nothing of it is deleted."""
    user = _load(uow, actor, user_id)
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise InvalidInput("user.lock_reason", "请写明原因", where="reason", message_en="Please give the reason")
    if not user.active:
        return user
    _require_another(uow.session, actor, user)
    user.active = False
    _end_sign_ins(uow.session, user.id, now)
    uow.session.execute(
        update(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None)).values(revoked_at=now)
    )
    for purpose in ("reset", "email"):
        spend_links(uow.session, purpose, user.id, now)
    uow.record(now, actor.user_id, "user.deactivate", "user", user.id, reason=reason)
    uow.commit()
    return user


def unlock_user(uow: UnitOfWork, actor: Actor, user_id: str, now: datetime) -> User:
    """Open an account again, and end a lock that wrong passwords brought."""
    user = _load(uow, actor, user_id)
    user.active = True
    user.failed_sign_ins, user.locked_until = 0, None
    uow.record(now, actor.user_id, "user.activate", "user", user.id)
    uow.commit()
    return user


def end_user_sessions(uow: UnitOfWork, actor: Actor, user_id: str, now: datetime) -> int:
    """End every sign-in of an account; returns how many there were."""
    user = _load(uow, actor, user_id)
    ended = _end_sign_ins(uow.session, user.id, now)
    uow.record(now, actor.user_id, "user.end_sessions", "user", user.id, ended=ended)
    uow.commit()
    return ended


def resend_invitation(uow: UnitOfWork, actor: Actor, invitation_id: str, now: datetime) -> tuple[Invitation, str]:
    """Replace an open or lapsed invitation by a fresh one to the same person; returns it and its link's id."""
    require_administrator(actor)
    row = uow.session.get(Invitation, invitation_id)
    if row is None or row.accepted_at is not None or row.withdrawn_at is not None:
        raise NotFound("invitation.not_found", "没有这份邀请", message_en="There is no such invitation")
    return invite_colleague(uow, actor, row.organisation_id, row.email, row.role, now, locale=row.locale)


def _load(uow: UnitOfWork, actor: Actor, user_id: str) -> User:
    require_administrator(actor)
    user = uow.session.get(User, user_id)
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    return user


def _require_another(session: Session, actor: Actor, user: User) -> None:
    if user.id == actor.user_id:
        raise IllegalMove("user.oneself", "不能对自己的账号这样做", message_en="You cannot do this to your own account")
    if user.role != "administrator":
        return
    others = session.scalar(select(func.count()).where(User.role == "administrator", User.active, User.id != user.id))
    if not others:
        raise IllegalMove("user.last_administrator", "这是最后一位管理员", message_en="This is the last administrator")


def _end_sign_ins(session: Session, user_id: str, now: datetime) -> int:
    ended = session.execute(
        update(UserSession).where(UserSession.user_id == user_id, UserSession.ended_at.is_(None)).values(ended_at=now)
    )
    return int(ended.rowcount)  # type: ignore[attr-defined]

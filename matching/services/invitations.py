"""Colleagues: invited by an owner, by a link that only who reads mail at the address gets; their roles; leaving."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Invitation, Membership, Organisation, User
from matching.notifying.account_notices import tell_owners
from matching.services.account_links import find_link, make_link, spend_links, spent_link, use_link
from matching.services.accounts import MEMBER_ROLES, clean_email
from matching.services.actor import Actor
from matching.services.deliveries import owe_delivery
from matching.services.passwords import check_password, hash_password
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

INVITATION_LIFE = timedelta(days=14)
MOST_OPEN = 50


def invite_colleague(
    uow: UnitOfWork,
    actor: Actor,
    organisation_id: str,
    email: str,
    role: str,
    now: datetime,
    *,
    locale: str = "zh",
) -> tuple[Invitation, str]:
    """Invite somebody by mail; an earlier invitation of the same address is replaced. Returns it and its link's id.

    Owners of the organisation and staff of its region may. Raises InvalidInput for a bad address or role, an address
    that belongs already, or more than MOST_OPEN open invitations.
    """
    organisation = _require_owner(uow.session, actor, organisation_id)
    address = clean_email(email)
    if role not in MEMBER_ROLES:
        raise InvalidInput("member.role", "成员角色无效", where="role", message_en="Invalid member role")
    if uow.session.scalar(
        select(Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.organisation_id == organisation_id, User.email == address)
    ):
        raise InvalidInput(
            "invitation.member", "对方已经是成员", where="email", message_en="This person is a member already"
        )
    earlier = uow.session.scalars(
        select(Invitation).where(
            Invitation.organisation_id == organisation_id,
            Invitation.email == address,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
        )
    ).all()
    for one in earlier:
        _withdraw(uow.session, one, now)
    uow.session.flush()
    open_now = uow.session.scalar(
        select(func.count()).where(
            Invitation.organisation_id == organisation_id,
            Invitation.accepted_at.is_(None),
            Invitation.withdrawn_at.is_(None),
            Invitation.expires_at > now,
        )
    )
    if (open_now or 0) >= MOST_OPEN:
        raise InvalidInput(
            "invitation.too_many",
            f"未接受的邀请已有 {MOST_OPEN} 份，请先撤回一些",
            where="email",
            message_en=f"There are {MOST_OPEN} open invitations already; withdraw some first",
        )
    inviter = uow.session.get(User, actor.user_id) if actor.user_id is not None else None
    row = Invitation(
        organisation_id=organisation_id,
        email=address,
        role=role,
        locale="en" if locale == "en" else "zh",
        invited_by=actor.user_id,
        created_at=now,
        expires_at=now + INVITATION_LIFE,
    )
    uow.session.add(row)
    uow.session.flush()
    link_id = make_link(uow.session, "invite", row.id, now, life=INVITATION_LIFE)
    owe_delivery(
        uow.session,
        kind="invitation",
        once_key=f"invitation:{row.id}",
        address=address,
        payload={
            "link_id": link_id,
            "language": row.locale,
            "organisation": organisation.name,
            "inviter": inviter.name if inviter is not None else organisation.name,
        },
        now=now,
    )
    uow.record(now, actor.user_id, "invitation.make", "organisation", organisation_id, invitation=row.id, role=role)
    uow.commit()
    return row, link_id


def withdraw_invitation(uow: UnitOfWork, actor: Actor, invitation_id: str, now: datetime) -> None:
    """Take an open invitation back; its link stops working at once."""
    row = uow.session.get(Invitation, invitation_id)
    if row is None or not _is_owner(uow.session, actor, row.organisation_id):
        raise NotFound("invitation.not_found", "没有这份邀请", message_en="There is no such invitation")
    if row.accepted_at is not None:
        raise IllegalMove("invitation.accepted", "邀请已被接受", message_en="The invitation was accepted already")
    if row.withdrawn_at is None:
        _withdraw(uow.session, row, now)
        uow.record(now, actor.user_id, "invitation.withdraw", "organisation", row.organisation_id, invitation=row.id)
        uow.commit()


def find_invitation(
    session: Session, settings: Settings, token: str, now: datetime
) -> tuple[Invitation, Organisation, bool]:
    """What a link invites to, and whether its address has an account; raises NotFound for a link that does not work."""
    row = session.get(Invitation, find_link(session, settings, "invite", token, now))
    if row is None or row.withdrawn_at is not None or row.accepted_at is not None:
        raise spent_link()
    organisation = session.get_one(Organisation, row.organisation_id)
    known = session.scalar(select(User.id).where(User.email == row.email)) is not None
    return row, organisation, known


def accept_invitation(uow: UnitOfWork, actor: Actor, settings: Settings, token: str, now: datetime) -> Organisation:
    """Join as the account that is signed in; it must be the one that was invited. The link is spent."""
    row = _use(uow, settings, token, now)
    user = uow.session.get(User, actor.user_id) if actor.user_id is not None else None
    if user is None or user.email != row.email:
        raise NotAllowed(
            "invitation.other_account",
            "这份邀请是发给另一个邮箱的，请用那个邮箱的账号登录",
            message_en="The invitation was sent to another address; please sign in with that account",
        )
    return _join(uow, row, user, now)


def accept_invitation_as_new(
    uow: UnitOfWork, settings: Settings, token: str, name: str, password: str, now: datetime
) -> User:
    """Make an account for the invited address and join; the link shows that mail at the address is read."""
    row = _use(uow, settings, token, now)
    called = " ".join(name.split())
    if not 1 <= len(called) <= 80:
        raise InvalidInput("user.name", "请填写姓名（不超过 80 字）", where="name",
                           message_en="Please give a name (at most 80 characters)")  # fmt: skip
    if uow.session.scalar(select(User.id).where(User.email == row.email)):
        raise InvalidInput(
            "user.email_taken", "该邮箱已有账号，请登录后接受邀请", where="email",
            message_en="The address has an account; please sign in to accept",
        )  # fmt: skip
    check_password(password, row.email, called)
    user = User(
        email=row.email, name=called, password_hash=hash_password(password), role="member", locale=row.locale,
        created_at=now,
    )  # fmt: skip
    uow.session.add(user)
    uow.session.flush()
    uow.record(now, user.id, "user.add", "user", user.id, invitation=row.id)
    _join(uow, row, user, now)
    uow.session.refresh(user)
    return user


def change_member_role(
    uow: UnitOfWork, actor: Actor, organisation_id: str, user_id: str, role: str, now: datetime
) -> None:
    """Make a member owner, editor or reader. An organisation keeps at least one owner."""
    _require_owner(uow.session, actor, organisation_id)
    if role not in MEMBER_ROLES:
        raise InvalidInput("member.role", "成员角色无效", where="role", message_en="Invalid member role")
    membership = _membership(uow.session, organisation_id, user_id)
    if membership.role == "owner" and role != "owner":
        _require_another_owner(uow.session, organisation_id, user_id)
    membership.role = role
    uow.record(now, actor.user_id, "member.role", "organisation", organisation_id, user=user_id, role=role)
    uow.commit()


def remove_member(uow: UnitOfWork, actor: Actor, organisation_id: str, user_id: str, now: datetime) -> None:
    """End a membership; owners end anybody's, everybody their own. An organisation keeps at least one owner."""
    if user_id != actor.user_id:
        _require_owner(uow.session, actor, organisation_id)
    membership = _membership(uow.session, organisation_id, user_id)
    if membership.role == "owner":
        _require_another_owner(uow.session, organisation_id, user_id)
    uow.session.delete(membership)
    uow.record(now, actor.user_id, "member.leave", "organisation", organisation_id, user=user_id)
    uow.commit()


def may_manage_members(session: Session, actor: Actor, organisation_id: str) -> bool:
    """Whether the actor invites and removes members of the organisation."""
    return _is_owner(session, actor, organisation_id)


def _use(uow: UnitOfWork, settings: Settings, token: str, now: datetime) -> Invitation:
    row = uow.session.get(Invitation, use_link(uow.session, settings, "invite", token, now))
    if row is None or row.withdrawn_at is not None or row.accepted_at is not None:
        raise spent_link()
    return row


def _join(uow: UnitOfWork, row: Invitation, user: User, now: datetime) -> Organisation:
    organisation = uow.session.get_one(Organisation, row.organisation_id)
    membership = uow.session.get(Membership, (user.id, organisation.id))
    if membership is None:
        uow.session.add(Membership(user_id=user.id, organisation_id=organisation.id, role=row.role, created_at=now))
    row.accepted_at = now
    row.user_id = user.id
    tell_owners(uow.session, organisation.id, "member_joined", user.id, now, but=user.id, name=user.name)
    uow.record(now, user.id, "member.join", "organisation", organisation.id, user=user.id, role=row.role)
    uow.commit()
    return organisation


def _withdraw(session: Session, row: Invitation, now: datetime) -> None:
    row.withdrawn_at = now
    spend_links(session, "invite", row.id, now)


def _membership(session: Session, organisation_id: str, user_id: str) -> Membership:
    membership = session.get(Membership, (user_id, organisation_id))
    if membership is None:
        raise NotFound("member.not_found", "没有这位成员", message_en="There is no such member")
    return membership


def _require_another_owner(session: Session, organisation_id: str, user_id: str) -> None:
    # Locked: two owners who leave at once must not leave nobody.
    owners = session.scalars(
        select(Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.organisation_id == organisation_id, Membership.role == "owner", User.active)
        .order_by(Membership.user_id)
        .with_for_update(of=Membership)
    ).all()
    if not set(owners) - {user_id}:
        raise IllegalMove(
            "member.last_owner",
            "单位至少要有一位负责人，请先指定另一位",
            message_en="An organisation keeps at least one owner; please name another one first",
        )


def _require_owner(session: Session, actor: Actor, organisation_id: str) -> Organisation:
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or not _is_owner(session, actor, organisation_id):
        if organisation_id in actor.organisation_roles:
            raise NotAllowed(
                "member.owner_only", "只有单位负责人可以管理成员", message_en="Only owners look after members"
            )
        raise NotFound("organisation.not_found", "没有找到这个单位", message_en="There is no such organisation")
    return organisation


def _is_owner(session: Session, actor: Actor, organisation_id: str) -> bool:
    if actor.organisation_roles.get(organisation_id) == "owner":
        return True
    organisation = session.get(Organisation, organisation_id)
    return organisation is not None and actor.is_staff_for(organisation.region_code)

"""Changing the e-mail address of one's own account: confirmed at the new one, told to the old one, twice.

The old address hears of it when it is asked for, while its owner can still sign in and stop it, and again when it is
done.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update

from matching.errors import InvalidInput, NotFound
from matching.models import User, UserSession
from matching.services.account_links import make_link, spend_links, use_link
from matching.services.accounts import clean_email, may_be_mailed, require_present_password
from matching.services.actor import Actor
from matching.services.attempts import note_attempt
from matching.services.deliveries import owe_delivery
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

LINK_LIFE = timedelta(hours=24)


def ask_for_new_address(uow: UnitOfWork, actor: Actor, email: str, password: str, now: datetime) -> str:
    """Mail a link to the new address and a notice to the present one; takes the password. Returns the new address.

    Whether somebody has an account with that address is not told: then nothing is mailed there.
    """
    user = uow.session.get(User, actor.user_id) if actor.user_id is not None else None
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    address = clean_email(email)
    if address == user.email:
        raise InvalidInput(
            "user.email_same", "这就是现在的邮箱", where="email", message_en="This is the present address"
        )
    require_present_password(uow, user, password, now)
    note_attempt(uow.session, "address_mail", user.id, now, span=timedelta(hours=1))
    if not may_be_mailed(uow.session, "address_mail", user.id, now):
        uow.commit()
        raise InvalidInput(
            "user.email_too_often",
            "一小时内最多更换 3 次，请稍后再试",
            where="email",
            message_en="At most three times an hour; please try again later",
        )
    user.new_email = address
    link_id = make_link(uow.session, "email", user.id, now, life=LINK_LIFE)
    if uow.session.scalar(select(User.id).where(User.email == address)) is None:
        owe_delivery(
            uow.session,
            kind="confirm_new_address",
            once_key=f"confirm_new_address:{link_id}",
            address=address,
            payload={"link_id": link_id, "language": user.locale},
            now=now,
        )
    owe_delivery(
        uow.session,
        kind="address_change_asked",
        once_key=f"address_change_asked:{link_id}",
        address=user.email,
        payload={"language": user.locale},
        now=now,
    )
    uow.record(now, user.id, "user.ask_address", "user", user.id)
    uow.commit()
    return address


def confirm_new_address(uow: UnitOfWork, settings: Settings, token: str, now: datetime) -> User:
    """Change the address by the mailed link, which is spent. Every sign-in ends; raises NotFound for a link that does
    not work, InvalidInput where somebody took the address meanwhile.
    """
    user_id = use_link(uow.session, settings, "email", token, now)
    user = uow.session.get(User, user_id)
    if user is None or not user.active or user.new_email is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    former, address = user.email, user.new_email
    if uow.session.scalar(select(User.id).where(User.email == address)) is not None:
        raise InvalidInput("user.email_taken", "该邮箱已注册", where="email", message_en="The address is taken")
    user.email, user.new_email = address, None
    spend_links(uow.session, "reset", user.id, now)
    uow.session.execute(
        update(UserSession).where(UserSession.user_id == user.id, UserSession.ended_at.is_(None)).values(ended_at=now)
    )
    owe_delivery(
        uow.session,
        kind="address_changed",
        once_key=f"address_changed:{user.id}:{now.isoformat()}",
        address=former,
        payload={"language": user.locale},
        now=now,
    )
    uow.record(now, user.id, "user.address", "user", user.id, former=former)
    uow.commit()
    return user


def drop_address_change(uow: UnitOfWork, actor: Actor, now: datetime) -> None:
    """Give up what was asked for; the mailed link stops working."""
    user = uow.session.get(User, actor.user_id) if actor.user_id is not None else None
    if user is None or user.new_email is None:
        return
    user.new_email = None
    spend_links(uow.session, "email", user.id, now)
    uow.record(now, user.id, "user.drop_address", "user", user.id)
    uow.commit()

"""Accounts: adding them, signing in and out, and the sessions in between."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import EmailNotValidError, validate_email
from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from matching.errors import DuijieError, InvalidInput, NotFound
from matching.models import ApiToken, Membership, Organisation, Region, User, UserSession
from matching.models.user import USER_ROLES
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork

SHORTEST_PASSWORD = 10
FAILURES_BEFORE_LOCK = 8
LOCK = timedelta(minutes=15)
MEMBER_ROLES = ("owner", "editor", "reader")

_hasher = PasswordHasher()
_DUMMY_HASH = _hasher.hash("no account has this password")


class SignInRefused(DuijieError):
    """E-mail and password do not fit, or the account is locked; which of them is not said."""


def add_user(
    uow: UnitOfWork,
    actor: Actor,
    *,
    email: str,
    name: str,
    password: str,
    role: str = "member",
    region_code: str | None = None,
    now: datetime,
    user_id: str | None = None,
    locale: str = "zh",
) -> User:
    """Add an account; staff need a region. Raises InvalidInput for a bad or taken address or a weak password."""
    address = clean_email(email)
    check_password(password, address)
    if role not in USER_ROLES:
        raise InvalidInput(
            "user.role", f"角色只能是 {'、'.join(USER_ROLES)}", where="role", message_en=f"Role is one of {USER_ROLES}"
        )
    if role == "staff" and (region_code is None or uow.session.get(Region, region_code) is None):
        raise InvalidInput(
            "user.region",
            "工作人员须有已登记的行政区划代码",
            where="region_code",
            message_en="Staff need a known region code",
        )
    if not name.strip():
        raise InvalidInput("user.name", "请填写姓名", where="name", message_en="Please give a name")
    if uow.session.scalar(select(User.id).where(User.email == address)):
        raise InvalidInput("user.email_taken", "该邮箱已注册", where="email", message_en="The address is taken")
    user = User(
        email=address,
        name=name.strip(),
        password_hash=_hasher.hash(password),
        role=role,
        region_code=region_code,
        locale=locale,
        created_at=now,
    )
    if user_id is not None:
        user.id = user_id
    uow.session.add(user)
    uow.session.flush()
    uow.record(now, actor.user_id, "user.add", "user", user.id, role=role)
    uow.commit()
    return user


def join_organisation(
    uow: UnitOfWork, actor: Actor, user_id: str, organisation_id: str, role: str, now: datetime
) -> None:
    """Make an account a member of an organisation, or change its role there."""
    if role not in MEMBER_ROLES:
        raise InvalidInput("member.role", "成员角色无效", where="role", message_en="Invalid member role")
    if uow.session.get(Organisation, organisation_id) is None or uow.session.get(User, user_id) is None:
        raise NotFound("member.not_found", "没有这个单位或账号", message_en="No such organisation or account")
    membership = uow.session.get(Membership, (user_id, organisation_id))
    if membership is None:
        uow.session.add(Membership(user_id=user_id, organisation_id=organisation_id, role=role, created_at=now))
    else:
        membership.role = role
    uow.record(now, actor.user_id, "member.join", "organisation", organisation_id, user=user_id, role=role)
    uow.commit()


def authenticate_user(uow: UnitOfWork, email: str, password: str, now: datetime) -> User:
    """The account whose e-mail and password these are; raises SignInRefused.

    After FAILURES_BEFORE_LOCK wrong passwords in a row the account is locked for LOCK. An unknown address takes as long
    as a known one.
    """
    refused = SignInRefused(
        "sign_in.refused",
        "邮箱或密码不正确；多次失败后账号会暂时锁定 15 分钟",
        message_en="E-mail or password is wrong; after several failures an account is locked for 15 minutes",
    )
    user = uow.session.scalar(select(User).where(User.email == email.strip().lower()))
    if user is None or user.password_hash is None or not user.active:
        _matches(_DUMMY_HASH, password)
        raise refused
    locked = user.locked_until is not None and user.locked_until > now
    if not _matches(user.password_hash, password) or locked:
        if not locked:
            user.failed_sign_ins += 1
            if user.failed_sign_ins >= FAILURES_BEFORE_LOCK:
                user.locked_until = now + LOCK
                user.failed_sign_ins = 0
                uow.record(now, None, "user.lock", "user", user.id)
            uow.commit()
        raise refused
    user.failed_sign_ins = 0
    user.locked_until = None
    if _hasher.check_needs_rehash(user.password_hash):
        user.password_hash = _hasher.hash(password)
    uow.commit()
    return user


def set_password(uow: UnitOfWork, actor: Actor, user_id: str, password: str, now: datetime) -> None:
    """Change a password, end every sign-in of the account and revoke its API tokens."""
    user = uow.session.get(User, user_id)
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    check_password(password, user.email)
    user.password_hash = _hasher.hash(password)
    uow.session.execute(update(UserSession).where(UserSession.user_id == user_id).values(ended_at=now))
    uow.session.execute(
        update(ApiToken).where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None)).values(revoked_at=now)
    )
    uow.record(now, actor.user_id, "user.password", "user", user_id)
    uow.commit()


def open_session(uow: UnitOfWork, user: User, now: datetime) -> str:
    """Begin a sign-in; returns its token, which only the browser keeps."""
    token = secrets.token_urlsafe(32)
    uow.session.add(UserSession(token_hash=token_hash(token), user_id=user.id, created_at=now, seen_at=now))
    uow.record(now, user.id, "user.sign_in", "user", user.id)
    uow.commit()
    return token


def find_session_user(session: Session, token: str, now: datetime, *, unused_for: timedelta) -> User | None:
    """Who is signed in with the token, None when it has ended or was not used for that long."""
    return session.scalar(
        select(User)
        .join(UserSession, UserSession.user_id == User.id)
        .where(
            UserSession.token_hash == token_hash(token),
            UserSession.ended_at.is_(None),
            UserSession.seen_at > now - unused_for,
            User.active,
        )
    )


def touch_session(uow: UnitOfWork, token: str, now: datetime) -> None:
    """Note that a sign-in was used; at most once a minute, so that reading pages seldom writes."""
    row = uow.session.get(UserSession, token_hash(token))
    if row is not None and row.seen_at < now - timedelta(minutes=1):
        row.seen_at = now
        uow.commit()


def end_session(uow: UnitOfWork, token: str, now: datetime) -> None:
    """Sign out on this device."""
    row = uow.session.get(UserSession, token_hash(token))
    if row is not None and row.ended_at is None:
        row.ended_at = now
        uow.commit()


def forget_sessions(uow: UnitOfWork, now: datetime, *, unused_for: timedelta) -> None:
    """Delete sign-ins that have ended or were long unused. Run by the beat."""
    uow.session.execute(
        delete(UserSession).where(or_(UserSession.ended_at.is_not(None), UserSession.seen_at <= now - unused_for))
    )
    uow.commit()


def token_hash(token: str) -> str:
    """SHA-256 of a token, hexadecimal: what the database keeps."""
    return hashlib.sha256(token.encode()).hexdigest()


def clean_email(email: str) -> str:
    """The address in lower case; raises InvalidInput for one that is none."""
    try:
        # Whether the domain exists is not asked: sign-up must work without a network.
        checked = validate_email(email.strip(), check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise InvalidInput("user.email", "邮箱地址无效", where="email", message_en="Invalid e-mail address") from error
    return checked.normalized.lower()


def check_password(password: str, email: str) -> None:
    """Raises InvalidInput for a short password or one that is made of the address."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput(
            "user.password_short",
            f"密码至少 {SHORTEST_PASSWORD} 位",
            where="password",
            message_en=f"A password has at least {SHORTEST_PASSWORD} characters",
        )
    if password.lower() in (email, email.split("@")[0]) or len(set(password)) < 4:
        raise InvalidInput(
            "user.password_weak", "密码过于简单", where="password", message_en="The password is too simple"
        )


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False

"""Accounts: adding them, signing in and out, and the sessions in between."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session, joinedload

from matching.errors import DuijieError, InvalidInput, NotFound
from matching.models import ApiToken, Membership, Organisation, Region, User, UserSession
from matching.models.user import USER_ROLES
from matching.services.account_links import make_link, spend_links, use_link
from matching.services.actor import Actor
from matching.services.attempts import count_attempts, note_attempt, origin_of, require_few
from matching.services.deliveries import owe_delivery
from matching.services.passwords import DUMMY_HASH, check_password, hash_password, needs_new_hash, password_fits
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

FAILURES_BEFORE_LOCK = 8
LOCK = timedelta(minutes=15)
MEMBER_ROLES = ("owner", "editor", "reader")

FAILURES_OF_ONE_ORIGIN = 50
"""A whole office signs in from one address; a list of leaked passwords is longer."""
RESET_LIFE = timedelta(hours=1)
MOST_RESETS = 3
"""Mails to one address in an hour."""
MOST_REQUESTS_OF_ONE_ORIGIN = 30


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
    check_password(password, address, name)
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
        password_hash=hash_password(password),
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


def authenticate_user(uow: UnitOfWork, email: str, password: str, now: datetime, *, origin: str | None = None) -> User:
    """The account whose e-mail and password these are; raises SignInRefused.

    After FAILURES_BEFORE_LOCK wrong passwords in a row the account is locked for LOCK; an `origin` (an address of the
    network) that failed FAILURES_OF_ONE_ORIGIN times within LOCK gets TooManyAttempts, whichever accounts it tried. An
    unknown address takes as long as a known one.
    """
    refused = SignInRefused(
        "sign_in.refused",
        "邮箱或密码不正确；多次失败后账号会暂时锁定 15 分钟",
        message_en="E-mail or password is wrong; after several failures an account is locked for 15 minutes",
    )
    place = origin_of(origin) if origin is not None else None
    if place is not None:
        require_few(uow.session, "sign_in", place, now, most=FAILURES_OF_ONE_ORIGIN)
    user = uow.session.scalar(select(User).where(User.email == email.strip().lower()))
    known = user is not None and user.password_hash is not None and user.active
    fits = password_fits(user.password_hash if known and user and user.password_hash else DUMMY_HASH, password)
    locked = user is not None and user.locked_until is not None and user.locked_until > now
    if user is None or not known or not fits or locked:
        if place is not None:
            note_attempt(uow.session, "sign_in", place, now, span=LOCK)
        if user is not None and known and not locked:
            user.failed_sign_ins += 1
            if user.failed_sign_ins >= FAILURES_BEFORE_LOCK:
                user.locked_until = now + LOCK
                user.failed_sign_ins = 0
                uow.record(now, None, "user.lock", "user", user.id)
        uow.commit()
        raise refused
    user.failed_sign_ins = 0
    user.locked_until = None
    if user.password_hash is not None and needs_new_hash(user.password_hash):
        user.password_hash = hash_password(password)
    uow.commit()
    return user


def set_password(uow: UnitOfWork, actor: Actor, user_id: str, password: str, now: datetime) -> None:
    """Change a password, end every sign-in of the account and revoke its API tokens."""
    user = uow.session.get(User, user_id)
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    _replace_password(uow, user, password, now, actor.user_id)
    uow.commit()


def require_present_password(uow: UnitOfWork, user: User, present: str, now: datetime) -> None:
    """Before what only the account's owner may do: raises InvalidInput with `where` present for another password, which
    counts as a failed sign-in does."""
    try:
        authenticate_user(uow, user.email, present, now)
    except SignInRefused as error:
        raise InvalidInput(
            "user.present_password",
            "现在的密码不正确；多次失败后账号会暂时锁定 15 分钟",
            where="present",
            message_en="The present password is wrong; after several failures the account is locked for 15 minutes",
        ) from error


def change_password(uow: UnitOfWork, actor: Actor, present: str, password: str, now: datetime) -> None:
    """Change one's own password; takes the present one. Every sign-in ends and a mail tells of it.

    Wrong present passwords count as failed sign-ins do. Raises InvalidInput with `where` present or password.
    """
    user = uow.session.get(User, actor.user_id) if actor.user_id is not None else None
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    require_present_password(uow, user, present, now)
    _replace_password(uow, user, password, now, user.id)
    owe_delivery(
        uow.session,
        kind="password_changed",
        once_key=f"password_changed:{user.id}:{now.isoformat()}",
        user_id=user.id,
        now=now,
    )
    uow.commit()


def ask_for_reset(uow: UnitOfWork, email: str, now: datetime, *, origin: str | None = None) -> None:
    """Mail a link to choose a new password, if there is such an account; what is answered is the same either way.

    At most MOST_RESETS mails an hour; raises TooManyAttempts for an origin that asks again and again.
    """
    address = clean_email(email)
    place = origin_of(origin) if origin is not None else None
    if place is not None:
        require_few(uow.session, "reset", place, now, most=MOST_REQUESTS_OF_ONE_ORIGIN)
        note_attempt(uow.session, "reset", place, now, span=timedelta(hours=1))
    note_attempt(uow.session, "reset_mail", address, now, span=timedelta(hours=1))
    user = uow.session.scalar(select(User).where(User.email == address, User.active))
    if user is not None and may_be_mailed(uow.session, "reset_mail", address, now):
        link_id = make_link(uow.session, "reset", user.id, now, life=RESET_LIFE)
        owe_delivery(
            uow.session,
            kind="reset_password",
            once_key=f"reset_password:{link_id}",
            user_id=user.id,
            payload={"link_id": link_id},
            now=now,
        )
        uow.record(now, None, "user.ask_reset", "user", user.id)
    uow.commit()


def reset_password(uow: UnitOfWork, settings: Settings, token: str, password: str, now: datetime) -> User:
    """Choose a new password by a mailed link, which is spent; raises NotFound for one that does not work.

    Who reads mail at the address owns the account, so a lock ends, too. The second factor, if any, stays.
    """
    user_id = use_link(uow.session, settings, "reset", token, now)
    user = uow.session.get(User, user_id)
    if user is None or not user.active:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    _replace_password(uow, user, password, now, user.id)
    user.failed_sign_ins = 0
    user.locked_until = None
    uow.commit()
    return user


def may_be_mailed(session: Session, what: str, address: str, now: datetime) -> bool:
    """Whether the address, counted already, is within what it may be sent in an hour."""
    return count_attempts(session, what, address, now) <= MOST_RESETS


def _replace_password(uow: UnitOfWork, user: User, password: str, now: datetime, actor_id: str | None) -> None:
    check_password(password, user.email, user.name)
    user.password_hash = hash_password(password)
    uow.session.execute(
        update(UserSession).where(UserSession.user_id == user.id, UserSession.ended_at.is_(None)).values(ended_at=now)
    )
    uow.session.execute(
        update(ApiToken).where(ApiToken.user_id == user.id, ApiToken.revoked_at.is_(None)).values(revoked_at=now)
    )
    spend_links(uow.session, "reset", user.id, now)
    uow.record(now, actor_id, "user.password", "user", user.id)


def open_session(
    uow: UnitOfWork, user: User, now: datetime, *, device: str | None = None, address: str | None = None
) -> str:
    """Begin a sign-in; returns its token, which only the browser keeps. `device` and `address` are for its owner."""
    token = secrets.token_urlsafe(32)
    uow.session.add(
        UserSession(
            token_hash=token_hash(token),
            user_id=user.id,
            created_at=now,
            seen_at=now,
            device=device[:120] if device else None,
            address=address[:45] if address else None,
        )
    )
    uow.record(now, user.id, "user.sign_in", "user", user.id)
    uow.commit()
    return token


def find_session_user(session: Session, token: str, now: datetime, *, unused_for: timedelta) -> User | None:
    """Who is signed in with the token, None when it has ended or was not used for that long."""
    found = session.scalars(_SIGNED_IN, {"hash": token_hash(token), "least": now - unused_for})
    return found.unique().one_or_none()


# Every page asks for it, and to put the question together takes longer than to answer it.
_SIGNED_IN = (
    select(User)
    .join(UserSession, UserSession.user_id == User.id)
    .where(
        UserSession.token_hash == bindparam("hash"),
        UserSession.ended_at.is_(None),
        UserSession.seen_at > bindparam("least"),
        User.active,
    )
    .options(joinedload(User.memberships))
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


def list_sessions(session: Session, user_id: str, now: datetime, *, unused_for: timedelta) -> list[UserSession]:
    """The account's sign-ins that work now, the last used first."""
    return list(
        session.scalars(
            select(UserSession)
            .where(
                UserSession.user_id == user_id,
                UserSession.ended_at.is_(None),
                UserSession.seen_at > now - unused_for,
            )
            .order_by(UserSession.seen_at.desc(), UserSession.token_hash)
        )
    )


def end_listed_session(uow: UnitOfWork, actor: Actor, session_id: str, now: datetime) -> None:
    """End one of the actor's own sign-ins, named by the hash of its token; raises NotFound for any other."""
    row = uow.session.get(UserSession, session_id)
    if row is None or row.user_id != actor.user_id:
        raise NotFound("session.not_found", "没有这次登录", message_en="There is no such sign-in")
    if row.ended_at is None:
        row.ended_at = now
        uow.record(now, actor.user_id, "user.end_session", "user", row.user_id)
        uow.commit()


def end_other_sessions(uow: UnitOfWork, actor: Actor, kept: str | None, now: datetime) -> int:
    """End all of the actor's sign-ins but the one with the token `kept`; returns how many."""
    statement = update(UserSession).where(UserSession.user_id == actor.user_id, UserSession.ended_at.is_(None))
    if kept is not None:
        statement = statement.where(UserSession.token_hash != token_hash(kept))
    ended = uow.session.execute(statement.values(ended_at=now))
    uow.record(now, actor.user_id, "user.end_sessions", "user", str(actor.user_id))
    uow.commit()
    return int(ended.rowcount)  # type: ignore[attr-defined]


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


def change_profile(uow: UnitOfWork, actor: Actor, name: str, locale: str, now: datetime) -> None:
    """Change one's own name and language. Raises InvalidInput naming the field."""
    user = uow.session.get(User, actor.user_id) if actor.user_id is not None else None
    if user is None:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    called = " ".join(name.split())
    if not 1 <= len(called) <= 80:
        raise InvalidInput(
            "user.name",
            "请填写姓名（不超过 80 字）",
            where="name",
            message_en="Please give a name (at most 80 characters)",
        )
    if locale not in ("zh", "en"):
        raise InvalidInput("user.locale", "请选择语言", where="locale", message_en="Please choose a language")
    user.name = called
    user.locale = locale
    uow.record(now, user.id, "user.profile", "user", user.id)
    uow.commit()

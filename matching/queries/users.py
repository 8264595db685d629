"""Reads of accounts, for administrators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from matching.models import AuditEntry, Invitation, Membership, Organisation, TwoFactor, User, UserSession

PAGE_SIZE = 50
STATES = ("active", "locked")
_SHOWN_ENTRIES = 20


@dataclass(frozen=True, slots=True)
class UserRow:
    """An account in the list."""

    user: User
    organisations: tuple[str, ...]
    last_seen: datetime | None


@dataclass(frozen=True, slots=True)
class UserPage:
    """One page of the list; `pages` is at least 1."""

    rows: list[UserRow]
    count: int
    page: int
    pages: int


def list_users(
    session: Session, *, text: str = "", role: str | None = None, state: str | None = None, page: int = 1
) -> UserPage:
    """Accounts by name; `text` is looked for in name, address and organisation."""
    conditions: list[ColumnElement[bool]] = []
    if text.strip():
        wanted = text.strip()
        in_organisation = (
            select(Membership.user_id)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Organisation.name.contains(wanted, autoescape=True))
        )
        conditions.append(
            or_(
                User.name.contains(wanted, autoescape=True),
                User.email.contains(wanted.lower(), autoescape=True),
                User.id.in_(in_organisation),
            )
        )
    if role:
        conditions.append(User.role == role)
    if state == "active":
        conditions.append(User.active.is_(True))
    elif state == "locked":
        conditions.append(User.active.is_(False))
    count = session.scalar(select(func.count()).select_from(User).where(*conditions)) or 0
    pages = max(1, -(-count // PAGE_SIZE))
    page = min(max(page, 1), pages)
    users = list(
        session.scalars(
            select(User).where(*conditions).order_by(User.name, User.id).offset((page - 1) * PAGE_SIZE).limit(PAGE_SIZE)
        )
    )
    ids = [user.id for user in users]
    names: dict[str, list[str]] = {}
    for user_id, name in session.execute(
        select(Membership.user_id, Organisation.name)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(Membership.user_id.in_(ids))
        .order_by(Organisation.name)
    ):
        names.setdefault(user_id, []).append(name)
    seen = dict(
        session.execute(
            select(UserSession.user_id, func.max(UserSession.seen_at))
            .where(UserSession.user_id.in_(ids))
            .group_by(UserSession.user_id)
        )
        .tuples()
        .all()
    )
    rows = [UserRow(user, tuple(names.get(user.id, ())), seen.get(user.id)) for user in users]
    return UserPage(rows, count, page, pages)


@dataclass(frozen=True, slots=True)
class UserView:
    """An account with what belongs to it."""

    user: User
    memberships: list[tuple[Membership, str]]
    sign_ins: int
    two_factor: bool
    entries: list[AuditEntry]
    names: dict[str, str]
    """Who did what the entries say, by account."""


def show_user(session: Session, user_id: str, now: datetime, *, unused_for: timedelta) -> UserView | None:
    """The account for its page; None where there is none."""
    user = session.get(User, user_id)
    if user is None:
        return None
    memberships = (
        session.execute(
            select(Membership, Organisation.name)
            .join(Organisation, Organisation.id == Membership.organisation_id)
            .where(Membership.user_id == user_id)
            .order_by(Organisation.name)
        )
        .tuples()
        .all()
    )
    sign_ins = session.scalar(
        select(func.count()).where(
            UserSession.user_id == user_id, UserSession.ended_at.is_(None), UserSession.seen_at > now - unused_for
        )
    )
    factor = session.get(TwoFactor, user_id)
    entries = list(
        session.scalars(
            select(AuditEntry)
            .where(AuditEntry.subject_kind == "user", AuditEntry.subject_id == user_id)
            .order_by(AuditEntry.id.desc())
            .limit(_SHOWN_ENTRIES)
        )
    )
    actors = {entry.actor_id for entry in entries if entry.actor_id}
    names = dict(session.execute(select(User.id, User.name).where(User.id.in_(actors))).tuples().all())
    return UserView(
        user,
        list(memberships),
        sign_ins or 0,
        factor is not None and factor.enabled_at is not None,
        entries,
        names,
    )


def list_waiting_invitations(session: Session, *, limit: int = PAGE_SIZE) -> list[tuple[Invitation, str]]:
    """Invitations that nobody accepted, lapsed ones included, with the organisation's name; the latest first."""
    return list(
        session.execute(
            select(Invitation, Organisation.name)
            .join(Organisation, Organisation.id == Invitation.organisation_id)
            .where(Invitation.accepted_at.is_(None), Invitation.withdrawn_at.is_(None))
            .order_by(Invitation.created_at.desc(), Invitation.id)
            .limit(limit)
        )
        .tuples()
        .all()
    )

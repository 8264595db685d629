"""Reads for the staff who decide on registrations, and for owners who look after members."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher
from typing import Any, TypeVar

from sqlalchemy import Select, func, literal, or_, select
from sqlalchemy.orm import Session

from matching.models import Affiliation, Expert, Invitation, Membership, Organisation, Registration, User
from matching.services.actor import Actor
from matching.services.organisations import name_key

Row = TypeVar("Row", bound=tuple[Any, ...])

_LIKE = 0.72
"""Share of equal characters in order from which two names are shown as alike."""
_SHORTEST_PART = 3


@dataclass(frozen=True, slots=True)
class SimilarOrganisation:
    """An organisation that may be the one meant, and why: code, name, or alike."""

    organisation: Organisation
    why: str


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody who works for an organisation on the platform."""

    user: User
    role: str
    since: datetime


def list_registrations(session: Session, actor: Actor, state: str, *, limit: int = 200) -> list[Registration]:
    """Confirmed registrations of the actor's region in that state, those that wait longest first."""
    statement = select(Registration).where(Registration.state == state).order_by(Registration.confirmed_at)
    if state != "waiting":
        statement = select(Registration).where(Registration.state == state).order_by(Registration.decided_at.desc())
    return list(session.scalars(_of_region(statement, actor).limit(limit)))


def count_waiting_registrations(session: Session, actor: Actor) -> int:
    """How many wait for the actor's decision."""
    statement = select(Registration.id).where(Registration.state == "waiting")
    return session.scalar(select(func.count()).select_from(_of_region(statement, actor).subquery())) or 0


def similar_organisations(
    session: Session, name: str, uscc: str | None, *, limit: int = 5
) -> list[SimilarOrganisation]:
    """Organisations that may be the one meant: those with the code first, then with the name, then with a like name."""
    found: dict[str, SimilarOrganisation] = {}
    if uscc:
        for one in session.scalars(
            select(Organisation).where(Organisation.uscc == uscc, Organisation.merged_into_id.is_(None))
        ):
            found[one.id] = SimilarOrganisation(one, "code")
    key = name_key(name)
    for one in session.scalars(
        select(Organisation).where(Organisation.name_key == key, Organisation.merged_into_id.is_(None)).limit(limit)
    ):
        found.setdefault(one.id, SimilarOrganisation(one, "name"))
    if len(key) >= _SHORTEST_PART:
        parts = {key[place : place + 2] for place in range(len(key) - 1)}
        # Two characters in common bring a name into view; the comparison below decides.
        near = session.scalars(
            select(Organisation)
            .where(
                Organisation.merged_into_id.is_(None),
                or_(
                    *(Organisation.name_key.contains(part, autoescape=True) for part in sorted(parts)[:12]),
                    literal(key).contains(Organisation.name_key),
                ),
            )
            .limit(500)
        )
        ranked = sorted(((_likeness(key, one.name_key), one.id, one) for one in near), reverse=True)
        for likeness, _, one in ranked:
            if likeness >= _LIKE:
                found.setdefault(one.id, SimilarOrganisation(one, "alike"))
    return list(found.values())[:limit]


def similar_experts(session: Session, name: str, email: str, *, limit: int = 5) -> list[Expert]:
    """Entries of the library without an account that may be this person: by address, then by equal name."""
    plain = " ".join(name.split())
    return list(
        session.scalars(
            select(Expert)
            .where(Expert.user_id.is_(None), or_(func.lower(Expert.email) == email, Expert.name == plain))
            .order_by((func.lower(Expert.email) == email).desc(), Expert.id)
            .limit(limit)
        )
    )


def places_of_experts(session: Session, expert_ids: list[str]) -> dict[str, list[str]]:
    """Names of the organisations each expert belongs to."""
    rows = session.execute(
        select(Affiliation.expert_id, Organisation.name)
        .join(Organisation, Organisation.id == Affiliation.organisation_id)
        .where(Affiliation.expert_id.in_(expert_ids))
        .order_by(Organisation.name)
    )
    found: dict[str, list[str]] = {}
    for expert_id, name in rows:
        found.setdefault(expert_id, []).append(name)
    return found


def list_members(session: Session, organisation_id: str) -> list[Member]:
    """Who works for the organisation, owners first."""
    rows = session.execute(
        select(User, Membership.role, Membership.created_at)
        .join(Membership, Membership.user_id == User.id)
        .where(Membership.organisation_id == organisation_id)
        .order_by(User.name, User.id)
    )
    order = ("owner", "editor", "reader")
    return sorted((Member(*row) for row in rows), key=lambda member: order.index(member.role))


def list_open_invitations(session: Session, organisation_id: str, now: datetime) -> list[Invitation]:
    """Invitations that may still be accepted, the latest first."""
    return list(
        session.scalars(
            select(Invitation)
            .where(
                Invitation.organisation_id == organisation_id,
                Invitation.accepted_at.is_(None),
                Invitation.withdrawn_at.is_(None),
                Invitation.expires_at > now,
            )
            .order_by(Invitation.created_at.desc(), Invitation.id)
        )
    )


def _of_region(statement: Select[Row], actor: Actor) -> Select[Row]:
    if actor.is_administrator:
        return statement
    scope = actor.region_scope
    return statement.where(
        Registration.region_code.startswith(scope, autoescape=True) if scope is not None else literal(value=False)
    )


def _likeness(one: str, other: str) -> float:
    if min(len(one), len(other)) >= _SHORTEST_PART and (one in other or other in one):
        return 1.0
    return SequenceMatcher(None, one, other, autojunk=False).ratio()

"""Organisations, accounts and the actors they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from matching.bootstrap import Platform
from matching.models import User
from matching.services.accounts import add_user, join_organisation
from matching.services.actor import SYSTEM, Actor, actor_of
from matching.services.organisations import ExpertFields, OrganisationFields, add_expert, add_organisation

PASSWORD = "correct horse 电池"


@dataclass(frozen=True)
class Member:
    """An account with its organisation."""

    user_id: str
    organisation_id: str
    actor: Actor


def make_member(
    platform: Platform,
    now: datetime,
    *,
    email: str,
    organisation: str = "示例单位",
    kind: str = "enterprise",
    role: str = "editor",
    region_code: str = "440784",
    organisation_id: str | None = None,
) -> Member:
    """A new account in a new organisation, or in the one given."""
    if organisation_id is None:
        with platform.unit_of_work() as uow:
            fields = OrganisationFields(kind=kind, name=organisation, region_code=region_code)
            organisation_id = add_organisation(uow, SYSTEM, fields, now, approved=True).id
    with platform.unit_of_work() as uow:
        user_id = add_user(uow, SYSTEM, email=email, name=email.split("@")[0], password=PASSWORD, now=now).id
    with platform.unit_of_work() as uow:
        join_organisation(uow, SYSTEM, user_id, organisation_id, role, now)
    return Member(user_id, organisation_id, find_actor(platform, user_id))


def make_staff(
    platform: Platform, now: datetime, *, email: str, region_code: str = "440784", name: str = "staff"
) -> Actor:
    """A staff account of a region."""
    with platform.unit_of_work() as uow:
        user = add_user(
            uow, SYSTEM, email=email, name=name, password=PASSWORD, role="staff", region_code=region_code, now=now
        )
    return find_actor(platform, user.id)


def make_expert(platform: Platform, now: datetime, member: Member, *, name: str = "示例专家") -> str:
    """An expert who is that member."""
    with platform.unit_of_work() as uow:
        fields = ExpertFields(
            name=name, region_code="440600", organisation_id=member.organisation_id, user_id=member.user_id
        )
        return add_expert(uow, SYSTEM, fields, now).id


def find_actor(platform: Platform, user_id: str) -> Actor:
    """The actor an account is now."""
    with platform.reading() as session:
        user = session.get(User, user_id)
        assert user is not None
        return actor_of(user)

"""Reads of organisations, experts and regions as everybody may know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.errors import NotFound
from matching.models import Affiliation, CapabilityExpert, Expert, Organisation, Post, Region
from matching.policy import Audience
from matching.queries.posts import visible_posts
from matching.services.actor import Actor


@dataclass(frozen=True, slots=True)
class ExpertProfile:
    """An expert with the organisations they belong to today, as (organisation, employed or retained)."""

    expert: Expert
    organisations: list[tuple[Organisation, str]]


def find_organisation(session: Session, organisation_id: str, audience: Audience) -> Organisation:
    """The organisation; raises NotFound for one not approved yet, except to its members and its region's staff."""
    organisation = session.get(Organisation, organisation_id)
    if organisation is None or not _may_see_organisation(audience, organisation):
        raise NotFound("organisation.not_found", "没有找到这个单位", message_en="There is no such organisation")
    return organisation


def find_expert(session: Session, expert_id: str, audience: Audience, now: datetime) -> ExpertProfile:
    """The expert; raises NotFound. Visitors see those who stand by name behind a post that visitors see."""
    expert = session.get(Expert, expert_id)
    if expert is None or not (audience.signed_in or _is_named_publicly(session, expert_id, now)):
        raise NotFound("expert.not_found", "没有找到这位专家", message_en="There is no such expert")
    today = shanghai_day(now)
    rows = session.execute(
        select(Organisation, Affiliation.relation)
        .join(Affiliation, Affiliation.organisation_id == Organisation.id)
        .where(
            Affiliation.expert_id == expert_id,
            or_(Affiliation.starts_on.is_(None), Affiliation.starts_on <= today),
            or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= today),
        )
        .order_by(Organisation.name, Organisation.id)
    )
    return ExpertProfile(
        expert,
        [(row, relation) for row, relation in rows.tuples() if _may_see_organisation(audience, row)],
    )


def list_organisations_of(session: Session, actor: Actor) -> list[Organisation]:
    """The organisations the actor belongs to in whatever role, by name."""
    return list(
        session.scalars(
            select(Organisation)
            .where(Organisation.id.in_(list(actor.organisation_roles)))
            .order_by(Organisation.name, Organisation.id)
        )
    )


def list_regions(session: Session) -> list[Region]:
    """All regions, by code."""
    return list(session.scalars(select(Region).order_by(Region.code)))


def _may_see_organisation(audience: Audience, organisation: Organisation) -> bool:
    if organisation.approved or audience.administrator or organisation.id in audience.organisation_ids:
        return True
    return audience.region_scope is not None and organisation.region_code.startswith(audience.region_scope)


def _is_named_publicly(session: Session, expert_id: str, now: datetime) -> bool:
    statement = (
        select(Post.id)
        .join(CapabilityExpert, CapabilityExpert.capability_id == Post.id)
        .where(CapabilityExpert.expert_id == expert_id, visible_posts(Audience(), now))
        .limit(1)
    )
    return session.scalar(statement) is not None

"""Reads of organisations, experts and regions as everybody may know them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select, true
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.errors import NotFound
from matching.models import Affiliation, CapabilityExpert, Expert, Organisation, Post, Region
from matching.policy import Audience
from matching.queries.posts import is_live, visible_posts
from matching.services.actor import Actor


@dataclass(frozen=True, slots=True)
class ExpertProfile:
    """An expert with the organisations they belong to today, as (organisation, employed or retained)."""

    expert: Expert
    organisations: list[tuple[Organisation, str]]


def visible_organisations(audience: Audience) -> ColumnElement[bool]:
    """Approved ones that were not merged into another; members see theirs and the staff its region's before that."""
    allowed: ColumnElement[bool] = Organisation.approved.is_(True)
    if audience.administrator:
        allowed = true()
    else:
        if audience.organisation_ids:
            allowed = or_(allowed, Organisation.id.in_(audience.organisation_ids))
        if audience.region_scope is not None:
            allowed = or_(allowed, Organisation.region_code.startswith(audience.region_scope, autoescape=True))
    return and_(allowed, Organisation.merged_into_id.is_(None))


def named_posts(audience: Audience, now: datetime) -> ColumnElement[bool]:
    """Posts that the reader may see with the name of the organisation: only these may be listed or counted under it."""
    own_or_staff: ColumnElement[bool] = Post.visibility != "matched"
    if audience.administrator:
        own_or_staff = true()
    else:
        if audience.organisation_ids:
            own_or_staff = or_(own_or_staff, Post.organisation_id.in_(audience.organisation_ids))
        if audience.region_scope is not None:
            own_or_staff = or_(own_or_staff, Post.region_code.startswith(audience.region_scope, autoescape=True))
    return and_(is_live(now), visible_posts(audience, now), own_or_staff)


def visible_experts(audience: Audience, now: datetime) -> ColumnElement[bool]:
    """Members see all but those who are hidden; visitors those who stand by name behind a post that visitors see.

    Hidden ones are seen by themselves, by members of their organisations and by the staff of their region.
    """
    if audience.administrator:
        return true()
    shown: ColumnElement[bool] = Expert.hidden.is_(False)
    if not audience.signed_in:
        return and_(shown, Expert.id.in_(_named_publicly(now)))
    shown = or_(shown, Expert.user_id == audience.user_id)
    if audience.organisation_ids:
        today = shanghai_day(now)
        colleagues = select(Affiliation.expert_id).where(
            Affiliation.organisation_id.in_(audience.organisation_ids),
            or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= today),
        )
        shown = or_(shown, Expert.id.in_(colleagues))
    if audience.region_scope is not None:
        shown = or_(shown, Expert.region_code.startswith(audience.region_scope, autoescape=True))
    return shown


def find_organisation(session: Session, organisation_id: str, audience: Audience) -> Organisation:
    """The organisation, or the one it was merged into; raises NotFound for one not approved yet, except to its members
    and its region's staff.
    """
    organisation = session.get(Organisation, organisation_id)
    for _ in range(10):
        if organisation is None or organisation.merged_into_id is None:
            break
        organisation = session.get(Organisation, organisation.merged_into_id)
    if organisation is None or not _may_see_organisation(audience, organisation):
        raise NotFound("organisation.not_found", "没有找到这个单位", message_en="There is no such organisation")
    return organisation


def find_expert(session: Session, expert_id: str, audience: Audience, now: datetime) -> ExpertProfile:
    """The expert; raises NotFound for one whom the reader may not see, see `visible_experts`."""
    expert = session.scalar(select(Expert).where(Expert.id == expert_id, visible_experts(audience, now)))
    if expert is None:
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


def _named_publicly(now: datetime) -> Select[tuple[str]]:
    return (
        select(CapabilityExpert.expert_id)
        .join(Post, Post.id == CapabilityExpert.capability_id)
        .where(named_posts(Audience(), now))
    )

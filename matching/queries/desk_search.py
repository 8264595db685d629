"""Search over everything that the staff of a region deal with, by names and titles: one question a kind, however much
there is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, literal, or_, select, true
from sqlalchemy.orm import Session, aliased

from matching.models import Engagement, Event, Expert, Membership, Organisation, Post, User
from matching.policy import Audience
from matching.queries.posts import visible_posts
from matching.queries.profiles import visible_experts, visible_organisations
from matching.services.actor import Actor

FOUND = 8
KINDS = ("post", "organisation", "expert", "member", "engagement", "event")


@dataclass(frozen=True, slots=True)
class Found:
    """One thing: its id, its words, and what tells it from others of the kind."""

    id: str
    title: str
    note: str
    state: str = ""


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """The first of a kind; `more` where there are further ones."""

    kind: str
    rows: Sequence[Found]
    more: bool


def search_desk(
    session: Session, actor: Actor, audience: Audience, now: datetime, words: str, *, limit: int = FOUND
) -> list[FoundGroup]:
    """What has all the words in its names, titles or ids, kind by kind; nothing for those who are no staff.

    The region is the reader's: of others only what any member may see.
    """
    parts = words.split()[:6]
    if not parts or not (actor.is_administrator or actor.region_scope is not None):
        return []

    def says(*columns: Any) -> ColumnElement[bool]:
        return and_(*(or_(*(column.icontains(part, autoescape=True) for column in columns)) for part in parts))

    def mine(column: Any) -> ColumnElement[bool]:
        return true() if actor.is_administrator else column.startswith(actor.region_scope or "", autoescape=True)

    post, owner = Post.__table__, aliased(Organisation)
    # Whose a post is that only matched sides see is not told beyond its region, nor found by.
    owner_name = case((or_(post.c.visibility != "matched", mine(post.c.region_code)), owner.name), else_="")
    need_side, capability_side = aliased(Organisation), aliased(Organisation)
    member_of = (
        select(Membership.user_id)
        .join(Organisation, Organisation.id == Membership.organisation_id)
        .where(mine(Organisation.region_code))
    )
    statements: dict[str, Select[Any]] = {
        "post": select(post.c.id, post.c.title, owner_name, post.c.status)
        .join(owner, owner.id == post.c.organisation_id)
        .where(
            visible_posts(audience, now),
            or_(says(post.c.title, owner_name), post.c.id == words, post.c.external_id == words),
        )
        .order_by(post.c.updated_at.desc(), post.c.id),
        "organisation": select(Organisation.id, Organisation.name, Organisation.region_code, Organisation.kind)
        .where(
            visible_organisations(audience),
            or_(
                says(Organisation.name, Organisation.name_key, func.coalesce(Organisation.name_en, "")),
                Organisation.uscc == words,
            ),
        )
        .order_by(Organisation.name, Organisation.id),
        "expert": select(Expert.id, Expert.name, Expert.title, literal(""))
        .where(visible_experts(audience, now), says(Expert.name, func.coalesce(Expert.name_en, "")))
        .order_by(Expert.name, Expert.id),
        "member": select(User.id, User.name, User.email, literal(""))
        .where(User.id.in_(member_of), says(User.name, User.email))
        .order_by(User.name, User.id),
        "engagement": select(
            Engagement.id, Engagement.title, need_side.name + " ↔ " + capability_side.name, Engagement.stage
        )
        .join(need_side, need_side.id == Engagement.need_organisation_id)
        .join(capability_side, capability_side.id == Engagement.capability_organisation_id)
        .where(
            or_(mine(Engagement.need_region_code), mine(Engagement.capability_region_code)),
            says(Engagement.title, need_side.name, capability_side.name),
        )
        .order_by(Engagement.updated_at.desc(), Engagement.id),
        "event": select(Event.id, Event.title, Event.venue, Event.status)
        .where(mine(Event.region_code), says(Event.title, Event.venue))
        .order_by(Event.held_on.desc(), Event.id),
    }
    groups = []
    for kind in KINDS:
        rows = session.execute(statements[kind].limit(limit + 1)).tuples().all()
        found = [Found(row[0], row[1], row[2] or "", row[3] or "") for row in rows[:limit]]
        groups.append(FoundGroup(kind, found, len(rows) > limit))
    return groups

"""Reads of posts that say nearly the same, for the staff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, true
from sqlalchemy.orm import Session, selectinload

from matching.models import DuplicatePair, Post
from matching.queries.posts import audience_for, visible_posts
from matching.services.actor import Actor


def list_duplicate_pairs(
    session: Session, actor: Actor, now: datetime, *, states: Sequence[str] = ("open",), limit: int = 200
) -> list[DuplicatePair]:
    """Pairs of which the staff may see both posts and at least one is of their region, the most alike first."""
    if not (actor.is_administrator or actor.region_scope is not None):
        return []
    return list(
        session.scalars(
            select(DuplicatePair)
            .where(DuplicatePair.state.in_(states), pairs_seen_by(session, actor, now))
            .options(selectinload(DuplicatePair.first), selectinload(DuplicatePair.second))
            .order_by(DuplicatePair.similarity.desc(), DuplicatePair.found_at, DuplicatePair.id)
            .limit(limit)
        )
    )


def count_duplicate_pairs(session: Session, actor: Actor, now: datetime) -> int:
    """How many pairs wait for these staff."""
    if not (actor.is_administrator or actor.region_scope is not None):
        return 0
    statement = (
        select(func.count())
        .select_from(DuplicatePair)
        .where(DuplicatePair.state == "open", pairs_seen_by(session, actor, now))
    )
    return session.scalar(statement) or 0


def pairs_seen_by(session: Session, actor: Actor, now: datetime) -> ColumnElement[bool]:
    """Pairs of which the staff may see both posts and at least one is of their region."""
    if actor.is_administrator:
        return true()
    visible = visible_posts(audience_for(session, actor), now)
    own = Post.region_code.startswith(actor.region_scope or "", autoescape=True)
    sides = (DuplicatePair.first_id, DuplicatePair.second_id)
    # Two posts of each pair are looked up; as a list of ids all visible posts would be read first.
    return and_(
        *(exists().where(Post.id == side, visible) for side in sides),
        or_(*(exists().where(Post.id == side, own) for side in sides)),
    )

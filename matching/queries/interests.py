"""Reads of interests, as far as the reader is on one of their sides, and how soon organisations answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload
from sqlalchemy.sql.base import ExecutableOption

from matching.models import Capability, Engagement, Expert, Interest, Need, Post, User
from matching.policy import Audience, may_see_post
from matching.services.actor import Actor
from matching.services.parties import capabilities_behind, spoken_for, writing_organisations

PAGE_SIZE = 20
LEAST_ANSWERS = 3
"""Fewer answers say nothing about how soon an organisation answers."""
REPLY_SPAN = timedelta(days=365)


def sent_by(actor: Actor) -> ColumnElement[bool]:
    """Interests whose asking side the actor is on."""
    if actor.user_id is None:
        return false()
    member_of, writing = sorted(actor.organisation_roles), writing_organisations(actor)
    return or_(
        and_(Interest.from_user_id == actor.user_id, Interest.from_organisation_id.in_(member_of)),
        and_(Interest.from_shared, Interest.from_organisation_id.in_(writing)),
        and_(~Interest.from_shared, Interest.side == "capability", _is_expert_behind(actor.user_id)),
    )


def received_by(actor: Actor) -> ColumnElement[bool]:
    """Interests whose asked side the actor is on."""
    if actor.user_id is None:
        return false()
    writing = writing_organisations(actor)
    table = Post.__table__
    wrote = Interest.capability_id.in_(
        select(table.c.id).where(table.c.author_id == actor.user_id, table.c.organisation_id.in_(writing))
    )
    return or_(
        and_(Interest.to_shared, Interest.to_organisation_id.in_(writing)),
        and_(~Interest.to_shared, Interest.side == "need", or_(_is_expert_behind(actor.user_id), wrote)),
    )


def _is_expert_behind(user_id: str) -> ColumnElement[bool]:
    return Interest.capability_id.in_(capabilities_behind(user_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestView:
    """An interest as one of its sides sees it.

    `target` and `own` are the posts asked about and on whose behalf; None where the reader may not see them now.
    `from_named` and `to_named`: whether the reader is told whose they are.
    """

    interest: Interest
    received: bool
    target: Post | None
    own: Post | None
    from_named: bool
    to_named: bool
    engagement_id: str | None


@dataclass(frozen=True, slots=True)
class InterestPage:
    """A page of a list, the latest first; `next_offset` is None on the last."""

    items: list[InterestView]
    next_offset: int | None


def list_interests(
    session: Session,
    actor: Actor,
    audience: Audience,
    now: datetime,
    *,
    received: bool,
    statuses: Sequence[str] = (),
    offset: int = 0,
    limit: int = PAGE_SIZE,
) -> InterestPage:
    """Those that the actor's side was asked (`received`) or asked itself; the open ones that end soonest first."""
    statement = select(Interest).where(received_by(actor) if received else sent_by(actor))
    if statuses:
        statement = statement.where(Interest.status.in_(statuses))
    rows = list(
        session.scalars(
            statement.options(*_with_posts())
            .order_by(Interest.status != "open", Interest.created_at.desc(), Interest.id)
            .offset(offset)
            .limit(limit + 1)
        )
    )
    more = len(rows) > limit
    return InterestPage(
        _views(session, rows[:limit], {row.id for row in rows} if received else set(), audience, now),
        offset + limit if more else None,
    )


def load_interests(
    session: Session, interest_ids: Sequence[str], actor: Actor, audience: Audience, now: datetime
) -> dict[str, InterestView]:
    """Those of the interests that the actor is on a side of, by id."""
    if not interest_ids or actor.user_id is None:
        return {}
    received = received_by(actor)
    rows = session.execute(
        select(Interest, received.label("received"))
        .where(Interest.id.in_(interest_ids), or_(sent_by(actor), received))
        .options(*_with_posts())
    ).all()
    got = {interest.id for interest, was_received in rows if was_received}
    views = _views(session, [interest for interest, _ in rows], got, audience, now)
    return {view.interest.id: view for view in views}


def count_interests(session: Session, actor: Actor) -> dict[tuple[str, str], int]:
    """How many by (received or sent, status)."""
    if actor.user_id is None:
        return {}
    counted: dict[tuple[str, str], int] = {}
    for name, clause in (("received", received_by(actor)), ("sent", sent_by(actor))):
        rows = session.execute(select(Interest.status, func.count()).where(clause).group_by(Interest.status))
        counted |= {(name, status): count for status, count in rows.tuples()}
    return counted


def count_unanswered(session: Session, actor: Actor, now: datetime) -> int:
    """Interests that wait for the actor's side."""
    if actor.user_id is None:
        return 0
    return (
        session.scalar(
            select(func.count()).where(Interest.status == "open", Interest.expires_at > now, received_by(actor))
        )
        or 0
    )


def open_interests_in(session: Session, actor: Actor, target_id: str) -> list[Interest]:
    """The actor's side's own open interests in a post."""
    return list(
        session.scalars(
            select(Interest).where(
                sent_by(actor),
                Interest.status == "open",
                or_(
                    and_(Interest.side == "need", Interest.capability_id == target_id),
                    and_(Interest.side == "capability", Interest.need_id == target_id),
                ),
            )
        )
    )


def posts_of_open_interests(actor: Actor) -> Select[tuple[str | None, str | None]]:
    """Need and capability of the interests that the actor's side asked or was asked and that wait for an answer."""
    return select(Interest.need_id, Interest.capability_id).where(
        Interest.status == "open", or_(sent_by(actor), received_by(actor))
    )


def contact_to_offer(session: Session, actor: Actor, post: Post | None) -> dict[str, str]:
    """What the actor is likely to want revealed: the post's contact, else their own data. For their own form only."""
    if post is not None and post.contact.get("name"):
        return {key: str(value) for key, value in post.contact.items()}
    user = session.get(User, actor.user_id) if actor.user_id else None
    if user is None:
        return {}
    expert = session.scalars(select(Expert).where(Expert.user_id == user.id)).one_or_none()
    phone = (expert.phone if expert is not None else None) or ""
    return {"name": user.name, "phone": phone, "email": user.email}


def posts_to_ask_for(session: Session, actor: Actor, side: str, now: datetime, *, limit: int = 100) -> list[Post]:
    """The actor's live posts of a side, on behalf of which they may ask for a meeting, the latest first."""
    if actor.user_id is None:
        return []
    table = Post.__table__
    mine = or_(
        Post.organisation_id.in_(writing_organisations(actor)),
        Post.id.in_(capabilities_behind(actor.user_id)),
    )
    rows = session.scalars(
        select(Post)
        .where(
            Post.side == side,
            Post.status == "published",
            or_(table.c.expires_at.is_(None), table.c.expires_at > now),
            Post.visibility != "staff",
            mine,
        )
        .order_by(Post.published_at.desc(), Post.id)
        .limit(limit)
    ).all()
    spoken = spoken_for(session, actor, rows)
    return [post for post in rows if post.id in spoken]


def reply_times(session: Session, organisation_ids: Sequence[str], now: datetime) -> dict[str, timedelta]:
    """The median time organisations took to answer interests within REPLY_SPAN; only those with LEAST_ANSWERS."""
    if not organisation_ids:
        return {}
    taken: dict[str, list[float]] = {}
    rows = session.execute(
        select(Interest.to_organisation_id, Interest.created_at, Interest.ended_at).where(
            Interest.to_organisation_id.in_(organisation_ids),
            Interest.status.in_(("accepted", "declined")),
            Interest.ended_at > now - REPLY_SPAN,
        )
    )
    for organisation_id, asked_at, answered_at in rows:
        if answered_at is not None:
            taken.setdefault(organisation_id, []).append((answered_at - asked_at).total_seconds())
    return {key: timedelta(seconds=median(times)) for key, times in taken.items() if len(times) >= LEAST_ANSWERS}


def _with_posts() -> tuple[ExecutableOption, ...]:
    return (
        selectinload(Interest.need),
        selectinload(Interest.capability),
        joinedload(Interest.from_organisation),
        joinedload(Interest.to_organisation),
    )


def _views(
    session: Session, rows: Sequence[Interest], received_ids: set[str], audience: Audience, now: datetime
) -> list[InterestView]:
    engaged = dict(
        session.execute(
            select(Engagement.interest_id, Engagement.id).where(Engagement.interest_id.in_([row.id for row in rows]))
        )
        .tuples()
        .all()
    )
    return [_view(row, row.id in received_ids, engaged.get(row.id), audience, now) for row in rows]


def _view(row: Interest, received: bool, engagement_id: str | None, audience: Audience, now: datetime) -> InterestView:
    mutual = row.status == "accepted"
    target: Need | Capability | None = row.capability if row.side == "need" else row.need
    own: Need | Capability | None = row.need if row.side == "need" else row.capability

    def seen(post: Need | Capability | None) -> Post | None:
        return post if post is not None and may_see_post(audience, post, now) else None

    def named(post: Need | Capability | None, of_reader: bool) -> bool:
        return mutual or of_reader or post is None or post.visibility != "matched"

    return InterestView(
        interest=row,
        received=received,
        target=seen(target),
        own=seen(own),
        from_named=named(own, not received),
        to_named=named(target, received),
        engagement_id=engagement_id,
    )

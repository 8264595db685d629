"""Reads of posts for pages, lists and the API. Every one applies the visibility rule of `matching.policy`."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Select,
    and_,
    bindparam,
    exists,
    false,
    func,
    literal,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import Session, aliased

from matching.errors import InvalidInput
from matching.models import Affiliation, Capability, Need, Organisation, Post, PostTag, Suggestion, User
from matching.policy import Audience, SeenPost, may_see_post
from matching.queries.engagements import engaged_posts
from matching.queries.interests import posts_of_open_interests
from matching.services.actor import Actor, actor_of, post_not_found

PAGE_SIZE = 20

Chosen = TypeVar("Chosen", bound=tuple[Any, ...])


def audience_of(session: Session, user: User | None) -> Audience:
    """The reader's audience: organisations, region and what was suggested to them."""
    if user is None:
        return Audience()
    return audience_for(session, actor_of(user))


def audience_for(session: Session, actor: Actor) -> Audience:
    """As `audience_of`, for an actor."""
    known: set[str] = set()
    revealed: set[str] = set()
    if actor.user_id is not None:
        roles = tuple(sorted(actor.organisation_roles.items()))
        for why, *post_ids in session.execute(_known_posts(actor.user_id, actor.role, roles, actor.region_scope)):
            found = {post_id for post_id in post_ids if post_id is not None}
            known |= found
            if why == "engaged":
                revealed |= found
    return Audience(
        user_id=actor.user_id,
        organisation_ids=frozenset(actor.organisation_roles),
        suggested_post_ids=frozenset(known),
        revealed_post_ids=frozenset(revealed),
        region_scope=actor.region_scope,
        administrator=actor.is_administrator,
    )


@lru_cache(maxsize=200)
def _known_posts(
    user_id: str, role: str, roles: tuple[tuple[str, str], ...], region_scope: str | None
) -> CompoundSelect[Any]:
    """Why an actor may know of posts that others may not, and their ids: open interests, engagements, suggestions.

    One question, kept for those who read now: to put it together takes longer than the answer, on every page.
    """
    actor = Actor(user_id=user_id, role=role, organisation_roles=dict(roles), region_scope=region_scope)
    parts = [
        statement.with_only_columns(literal(why), *statement.selected_columns)
        for why, statement in (
            ("interest", posts_of_open_interests(actor)),
            ("engaged", engaged_posts(actor)),
        )
    ]
    if actor.organisation_roles:
        parts += _suggested_to(frozenset(actor.organisation_roles))
    return union_all(*parts)


def _suggested_to(organisation_ids: frozenset[str]) -> list[Select[Any]]:
    """`matched` posts that stand in an active suggestion with a post of these organisations."""
    # From their own few posts to the suggestions of each; the other way round every matched post would be looked up.
    own = select(Post.id).where(Post.organisation_id.in_(organisation_ids))
    other = aliased(Post)
    sides = ((Suggestion.need_id, Suggestion.capability_id), (Suggestion.capability_id, Suggestion.need_id))
    return [
        select(literal("suggested"), theirs, null()).where(
            ours.in_(own),
            Suggestion.status == "active",
            exists().where(other.id == theirs, other.visibility == "matched", other.status == "published"),
        )
        for ours, theirs in sides
    ]


def is_live(now: datetime) -> ColumnElement[bool]:
    """Whether a post is published and has not run out."""
    return and_(Post.status == "published", or_(Post.expires_at.is_(None), Post.expires_at > now))


def visible_posts(audience: Audience, now: datetime) -> ColumnElement[bool]:
    """`may_see_post` as SQL over `Post`. It only takes away rows: what a question asks for should choose the index."""
    if audience.administrator:
        return true()
    shown: ColumnElement[bool] = Post.visibility == "public"
    if audience.matcher:
        shown = or_(shown, Post.visibility.in_(("members", "matched")))
    elif audience.signed_in:
        shown = or_(
            shown,
            Post.visibility == "members",
            and_(Post.visibility == "matched", Post.id.in_(audience.suggested_post_ids))
            if audience.suggested_post_ids
            else false(),
        )
    allowed = and_(is_live(now), shown)
    if audience.organisation_ids:
        # As an expression no index has it. SQLite would else read every published post, and the own ones, to find the
        # twenty whose ids were given.
        allowed = or_(allowed, Post.organisation_id.concat("").in_(audience.organisation_ids))
    if audience.region_scope is not None:
        allowed = or_(
            allowed, and_(Post.region_code.startswith(audience.region_scope, autoescape=True), Post.status != "draft")
        )
    return allowed


def find_post(session: Session, post_id: str, audience: Audience, now: datetime) -> Post:
    """The post; raises NotFound when there is none or the reader may not see it."""
    post = session.get(Post, post_id)
    if post is None or not may_see_post(audience, post, now):
        raise post_not_found()
    return post


def posts_of_side(side: str | None) -> type[Post]:
    """What to select where one side is asked for: its own columns come with the others, not by a second question."""
    return _OF_SIDE.get(side, Post)


_OF_SIDE: Mapping[str | None, type[Post]] = {"need": Need, "capability": Capability}


def load_posts(
    session: Session, post_ids: Sequence[str], audience: Audience, now: datetime, *, side: str | None = None
) -> dict[str, Post]:
    """Those of the posts that the reader may see, by id; with `side` those of one side."""
    found: dict[str, Post] = {}
    wanted = list(dict.fromkeys(post_ids))
    for start in range(0, len(wanted), 500):
        rows = session.scalars(BY_ID[side], {"ids": wanted[start : start + 500]})
        found |= {post.id: post for post in rows if may_see_post(audience, post, now)}
    return found


BY_ID: Mapping[str | None, Select[tuple[Post]]] = {
    side: select(posts_of_side(side)).where(Post.id.in_(bindparam("ids", expanding=True)))
    for side in (None, "need", "capability")
}
"""Posts of `ids`, of both sides or of one; put together once, as pages and rows of imports ask it all the time."""


@dataclass(frozen=True, slots=True)
class PostPage:
    """One page of a list; `next_cursor` is None on the last."""

    posts: list[Post]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostFilter:
    """Restrictions of a list; empty means any."""

    side: str | None = None
    statuses: tuple[str, ...] = ()
    organisation_ids: tuple[str, ...] = ()
    industry: str | None = None
    domain: str | None = None
    town: str | None = None
    kind: str | None = None


def list_posts(
    session: Session,
    filters: PostFilter,
    audience: Audience,
    now: datetime,
    *,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> PostPage:
    """Posts the reader may see, the latest first, by cursor; raises InvalidInput for a cursor that is none of ours."""
    # What is published has that moment, and by it alone an index has the list in order.
    published = filters.statuses == ("published",)
    order = Post.published_at if published else func.coalesce(Post.published_at, Post.created_at)
    statement = _filtered(select(posts_of_side(filters.side)), filters, audience).where(visible_posts(audience, now))
    if cursor:
        moment, post_id = read_cursor(cursor)
        statement = statement.where(or_(order < moment, and_(order == moment, Post.id < post_id)))
    rows = list(session.scalars(statement.order_by(order.desc(), Post.id.desc()).limit(limit + 1)))
    more = len(rows) > limit
    rows = rows[:limit]
    last = rows[-1] if more else None
    return PostPage(rows, write_cursor(last.published_at or last.created_at, last.id) if last else None)


def count_posts(session: Session, filters: PostFilter, audience: Audience, now: datetime) -> int:
    """How many posts of the list the reader may see."""
    statement = _filtered(select(func.count()).select_from(Post), filters, audience)
    statement = statement.where(visible_posts(audience, now))
    return session.scalar(statement) or 0


def list_own_posts(
    session: Session, actor: Actor, *, statuses: Collection[str] = (), limit: int, offset: int = 0
) -> list[Post]:
    """Posts of the actor's organisations, the latest change first; with `statuses` those in one of them."""
    if not actor.organisation_roles:
        return []
    statement = select(Post).where(Post.organisation_id.in_(actor.organisation_roles))
    if statuses:
        statement = statement.where(Post.status.in_(statuses))
    return list(session.scalars(statement.order_by(Post.updated_at.desc(), Post.id).offset(offset).limit(limit)))


def count_own_posts(session: Session, actor: Actor) -> Counter[str]:
    """How many posts the actor's organisations have, by status."""
    if not actor.organisation_roles:
        return Counter()
    counted = session.execute(
        select(Post.status, func.count())
        .where(Post.organisation_id.in_(actor.organisation_roles))
        .group_by(Post.status)
    )
    return Counter(dict(counted.tuples().all()))


def list_posts_to_review(session: Session, actor: Actor, *, limit: int = 200) -> list[Post]:
    """Submitted posts of the staff's region, those that wait longest first."""
    statement = select(Post).where(Post.status == "submitted")
    if not actor.is_administrator:
        if actor.region_scope is None:
            return []
        statement = statement.where(Post.region_code.startswith(actor.region_scope, autoescape=True))
    return list(session.scalars(statement.order_by(Post.submitted_at, Post.id).limit(limit)))


def list_own_organisations(session: Session, actor: Actor) -> list[Organisation]:
    """The organisations the actor may post for, by name."""
    ids = [key for key, role in actor.organisation_roles.items() if role in ("owner", "editor")]
    return list(session.scalars(select(Organisation).where(Organisation.id.in_(ids)).order_by(Organisation.name)))


def may_see_organisation(audience: Audience, post: SeenPost) -> bool:
    """Whether the reader is told whose post it is: not for `matched` posts, but for the owner, the staff and those who
    met the owner by mutual interest."""
    if post.visibility != "matched" or audience.administrator:
        return True
    if post.organisation_id in audience.organisation_ids or post.id in audience.revealed_post_ids:
        return True
    return audience.region_scope is not None and post.region_code.startswith(audience.region_scope)


def conflicting_organisations(session: Session, expert_ids: Sequence[str], now: datetime) -> frozenset[str]:
    """Organisations that employ or retain one of the experts today."""
    if not expert_ids:
        return frozenset()
    today = now.date()
    return frozenset(
        session.scalars(
            select(Affiliation.organisation_id).where(
                Affiliation.expert_id.in_(expert_ids),
                or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= today),
            )
        )
    )


def experts_bound_to(session: Session, organisation_id: str, now: datetime) -> frozenset[str]:
    """Experts whom the organisation employs or retains today."""
    return frozenset(
        session.scalars(
            select(Affiliation.expert_id).where(
                Affiliation.organisation_id == organisation_id,
                or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= now.date()),
            )
        )
    )


def write_cursor(moment: datetime, post_id: str) -> str:
    """An opaque place in a list by time and id."""
    payload = json.dumps([moment.astimezone(UTC).isoformat(), post_id])
    return base64.urlsafe_b64encode(payload.encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The place a cursor names; raises InvalidInput."""
    try:
        payload = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment, post_id = payload
        parsed = datetime.fromisoformat(moment)
        if parsed.tzinfo is None or not isinstance(post_id, str):
            raise ValueError("not a cursor")
        # Moments at the edge of the calendar have no counterpart in UTC: that is found here, not in the database.
        return parsed.astimezone(UTC), post_id
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise InvalidInput(
            "list.cursor",
            "翻页标记无效，请从第一页重新开始",
            where="cursor",
            message_en="Invalid cursor; please start from the first page",
        ) from error


def told_owner(audience: Audience) -> ColumnElement[bool]:
    """`may_see_organisation` as SQL over `Post`: a filter by what would tell the owner finds only posts of these."""
    if audience.administrator:
        return true()
    told: ColumnElement[bool] = Post.visibility != "matched"
    if audience.organisation_ids:
        told = or_(told, Post.organisation_id.in_(audience.organisation_ids))
    if audience.revealed_post_ids:
        told = or_(told, Post.id.in_(audience.revealed_post_ids))
    if audience.region_scope is not None:
        told = or_(told, Post.region_code.startswith(audience.region_scope, autoescape=True))
    return told


def _filtered(statement: Select[Chosen], filters: PostFilter, audience: Audience) -> Select[Chosen]:
    if filters.side:
        statement = statement.where(Post.side == filters.side)
    if len(filters.statuses) == 1:
        statement = statement.where(Post.status == filters.statuses[0])
    elif filters.statuses:
        statement = statement.where(Post.status.in_(filters.statuses))
    if filters.organisation_ids:
        statement = statement.where(Post.organisation_id.in_(filters.organisation_ids))
    if filters.domain:
        statement = statement.where(Post.domain == filters.domain)
    if filters.town:
        statement = statement.where(Post.town == filters.town, told_owner(audience))
    if filters.kind:
        statement = statement.where(Post.id.in_(select(Capability.id).where(Capability.kind == filters.kind)))
    if filters.industry:
        statement = statement.where(
            exists().where(
                PostTag.post_id == Post.id,
                PostTag.vocabulary == "industry",
                PostTag.code.startswith(filters.industry, autoescape=True),
            )
        )
    return statement

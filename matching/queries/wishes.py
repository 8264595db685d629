"""Reads of wishes, and of the suggestions of everything a person speaks for, in the order they asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from matching.models import Post, Suggestion, SuggestionVisit, SuggestionWish
from matching.policy import Audience
from matching.queries.posts import load_posts, may_see_organisation
from matching.queries.suggestions import PairState, pair_states
from matching.ranking.wishes import Traits, Wish, fulfilled, order_by_wishes
from matching.services.actor import Actor
from matching.services.parties import capabilities_behind, writing_organisations

MOST_LISTED = 200
"""The best of all that is suggested: beyond it nobody reads, and the page must come at once."""


def list_wishes(session: Session, user_id: str | None) -> list[SuggestionWish]:
    """A person's wishes in the order in which they were said."""
    if user_id is None:
        return []
    return list(
        session.scalars(
            select(SuggestionWish)
            .where(SuggestionWish.user_id == user_id)
            .order_by(SuggestionWish.created_at, SuggestionWish.id)
        )
    )


def wishes_of(session: Session, user_ids: Iterable[str]) -> dict[str, list[Wish]]:
    """The wishes of several people; who has none is left out."""
    found: dict[str, list[Wish]] = {}
    wanted = sorted(set(user_ids))
    for start in range(0, len(wanted), 500):
        rows = session.scalars(
            select(SuggestionWish)
            .where(SuggestionWish.user_id.in_(wanted[start : start + 500]))
            .order_by(SuggestionWish.created_at, SuggestionWish.id)
        )
        for row in rows:
            found.setdefault(row.user_id, []).append(as_wish(row))
    return found


def as_wish(row: SuggestionWish) -> Wish:
    """The wish itself."""
    return Wish(row.direction, row.kind, row.value)


def traits_of(post: Post, *, named: bool) -> Traits:
    """What of a post a wish may be about; `named` says whether the reader knows whose it is."""
    return Traits(
        text=post.to_document().full_text,
        domain=post.domain,
        industry_codes=post.codes("industry"),
        cooperation_modes=post.codes("cooperation_mode"),
        organisation_id=post.organisation_id if named else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedFilter:
    """Restrictions of the list of suggestions; empty means any. `state` is new, open, later or answered."""

    own_id: str | None = None
    domain: str | None = None
    cooperation_mode: str | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedItem:
    """A pair as the reader meets it: which of their posts it is for, what it meets, whether it is new to them."""

    suggestion: Suggestion
    own: Post
    other: Post
    state: PairState
    met: tuple[Wish, ...]
    new: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """`shown_ids` are all that stand there, whatever the filter; `gone` are posts that stood there last time and were
    withdrawn since, as far as they may still be seen.
    """

    items: list[FeedItem]
    own_posts: list[Post]
    shown_ids: list[str]
    new_count: int
    gone: list[Post]
    since: datetime | None


def read_feed(
    session: Session,
    actor: Actor,
    audience: Audience,
    now: datetime,
    filters: FeedFilter,
    *,
    by_wishes: bool = True,
) -> Feed:
    """The best suggestions of all posts the actor speaks for, each pair once."""
    rows = _active_rows(session, actor)
    posts = load_posts(
        session, [post_id for row in rows for post_id in (row.need_id, row.capability_id)], audience, now
    )
    own_ids = _own_ids(session, actor, posts.values())
    pairs = []
    for row in rows:
        need, capability = posts.get(row.need_id), posts.get(row.capability_id)
        if need is None or capability is None:
            continue
        own, other = (need, capability) if need.id in own_ids else (capability, need)
        pairs.append((row, own, other))
    states = pair_states(session, actor, pairs, now)
    wishes = [as_wish(row) for row in list_wishes(session, actor.user_id)]
    visit = session.get(SuggestionVisit, actor.user_id) if actor.user_id else None
    former_at, former = _baseline(visit, now)
    items = [
        FeedItem(
            suggestion=row,
            own=own,
            other=other,
            state=states[row.id],
            met=tuple(fulfilled(traits_of(other, named=may_see_organisation(audience, other)), wishes)),
            new=former_at is not None and row.id not in former,
        )
        for row, own, other in pairs
        if row.id in states and not (states[row.id].answer is not None and states[row.id].answer.kind == "decline")  # type: ignore[union-attr]
    ]
    if by_wishes:
        items = order_by_wishes(items, lambda item: item.met)
    shown = [item.suggestion.id for item in items]
    return Feed(
        items=[item for item in items if _passes(item, filters)],
        own_posts=sorted({item.own.id: item.own for item in items}.values(), key=lambda post: (post.title, post.id)),
        shown_ids=shown,
        new_count=sum(item.new for item in items),
        gone=_gone(session, former - set(shown), own_ids, audience, now),
        since=former_at,
    )


def _baseline(visit: SuggestionVisit | None, now: datetime) -> tuple[datetime | None, frozenset[str]]:
    """What the present visit is compared with, before it is noted."""
    from matching.services.wishes import VISIT_LASTS

    if visit is None:
        return None, frozenset()
    if now - visit.seen_at > VISIT_LASTS:
        return visit.seen_at, frozenset(visit.seen)
    return visit.former_at, frozenset(visit.former)


def _active_rows(session: Session, actor: Actor) -> Sequence[Suggestion]:
    if actor.user_id is None:
        return []
    table = Post.__table__
    own = select(table.c.id).where(
        table.c.status == "published", table.c.organisation_id.in_(writing_organisations(actor))
    )
    best = func.coalesce(
        case(
            (Suggestion.need_id.in_(own), func.coalesce(Suggestion.need_score, Suggestion.capability_score)),
            else_=func.coalesce(Suggestion.capability_score, Suggestion.need_score),
        ),
        0.0,
    )
    return list(
        session.scalars(
            select(Suggestion)
            .where(
                Suggestion.status == "active",
                or_(
                    Suggestion.need_id.in_(own),
                    Suggestion.capability_id.in_(own),
                    Suggestion.capability_id.in_(capabilities_behind(actor.user_id)),
                ),
            )
            .order_by(best.desc(), Suggestion.id)
            .limit(MOST_LISTED)
        )
    )


def _own_ids(session: Session, actor: Actor, posts: Iterable[Post]) -> frozenset[str]:
    writing = set(writing_organisations(actor))
    behind = session.scalars(capabilities_behind(actor.user_id)) if actor.user_id is not None else ()
    return frozenset(post.id for post in posts if post.organisation_id in writing) | frozenset(behind)


def _passes(item: FeedItem, filters: FeedFilter) -> bool:
    if filters.own_id and item.own.id != filters.own_id:
        return False
    if filters.domain and item.other.domain != filters.domain:
        return False
    if filters.cooperation_mode and filters.cooperation_mode not in item.other.codes("cooperation_mode"):
        return False
    return filters.state is None or _states(item).get(filters.state, False)


def _states(item: FeedItem) -> Mapping[str, bool]:
    state = item.state
    answered = bool(state.engagement_id or state.asked)
    later = state.answer is not None and state.answer.kind == "later"
    return {"new": item.new, "open": not answered and not later, "later": later, "answered": answered}


def _gone(
    session: Session, ids: Iterable[str], own_ids: frozenset[str], audience: Audience, now: datetime
) -> list[Post]:
    """Only posts that are there for the reader all the same: that something was hidden is nobody's business."""
    rows = session.execute(
        select(Suggestion.need_id, Suggestion.capability_id).where(
            Suggestion.id.in_(sorted(ids)[:MOST_LISTED]), Suggestion.status == "withdrawn"
        )
    ).tuples()
    others = [capability if need in own_ids else need for need, capability in rows]
    return list(load_posts(session, others, audience, now).values())

"""Reads of suggestions: the ranked pairs of a post, as far as the reader may see them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.models import Engagement, Interest, Post, Suggestion, SuggestionAnswer
from matching.policy import Audience, owns_post
from matching.queries.engagements import taking_part
from matching.queries.posts import load_posts
from matching.services.actor import Actor
from matching.services.parties import spoken_for

_OTHER = {"need": "capability", "capability": "need"}


@dataclass(frozen=True, slots=True)
class SuggestedPost:
    """One pair seen from one of its posts: `other` is the post on the other side."""

    suggestion: Suggestion
    other: Post


def list_suggestions_for_post(
    session: Session, post: Post, audience: Audience, now: datetime, *, limit: int = 100
) -> list[SuggestedPost]:
    """The post's active pairs in the order of its own list.

    The owner's side and the staff read all whose other post they may see; anybody else those with their own posts.
    """
    own, other = (
        (Suggestion.need_id, Suggestion.capability_id)
        if post.side == "need"
        else (Suggestion.capability_id, Suggestion.need_id)
    )
    rank = Suggestion.need_rank if post.side == "need" else Suggestion.capability_rank
    whole = (
        owns_post(audience, post)
        or audience.administrator
        or (audience.region_scope is not None and post.region_code.startswith(audience.region_scope))
    )
    statement = select(Suggestion).where(own == post.id, Suggestion.status == "active")
    if not whole:
        if not audience.organisation_ids:
            return []
        statement = statement.where(
            other.in_(select(Post.id).where(Post.organisation_id.in_(audience.organisation_ids)))
        )
    rows = list(
        session.scalars(
            statement.order_by(rank.is_(None), rank, Suggestion.updated_at.desc(), Suggestion.id).limit(limit)
        )
    )
    other_ids = [row.capability_id if post.side == "need" else row.need_id for row in rows]
    seen = load_posts(session, other_ids, audience, now)
    return [
        SuggestedPost(row, seen[other_id]) for row, other_id in zip(rows, other_ids, strict=True) if other_id in seen
    ]


def declined_partners(session: Session, post: Post) -> frozenset[str]:
    """Posts of the other side that must not be suggested with this one, since either side said no to the pair."""
    own, other = (
        (SuggestionAnswer.need_id, SuggestionAnswer.capability_id)
        if post.side == "need"
        else (SuggestionAnswer.capability_id, SuggestionAnswer.need_id)
    )
    return frozenset(
        session.scalars(
            select(other).where(
                own == post.id, SuggestionAnswer.kind == "decline", SuggestionAnswer.withdrawn_at.is_(None)
            )
        )
    )


def answers_to_pairs(
    session: Session, pairs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str, str], SuggestionAnswer]:
    """Present answers by (need id, capability id, side); for readers who may see the pairs."""
    found: dict[tuple[str, str, str], SuggestionAnswer] = {}
    wanted = set(pairs)
    need_ids = sorted({need_id for need_id, _ in wanted})
    for start in range(0, len(need_ids), 500):
        rows = session.scalars(
            select(SuggestionAnswer).where(
                SuggestionAnswer.need_id.in_(need_ids[start : start + 500]),
                SuggestionAnswer.capability_id.in_({capability_id for _, capability_id in wanted}),
                SuggestionAnswer.withdrawn_at.is_(None),
            )
        )
        found |= {
            (row.need_id, row.capability_id, row.side): row
            for row in rows
            if (row.need_id, row.capability_id) in wanted
        }
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PairState:
    """What was said to a pair so far, for somebody who speaks for `side` of it.

    `asked` is that side's open interest, `received` the other's; `engagement_id` is what came of it.
    """

    side: str
    answer: SuggestionAnswer | None = None
    asked: Interest | None = None
    received: Interest | None = None
    engagement_id: str | None = None


def pair_states(
    session: Session,
    actor: Actor,
    pairs: Sequence[tuple[Suggestion, Post, Post]],
    now: datetime,
) -> dict[str, PairState]:
    """By suggestion id, for pairs given as (suggestion, the post it is seen from, the other post); those of whose posts
    the actor speaks for none are left out.
    """
    spoken = spoken_for(session, actor, [post for _, own, other in pairs for post in (own, other)])
    sides = {
        suggestion.id: (own if own.id in spoken else other).side
        for suggestion, own, other in pairs
        if own.id in spoken or other.id in spoken
    }
    rows = [suggestion for suggestion, _, _ in pairs if suggestion.id in sides]
    if not rows:
        return {}
    need_ids, capability_ids = {row.need_id for row in rows}, {row.capability_id for row in rows}
    answers = answers_to_pairs(session, [(row.need_id, row.capability_id) for row in rows])
    interests = {
        (interest.need_id, interest.capability_id, interest.side): interest
        for interest in session.scalars(
            select(Interest).where(
                Interest.need_id.in_(need_ids),
                Interest.capability_id.in_(capability_ids),
                Interest.status == "open",
                Interest.expires_at > now,
            )
        )
    }
    engaged = {
        (need_id, capability_id): engagement_id
        for need_id, capability_id, engagement_id in session.execute(
            select(Engagement.need_id, Engagement.capability_id, Engagement.id)
            .where(Engagement.need_id.in_(need_ids), Engagement.capability_id.in_(capability_ids), taking_part(actor))
            .order_by(Engagement.created_at, Engagement.id)
        )
    }
    return {
        row.id: PairState(
            side=sides[row.id],
            answer=answers.get((row.need_id, row.capability_id, sides[row.id])),
            asked=interests.get((row.need_id, row.capability_id, sides[row.id])),
            received=interests.get((row.need_id, row.capability_id, _OTHER[sides[row.id]])),
            engagement_id=engaged.get((row.need_id, row.capability_id)),
        )
        for row in rows
    }


def list_declined(
    session: Session, post: Post, audience: Audience, now: datetime, *, limit: int = 50
) -> list[tuple[SuggestionAnswer, Post]]:
    """The pairs that the post's own side declined, the latest first, with the other posts that may be seen."""
    own, other = (
        (SuggestionAnswer.need_id, SuggestionAnswer.capability_id)
        if post.side == "need"
        else (SuggestionAnswer.capability_id, SuggestionAnswer.need_id)
    )
    rows = session.execute(
        select(SuggestionAnswer, other)
        .where(
            own == post.id,
            SuggestionAnswer.side == post.side,
            SuggestionAnswer.kind == "decline",
            SuggestionAnswer.withdrawn_at.is_(None),
            SuggestionAnswer.suggestion_id.is_not(None),
        )
        .order_by(SuggestionAnswer.answered_at.desc(), SuggestionAnswer.id)
        .limit(limit)
    ).all()
    seen = load_posts(session, [other_id for _, other_id in rows], audience, now)
    return [(answer, seen[other_id]) for answer, other_id in rows if other_id in seen]


def count_suggestions(session: Session, post_ids: Sequence[str]) -> dict[str, int]:
    """How many active pairs each of the actor's own posts has; posts without any are left out."""
    counted: dict[str, int] = {}
    for own in (Suggestion.need_id, Suggestion.capability_id):
        for start in range(0, len(post_ids), 500):
            rows = session.execute(
                select(own, func.count())
                .where(own.in_(post_ids[start : start + 500]), Suggestion.status == "active")
                .group_by(own)
            )
            counted |= dict(rows.tuples().all())
    return counted

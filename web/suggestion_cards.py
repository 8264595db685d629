"""A suggestion as it is shown: fit in words, reasons for and against, the shared phrases marked in both texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from matching.documents import PostDocument
from matching.models import Post, Suggestion
from matching.policy import Audience
from matching.queries.posts import may_see_organisation
from matching.queries.suggestions import PairState, SuggestedPost
from matching.queries.wishes import traits_of
from matching.ranking.wishes import Wish, fulfilled, order_by_wishes
from matching.services.suggestion_lists import ListedPair
from web.display import Fit, Span, fit_in_words, mark_excerpt
from web.languages import page_language

_MOST_IN_FAVOUR = 4
_MOST_AGAINST = 3


@dataclass(frozen=True, slots=True)
class ShownSuggestion:
    """What a card needs. `own_marked` and `other_marked` are empty where no phrase is shared.

    `state` is there for those who may answer the suggestion; without an id nothing is stored yet.
    """

    suggestion_id: str | None
    model_revision: str
    suggested_at: datetime | None
    state: PairState | None
    other: Post
    named: bool
    rank: int
    fit: Fit
    in_favour: list[str]
    against: list[str]
    own_marked: Markup
    other_marked: Markup
    own_language: str
    met: tuple[Wish, ...] = ()
    """What the reader asked to see more or less of, as far as this post is that."""


def show_suggestions(
    post: Post,
    found: Iterable[SuggestedPost],
    audience: Audience,
    states: Mapping[str, PairState] | None = None,
    wishes: Sequence[Wish] = (),
) -> list[ShownSuggestion]:
    """Cards of a stored post's suggestions; with `states` by suggestion id they can be answered. With `wishes` those
    come first that the reader asked for, and last those they want less of.
    """
    own = post.to_document()
    if wishes:
        found = order_by_wishes(list(found), lambda pair: met_by(pair.other, audience, wishes))
    return [
        _card(
            own,
            pair.other,
            rank,
            pair.suggestion.score_from(post.side),
            pair.suggestion.probability,
            pair.suggestion.reasons,
            audience,
            pair.suggestion,
            (states or {}).get(pair.suggestion.id),
            met_by(pair.other, audience, wishes),
        )
        for rank, pair in enumerate(found, start=1)
    ]


def met_by(other: Post, audience: Audience, wishes: Sequence[Wish]) -> tuple[Wish, ...]:
    """The wishes that a post meets, as far as the reader may know."""
    if not wishes:
        return ()
    return tuple(fulfilled(traits_of(other, named=may_see_organisation(audience, other)), wishes))


def show_preview(
    document: PostDocument, found: Iterable[ListedPair], posts: Mapping[str, Post], audience: Audience
) -> list[ShownSuggestion]:
    """Cards of what a text that is being written would be suggested now; `posts` are the rows the reader may see."""
    seen = [(pair, posts[pair.other.id]) for pair in found if pair.other.id in posts]
    return [
        _card(document, other, rank, pair.score, pair.probability, pair.reasons, audience)
        for rank, (pair, other) in enumerate(seen, start=1)
    ]


def is_put_aside(shown: ShownSuggestion) -> bool:
    """Whether the reader's side said "later" and nobody asked since."""
    state = shown.state
    if state is None or state.answer is None or state.received or state.engagement_id:
        return False
    return state.answer.kind == "later"


def reason_text(reason: Mapping[str, Any]) -> str:
    """A reason in the page's language."""
    if page_language() == "en":
        return str(reason.get("text_en") or reason["text"])
    return str(reason["text"])


def speaks_against(reason: Mapping[str, Any]) -> bool:
    """Whether it is a caution rather than a reason."""
    return bool(reason.get("against"))


def spans_of(reasons: Iterable[Mapping[str, Any]], side: str) -> list[Span]:
    """The phrases of one side's full text that the reasons speak of."""
    spans: list[Span] = []
    for reason in reasons:
        span = reason.get(f"{side}_span")
        if span and len(span) == 2:
            spans.append((int(span[0]), int(span[1])))
    return spans


def _card(
    own: PostDocument,
    other: Post,
    rank: int,
    score: float,
    probability: float | None,
    reasons: Sequence[Mapping[str, Any]],
    audience: Audience,
    suggestion: Suggestion | None = None,
    state: PairState | None = None,
    met: tuple[Wish, ...] = (),
) -> ShownSuggestion:
    other_document = other.to_document()
    own_spans, other_spans = spans_of(reasons, own.side), spans_of(reasons, other.side)
    both = bool(own_spans and other_spans)
    return ShownSuggestion(
        suggestion_id=suggestion.id if suggestion else None,
        model_revision=suggestion.model_revision if suggestion else "",
        suggested_at=suggestion.created_at if suggestion else None,
        state=state,
        other=other,
        named=may_see_organisation(audience, other),
        rank=rank,
        fit=fit_in_words(score, probability),
        in_favour=[reason_text(reason) for reason in reasons if not speaks_against(reason)][:_MOST_IN_FAVOUR],
        against=[reason_text(reason) for reason in reasons if speaks_against(reason)][:_MOST_AGAINST],
        own_marked=mark_excerpt(own.full_text, own_spans) if both else Markup(""),
        other_marked=mark_excerpt(other_document.full_text, other_spans) if both else Markup(""),
        own_language=own.language,
        met=met,
    )

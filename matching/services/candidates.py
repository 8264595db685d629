"""Which posts of the other side are worth ranking for a post: near by vectors, good by words, allowed by the rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from matching.documents import PostDocument, Side
from matching.models import Capability, Post
from matching.policy import Audience
from matching.queries.posts import conflicting_organisations, experts_bound_to, load_posts
from matching.queries.suggestions import declined_partners
from matching.ranking.vectors import PostVectors
from matching.search.port import CandidateQuery, SearchFilters, SearchIndex, Vector, VectorField
from matching.text.words import query_words


def other_side(side: Side) -> Side:
    """Whom a post is matched with."""
    return "capability" if side == "need" else "need"


def find_candidates(
    index: SearchIndex,
    document: PostDocument,
    vectors: PostVectors,
    audience: Audience,
    now: datetime,
    *,
    limit: int,
    exclude_organisation_ids: frozenset[str] = frozenset(),
) -> list[str]:
    """Ids of up to `limit` posts of the other side that `audience` may see, the most promising first.

    Four questions are asked, the vectors and the words each by title and by the whole text, and fused by rank, since a
    title says what is wanted and the whole text says in which circumstances.
    """
    query = candidate_query(
        document, vectors, audience, now, limit=limit, exclude_organisation_ids=exclude_organisation_ids
    )
    (found,) = index.find_candidates([query])
    return found


def candidate_query(
    document: PostDocument,
    vectors: PostVectors,
    audience: Audience,
    now: datetime,
    *,
    limit: int,
    exclude_organisation_ids: frozenset[str] = frozenset(),
) -> CandidateQuery:
    """What `find_candidates` asks; an index answers many of them at once in far less time than one by one."""
    words = dict.fromkeys((query_words(document.title), query_words(document.full_text)))
    return CandidateQuery(
        vectors=_fields_of(vectors),
        words=tuple(each for each in words if each),
        filters=SearchFilters(side=other_side(document.side), exclude_organisation_ids=exclude_organisation_ids),
        audience=audience,
        now=now,
        limit=limit,
    )


def _fields_of(vectors: PostVectors) -> tuple[tuple[VectorField, Vector], ...]:
    fields: tuple[tuple[VectorField, Vector | None], ...] = (
        ("title_vector", vectors.title),
        ("full_vector", vectors.full),
    )
    return tuple((field, vector) for field, vector in fields if vector is not None)


def load_candidates(
    session: Session,
    post: Post | None,
    candidate_ids: Sequence[str],
    audience: Audience,
    now: datetime,
) -> list[Post]:
    """The candidates' rows, as far as the database still agrees with the index and no conflict of interest stands in
    the way: an expert is never suggested to an organisation that employs or retains them, and a pair that either side
    declined is suggested to neither.
    """
    found = load_posts(session, candidate_ids, audience, now)
    candidates = [found[post_id] for post_id in candidate_ids if post_id in found]
    candidates = [candidate for candidate in candidates if candidate.open_for_interest]
    if post is None:
        return candidates
    candidates = [candidate for candidate in candidates if candidate.organisation_id != post.organisation_id]
    declined = declined_partners(session, post)
    candidates = [candidate for candidate in candidates if candidate.id not in declined]
    if isinstance(post, Capability):
        conflicts = conflicting_organisations(session, [expert.id for expert in post.experts], now)
        return [candidate for candidate in candidates if candidate.organisation_id not in conflicts]
    bound = experts_bound_to(session, post.organisation_id, now)
    return [
        candidate
        for candidate in candidates
        if not isinstance(candidate, Capability) or not any(expert.id in bound for expert in candidate.experts)
    ]

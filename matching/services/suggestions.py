"""From a changed post to ranked, explained and pushed suggestions.

`refresh_post` is what a commit owes: index, own list, and a new ranking for every post of the other side it touches.
`rank_post` is the latter: the own list only. Both may run twice, late, or at once with each other without harm: scores
depend on the pair and the pool alone, lists are replaced whole, and messages carry a once-key.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import case, select, update
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.embeddings.port import Embedder
from matching.models import Post, Suggestion
from matching.models.base import new_id
from matching.notifying.suggestions import push_suggestions, recipients_of
from matching.policy import MATCHER, Audience, is_live
from matching.queries.vocabularies import load_labels
from matching.ranking.rank import RankedPair, rank_candidates
from matching.ranking.reasons import explain_pair
from matching.ranking.vectors import PostVectors, embed_posts
from matching.services.candidates import find_candidates, live_ids, load_candidates
from matching.services.indexing import bring_index_in_line, says_too_little
from matching.services.statistics import current_pool
from matching.store.outbox import POST_CHANGED, RANKING, last_open_id, owe_all, settle
from matching.store.upsert import insert_new

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPair:
    """A pair in a post's list, ready to be stored or shown. `reasons` are JSON objects as the contract says."""

    other: PostDocument
    score: float
    probability: float | None
    reasons: list[dict[str, Any]] = field(default_factory=list)


def refresh_post(platform: Platform, post_id: str, now: datetime) -> None:
    """Bring index, suggestions and inboxes in line with the post's present row, and settle what was owed for it.

    Raises what the parts raise; then nothing is settled and the outbox tries again.
    """
    with platform.reading() as session:
        last_id = last_open_id(session, POST_CHANGED, post_id)
        post = session.get(Post, post_id)
        if post is not None:
            bring_index_in_line([post], platform.embedder, platform.index, now)
            too_little = says_too_little(post.to_document())
        listed = _list_for(platform, session, post, now) if post is not None else []
    with platform.unit_of_work() as uow:
        session = uow.session
        if post is not None:
            touched = _store_list(platform, session, post, listed, now)
            session.execute(
                # Not a change of the post: its version stays.
                update(Post.__table__).where(Post.id == post_id).values(too_little_text=too_little)  # type: ignore[arg-type]
            )
            if owe_all(session, RANKING, touched, now):
                uow.expect_nudge()
        settle(session, POST_CHANGED, post_id, last_id, now)
        uow.commit()


def rank_post(platform: Platform, post_id: str, now: datetime) -> None:
    """Replace the post's own list, since posts of the other side changed, and settle what was owed for it."""
    with platform.reading() as session:
        last_id = last_open_id(session, RANKING, post_id)
        post = session.get(Post, post_id)
        listed = _list_for(platform, session, post, now) if post is not None else []
    with platform.unit_of_work() as uow:
        if post is not None:
            _store_list(platform, uow.session, post, listed, now)
        settle(uow.session, RANKING, post_id, last_id, now)
        uow.commit()


def preview_suggestions(
    platform: Platform, document: PostDocument, audience: Audience, now: datetime, *, limit: int = 5
) -> list[ListedPair]:
    """Whom an unsaved text would meet, among what `audience` may see anyway. Stores nothing."""
    if says_too_little(document):
        return []
    vectors = embed_posts([document], platform.embedder)[document.id]
    with platform.reading() as session:
        excluded = frozenset({document.organisation_id} if document.organisation_id else ())
        candidate_ids = find_candidates(
            platform.index, document, vectors, audience, now, limit=60, exclude_organisation_ids=excluded
        )
        candidates = load_candidates(session, None, candidate_ids, audience, now)
        return _rank_and_explain(platform, document, vectors, candidates, now, top=limit, labels=load_labels(session))


def _list_for(platform: Platform, session: Session, post: Post, now: datetime) -> list[ListedPair]:
    """The post's list as the present model ranks it; empty for a post that is not matched now."""
    if not is_live(post, now) or post.visibility == "staff" or not post.open_for_interest:
        return []
    document = post.to_document()
    vectors = PostVectors() if says_too_little(document) else embed_posts([document], platform.embedder)[document.id]
    candidate_ids = find_candidates(
        platform.index,
        document,
        vectors,
        MATCHER,
        now,
        limit=platform.settings.candidates_per_post,
        exclude_organisation_ids=frozenset({post.organisation_id}),
    )
    candidates = load_candidates(session, post, candidate_ids, MATCHER, now)
    return _rank_and_explain(
        platform,
        document,
        vectors,
        candidates,
        now,
        top=platform.settings.suggestions_per_post,
        labels=load_labels(session),
        embedder=platform.embedder,
    )


def _rank_and_explain(
    platform: Platform,
    document: PostDocument,
    vectors: PostVectors,
    candidates: Sequence[Post],
    now: datetime,
    *,
    top: int,
    labels: Mapping[str, tuple[str, str]],
    embedder: Embedder | None = None,
) -> list[ListedPair]:
    """Rank and explain. With an `embedder` reasons name the nearest clauses, at the cost of embedding them."""
    if not candidates:
        return []
    pool = current_pool(platform, now)
    documents = {post.id: post.to_document() for post in candidates}
    stored = platform.index.fetch_vectors(list(documents))
    candidate_vectors = {
        post_id: PostVectors(*stored[post_id]) if post_id in stored else PostVectors() for post_id in documents
    }
    ranked: list[RankedPair] = rank_candidates(
        document,
        list(documents.values()),
        {document.id: vectors, **candidate_vectors},
        pool,
        platform.ranker,
        top=top,
    )
    listed = []
    for pair in ranked:
        other = documents[pair.candidate_id]
        need, capability = (document, other) if document.side == "need" else (other, document)
        reasons = explain_pair(
            need,
            capability,
            pool=pool,
            vectors={document.id: vectors, **candidate_vectors},
            embedder=embedder,
            labels=labels,
        )
        listed.append(
            ListedPair(
                other=other,
                score=pair.score,
                probability=pair.probability,
                reasons=[reason.to_json() for reason in reasons],
            )
        )
    return listed


def _store_list(
    platform: Platform, session: Session, post: Post, listed: Sequence[ListedPair], now: datetime
) -> list[str]:
    """Replace the post's list, tell people of pairs that are new to them; returns the ids of the posts it touches."""
    revision = platform.ranker.revision
    need_side = post.side == "need"
    own, other = (Suggestion.need_id, Suggestion.capability_id)
    if not need_side:
        own, other = other, own
    rank_column, score_column = ("need_rank", "need_score") if need_side else ("capability_rank", "capability_score")
    # Between ranking and now a post may have been closed: what is no longer published is left out, and locked so that
    # a closing that comes later finds our rows.
    live = live_ids(session, [post.id, *(pair.other.id for pair in listed)])
    kept = [pair for pair in listed if pair.other.id in live] if post.id in live else []

    before = session.execute(select(other).where(own == post.id, Suggestion.status == "active")).scalars().all()
    session.execute(update(Suggestion).where(own == post.id).values({rank_column: None}))
    insert_new(session, Suggestion, [_new_row(post, pair, revision, now, need_side=need_side) for pair in kept])
    for rank, pair in enumerate(kept, start=1):
        versions = (post.version, pair.other.version) if need_side else (pair.other.version, post.version)
        session.execute(
            update(Suggestion)
            .where(own == post.id, other == pair.other.id, Suggestion.model_revision == revision)
            .values(
                {
                    rank_column: rank,
                    score_column: pair.score,
                    "probability": pair.probability,
                    "reasons": pair.reasons,
                    "need_version": versions[0],
                    "capability_version": versions[1],
                    "updated_at": now,
                }
            )
        )
    withdrawn = Suggestion.need_rank.is_(None) & Suggestion.capability_rank.is_(None)
    if post.id not in live:
        session.execute(update(Suggestion).where(own == post.id).values(need_rank=None, capability_rank=None))
    session.execute(
        update(Suggestion)
        .where(own == post.id)
        .values(status=case((withdrawn | (Suggestion.model_revision != revision), "withdrawn"), else_="active"))
    )
    _push(platform, session, post, now)
    return list(dict.fromkeys([*(pair.other.id for pair in kept), *before]))


def _new_row(post: Post, pair: ListedPair, revision: str, now: datetime, *, need_side: bool) -> dict[str, Any]:
    need_id, capability_id = (post.id, pair.other.id) if need_side else (pair.other.id, post.id)
    need_version, capability_version = (
        (post.version, pair.other.version) if need_side else (pair.other.version, post.version)
    )
    return {
        "id": new_id(),
        "need_id": need_id,
        "capability_id": capability_id,
        "model_revision": revision,
        "status": "active",
        "need_rank": None,
        "need_score": None,
        "capability_rank": None,
        "capability_score": None,
        "probability": pair.probability,
        "reasons": pair.reasons,
        "need_version": need_version,
        "capability_version": capability_version,
        "created_at": now,
        "updated_at": now,
    }


def _push(platform: Platform, session: Session, post: Post, now: datetime) -> None:
    """Tell both sides of each active pair of the post's list; whoever was told already is not told again."""
    own = Suggestion.need_id if post.side == "need" else Suggestion.capability_id
    pairs = list(
        session.scalars(
            select(Suggestion)
            .where(own == post.id, Suggestion.status == "active")
            .execution_options(populate_existing=True)
        )
    )
    if not pairs:
        return
    push_suggestions(session, pairs, recipients_of(session, post), now, platform.settings)
    pairs.sort(key=lambda pair: -pair.score_from(post.side))
    for pair in pairs:
        other = pair.capability if post.side == "need" else pair.need
        push_suggestions(session, [pair], recipients_of(session, other), now, platform.settings)

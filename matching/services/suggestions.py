"""From a changed post to ranked, explained and pushed suggestions.

`refresh_post` is what a commit owes: index entry, own list, place in the lists of the other side, messages.
`rank_post` replaces one list where a place became free. Both may run twice, late, or at once with each other without
harm: scores depend on the pair and the pool alone, lists are replaced whole, and messages carry a once-key.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.embeddings.port import Embedder
from matching.models import Post, Suggestion
from matching.notifying.suggestions import push_suggestions
from matching.policy import MATCHER, Audience, is_live
from matching.queries.vocabularies import load_labels
from matching.ranking.rank import RankedPair, rank_candidates
from matching.ranking.reasons import explain_pair
from matching.ranking.vectors import PostVectors, embed_posts
from matching.services.candidates import find_candidates, load_candidates, other_side
from matching.services.indexing import bring_index_in_line, says_too_little
from matching.services.statistics import current_pool
from matching.services.suggestion_lists import ListedPair, least_scores, replace_list
from matching.store.outbox import POST_CHANGED, RANKING, last_open_id, owe_all, settle

MOST_ENTERED = 40
"""Lists of the other side that a changed post may enter at once, the best first; the rest finds it when ranked."""


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
        pairs = _pairs_for(platform, session, post, now, others_too=True) if post is not None else []
    with platform.unit_of_work() as uow:
        if post is not None:
            owed = _store(platform, uow.session, post, pairs, now, others_too=True)
            if owe_all(uow.session, RANKING, owed, now):
                uow.expect_nudge()
            if too_little != post.too_little_text:
                table = Post.__table__
                # Found out about the post, not a change of it: its version stays.
                uow.session.execute(update(table).where(table.c.id == post_id).values(too_little_text=too_little))  # type: ignore[arg-type]
        settle(uow.session, POST_CHANGED, post_id, last_id, now)
        uow.commit()


def rank_post(platform: Platform, post_id: str, now: datetime) -> None:
    """Replace the post's own list, since a place in it became free, and settle what was owed for it."""
    with platform.reading() as session:
        last_id = last_open_id(session, RANKING, post_id)
        post = session.get(Post, post_id)
        pairs = _pairs_for(platform, session, post, now, others_too=False) if post is not None else []
    with platform.unit_of_work() as uow:
        if post is not None:
            _store(platform, uow.session, post, pairs, now, others_too=False)
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
        ranked = _rank(platform, document, vectors, candidates, now, top=limit)
        return _explain(platform, ranked, now, load_labels(session), embedder=None)


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Pairs of a document, best first, with what is needed to explain them."""

    document: PostDocument
    pairs: list[RankedPair]
    documents: dict[str, PostDocument]
    vectors: dict[str, PostVectors]


def _pairs_for(
    platform: Platform, session: Session, post: Post, now: datetime, *, others_too: bool
) -> list[ListedPair]:
    """The explained pairs that belong into the post's list or, with `others_too`, into a list of the other side.

    Empty for a post that is not matched now.
    """
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
    ranked = _rank(platform, document, vectors, candidates, now, top=None)
    length = platform.settings.suggestions_per_post
    chosen = ranked.pairs[:length]
    if others_too:
        rest = ranked.pairs[length:]
        beaten = least_scores(
            session,
            other_side(document.side),
            [pair.candidate_id for pair in rest],
            platform.ranker.revision,
            length,
        )
        chosen += [pair for pair in rest if pair.score > beaten.get(pair.candidate_id, float("-inf"))][:MOST_ENTERED]
    return _explain(platform, replace(ranked, pairs=chosen), now, load_labels(session), embedder=platform.embedder)


def _rank(
    platform: Platform,
    document: PostDocument,
    vectors: PostVectors,
    candidates: Sequence[Post],
    now: datetime,
    *,
    top: int | None,
) -> _Ranked:
    documents = {post.id: post.to_document() for post in candidates}
    if not documents:
        return _Ranked(document, [], {}, {})
    stored = platform.index.fetch_vectors(list(documents))
    known = {post_id: PostVectors(*pair) for post_id, pair in stored.items()} | {document.id: vectors}
    pool = current_pool(platform, now)
    pairs = rank_candidates(document, list(documents.values()), known, pool, platform.ranker, top=top)
    return _Ranked(document, pairs, documents, known)


def _explain(
    platform: Platform,
    ranked: _Ranked,
    now: datetime,
    labels: Mapping[str, tuple[str, str]],
    *,
    embedder: Embedder | None,
) -> list[ListedPair]:
    """With an `embedder` reasons name the nearest clauses, at the cost of embedding them."""
    listed = []
    for pair in ranked.pairs:
        other = ranked.documents[pair.candidate_id]
        need, capability = (ranked.document, other) if other.side == "capability" else (other, ranked.document)
        reasons = explain_pair(
            need,
            capability,
            pool=current_pool(platform, now),
            vectors=ranked.vectors,
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


def _store(
    platform: Platform, session: Session, post: Post, pairs: Sequence[ListedPair], now: datetime, *, others_too: bool
) -> list[str]:
    owed = replace_list(
        session,
        post,
        pairs,
        platform.ranker.revision,
        now,
        length=platform.settings.suggestions_per_post,
        others_too=others_too,
    )
    _push(platform, session, post, now)
    return owed


def _push(platform: Platform, session: Session, post: Post, now: datetime) -> None:
    """Tell both sides of each active pair the post stands in; whoever was told already is not told again."""
    own = Suggestion.need_id if post.side == "need" else Suggestion.capability_id
    pairs = session.scalars(
        select(Suggestion)
        .where(own == post.id, Suggestion.status == "active")
        .execution_options(populate_existing=True)
    ).all()
    push_suggestions(session, pairs, now, platform.settings)

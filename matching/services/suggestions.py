"""From a changed post to ranked, explained and pushed suggestions.

`refresh_post` is what a commit owes: index entry, own list, place in the lists of the other side, messages.
`rank_post` replaces one list where a place became free. Both may run twice, late, or at once with each other without
harm: scores depend on the pair and the pool alone, lists are replaced whole, and messages carry a once-key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session, defer

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.embeddings.port import Embedder
from matching.errors import PartUnavailable
from matching.models import Post, Suggestion
from matching.notifying.suggestions import push_suggestions
from matching.policy import MATCHER, Audience, is_live
from matching.queries.vocabularies import load_labels
from matching.queries.works import load_documents
from matching.ranking.learned import Ranker
from matching.ranking.offline import RememberingEmbedder
from matching.ranking.phrases import clauses_of
from matching.ranking.pool import PoolStatistics
from matching.ranking.rank import RankedPair, rank_candidates
from matching.ranking.reasons import NEAR, explain_pair
from matching.ranking.vectors import PostVectors, embed_posts, embedding_prompt
from matching.ranking.works import works_as_documents
from matching.services.candidates import find_candidates, load_candidates, other_side
from matching.services.duplicates import note_duplicates
from matching.services.indexing import bring_index_in_line, says_too_little
from matching.services.statistics import counted_at, current_pool, share_pool
from matching.services.suggestion_lists import ListedPair, least_scores, read_lists, replace_list
from matching.store.outbox import POST_CHANGED, RANKING, last_open_id, owe_all, settle

logger = logging.getLogger(__name__)

MOST_ENTERED = 40
"""Lists of the other side that a changed post may newly enter at once, the best first; the rest is owed a ranking."""

TRIES = 5
"""Times a list is computed anew when others changed it meanwhile; after that the outbox tries again later."""


GiveWay = Callable[[], None]

_WEIGHED_AT_A_TIME = 8


def _go_on() -> None:
    """What somebody waits for gives way to nothing."""


class ListsChanged(Exception):
    """Others kept changing the lists a task was about; it is to be tried again later."""


def refresh_post(platform: Platform, post_id: str, now: datetime) -> None:
    """Bring index, suggestions and inboxes in line with the post's present row, and settle what was owed for it.

    Raises what the parts raise, and ListsChanged; then nothing is settled and the outbox tries again.
    """
    note_duplicates(platform, post_id, now)
    _bring_in_line(platform, POST_CHANGED, post_id, now)


def rank_post(platform: Platform, post_id: str, now: datetime, *, give_way: GiveWay = _go_on) -> None:
    """Replace the post's own list, since a place in it became free, and settle what was owed for it.

    `give_way` is called between steps of some hundredths of a second, never within a transaction that writes, and
    returns when the work may go on.
    """
    _bring_in_line(platform, RANKING, post_id, now, give_way)


def _bring_in_line(platform: Platform, topic: str, post_id: str, now: datetime, give_way: GiveWay = _go_on) -> None:
    """What the topic asks for, computed outside of any transaction and stored only where it still holds.

    A pair must not get lost between two tasks that run at once, each before it could see what the other does. The
    order sees to that: the index entry is written first, then the present lists are read, then candidates are searched;
    what is stored is given up and made again when posts, lists or statistics changed in between.
    """
    for _ in range(TRIES):
        with platform.reading() as session:
            last_id = last_open_id(session, topic, post_id)
            post = session.get(Post, post_id)
            documents = load_documents(session, [post] if post is not None else [], now)
        too_little = post is not None and says_too_little(post.to_document())
        ranked = _Proposal()
        if post is not None:
            if topic == POST_CHANGED:
                bring_index_in_line([post], platform.embedder, platform.index, now, documents)
                # Elasticsearch shows what was written only after this; two new posts would not see each other.
                platform.index.refresh()
            # A session of its own: it must see at least what the index shows.
            with platform.reading() as session:
                ranked = _propose(platform, session, post, now, others_too=topic == POST_CHANGED, give_way=give_way)
        with platform.unit_of_work() as uow:
            if post is not None:
                if ranked.counted_at != counted_at(uow.session, platform):
                    continue
                if ranked.ranker is not None and not platform.confirm_ranker(uow.session, ranked.ranker.revision):
                    continue
                stored = _store(platform, uow.session, post, ranked, now, others_too=topic == POST_CHANGED)
                if stored is None:
                    continue
                if owe_all(uow.session, RANKING, stored, now):
                    uow.expect_nudge()
                if topic == POST_CHANGED and too_little != post.too_little_text:
                    table = Post.__table__
                    # Found out about the post, not a change of it: its version stays.
                    uow.session.execute(update(table).where(table.c.id == post_id).values(too_little_text=too_little))  # type: ignore[arg-type]
            settle(uow.session, topic, post_id, last_id, now)
            uow.commit()
            return
    raise ListsChanged(f"{topic} of {post_id}")


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
        documents = load_documents(session, candidates, now)
        pool = current_pool(platform, now)
        ranked = _rank(platform, platform.ranker, document, vectors, documents, pool, top=limit)
        return _explain(ranked, load_labels(session), embedder=None)


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What a ranking found, and what it was found from: the lists as they were before and the statistics' date."""

    pairs: Sequence[ListedPair] = ()
    crowded_out: Sequence[str] = ()
    """Posts whose list the post should enter, beyond those that `pairs` covers."""
    seen: Mapping[str, object] = field(default_factory=dict)
    counted_at: datetime | None = None
    ranker: Ranker | None = None
    """What ranked; None where nothing was."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Pairs of a document, best first, with what is needed to explain them."""

    document: PostDocument
    pairs: list[RankedPair]
    documents: dict[str, PostDocument]
    vectors: dict[str, PostVectors]
    pool: PoolStatistics


def _propose(
    platform: Platform, session: Session, post: Post, now: datetime, *, others_too: bool, give_way: GiveWay
) -> _Proposal:
    """The explained pairs that belong into the post's list or, with `others_too`, into a list of the other side.

    Without pairs for a post that is not matched now.
    """
    ranker = platform.ranker
    lists = read_lists(session, post)  # before the index is asked: see _bring_in_line
    counted = share_pool(platform, now)
    if not is_live(post, now) or post.visibility == "staff" or not post.open_for_interest:
        return _Proposal(seen=lists.seen, counted_at=counted.counted_at, ranker=ranker)
    document = load_documents(session, [post], now).get(post.id)
    if document is None:
        return _Proposal(seen=lists.seen, counted_at=counted.counted_at, ranker=ranker)
    give_way()
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
    give_way()
    candidates = load_candidates(session, post, candidate_ids, MATCHER, now)
    documents = load_documents(session, candidates, now)
    for number, candidate in enumerate(documents.values()):
        if number % _WEIGHED_AT_A_TIME == 0:
            give_way()
        counted.pool.weigh(candidate)
    give_way()
    ranked = _rank(platform, ranker, document, vectors, documents, counted.pool, top=None)
    length = platform.rules(session).settings.suggestions_per_post
    chosen, rest = ranked.pairs[:length], ranked.pairs[length:]
    crowded_out: list[str] = []
    if others_too:
        beaten = least_scores(
            session,
            other_side(document.side),
            [pair.candidate_id for pair in rest],
            ranker.revision,
            length,
        )
        entering = []
        for pair in rest:
            if pair.candidate_id in lists.standing:
                chosen.append(pair)  # stays where it stands, by its new score
            elif pair.score > beaten.get(pair.candidate_id, float("-inf")):
                entering.append(pair)
        chosen += entering[:MOST_ENTERED]
        crowded_out = [pair.candidate_id for pair in entering[MOST_ENTERED:]]
    pairs = _explain(replace(ranked, pairs=chosen), load_labels(session), embedder=platform.embedder, give_way=give_way)
    return _Proposal(
        pairs=pairs, crowded_out=crowded_out, seen=lists.seen, counted_at=counted.counted_at, ranker=ranker
    )


def _rank(
    platform: Platform,
    ranker: Ranker,
    document: PostDocument,
    vectors: PostVectors,
    documents: dict[str, PostDocument],
    pool: PoolStatistics,
    *,
    top: int | None,
) -> _Ranked:
    if not documents:
        return _Ranked(document, [], {}, {}, pool)
    stored = platform.index.fetch_vectors(list(documents))
    known = {post_id: PostVectors(*pair) for post_id, pair in stored.items()} | {document.id: vectors}
    known |= _embed_works([document, *documents.values()], platform.embedder)
    pairs = rank_candidates(document, list(documents.values()), known, pool, ranker, top=top)
    return _Ranked(document, pairs, documents, known, pool)


def _embed_works(documents: Sequence[PostDocument], embedder: Embedder) -> dict[str, PostVectors]:
    """Vectors of all works, mostly from the cache. A work that cannot be embedded is ranked by its words."""
    works = [work for document in documents for work in works_as_documents(document)]
    if not works:
        return {}
    try:
        return embed_posts(works, embedder)
    except PartUnavailable:
        raise
    except Exception:
        logger.exception("works cannot be embedded together; each is tried by itself")
    found: dict[str, PostVectors] = {}
    for work in works:
        try:
            found |= embed_posts([work], embedder)
        except PartUnavailable:
            raise
        except Exception:
            logger.exception("work %s is ranked by its words", work.id)
    return found


def _explain(
    ranked: _Ranked,
    labels: Mapping[str, tuple[str, str]],
    *,
    embedder: Embedder | None,
    give_way: GiveWay = _go_on,
) -> list[ListedPair]:
    """With an `embedder` reasons name the nearest clauses, at the cost of embedding them."""
    remembering = RememberingEmbedder(embedder) if embedder is not None else None
    if remembering is not None:
        give_way()
        _embed_clauses(ranked, remembering)
    listed = []
    for pair in ranked.pairs:
        give_way()
        other = ranked.documents[pair.candidate_id]
        need, capability = (ranked.document, other) if other.side == "capability" else (other, ranked.document)
        reasons = explain_pair(
            need,
            capability,
            pool=ranked.pool,
            vectors=ranked.vectors,
            embedder=remembering,
            labels=labels,
            nearness=pair.nearness,
            works=pair.works,
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


def _embed_clauses(ranked: _Ranked, embedder: RememberingEmbedder) -> None:
    """All clauses that the reasons will compare, in one call per prompt: many short calls take longer."""
    near = [ranked.documents[pair.candidate_id] for pair in ranked.pairs if pair.nearness >= NEAR]
    for prompt in ("query", "passage"):
        documents = [post for post in ((ranked.document, *near) if near else ()) if embedding_prompt(post) == prompt]
        texts = [post.full_text[slice(*span)] for post in documents for span in clauses_of(post)]
        if texts:
            embedder.embed(texts, prompt=prompt)


def _store(
    platform: Platform, session: Session, post: Post, proposal: _Proposal, now: datetime, *, others_too: bool
) -> list[str] | None:
    """The posts that are owed a ranking; None when the proposal no longer holds and nothing was stored."""
    owed = replace_list(
        session,
        post,
        proposal.pairs,
        (proposal.ranker or platform.ranker).revision,
        now,
        length=platform.rules(session).settings.suggestions_per_post,
        others_too=others_too,
        seen=proposal.seen,
    )
    if owed is None:
        return None
    _push(platform, session, post, now)
    return [*owed, *proposal.crowded_out]


def _push(platform: Platform, session: Session, post: Post, now: datetime) -> None:
    """Tell both sides of each active pair the post stands in; whoever was told already is not told again."""
    own = Suggestion.need_id if post.side == "need" else Suggestion.capability_id
    pairs = session.scalars(
        select(Suggestion)
        .where(own == post.id, Suggestion.status == "active")
        .options(defer(Suggestion.reasons))
        .execution_options(populate_existing=True)
    ).all()
    push_suggestions(session, pairs, now, platform.rules(session).settings)

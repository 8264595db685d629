"""Matching two lists of posts without database or index: what `duijie match` and `duijie evaluate` run on.

The scores are those of `matching.ranking.rank`, with the two lists themselves as the background.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from matching.documents import PostDocument
from matching.embeddings.port import Embedder, Prompt, Vectors
from matching.ranking.features import measure_capabilities
from matching.ranking.learned import Ranker, fusion_ranker
from matching.ranking.pool import PoolStatistics, PreparedPosts
from matching.ranking.promising import choose_promising
from matching.ranking.rank import order_scores, score_pairs
from matching.ranking.reasons import Labels, Reason, explain_pair
from matching.ranking.vectors import PostVectors, embed_posts
from matching.ranking.works import best_works, texts_in_background, works_as_documents

Array = NDArray[np.float32]
OnProgress = Callable[[int, int | None], None]
"""(done, total); one step is a post embedded or a need ranked."""

_POSTS_PER_STEP = 512
_PAIRS_PER_STEP = 750_000
MOST_PAIRS_SCORED = 20_000_000
"""With more pairs, several minutes of scoring, each need is ranked among the capabilities that look promising."""
PROMISING_PER_RANK = 10
PROMISING_AT_LEAST = 900
_MOST_COUNTED = 10_000
"""So many posts of each side are counted for the statistics; more would not change them noticeably."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchedPair:
    """A ranked pair of two files. `rank` counts from 1 within the need; `reasons` are empty where none were asked."""

    need: PostDocument
    capability: PostDocument
    rank: int
    score: float
    probability: float | None = None
    reasons: Sequence[Reason] = ()


class RememberingEmbedder:
    """Keeps the vectors of the texts of the last few thousand different ones: clauses come again with each pair."""

    def __init__(self, embedder: Embedder, limit: int = 20_000) -> None:
        self._embedder = embedder
        self._limit = limit
        self._known: dict[tuple[str, Prompt], NDArray[np.float32]] = {}

    @property
    def model_revision(self) -> str:
        """Of the wrapped embedder."""
        return self._embedder.model_revision

    @property
    def dimension(self) -> int:
        """Of the wrapped embedder."""
        return self._embedder.dimension

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """As the port says."""
        if len(self._known) > self._limit:
            self._known.clear()
        missing = [text for text in dict.fromkeys(texts) if (text, prompt) not in self._known]
        if missing:
            for text, row in zip(missing, self._embedder.embed(missing, prompt=prompt), strict=True):
                self._known[text, prompt] = row
        return np.array([self._known[text, prompt] for text in texts], dtype=np.float32).reshape(-1, self.dimension)


@dataclass(frozen=True, slots=True)
class OfflinePool:
    """Two lists of posts made ready: what `prepare_offline` gives. Ids are made distinct across the two sides."""

    needs: PreparedPosts
    capabilities: PreparedPosts
    statistics: PoolStatistics
    vectors: dict[str, PostVectors]


def prepare_offline(
    needs: Sequence[PostDocument],
    capabilities: Sequence[PostDocument],
    embedder: Embedder,
    *,
    on_progress: OnProgress | None = None,
    further_steps: int = 0,
) -> OfflinePool:
    """Embed both lists and count them. `further_steps` are the caller's own, for the total of `on_progress`.

    Raises PartUnavailable("embedder", …) when the model cannot be loaded.
    """
    # Rows of two files may have the same id; posts of one pool may not.
    own_needs = [replace(post, id=f"need:{post.id}") for post in needs]
    own_capabilities = [replace(post, id=f"capability:{post.id}") for post in capabilities]
    total = len(needs) + len(capabilities) + further_steps
    vectors: dict[str, PostVectors] = {}
    done = 0
    for posts in (own_needs, own_capabilities):
        # Texts of like length together: a batch takes as long as its longest.
        by_length = sorted(posts, key=lambda post: len(post.full_text))
        for start in range(0, len(by_length), _POSTS_PER_STEP):
            step = by_length[start : start + _POSTS_PER_STEP]
            works = [work for post in step for work in works_as_documents(post)]
            vectors.update(embed_posts([*step, *works], embedder))
            done += len(step)
            if on_progress is not None:
                on_progress(done, total)
    passages = [text for post in own_capabilities for text in texts_in_background(post)]
    statistics = PoolStatistics.of_posts([*_choose(own_needs), *_choose(passages)], vectors)
    return OfflinePool(
        statistics.prepare(own_needs, vectors), statistics.prepare(own_capabilities, vectors), statistics, vectors
    )


def _choose(posts: Sequence[PostDocument]) -> Sequence[PostDocument]:
    """At most _MOST_COUNTED of the posts, the same ones in every run."""
    if len(posts) <= _MOST_COUNTED:
        return posts
    return sorted(posts, key=lambda post: hashlib.blake2b(post.id.encode("utf-8", "replace")).digest())[:_MOST_COUNTED]


def score_offline(
    pool: OfflinePool, ranker: Ranker
) -> Iterator[
    tuple[int, NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.float32], dict[int, NDArray[np.float32]]]
]:
    """(place of the need, scores of all capabilities, probabilities or None, nearness, scores of the works of each
    capability that has some), need by need, in order."""
    step = max(1, _PAIRS_PER_STEP // max(len(pool.capabilities), 1))
    measured = measure_capabilities(pool.needs, pool.capabilities, pool.statistics)
    for start in range(0, len(pool.needs), step):
        rows = np.arange(start, min(start + step, len(pool.needs)))
        scored = score_pairs(
            pool.needs.select(rows),
            pool.capabilities,
            pool.statistics,
            ranker,
            vectors=pool.vectors,
            measured=measured,
        )
        for place, row in enumerate(rows):
            probabilities = None if scored.probabilities is None else scored.probabilities[place]
            works = {column: of_works[place] for column, of_works in scored.works.items()}
            yield int(row), scored.scores[place], probabilities, scored.nearness[place], works


def score_promising(
    pool: OfflinePool, ranker: Ranker, limit: int
) -> Iterator[
    tuple[
        int, NDArray[np.intp], NDArray[np.float32], NDArray[np.float32] | None, NDArray[np.float32], list[Array | None]
    ]
]:
    """As `score_offline`, of the `limit` most promising capabilities of each need: their places, ascending, and of
    these scores, probabilities, nearness and scores of works. A pair's score is the same."""
    measured = measure_capabilities(pool.needs, pool.capabilities, pool.statistics)
    for row, columns in enumerate(choose_promising(pool.needs, pool.capabilities, limit)):
        scored = score_pairs(
            pool.needs.select(np.array([row])),
            pool.capabilities.select(columns),
            pool.statistics,
            ranker,
            vectors=pool.vectors,
            measured={latin: spread.select(columns) for latin, spread in measured.items()},
        )
        works = [scored.works[place][0] if place in scored.works else None for place in range(len(columns))]
        probabilities = None if scored.probabilities is None else scored.probabilities[0]
        yield row, columns, scored.scores[0], probabilities, scored.nearness[0], works


def match_documents(
    needs: Sequence[PostDocument],
    capabilities: Sequence[PostDocument],
    embedder: Embedder,
    *,
    ranker: Ranker | None = None,
    top: int = 10,
    explain: bool = True,
    labels: Labels | None = None,
    on_progress: OnProgress | None = None,
) -> Iterator[MatchedPair]:
    """Rank `capabilities` for each need: pairs need by need in the order given, best first, ties by capability id.

    `top` 0 gives every capability. With more than MOST_PAIRS_SCORED pairs the first `top` are chosen from the few
    hundred capabilities nearest by vectors and words; their scores are the same. `explain` False leaves reasons out
    (they take far longer than scores). Ids must be
    unique within each list. Raises PartUnavailable("embedder", …) when the model cannot be loaded.
    """
    if not needs or not capabilities:
        return
    pool = prepare_offline(needs, capabilities, embedder, on_progress=on_progress, further_steps=len(needs))
    embedded = len(needs) + len(capabilities)
    ids = [post.id for post in capabilities]
    remembering = RememberingEmbedder(embedder)
    chosen = ranker or fusion_ranker(embedder.model_revision)
    for row, columns, scores, probabilities, nearness, of_works in _score(pool, chosen, top):
        order = order_scores(scores, ids if columns is None else [ids[column] for column in columns])[: top or None]
        for rank, place in enumerate(order, start=1):
            column = place if columns is None else int(columns[place])
            reasons: list[Reason] = []
            if explain:
                reasons = explain_pair(
                    pool.needs.documents[row],
                    pool.capabilities.documents[column],
                    pool=pool.statistics,
                    vectors=pool.vectors,
                    embedder=remembering,
                    labels=labels,
                    nearness=float(nearness[place]),
                    works=best_works(of_works[place], capabilities[column]),
                )
            yield MatchedPair(
                need=needs[row],
                capability=capabilities[column],
                rank=rank,
                score=float(scores[place]),
                probability=None if probabilities is None else float(probabilities[place]),
                reasons=reasons,
            )
        if on_progress is not None:
            on_progress(embedded + row + 1, embedded + len(needs))


def _score(
    pool: OfflinePool, ranker: Ranker, top: int
) -> Iterator[
    tuple[
        int,
        NDArray[np.intp] | None,
        NDArray[np.float32],
        NDArray[np.float32] | None,
        NDArray[np.float32],
        Sequence[Array | None],
    ]
]:
    """Of each need all capabilities (columns None) or, where only the best of very many pairs are asked for, those
    that are promising."""
    if top and len(pool.needs) * len(pool.capabilities) > MOST_PAIRS_SCORED:
        yield from score_promising(pool, ranker, PROMISING_PER_RANK * top + PROMISING_AT_LEAST)
        return
    for row, scores, probabilities, nearness, works in score_offline(pool, ranker):
        yield row, None, scores, probabilities, nearness, [works.get(place) for place in range(len(scores))]

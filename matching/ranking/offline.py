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
from matching.ranking.learned import Ranker, fusion_ranker
from matching.ranking.pool import PoolStatistics, PreparedPosts
from matching.ranking.rank import order_scores, score_pairs
from matching.ranking.reasons import Labels, Reason, explain_pair
from matching.ranking.vectors import PostVectors, embed_posts
from matching.ranking.works import best_works, works_as_documents

OnProgress = Callable[[int, int | None], None]
"""(done, total); one step is a post embedded or a need ranked."""

_POSTS_PER_STEP = 512
_PAIRS_PER_STEP = 750_000
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
    statistics = PoolStatistics.of_posts([*_choose(own_needs), *_choose(own_capabilities)], vectors)
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
    for start in range(0, len(pool.needs), step):
        rows = np.arange(start, min(start + step, len(pool.needs)))
        scored = score_pairs(pool.needs.select(rows), pool.capabilities, pool.statistics, ranker, vectors=pool.vectors)
        for place, row in enumerate(rows):
            probabilities = None if scored.probabilities is None else scored.probabilities[place]
            works = {column: of_works[place] for column, of_works in scored.works.items()}
            yield int(row), scored.scores[place], probabilities, scored.nearness[place], works


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

    `top` 0 gives every capability. `explain` False leaves reasons out (they take far longer than scores). Ids must be
    unique within each list. Raises PartUnavailable("embedder", …) when the model cannot be loaded.
    """
    if not needs or not capabilities:
        return
    pool = prepare_offline(needs, capabilities, embedder, on_progress=on_progress, further_steps=len(needs))
    embedded = len(needs) + len(capabilities)
    ids = [post.id for post in capabilities]
    remembering = RememberingEmbedder(embedder)
    chosen = ranker or fusion_ranker(embedder.model_revision)
    for row, scores, probabilities, nearness, of_works in score_offline(pool, chosen):
        order = order_scores(scores, ids)[: top or None]
        for rank, place in enumerate(order, start=1):
            reasons: list[Reason] = []
            if explain:
                reasons = explain_pair(
                    pool.needs.documents[row],
                    pool.capabilities.documents[place],
                    pool=pool.statistics,
                    vectors=pool.vectors,
                    embedder=remembering,
                    labels=labels,
                    nearness=float(nearness[place]),
                    works=best_works(of_works.get(place), capabilities[place]),
                )
            yield MatchedPair(
                need=needs[row],
                capability=capabilities[place],
                rank=rank,
                score=float(scores[place]),
                probability=None if probabilities is None else float(probabilities[place]),
                reasons=reasons,
            )
        if on_progress is not None:
            on_progress(embedded + row + 1, embedded + len(needs))

"""Ranks candidates for a post, in both directions, with one score for a pair whoever asks.

    pool = PoolStatistics.of_posts(documents, vectors)        # once, a few thousand posts are enough
    pairs = rank_candidates(need, capabilities, vectors, pool, ranker=load_ranker(encoder_revision=…), top=10)

The score of a pair depends on the two posts, the pool statistics and the ranker, not on the other candidates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from matching.documents import PostDocument
from matching.errors import InvalidInput
from matching.ranking.features import (
    TEXT_FEATURES,
    CapabilitySpreads,
    compute_phrase_features,
    compute_text_features,
    standardise_toward_capability,
    standardise_toward_need,
)
from matching.ranking.fusion import fuse, measure_nearness
from matching.ranking.learned import Ranker, fusion_ranker
from matching.ranking.pool import PoolStatistics, PreparedPosts
from matching.ranking.structured import weigh_evidence
from matching.ranking.vectors import PostVectors
from matching.ranking.works import WorkScore, best_works, combine_works, works_as_documents

Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedPair:
    """A scored pair. `rank` counts from 1; `probability` is None where the score is not calibrated.

    `features` are the standardised text similarities by name, NaN where unknown.
    """

    candidate_id: str
    need_id: str
    capability_id: str
    rank: int
    score: float
    probability: float | None = None
    features: Mapping[str, float] = field(default_factory=dict)
    nearness: float = math.nan
    """How near in meaning, in standard deviations above the background; NaN when a post has no vector."""
    works: Sequence[WorkScore] = ()
    """Of an expertise: its works, the best first."""


@dataclass(frozen=True, slots=True)
class PairScores:
    """Of each (need, capability): all arrays have shape (needs, capabilities), features one axis more. `works`: by
    column of an expertise the scores of its works, shape (needs, works)."""

    scores: Array
    probabilities: Array | None
    features: Array
    nearness: Array
    works: Mapping[int, Array] = field(default_factory=dict)


def score_pairs(
    needs: PreparedPosts,
    capabilities: PreparedPosts,
    pool: PoolStatistics,
    ranker: Ranker | None = None,
    *,
    vectors: Mapping[str, PostVectors] | None = None,
    measured: CapabilitySpreads | None = None,
) -> PairScores:
    """Scores of every need with every capability; the one place where scores are made.

    `measured`: what `measure_capabilities` gave for these capabilities, where they are scored many times.

    An expertise is scored by its works too (`matching.ranking.works`); `vectors` has theirs, by the ids of
    `works_as_documents`. Works without a vector are scored by their words.
    """
    ranker = ranker or fusion_ranker("")
    scores, features, nearness = _score_texts(needs, capabilities, pool, ranker, measured)
    works: dict[int, Array] = {}
    for column, capability in enumerate(capabilities.documents):
        if not capability.works:
            continue
        documents = works_as_documents(capability)
        of_works, *_ = _score_texts(needs, pool.prepare(documents, vectors or {}), pool, ranker)
        scores[:, column], works[column] = combine_works(
            scores[:, column], of_works, capability.works[: len(documents)]
        )
    scores = scores + weigh_evidence(needs.documents, capabilities.documents, ranker.field_weights)
    return PairScores(scores, ranker.probabilities(scores), features, nearness, works)


def _score_texts(
    needs: PreparedPosts,
    capabilities: PreparedPosts,
    pool: PoolStatistics,
    ranker: Ranker,
    measured: CapabilitySpreads | None = None,
) -> tuple[Array, Array, Array]:
    """By their texts alone: scores, standardised features and nearness, as in PairScores."""
    raw = compute_text_features(needs, capabilities)
    toward_need = standardise_toward_need(raw, needs, capabilities, pool)
    toward_capability = standardise_toward_capability(raw, needs, capabilities, pool, measured)
    fused = fuse(toward_need, toward_capability)
    scores = ranker.score(raw, toward_need, toward_capability, fused, compute_phrase_features(needs, capabilities))
    return scores, toward_need, measure_nearness(toward_need, toward_capability)


def order_scores(scores: NDArray[np.float32], ids: Sequence[str]) -> list[int]:
    """Places of `ids`, best score first, equal scores by id, so that every run gives the same order."""
    return sorted(range(len(ids)), key=lambda place: (-float(scores[place]), ids[place]))


def rank_candidates(
    document: PostDocument,
    candidates: Sequence[PostDocument],
    vectors: Mapping[str, PostVectors],
    statistics: PoolStatistics,
    ranker: Ranker | None = None,
    top: int | None = None,
) -> list[RankedPair]:
    """Rank `candidates` (capabilities for a need, needs for a capability) for `document`, best first.

    `vectors` holds PostVectors by post id, of the document and of works too; what has none is ranked by its words.
    `top` None returns all. Without a `ranker` the fusion score is used and probabilities are None.
    Raises InvalidInput when a candidate is on the document's own side.
    """
    for candidate in candidates:
        if candidate.side == document.side:
            raise InvalidInput(
                "ranking.same_side", "只能在需求与供给之间匹配", where=candidate.id,
                message_en="Only a need and a capability can be matched",
            )  # fmt: skip
    if not candidates:
        return []
    one = statistics.prepare([document], vectors)
    many = statistics.prepare(candidates, vectors)
    if document.side == "need":
        scored = score_pairs(one, many, statistics, ranker, vectors=vectors)
        scores, features, nearness = scored.scores[0], scored.features[0], scored.nearness[0]
        probabilities = None if scored.probabilities is None else scored.probabilities[0]
    else:
        scored = score_pairs(many, one, statistics, ranker, vectors=vectors)
        scores, features, nearness = scored.scores[:, 0], scored.features[:, 0], scored.nearness[:, 0]
        probabilities = None if scored.probabilities is None else scored.probabilities[:, 0]
    order = order_scores(scores, [candidate.id for candidate in candidates])[:top]
    pairs = []
    for rank, place in enumerate(order, start=1):
        candidate = candidates[place]
        need, capability = (document, candidate) if document.side == "need" else (candidate, document)
        row, column = (0, place) if document.side == "need" else (place, 0)
        pairs.append(
            RankedPair(
                candidate_id=candidate.id,
                need_id=need.id,
                capability_id=capability.id,
                rank=rank,
                score=float(scores[place]),
                probability=None if probabilities is None else float(probabilities[place]),
                features={name: float(value) for name, value in zip(TEXT_FEATURES, features[place], strict=True)},
                nearness=float(nearness[place]),
                works=best_works(scored.works[column][row] if column in scored.works else None, capability),
            )
        )
    return pairs

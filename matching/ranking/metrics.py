"""How good a ranking is, by judged pairs. The definitions are those of `duijie evaluate`.

Each function takes one need; `matching.ranking.evaluate` averages over needs. Levels are 1–4; 3 and 4 are matches.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from matching.errors import InvalidInput

Scores = NDArray[np.float64]

GAINS = {1: 0.0, 2: 1.0, 3: 3.0, 4: 7.0}
MATCH_LEVEL = 3


def rank_positions(scores: Scores, places: Sequence[int]) -> NDArray[np.int64]:
    """Ranks (from 1) of the items at `places` when all are ordered by score, larger first, ties in the order given."""
    order = np.argsort(-scores, kind="stable")
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[order] = np.arange(1, len(scores) + 1)
    return ranks[np.asarray(places, dtype=np.int64)]


def compute_ndcg(scores: Scores, levels: Sequence[int], cutoff: int = 10) -> float | None:
    """nDCG@cutoff over the judged pairs of one need; None when no pair has a gain."""
    _check_levels(levels)
    gains = np.array([GAINS[level] for level in levels])
    discounts = 1 / np.log2(np.arange(2, cutoff + 2))
    ideal = np.sort(gains)[::-1][:cutoff]
    best = float((ideal * discounts[: len(ideal)]).sum())
    if best == 0:
        return None
    got = gains[np.argsort(-scores, kind="stable")][:cutoff]
    return float((got * discounts[: len(got)]).sum()) / best


def compute_auc(scores: Scores, levels: Sequence[int]) -> float | None:
    """Chance that a match scores above a pair that is none, ties counted half; None when one kind is missing."""
    _check_levels(levels)
    matches = np.array([level >= MATCH_LEVEL for level in levels], dtype=bool)
    if matches.all() or not matches.any():
        return None
    above = scores[matches][:, None]
    below = scores[~matches][None, :]
    return float((above > below).mean() + 0.5 * (above == below).mean())


def compute_recall(ranks: NDArray[np.int64], cutoff: int) -> float:
    """Share of the matches with these ranks (among all capabilities) that are within the first `cutoff`."""
    return float((ranks <= cutoff).mean())


def compute_reciprocal_rank(ranks: NDArray[np.int64]) -> float:
    """1 / rank of the first match."""
    return 1.0 / float(ranks.min())


def compute_calibration_error(probabilities: Scores, outcomes: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error: mean gap of probability and frequency over equally wide bins, weighted by size."""
    if len(probabilities) == 0:
        return 0.0
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    error = 0.0
    for place in range(bins):
        inside = places == place
        if inside.any():
            error += inside.mean() * abs(float(probabilities[inside].mean()) - float(outcomes[inside].mean()))
    return float(error)


def _check_levels(levels: Sequence[int]) -> None:
    for level in levels:
        if level not in GAINS:
            raise InvalidInput(
                "judgement.level", f"匹配等级须为 1–4，而不是 {level}", message_en=f"A level must be 1–4, not {level}"
            )

"""What a learned ranker would say of a pair of which only a part is known.

A Chinese need and an English capability share no words whatever they mean, and nobody judged such pairs by levels. Of
pairs in one script everything is known: the fusion score of their vectors alone is set beside the chance of a match
that the ranker gives them knowing the words as well. The mean of that chance, as a score, is what to expect of a pair
whose words say nothing; likewise for words alone where a post has no vector. So both kinds can stand in one list.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from matching.ranking.features import DENSE, LEXICAL
from matching.ranking.fusion import fuse
from matching.ranking.learned import Calibration, Expectation

Array = NDArray[np.float32]

_LEAST_PAIRS = 30
"""Pairs of the highest knot; each further one stands for twice as many, for the best are few and matter most."""
_LEAST_RISE = 1e-3
"""Between two knots, of either number: more than a file's rounding takes away."""
_SUREST = 1e-6
"""No chance is taken for nearer to 0 or 1: single precision says 1 of what is nearly sure."""


def fuse_parts(toward_need: Array, toward_capability: Array) -> Array:
    """Fusion scores as if lexical features were unknown, and as if dense ones were: shape (…, 2)."""
    parts = []
    for unknown in (LEXICAL, DENSE):
        views = [toward_need.copy(), toward_capability.copy()]
        for view in views:
            view[..., unknown] = np.nan
        parts.append(fuse(*views))
    return np.stack(parts, axis=-1)


def fit_expectations(
    pairs: Iterable[tuple[Array, Array]], calibration: Calibration | None
) -> tuple[Expectation, Expectation]:
    """Without words and without vectors, from each need's (scores: (pairs,), parts: (pairs, 2)); NaN is left out."""
    collected = list(pairs)
    scores = np.concatenate([found for found, _ in collected]).astype(np.float64)
    parts = np.concatenate([found for _, found in collected]).astype(np.float64)

    def fit(part: NDArray[np.float64]) -> Expectation:
        known = ~np.isnan(scores) & ~np.isnan(part)
        return fit_expectation(part[known], scores[known], calibration)

    return fit(parts[:, 0]), fit(parts[:, 1])


def fit_expectation(
    fused: NDArray[np.float64], scores: NDArray[np.float64], calibration: Calibration | None
) -> Expectation:
    """Knots at the means of groups of pairs, by their fusion score; without pairs the scores as they are."""
    order = np.argsort(fused, kind="stable")
    fused, scores = fused[order], scores[order]
    chances = None if calibration is None or calibration.slope <= 0 else calibration.probabilities(scores)
    knots: list[tuple[float, float]] = []
    end, size = len(fused), _LEAST_PAIRS
    while end > 0:
        # The rest goes with the last group where it is too small for one of its own.
        start = end - size if end >= 2 * size else 0
        group = slice(start, end)
        if chances is None or calibration is None:
            expected = float(scores[group].mean())
        else:
            chance = float(np.clip(chances[group].mean(dtype=np.float64), _SUREST, 1 - _SUREST))
            expected = (np.log(chance / (1 - chance)) - calibration.intercept) / calibration.slope
        knots.append((float(fused[group].mean()), float(expected)))
        end, size = start, 2 * size
    rising: list[tuple[float, float]] = []
    for x, y in reversed(knots):
        if not rising:
            rising.append((x, y))
        elif x - rising[-1][0] > _LEAST_RISE:
            rising.append((x, max(y, rising[-1][1] + _LEAST_RISE)))
    if not rising:
        rising = [(0.0, 0.0)]
    if len(rising) == 1:
        rising.append((rising[0][0] + 1, rising[0][1] + 1))
    return Expectation(fused=tuple(x for x, _ in rising), scores=tuple(y for _, y in rising))

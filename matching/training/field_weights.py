"""What agreeing and disagreeing fields and indicators should add to a score, learned from judged pairs that have some.

Fields are known of few pairs, and the texts say most already. So nothing is asked but what they add to the texts'
score: of two capabilities judged for one need, by which chance is the better one above the other? That is the
conditional logit model, in the unit of the calibrated score. Weights are drawn to the ones set by hand, by factors: a
weight keeps its sign and at least a fifth of its size, so that a field that is named as a reason always is one.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.ranking.structured import EVIDENCE, HAND_SET_WEIGHTS

Array = NDArray[np.float32]
Doubles = NDArray[np.float64]

_SPREAD = 0.7
"""Of the logarithm of a weight's factor before anything was learned: two of three weights set by hand are taken to be
right within a factor of two."""
_MOST_FACTOR = 5.0


@dataclass(frozen=True, slots=True)
class JudgedEvidence:
    """The judged pairs of a need: what their texts score, their levels, and EVIDENCE of each, shape (pairs, …)."""

    scores: Array
    levels: NDArray[np.int64]
    evidence: Array


def fit_field_weights(needs: Iterable[JudgedEvidence], slope: float) -> Array:
    """A weight for each of EVIDENCE; shape (len(EVIDENCE),). Those set by hand where no pair has evidence.

    `scores` should come from a ranker that was not taught on the need; `slope` is the calibration's, logits for a unit
    of score. What n judged pairs of a need tell grows with n, the comparisons between them with its square: each counts
    1/n.
    """
    from scipy.optimize import minimize

    parts = [part for need in needs if (part := _compare_within(need)) is not None]
    if not parts or slope <= 0:
        return HAND_SET_WEIGHTS.copy()
    margins = slope * np.concatenate([margin for margin, _, _ in parts])
    evidence = slope * np.concatenate([more for _, more, _ in parts])
    shares = np.concatenate([share for _, _, share in parts])
    hand_set = HAND_SET_WEIGHTS.astype(np.float64)

    def loss(logarithms: Doubles) -> tuple[float, Doubles]:
        weights = hand_set * np.exp(logarithms)
        logits = margins + evidence @ weights
        above = 1 / (1 + np.exp(np.clip(logits, -500, 500)))
        gradient = -((shares * above) @ evidence) * weights + logarithms / _SPREAD**2
        value = shares @ np.logaddexp(0, -logits) + (logarithms @ logarithms) / (2 * _SPREAD**2)
        return float(value), gradient

    most = math.log(_MOST_FACTOR)
    found = minimize(loss, np.zeros(len(EVIDENCE)), jac=True, method="L-BFGS-B", bounds=[(-most, most)] * len(EVIDENCE))
    return np.asarray(hand_set * np.exp(found.x), dtype=np.float32)


def _compare_within(
    need: JudgedEvidence,
) -> tuple[Doubles, Doubles, Doubles] | None:
    """Of each two judged capabilities of different level, by how much the better one has more score and more evidence,
    and the share of the comparison; None where evidence tells none from another."""
    better, worse = np.nonzero(need.levels[:, None] > need.levels[None, :])
    more = (need.evidence[better] - need.evidence[worse]).astype(np.float64)
    if not more.any():
        return None
    margins = (need.scores[better] - need.scores[worse]).astype(np.float64)
    return margins, more, np.full(len(better), 1 / len(need.levels))

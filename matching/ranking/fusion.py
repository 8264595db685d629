"""The score of a pair where no learned ranker is at hand: a weighted sum of standardised similarities.

The sum is in standard deviations, so measures of different kinds can be added, and the weights are few enough to hold
on posts they were not chosen on. Lexical evidence that cannot exist (a Chinese need, an English capability) is
not taken for absence: the sum of what is known is scaled up to the weight of what is not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from matching.ranking.features import DENSE, TEXT_FEATURES

Array = NDArray[np.float32]

_NEED_WEIGHTS = {
    "dense_title_title": 0.5,
    "dense_title_full": 0.5,
    "dense_full_title": 0.6,
    "dense_full_full": 0.6,
    "characters_title_title": 0.35,
    "characters_title_full": 0.35,
    "characters_full_title": 0.45,
    "characters_full_full": 0.45,
    "words_title_title": 0.03,
    "words_title_full": 0.07,
    "words_full_title": 0.03,
    "words_full_full": 0.07,
}
WEIGHTS = np.array([_NEED_WEIGHTS[name] for name in TEXT_FEATURES], dtype=np.float32)

CAPABILITY_SHARE = 0.25
"""Weight of the view from the capability beside the view from the need."""


def fuse(toward_need: Array, toward_capability: Array) -> Array:
    """Scores of shape (needs, capabilities), larger is better, about 0 for an average pair; NaN features are unknown.

    A pair of which nothing is known scores 0.
    """
    combined = toward_need + CAPABILITY_SHARE * toward_capability
    known = ~np.isnan(combined)
    total = np.where(known, combined, 0) @ WEIGHTS
    # Similarities go together: what is known stands for what is not, by half, as they agree by about half.
    share = known @ (WEIGHTS / WEIGHTS.sum())
    scale = np.where(share > 0, 1 / np.maximum(share, 1e-6) ** 0.5, 0)
    return np.asarray(total * scale / WEIGHTS.sum(), dtype=np.float32)


def measure_nearness(toward_need: Array, toward_capability: Array) -> Array:
    """How near in meaning: the mean of the standardised dense features, in standard deviations; (needs, capabilities).

    NaN for pairs of which a post has no vector.
    """
    combined = toward_need[..., DENSE] + CAPABILITY_SHARE * toward_capability[..., DENSE]
    return np.asarray(combined.mean(axis=-1) / (1 + CAPABILITY_SHARE), dtype=np.float32)

"""What fields add to a score, learned from judged pairs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from matching.ranking.structured import EVIDENCE, HAND_SET_WEIGHTS
from matching.training.field_weights import JudgedEvidence, fit_field_weights

DOMAIN, OTHER_DOMAIN = EVIDENCE.index("domain_agrees"), EVIDENCE.index("domain_disagrees")


def judged(needs: int, agrees: float, *, slope: float = 1.0, seed: int = 1) -> Iterator[JudgedEvidence]:
    """Needs with twelve capabilities, half of one domain with the need, the others of another. One is the match, drawn
    by the conditional logit of a text score and of what agreement and disagreement add."""
    draws = np.random.default_rng(seed)
    for _ in range(needs):
        scores = draws.normal(size=12).astype(np.float32)
        evidence = np.zeros((12, len(EVIDENCE)), dtype=np.float32)
        evidence[:6, DOMAIN], evidence[6:, OTHER_DOMAIN] = 1, 1
        weights = np.zeros(len(EVIDENCE), dtype=np.float32)
        weights[DOMAIN], weights[OTHER_DOMAIN] = agrees, HAND_SET_WEIGHTS[OTHER_DOMAIN]
        logits = slope * (scores + evidence @ weights)
        chances = np.exp(logits) / np.exp(logits).sum()
        levels = np.ones(12, dtype=np.int64)
        levels[draws.choice(12, p=chances)] = 4
        yield JudgedEvidence(scores, levels, evidence)


def test_what_nobody_judged_stays_as_it_was_set() -> None:
    plain = JudgedEvidence(
        np.array([1, 0], dtype=np.float32), np.array([4, 1]), np.zeros((2, len(EVIDENCE)), dtype=np.float32)
    )
    assert fit_field_weights([], 1.0).tolist() == HAND_SET_WEIGHTS.tolist()
    assert fit_field_weights([plain], 1.0).tolist() == HAND_SET_WEIGHTS.tolist()
    learned = fit_field_weights(judged(50, 0.5), 1.0)
    unseen = [place for place in range(len(EVIDENCE)) if place not in (DOMAIN, OTHER_DOMAIN)]
    assert learned[unseen] == pytest.approx(HAND_SET_WEIGHTS[unseen])


@pytest.mark.parametrize("slope", [0.8, 2.0])
def test_what_a_field_adds_is_found(slope: float) -> None:
    """The two weights are told apart by their prior alone, as no need has a third kind: their distance is found."""
    learned = fit_field_weights(judged(3_000, 0.6, slope=slope), slope)
    assert learned[DOMAIN] - learned[OTHER_DOMAIN] == pytest.approx(0.7, abs=0.12)


def test_a_few_judgements_move_a_weight_a_little() -> None:
    few, many = (fit_field_weights(judged(needs, 0.6), 1.0)[DOMAIN] for needs in (5, 500))
    assert HAND_SET_WEIGHTS[DOMAIN] / 2 < few < 2 * HAND_SET_WEIGHTS[DOMAIN]
    assert many > 2 * HAND_SET_WEIGHTS[DOMAIN]


def test_a_field_that_agrees_never_speaks_against_a_pair() -> None:
    """Whatever people chose: a reason that is named keeps its sign and a fifth of its size, and outvotes no text."""
    for agrees in (-3.0, 3.0):
        learned = fit_field_weights(judged(2_000, agrees), 1.0)
        factors = learned / HAND_SET_WEIGHTS
        assert factors.min() >= 0.2 - 1e-6
        assert factors.max() <= 5 + 1e-5
    assert factors[DOMAIN] == pytest.approx(5)


def test_a_need_with_twice_the_pairs_counts_twice_not_four_times() -> None:
    """The pull on a weight, from hardly any prior: comparisons of one need are not independent of each other."""
    evidence = np.zeros((4, len(EVIDENCE)), dtype=np.float32)
    evidence[0, DOMAIN] = 1
    small = JudgedEvidence(np.zeros(4, dtype=np.float32), np.array([4, 1, 1, 1]), evidence)
    twice = JudgedEvidence(
        np.zeros(8, dtype=np.float32),
        np.array([4, 4, 1, 1, 1, 1, 1, 1]),
        np.concatenate([evidence[:1], evidence[:1], np.repeat(evidence[1:2], 6, axis=0)]),
    )
    assert fit_field_weights([small, small], 1.0) == pytest.approx(fit_field_weights([twice], 1.0), rel=1e-3)

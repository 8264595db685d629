from __future__ import annotations

import math

import numpy as np
import pytest

from matching.errors import InvalidInput
from matching.ranking.metrics import (
    compute_auc,
    compute_calibration_error,
    compute_ndcg,
    compute_recall,
    compute_reciprocal_rank,
    rank_positions,
)


def test_ndcg_of_a_worked_example() -> None:
    # Order by score: levels 4, 1, 3, 2 with gains 7, 0, 3, 1.
    scores = np.array([0.2, 0.9, 0.5, 0.7])
    got = 7 + 3 / math.log2(4) + 1 / math.log2(5)
    ideal = 7 + 3 / math.log2(3) + 1 / math.log2(4)
    assert compute_ndcg(scores, [2, 4, 3, 1]) == pytest.approx(got / ideal)


def test_ndcg_looks_at_the_first_ten_only() -> None:
    scores = np.arange(11, 0, -1).astype(float)
    assert compute_ndcg(scores, [1] * 10 + [4]) == 0.0


def test_ndcg_is_undefined_without_gains() -> None:
    assert compute_ndcg(np.array([1.0, 2.0]), [1, 1]) is None


def test_auc_counts_ties_half() -> None:
    assert compute_auc(np.array([2.0, 1.0, 1.0]), [4, 3, 1]) == 0.75


@pytest.mark.parametrize("levels", [[3, 4], [1, 2]])
def test_auc_needs_both_kinds(levels: list[int]) -> None:
    assert compute_auc(np.array([1.0, 2.0]), levels) is None


def test_recall_and_reciprocal_rank() -> None:
    ranks = rank_positions(np.array([0.1, 0.9, 0.5, 0.5]), [0, 3])
    assert ranks.tolist() == [4, 3]
    assert compute_recall(ranks, 3) == 0.5
    assert compute_reciprocal_rank(ranks) == pytest.approx(1 / 3)


def test_calibration_error() -> None:
    probabilities = np.array([0.15, 0.15, 0.95, 0.95])
    outcomes = np.array([False, False, True, False])
    assert compute_calibration_error(probabilities, outcomes) == pytest.approx(0.5 * 0.15 + 0.5 * 0.45)


def test_unknown_level_is_refused() -> None:
    with pytest.raises(InvalidInput):
        compute_ndcg(np.array([1.0]), [5])

"""What is to be expected of a pair whose words, or whose vectors, say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from matching.ranking.features import DENSE, LEXICAL, TEXT_FEATURES
from matching.ranking.fusion import fuse
from matching.ranking.learned import Calibration, Expectation
from matching.training.expectations import fit_expectation, fit_expectations, fuse_parts


def test_parts_are_fused_as_if_the_rest_were_unknown() -> None:
    draws = np.random.default_rng(1)
    views = [draws.normal(size=(2, 3, len(TEXT_FEATURES))).astype(np.float32) for _ in range(2)]
    parts = fuse_parts(*views)
    assert parts.shape == (2, 3, 2)
    for column, unknown in enumerate((LEXICAL, DENSE)):
        masked = [view.copy() for view in views]
        for view in masked:
            view[:, :, unknown] = np.nan
        np.testing.assert_array_equal(parts[:, :, column], fuse(*masked))
    assert not any(np.isnan(view).any() for view in views)


def test_the_mean_score_is_found_again() -> None:
    draws = np.random.default_rng(2)
    fused = draws.normal(size=20_000)
    scores = 2 * fused - 3 + draws.normal(size=20_000)
    found = fit_expectation(fused, scores, None)
    asked = np.array([-2.0, 0.0, 1.0, 3.0, 5.0], dtype=np.float32)
    np.testing.assert_allclose(found.expect(asked), 2 * asked - 3, atol=0.6)


def test_the_expected_chance_is_the_mean_of_the_chances() -> None:
    """Where words would decide between a good and a bad pair, the chance lies between, not the score."""
    curve = Calibration(slope=1.0, intercept=0.0)
    fused = np.repeat([0.0, 1.0], 400)
    scores = np.concatenate([np.full(400, -4.0), np.tile([-4.0, 6.0], 200)])
    found = fit_expectation(fused, scores, curve)
    chances = curve.probabilities(scores[400:])
    expected = curve.probabilities(found.expect(np.array([1.0], dtype=np.float32)))
    assert expected[0] == pytest.approx(float(chances.mean()), abs=1e-3)


def test_order_by_fusion_stays_the_order() -> None:
    draws = np.random.default_rng(3)
    fused = draws.normal(size=5_000)
    found = fit_expectation(fused, -fused, None)  # the contrary of what it should be
    rising = found.expect(np.linspace(-6, 6, 200, dtype=np.float32))
    assert (np.diff(rising) > 0).all()


def test_a_line_that_hardly_rises_can_be_read_again_from_a_file() -> None:
    """Knots are rounded there; were two of them equal, the trained ranker could not be loaded."""
    draws = np.random.default_rng(4)
    found = fit_expectation(draws.normal(size=5_000) / 200, np.full(5_000, -1.0), None)
    rounded = [tuple(round(knot, 5) for knot in knots) for knots in (found.fused, found.scores)]
    assert Expectation(fused=rounded[0], scores=rounded[1]).fused == rounded[0]


def test_what_is_all_but_sure_has_a_score() -> None:
    found = fit_expectation(np.arange(100.0), np.full(100, 900.0), Calibration(slope=1.0, intercept=0.0))
    assert np.isfinite(found.scores).all()


@pytest.mark.parametrize("count", [0, 1, 2, 70])
def test_few_or_equal_pairs_still_give_a_line(count: int) -> None:
    found = fit_expectation(np.full(count, 0.5), np.full(count, -1.0), None)
    low, high = found.expect(np.array([0.5, 1.5], dtype=np.float32))
    assert low < high
    assert count == 0 or low == pytest.approx(-1.0)


def test_pairs_that_are_unknown_themselves_teach_nothing() -> None:
    scores = np.array([np.nan, 1.0, 2.0], dtype=np.float32)
    parts = np.array([[9.0, 9.0], [0.0, np.nan], [1.0, 5.0]], dtype=np.float32)
    without_words, without_vectors = fit_expectations([(scores, parts)], None)
    assert without_words.expect(np.array([0.5], dtype=np.float32))[0] == pytest.approx(1.5)
    assert without_vectors.expect(np.array([5.0], dtype=np.float32))[0] == pytest.approx(2.0)

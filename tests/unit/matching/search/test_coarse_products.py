"""Products on eight bits are near enough to choose by, and it is noticed where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from matching.search import coarse_products, many_queries
from matching.search.coarse_products import CoarseBlock, CoarseQueries
from matching.search.many_queries import Barred, Neighbours

DIMENSION = 384
ALL = slice(0, None)


def draw(seed: int, count: int, *, common: float = 0.0, dimension: int = DIMENSION) -> np.ndarray:
    """Vectors of norm 1 that share a direction, as those of an encoder do."""
    draws = np.random.default_rng(seed)
    vectors = draws.normal(size=(count, dimension)) + common * draws.normal(size=dimension)
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("zero", [64, 128])
@pytest.mark.parametrize("common", [0.0, 2.0])
def test_products_are_as_near_as_they_say(monkeypatch: pytest.MonkeyPatch, zero: int, common: float) -> None:
    monkeypatch.setattr(coarse_products, "_choose_zero", lambda: zero)
    rows, asked = draw(1, 3000, common=common), draw(2, 40, common=common)
    centre = rows.mean(axis=0)
    block, queries = CoarseBlock(rows, centre), CoarseQueries(asked)
    errors = queries.multiply(block, ALL) - asked @ (rows - centre).T / queries.scales[:, None]
    deviations = queries.deviation(block, ALL)
    assert errors.shape == (40, 3000)
    # The deviation is of the worst row: that of all is a little less, and none is many times as far off.
    spread = errors.std(axis=1) / deviations
    assert (spread < 1).all()
    assert (spread > 0.5).all()
    assert (np.abs(errors).max(axis=1) < 6 * deviations).all()
    assert np.abs(errors.mean()) < 0.05 * deviations.mean()


def test_codes_of_queries_fit_the_processor() -> None:
    assert coarse_products._choose_zero() in (64, 128)


def test_blank_rows_and_queries_have_products_of_zero() -> None:
    none = np.zeros((3, DIMENSION), dtype=np.float32)
    block = CoarseBlock(none, none[0])
    assert not CoarseQueries(none).multiply(block, ALL).any()
    assert not CoarseQueries(draw(1, 2)).multiply(block, ALL).any()


@pytest.mark.parametrize(("common", "rows"), [(0.0, 700), (2.0, 700), (1.0, 45)])
def test_the_nearest_are_among_those_found_coarsely(monkeypatch: pytest.MonkeyPatch, common: float, rows: int) -> None:
    monkeypatch.setattr(many_queries, "_COARSE_FROM", 0)
    monkeypatch.setattr(many_queries, "_VECTORS_AT_ONCE", 100)
    monkeypatch.setattr(many_queries, "_QUERIES_AT_ONCE", 16)
    matrix, asked, limit = draw(3, rows, common=common), draw(4, 50, common=common), 20
    matrix[5:9] = matrix[4]
    chance = np.random.default_rng(5)
    allowed = np.flatnonzero(chance.random(rows) < 0.9)
    pairs = np.argwhere(chance.random((50, rows)) < 0.05)
    barred = Barred(pairs[:, 0], pairs[:, 1])
    neighbours = Neighbours(matrix, allowed)
    coarse = neighbours._find_coarsely(asked, barred, limit)
    assert coarse is not None
    for query, found in enumerate(coarse):
        assert np.array_equal(found, np.unique(found))
        may = np.setdiff1d(allowed, barred.of_query(query))
        cosines = np.round(np.vecdot(matrix[may], asked[query]), 6)
        least = np.sort(cosines)[-limit] if len(may) > limit else -np.inf
        assert set(may[cosines >= least]) <= set(found) <= set(may)
        assert len(found) < 10 * limit
    assert all(np.array_equal(*both) for both in zip(coarse, neighbours.find(asked, barred, limit), strict=True))


def test_where_rounding_is_not_even_products_are_taken_in_full(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every component is the same third of a step off, in the same direction: errors add up instead of evening out."""
    monkeypatch.setattr(many_queries, "_COARSE_FROM", 0)
    steps = np.random.default_rng(6).integers(0, 20, (150, 1))
    one_sign = np.repeat(steps + np.float32(0.33), DIMENSION, axis=1).astype(np.float32)
    one_sign[:, 0] = 127
    matrix = np.concatenate([one_sign, -one_sign])
    asked = np.abs(draw(7, 20))
    none = np.empty(0, dtype=np.intp)
    neighbours = Neighbours(matrix, np.arange(300))
    assert neighbours._find_coarsely(asked, Barred(none, none), 5) is None
    for query, found in zip(asked, neighbours.find(asked, Barred(none, none), 5), strict=True):
        assert set(np.argsort(-(matrix @ query), kind="stable")[:5]) <= set(found)

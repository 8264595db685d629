"""The compiled search for the highest sums, beside sums and a sort in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from matching.search.word_scores import WeighedWords

ROWS = 500


def draw_words(
    seed: int, count: int, *, most: int, weights: tuple[float, ...] = ()
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    draws = np.random.default_rng(seed)
    words = {}
    for number in range(count):
        rows = np.sort(draws.choice(ROWS, size=int(draws.integers(1, most)), replace=False))
        words[f"w{number}"] = rows, draws.choice(weights, size=len(rows)) if weights else draws.random(len(rows)) + 0.01
    return words


def weigh(words: dict[str, tuple[np.ndarray, np.ndarray]]) -> WeighedWords:
    weighed = WeighedWords()
    names = list(words)
    for part in (names[:3], names[3:]):
        ends = np.cumsum([len(words[name][0]) for name in part])
        weighed.add(
            part,
            np.concatenate([words[name][0] for name in part]),
            np.concatenate([words[name][1] for name in part]),
            ends,
        )
    return weighed


@pytest.mark.parametrize("weights", [(), (0.5, 1.0)], ids=["distinct", "ties"])
@pytest.mark.parametrize("limit", [1, 7, 100, 700])
@pytest.mark.parametrize("most", [12, ROWS])
def test_rows_and_scores_are_those_of_a_sum_and_a_sort(weights: tuple[float, ...], limit: int, most: int) -> None:
    words = draw_words(1, 30, most=most, weights=weights)
    weighed = weigh(words)
    draws = np.random.default_rng(2)
    queries = [list(draws.choice(list(words), size=draws.integers(0, 20), replace=False)) for _ in range(40)]
    barred = [draws.choice(ROWS, size=draws.integers(0, 60), replace=False) for _ in queries]
    found = weighed.find_highest(queries, barred, ROWS, limit, margin=1e-3)
    assert len(found) == len(queries)
    for query, left_out, (rows, scores) in zip(queries, barred, found, strict=True):
        sums = np.zeros(ROWS)
        for word in query:
            sums[words[word][0]] += words[word][1]
        sums[left_out] = 0
        positive = np.sort(sums[sums > 0])
        least = positive[-limit] - 1e-3 if len(positive) >= limit else 0.0
        assert rows.tolist() == np.flatnonzero((sums > 0) & (sums >= least)).tolist()
        assert scores.tolist() == sums[rows].tolist()


def test_words_are_known_once_they_were_added() -> None:
    words = draw_words(3, 5, most=10)
    weighed = weigh(words)
    assert "w4" in weighed
    assert "w5" not in weighed
    assert weighed.size == sum(len(rows) for rows, _ in words.values())
    assert weighed.find_highest([], [], ROWS, 3, margin=0.0) == []
    ((rows, scores),) = weighed.find_highest([[]], [np.empty(0, dtype=np.int64)], ROWS, 3, margin=0.0)
    assert (len(rows), len(scores)) == (0, 0)

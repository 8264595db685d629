"""Which posts score highest by words for each of many queries: a loop that Numba compiles.

For one query `numpy.bincount` adds up what its words are worth. For thousands of them the same in NumPy spends as long
on copying the postings of each query's words one behind the other and on looking for the highest sums among those of
all posts. Compiled, one loop does it in place, and lets other threads run meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from matching.search.growing_array import GrowingArray

Rows = NDArray[np.int32]
Scores = NDArray[np.float64]
Places = NDArray[np.int64]
Function = TypeVar("Function", bound=Callable[..., Any])

_BLOCK = 64
"""Rows of which the highest is known: only blocks that may have one of the best are looked through."""


def _compiled(function: Function) -> Function:
    """Compiled at its first call, in a second; it runs without the interpreter's lock."""
    return cast(Function, njit(nogil=True)(function))


def _compiled_any_order(function: Function) -> Function:
    """As `_compiled`, for numbers of which none is NaN and the order of comparing changes nothing."""
    return cast(Function, njit(nogil=True, fastmath={"nnan", "nsz"})(function))


class WeighedWords:
    """Words with where they stand and what they add to the score of each of these rows."""

    def __init__(self) -> None:
        self._rows = GrowingArray(np.int32)
        self._weights = GrowingArray(np.float64)
        self._places: dict[str, tuple[int, int]] = {}

    def __contains__(self, word: str) -> bool:
        return word in self._places

    @property
    def size(self) -> int:
        """Rows of all words together, 12 bytes each."""
        return self._rows.size

    def add(self, words: Sequence[str], rows: NDArray[np.integer], weights: Scores, ends: Places) -> None:
        """Rows and weights of one word after the other; `ends` says where each ends."""
        starts = np.concatenate([[0], ends[:-1]])
        for word, start, end in zip(words, (starts + self.size).tolist(), (ends + self.size).tolist(), strict=True):
            self._places[word] = start, end
        self._rows.append(rows.astype(np.int32))
        self._weights.append(weights)

    def find_highest(
        self,
        queries: Sequence[Sequence[str]],
        barred: Sequence[NDArray[np.integer]],
        row_count: int,
        limit: int,
        margin: float,
    ) -> list[tuple[Rows, Scores]]:
        """For each query, of known words, the rows with a score above 0 that is at most `margin` below its `limit`
        highest, and their scores, rows ascending.

        A score is the sum of what the words add, in their order. `barred` rows are left out for their query.
        """
        if not queries:
            return []
        places = np.array([self._places[word] for words in queries for word in words], dtype=np.int64).reshape(-1, 2)
        barred_rows = np.concatenate([np.empty(0, dtype=np.int64), *barred])
        rows, scores, ends = _find_highest_sums(
            self._rows.filled, self._weights.filled, places, _ends_of(queries), barred_rows.astype(np.int64),
            _ends_of(barred), row_count, limit, margin,
        )  # fmt: skip
        cuts = ends[:-1]
        return list(zip(np.split(rows, cuts), np.split(scores, cuts), strict=True))


def _ends_of(parts: Sequence[object]) -> Places:
    return np.cumsum([len(part) for part in parts], dtype=np.int64)  # type: ignore[arg-type]


@_compiled
def _add_up(scores: Scores, rows: Rows, weights: Scores) -> None:
    for place in range(len(rows)):
        scores[np.uint32(rows[place])] += weights[place]


@_compiled_any_order
def _find_tops(scores: Scores, tops: Scores) -> None:
    for block in range(len(tops)):
        top = 0.0
        for row in range(block * _BLOCK, min((block + 1) * _BLOCK, len(scores))):
            top = max(top, scores[row])
        tops[block] = top


@_compiled
def _limit_highest(values: Scores, limit: int) -> float:
    """The `limit` highest of values that are not negative; 0 where there are fewer."""
    if len(values) < limit:
        return 0.0
    return float(np.partition(values, len(values) - limit)[len(values) - limit])


@_compiled
def _find_highest_sums(
    rows: Rows,
    weights: Scores,
    places: Places,
    words_end: Places,
    barred_rows: Places,
    barred_end: Places,
    row_count: int,
    limit: int,
    margin: float,
) -> tuple[Rows, Scores, Places]:
    """`WeighedWords.find_highest` on plain arrays; `places` are (start, end) of each query's words."""
    scores = np.zeros(row_count)
    tops = np.empty((row_count + _BLOCK - 1) // _BLOCK)
    near_rows = np.empty(row_count, dtype=np.int32)
    near_scores = np.empty(row_count)
    found_rows = np.empty(2 * limit * len(words_end), dtype=np.int32)
    found_scores = np.empty(len(found_rows))
    ends = np.empty(len(words_end), dtype=np.int64)
    count = first_word = first_barred = 0
    for query in range(len(words_end)):
        scores[:] = 0
        for word in range(first_word, words_end[query]):
            start, end = places[word]
            _add_up(scores, rows[start:end], weights[start:end])
        first_word = words_end[query]
        for place in range(first_barred, barred_end[query]):
            scores[barred_rows[place]] = 0
        first_barred = barred_end[query]

        # So many rows as blocks reach the `limit` highest top: the `limit` highest score is not below it.
        _find_tops(scores, tops)
        least = _limit_highest(tops, limit) - margin
        near = 0
        for block in range(len(tops)):
            if tops[block] > 0 and tops[block] >= least:
                for row in range(block * _BLOCK, min((block + 1) * _BLOCK, row_count)):
                    if scores[row] > 0 and scores[row] >= least:
                        near_rows[near] = row
                        near_scores[near] = scores[row]
                        near += 1
        least = _limit_highest(near_scores[:near], limit) - margin

        if count + near > len(found_rows):
            more_rows = np.empty(2 * len(found_rows) + near, dtype=np.int32)
            more_scores = np.empty(len(more_rows))
            more_rows[:count] = found_rows[:count]
            more_scores[:count] = found_scores[:count]
            found_rows, found_scores = more_rows, more_scores
        for place in range(near):
            if near_scores[place] >= least:
                found_rows[count] = near_rows[place]
                found_scores[count] = near_scores[place]
                count += 1
        ends[query] = count
    return found_rows[:count], found_scores[:count], ends

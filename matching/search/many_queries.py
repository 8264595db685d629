"""The embedded index asked many things at once: what each query alone would find, at a fraction of the time.

Products of matrices take the place of a pass over all vectors for each query, what a word adds to each post is worked
out once for all queries that have the word, and filters with visibility are asked for once. The arithmetic of the
scores is that of a single query, to the last bit: products find who may be among the best, with a margin that is
larger than their rounding, and the few are compared again as one query would compare them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]

_QUERIES_AT_ONCE = 256
_VECTORS_AT_ONCE = 16_384
_MARGIN = np.float32(2e-5)
"""By how much a product may differ from the same cosine computed alone, and half a unit of what scores are rounded to,
generously: with float32 and a thousand components sums differ in the sixth decimal."""


_BELOW_ALL = np.float32(-2)  # any cosine is above it, and what is barred below
_SAMPLED = 8
_LEAST_SCORE = 1e-300
"""Every score of a row with one of the words is above it."""


@dataclass(frozen=True, slots=True)
class Barred:
    """Rows that single queries must not find, besides what all of them must not: (queries[i], rows[i])."""

    queries: Rows
    rows: Rows

    def of_query(self, query: int) -> Rows:
        """Its rows; `queries` is ascending."""
        first, end = np.searchsorted(self.queries, (query, query + 1))
        return self.rows[first:end]


def find_nearest(
    queries: NDArray[np.float32], matrix: NDArray[np.float32], allowed: Rows, barred: Barred, limit: int
) -> list[Rows]:
    """For each query the rows of `matrix` that may be among its `limit` nearest, ascending: those and a few more.

    `allowed` rows, ascending, are looked at; barred ones are left out for their query.
    """
    best = np.full((len(queries), limit), -np.inf, dtype=np.float32)
    order = np.argsort(barred.rows, kind="stable")
    barred_rows, barred_queries = barred.rows[order], barred.queries[order]
    found: list[tuple[Rows, Rows, NDArray[np.float32]]] = []
    for start in range(0, len(allowed), _VECTORS_AT_ONCE):
        rows = allowed[start : start + _VECTORS_AT_ONCE]
        first_row, end_row = int(rows[0]), int(rows[-1]) + 1
        block = matrix[first_row:end_row] if end_row - first_row == len(rows) else matrix[rows]
        first_barred, end_barred = np.searchsorted(barred_rows, (first_row, end_row))
        places = np.searchsorted(rows, barred_rows[first_barred:end_barred])
        there = rows[places] == barred_rows[first_barred:end_barred]
        places, whose = places[there], barred_queries[first_barred:end_barred][there]
        for first in range(0, len(queries), _QUERIES_AT_ONCE):
            part = slice(first, min(first + _QUERIES_AT_ONCE, len(queries)))
            cosines = queries[part] @ block.T
            own = (whose >= part.start) & (whose < part.stop)
            cosines[whose[own] - part.start, places[own]] = -np.inf
            at, columns, values, best[part] = _take_best(cosines, best[part])
            found.append((at + first, rows[columns], values))
    if not found:
        return [np.empty(0, dtype=np.intp) for _ in queries]
    at, rows, values = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    kept = values >= best.min(axis=1)[at] - _MARGIN
    at, rows = at[kept], rows[kept]
    order = np.lexsort((rows, at))
    ends = np.cumsum(np.bincount(at, minlength=len(queries)))
    return np.split(rows[order], ends[:-1])


def _take_best(
    cosines: NDArray[np.float32], best: NDArray[np.float32]
) -> tuple[Rows, Rows, NDArray[np.float32], NDArray[np.float32]]:
    """(queries, columns, cosines) of what may be among the best so far, and the best cosines so far of each query."""
    limit, width = best.shape[1], cosines.shape[1]
    least = np.maximum(best.min(axis=1), _BELOW_ALL)
    if width > limit and (least <= _BELOW_ALL).any():
        # As in find_highest: a sample tells where the best begin.
        sample = cosines[:, ::_SAMPLED]
        wanted = min(sample.shape[1], limit * 3 // (2 * _SAMPLED) + 16)
        guessed = np.partition(sample, sample.shape[1] - wanted, axis=1)[:, sample.shape[1] - wanted]
        few = np.count_nonzero(cosines >= guessed[:, None], axis=1) < limit
        guessed[few] = np.partition(cosines[few], width - limit, axis=1)[:, width - limit]
        least = np.maximum(least, guessed)
    flat = np.flatnonzero(cosines >= (least - _MARGIN)[:, None])
    at = flat // width
    columns = flat - at * width
    values = cosines.ravel()[flat]
    counts = np.bincount(at, minlength=len(cosines))
    padded = np.full((len(cosines), limit + int(counts.max(initial=0))), -np.inf, dtype=np.float32)
    padded[:, :limit] = best
    padded[at, limit + np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)] = values
    both = padded.shape[1]
    return at, columns, values, np.partition(padded, both - limit, axis=1)[:, both - limit :]


def find_highest(scores: NDArray[np.float64], limit: int, margin: float) -> Rows:
    """Places of positive scores that may be among the `limit` highest after rounding, ascending."""
    # Most scores are far from the highest: a sample tells about where those begin, and few are looked at closely.
    sample = scores[:: 4 * _SAMPLED]
    wanted = min(len(sample), limit * 3 // (8 * _SAMPLED) + 16)
    low = float(np.partition(sample, len(sample) - wanted)[len(sample) - wanted]) if wanted else 0.0
    rows = np.flatnonzero(scores >= low) if low > 0 else np.flatnonzero(scores > 0)
    if len(rows) < limit and low > 0:
        low, rows = 0.0, np.flatnonzero(scores > 0)
    if len(rows) <= limit:
        return rows if low <= 0 else np.flatnonzero(scores >= max(low - margin, _LEAST_SCORE))
    found = scores[rows]
    least = float(np.partition(found, len(found) - limit)[len(found) - limit]) - margin
    return rows[found >= least] if least >= low else np.flatnonzero(scores >= max(least, _LEAST_SCORE))


def group_alike(keys: Sequence[object]) -> dict[object, list[int]]:
    """Places of equal keys."""
    groups: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    return groups

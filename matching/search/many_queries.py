"""The embedded index asked many things at once: what each query alone would find, at a fraction of the time.

Products of matrices take the place of a pass over all vectors for each query, what a word adds to each post is worked
out once for all queries that have the word, and filters with visibility are asked for once. The arithmetic of the
scores is that of a single query, to the last bit: products find who may be among the best, with a margin that is
larger than their rounding, and the few are compared again as one query would compare them. Where there is much to
multiply, products are taken on eight bits (`coarse_products`), with a margin of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from matching.search.coarse_products import CoarseBlock, CoarseQueries

Rows = NDArray[np.intp]

_QUERIES_AT_ONCE = 256
_VECTORS_AT_ONCE = 8_192
_MARGIN = np.float32(2e-5)
"""By how much a product may differ from the same cosine computed alone, and half a unit of what scores are rounded to,
generously: with float32 and a thousand components sums differ in the sixth decimal."""


_COARSE_FROM = 2_000_000
"""Products of queries and rows, from where rounding to eight bits is worth its while."""
_COARSE_COMPONENTS = 128
"""Fewer components have errors that do not even out."""
_DEVIATIONS = np.float32(10)
"""By how many standard deviations two products on eight bits may be in the wrong order: their difference has √2 of
them, and is further off than seven of its own once in 10¹²."""
_DEVIATIONS_SEEN = 6
"""More in what is compared again means that rounding is not even."""
_ROWS_OF_CENTRE = 4096
_LOOKED_AT = 4
"""Products of each query that are compared with exact ones."""

_BELOW_ALL = np.finfo(np.float32).min  # any product is above it, and what is barred below
_SAMPLED = 8


@dataclass(frozen=True, slots=True)
class Barred:
    """Rows that single queries must not find, besides what all of them must not: (queries[i], rows[i])."""

    queries: Rows
    rows: Rows

    def of_query(self, query: int) -> Rows:
        """Its rows; `queries` is ascending."""
        first, end = np.searchsorted(self.queries, (query, query + 1))
        return self.rows[first:end]


Products = Callable[[slice], tuple[NDArray[np.float32], NDArray[np.float32]]]
"""Of the queries of a slice: products with the rows of a block, (queries, rows), in any unit that is the same for all
blocks, and by how much two of them may be in the wrong order, (queries,)."""


class Neighbours:
    """Rows of a matrix among which the nearest are looked for, by many queries and again; several threads may ask."""

    def __init__(self, matrix: NDArray[np.float32], allowed: Rows) -> None:
        """`allowed` rows, ascending, are looked at."""
        self._matrix = matrix
        self._allowed = allowed
        self._coarse: tuple[NDArray[np.float32], list[CoarseBlock]] | None = None
        self._making = Lock()

    def find(self, queries: NDArray[np.float32], barred: Barred, limit: int) -> list[Rows]:
        """For each query the rows that may be among its `limit` nearest, ascending: those and a few more.

        Barred rows are left out for their query.
        """
        if not len(queries):
            return []
        if len(queries) * len(self._allowed) >= _COARSE_FROM and self._matrix.shape[1] >= _COARSE_COMPONENTS:
            found = self._find_coarsely(queries, barred, limit)
            if found is not None:
                return found

        def multiply(_number: int, rows: Rows) -> Products:
            block = self._take(rows)

            def products(part: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
                cosines = queries[part] @ block.T
                return cosines, np.full(len(cosines), _MARGIN)

            return products

        _, rows, _, ends = self._find_by_products(len(queries), barred, limit, multiply)
        return np.split(rows, ends[:-1])

    def _find_coarsely(self, queries: NDArray[np.float32], barred: Barred, limit: int) -> list[Rows] | None:
        """By products on eight bits; None where these are further off than they should be."""
        centre, blocks = self._round()
        coarse = CoarseQueries(queries)
        worst = np.zeros(len(queries), dtype=np.float32)

        def multiply(number: int, _rows: Rows) -> Products:
            def products(part: slice) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
                deviations = coarse.deviation(blocks[number], part)
                np.maximum(worst[part], deviations, out=worst[part])
                margin = _DEVIATIONS * deviations + _MARGIN / coarse.scales[part]
                return coarse.multiply(blocks[number], part), margin

            return products

        at, rows, values, ends = self._find_by_products(len(queries), barred, limit, multiply)
        starts = np.concatenate([[0], ends[:-1]])
        places = (starts[:, None] + np.arange(_LOOKED_AT))[np.arange(_LOOKED_AT) < (ends - starts)[:, None]]
        whose = at[places]
        exact = np.vecdot(self._matrix[rows[places]] - centre, queries[whose]) / coarse.scales[whose]
        if (np.abs(exact - values[places]) > _DEVIATIONS_SEEN * worst[whose]).any():
            return None
        return np.split(rows, ends[:-1])

    def _round(self) -> tuple[NDArray[np.float32], list[CoarseBlock]]:
        """The centre and the blocks on eight bits, a quarter of the matrix."""
        with self._making:
            if self._coarse is None:
                some = self._allowed[:: max(1, len(self._allowed) // _ROWS_OF_CENTRE)]
                centre = self._matrix[some].mean(axis=0)
                self._coarse = centre, [CoarseBlock(self._take(rows), centre) for rows in self._blocks()]
            return self._coarse

    def _blocks(self) -> Iterator[Rows]:
        for start in range(0, len(self._allowed), _VECTORS_AT_ONCE):
            yield self._allowed[start : start + _VECTORS_AT_ONCE]

    def _take(self, rows: Rows) -> NDArray[np.float32]:
        first, end = int(rows[0]), int(rows[-1]) + 1
        return self._matrix[first:end] if end - first == len(rows) else self._matrix[rows]

    def _find_by_products(
        self, asked: int, barred: Barred, limit: int, multiply: Callable[[int, Rows], Products]
    ) -> tuple[Rows, Rows, NDArray[np.float32], Rows]:
        """(queries, rows, products) of what may be among the best, query by query with rows ascending, and where each
        query ends."""
        best = np.full((asked, limit), -np.inf, dtype=np.float32)
        margins = np.zeros(asked, dtype=np.float32)
        order = np.argsort(barred.rows, kind="stable")
        barred_rows, barred_queries = barred.rows[order], barred.queries[order]
        found: list[tuple[Rows, Rows, NDArray[np.float32]]] = []
        for number, rows in enumerate(self._blocks()):
            products = multiply(number, rows)
            first_barred, end_barred = np.searchsorted(barred_rows, (rows[0], rows[-1] + 1))
            places = np.searchsorted(rows, barred_rows[first_barred:end_barred])
            there = rows[places] == barred_rows[first_barred:end_barred]
            places, whose = places[there], barred_queries[first_barred:end_barred][there]
            for first in range(0, asked, _QUERIES_AT_ONCE):
                part = slice(first, min(first + _QUERIES_AT_ONCE, asked))
                values, margin = products(part)
                np.maximum(margins[part], margin, out=margins[part])
                own = (whose >= part.start) & (whose < part.stop)
                values[whose[own] - part.start, places[own]] = -np.inf
                at, columns, kept, best[part] = _take_best(values, best[part], margins[part])
                found.append((at + first, rows[columns], kept))
        none = (np.empty(0, dtype=np.intp), np.empty(0, dtype=np.intp), np.empty(0, dtype=np.float32))
        at, rows, kept = (np.concatenate(arrays) for arrays in zip(none, *found, strict=True))
        near = kept >= best.min(axis=1)[at] - margins[at]
        at, rows, kept = at[near], rows[near], kept[near]
        # Blocks come in the order of their rows: a stable sort by query leaves these ascending. Short numbers are
        # sorted digit by digit, ten times as fast.
        order = np.argsort(at.astype(np.uint16) if asked < 2**16 else at, kind="stable")
        return at[order], rows[order], kept[order], np.cumsum(np.bincount(at, minlength=asked))


def _take_best(
    products: NDArray[np.float32], best: NDArray[np.float32], margins: NDArray[np.float32]
) -> tuple[Rows, Rows, NDArray[np.float32], NDArray[np.float32]]:
    """(queries, columns, products) of what may be among the best so far, and the best so far of each query."""
    limit, width = best.shape[1], products.shape[1]
    least = np.maximum(best.min(axis=1), _BELOW_ALL)
    if width > limit and (least <= _BELOW_ALL).any():
        # Most are far from the best: a sample tells about where these begin, and few are looked at closely.
        sample = products[:, ::_SAMPLED]
        wanted = min(sample.shape[1], limit * 3 // (2 * _SAMPLED) + 16)
        guessed = np.partition(sample, sample.shape[1] - wanted, axis=1)[:, sample.shape[1] - wanted]
        few = np.count_nonzero(products >= guessed[:, None], axis=1) < limit
        guessed[few] = np.partition(products[few], width - limit, axis=1)[:, width - limit]
        least = np.maximum(least, guessed)
    flat = np.flatnonzero(products >= (least - margins)[:, None])
    at = flat // width
    columns = flat - at * width
    values = products.ravel()[flat]
    counts = np.bincount(at, minlength=len(products))
    padded = np.full((len(products), limit + int(counts.max(initial=0))), -np.inf, dtype=np.float32)
    padded[:, :limit] = best
    padded[at, limit + np.arange(len(at)) - np.repeat(np.cumsum(counts) - counts, counts)] = values
    both = padded.shape[1]
    return at, columns, values, np.partition(padded, both - limit, axis=1)[:, both - limit :]


def group_alike(keys: Sequence[object]) -> dict[object, list[int]]:
    """Places of equal keys."""
    groups: dict[object, list[int]] = {}
    for place, key in enumerate(keys):
        groups.setdefault(key, []).append(place)
    return groups

"""Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009): several rankings into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from matching.search.port import CandidateQuery, Hit, VectorQuery, WordQuery

RANK_OFFSET = 60
"""The paper's k: how little the difference between the first ranks weighs."""


def fuse_by_rank(rankings: Sequence[Sequence[str]]) -> list[str]:
    """All ids, best first: each ranking gives 1 / (RANK_OFFSET + rank), ranks from 1; ties by id."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, post_id in enumerate(ranking, start=1):
            scores[post_id] = scores.get(post_id, 0.0) + 1.0 / (RANK_OFFSET + rank)
    return sorted(scores, key=lambda post_id: (-scores[post_id], post_id))


class RowFusion:
    """`fuse_by_rank` for rows of an array, to the last bit; of one thread, for many rankings one after the other."""

    def __init__(self, id_places: NDArray[np.intp]) -> None:
        """`id_places` orders rows as their ids are ordered."""
        self._id_places = id_places
        self._scores = np.zeros(len(id_places))

    def fuse(self, rankings: Sequence[NDArray[np.integer]], limit: int) -> NDArray[np.intp]:
        """The first `limit` rows, best first; no row is twice in one ranking."""
        if not rankings:
            return np.empty(0, dtype=np.intp)
        for ranking in rankings:
            # In this order, as sums of three numbers depend on it.
            self._scores[ranking] += _shares_of_ranks(len(ranking))
        rows = np.unique(np.concatenate(rankings))
        scores = self._scores[rows]
        self._scores[rows] = 0
        if len(rows) > limit:
            kept = scores >= np.partition(scores, len(rows) - limit)[len(rows) - limit]
            rows, scores = rows[kept], scores[kept]
        return np.asarray(rows[np.lexsort((self._id_places[rows], -scores))][:limit], dtype=np.intp)


@lru_cache(maxsize=1024)
def _shares_of_ranks(count: int) -> NDArray[np.float64]:
    return 1.0 / (RANK_OFFSET + np.arange(1, count + 1))


def fuse_hits(
    queries: Sequence[CandidateQuery],
    find_by_vector: Callable[[Sequence[VectorQuery]], list[list[Hit]]],
    find_by_words: Callable[[Sequence[WordQuery]], list[list[Hit]]],
) -> list[list[str]]:
    """The candidates of each query from the hits of its single queries, each kind asked once."""
    vectors = [(place, each) for place, query in enumerate(queries) for each in query.by_vector()]
    words = [(place, each) for place, query in enumerate(queries) for each in query.by_words()]
    lists: list[list[list[str]]] = [[] for _ in queries]
    found = find_by_vector([each for _, each in vectors]) if vectors else []
    for (place, _), hits in zip(vectors, found, strict=True):
        lists[place].append([hit.post_id for hit in hits])
    found = find_by_words([each for _, each in words]) if words else []
    for (place, _), hits in zip(words, found, strict=True):
        lists[place].append([hit.post_id for hit in hits])
    return [fuse_by_rank(each)[: query.limit] for query, each in zip(queries, lists, strict=True)]

"""Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009): several rankings into one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

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


def fuse_rows(rankings: Sequence[NDArray[np.intp]], id_places: NDArray[np.intp]) -> NDArray[np.intp]:
    """`fuse_by_rank` for rows of an array, to the last bit; `id_places` orders rows as their ids are ordered."""
    if not rankings:
        return np.empty(0, dtype=np.intp)
    rows, places = np.unique(np.concatenate(rankings), return_inverse=True)
    scores, start = np.zeros(len(rows)), 0
    for ranking in rankings:
        # In this order, as sums of three numbers depend on it.
        scores[places[start : start + len(ranking)]] += 1.0 / (RANK_OFFSET + np.arange(1, len(ranking) + 1))
        start += len(ranking)
    return np.asarray(rows[np.lexsort((id_places[rows], -scores))], dtype=np.intp)


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

"""Which of very many capabilities are worth scoring for each need: near by vectors or good by words, fused by rank.

The four questions are those that the platform asks its index (`matching.services.candidates`): by title and by whole
text, by vectors and by words. All needs are asked for together, as products of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from matching.ranking.pool import Matrix, PreparedPosts
from matching.search.many_queries import Barred, Neighbours
from matching.search.rank_fusion import RowFusion

Rows = NDArray[np.intp]

_NEEDS_AT_ONCE = 64


def choose_promising(needs: PreparedPosts, capabilities: PreparedPosts, limit: int) -> Iterator[Rows]:
    """For each need the places of its `limit` most promising capabilities, ascending; all where there are no more."""
    count = len(capabilities)
    if count <= limit:
        yield from (np.arange(count) for _ in range(len(needs)))
        return
    places = np.arange(count)
    fusion = RowFusion(places)
    by_title = _nearest(needs.title_vectors, needs.embedded, capabilities.title_vectors, capabilities.embedded, limit)
    by_text = _nearest(needs.full_vectors, needs.embedded, capabilities.full_vectors, capabilities.embedded, limit)
    words = _by_terms(capabilities.full_words)
    for start in range(0, len(needs), _NEEDS_AT_ONCE):
        rows = np.arange(start, min(start + _NEEDS_AT_ONCE, len(needs)))
        titles = _multiply(needs.title_words[rows], words)
        texts = _multiply(needs.full_words[rows], words)
        for place, row in enumerate(rows):
            rankings = [by_title[row], by_text[row], _best(titles[place], limit), _best(texts[place], limit)]
            chosen = fusion.fuse(rankings, limit)
            if len(chosen) < limit:
                # Neither words nor vectors say anything of the others: the first of them.
                chosen = np.concatenate([chosen, np.setdiff1d(places, chosen)[: limit - len(chosen)]])
            yield np.sort(chosen)


def _nearest(
    queries: Matrix, asking: NDArray[np.bool_], matrix: Matrix, there: NDArray[np.bool_], limit: int
) -> list[Rows]:
    """Of each query the nearest rows, best first; none of a query or row without a vector."""
    none = np.empty(0, dtype=np.intp)
    found = Neighbours(matrix, np.flatnonzero(there)).find(queries, Barred(none, none), limit)
    ranked = []
    for query, rows, has_vector in zip(queries, found, asking, strict=True):
        order = np.argsort(-np.vecdot(matrix[rows], query), kind="stable")
        ranked.append(rows[order][:limit] if has_vector else none)
    return ranked


def _by_terms(documents: sparse.csr_array) -> sparse.csr_array:
    """Turned round, once for all needs."""
    return documents.T.tocsr()


def _multiply(queries: sparse.csr_array, by_terms: sparse.csr_array) -> Matrix:
    # The vocabulary grows: either may lack the last columns of the other.
    terms = max(queries.shape[1], by_terms.shape[0])
    first = sparse.csr_array((queries.data, queries.indices, queries.indptr), shape=(queries.shape[0], terms))
    pointers = np.concatenate([by_terms.indptr, np.full(terms - by_terms.shape[0], by_terms.indptr[-1])])
    second = sparse.csr_array((by_terms.data, by_terms.indices, pointers), shape=(terms, by_terms.shape[1]))
    return np.asarray((first @ second).toarray(), dtype=np.float32)


def _best(scores: NDArray[np.float32], limit: int) -> Rows:
    """Places of the highest scores above 0, best first."""
    rows = np.argpartition(-scores, limit)[:limit]
    rows = np.sort(rows[scores[rows] > 0])
    return np.asarray(rows[np.argsort(-scores[rows], kind="stable")], dtype=np.intp)

"""BM25 as both engines compute it, and the choice of words for a long query.

Elasticsearch scores with Lucene's BM25Similarity; the embedded index repeats that arithmetic, including the coarse
lengths Lucene stores, so that an installation may change engines without its results changing places.
Source of the formula: S. Robertson, H. Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond, 2009;
constants and length encoding: Apache Lucene, BM25Similarity and SmallFloat.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75
TITLE_WEIGHT = 2.0
BODY_WEIGHT = 1.0

QUERY_WORD_LIMIT = 128
"""Most distinct words a query searches with; a long text may have five times as many. On judged needs of 140 words
64 lost 4 % of nDCG@10, 128 nothing."""

_EXACT_LENGTHS = 24


@lru_cache(maxsize=16_384)
def inverse_document_frequency(document_frequency: int, documents: int) -> float:
    """Lucene's idf: ln(1 + (N − n + ½) / (n + ½)), never negative."""
    return math.log1p((documents - document_frequency + 0.5) / (document_frequency + 0.5))


def round_lengths(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Field lengths as Lucene remembers them: exact up to 24 words, beyond that 24 plus four significant bits."""
    beyond = np.maximum(lengths - _EXACT_LENGTHS, 0)
    bits = np.frexp(beyond.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(bits - 4, 0)
    return np.where(lengths <= _EXACT_LENGTHS, lengths, _EXACT_LENGTHS + ((beyond >> shift) << shift))


def length_factors(lengths: NDArray[np.int64], average: float) -> NDArray[np.float64]:
    """The part of BM25's denominator that depends on the field's length: k1 · (1 − b + b · length / average)."""
    if average <= 0:
        return np.full(lengths.shape, K1)
    return K1 * (1 - B + B * round_lengths(lengths).astype(np.float64) / average)


def select_query_words(
    words: Iterable[str],
    document_frequency: Mapping[str, int],
    documents: int,
    limit: int = QUERY_WORD_LIMIT,
) -> tuple[str, ...]:
    """The at most `limit` words that tell most, without repeats, in the order of the text.

    A word tells more the rarer it is among `documents` posts and the more often the query says it (counted up to
    three times, so that one word said thirty times does not crowd out the others). Words that no post has are left
    out. `document_frequency` is the larger of a word's counts in titles and in bodies.
    """
    counts = Counter([word for word in words if document_frequency.get(word, 0) > 0])
    if len(counts) <= limit:
        return tuple(counts)
    order = {word: place for place, word in enumerate(counts)}

    least_telling = {
        word: -min(count, 3) * inverse_document_frequency(document_frequency[word], documents)
        for word, count in counts.items()
    }
    # Sorting keeps the order of the text among equals.
    chosen = sorted(counts, key=least_telling.__getitem__)[:limit]
    return tuple(sorted(chosen, key=order.__getitem__))

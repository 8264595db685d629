"""Features of pairs of a need and a capability, many at once.

Raw features are similarities in their own units. A standardised feature says by how many standard deviations the pair's
value lies above what this need has with capabilities of the background (`toward_need`), or this capability with needs
(`toward_capability`). The second takes out that some posts resemble everything ("hubs").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from matching.ranking.pool import Matrix, PoolKey, PoolStatistics, PreparedPosts

Array = NDArray[np.float32]

TEXT_FEATURES = (
    "dense_title_title",
    "dense_title_full",
    "dense_full_title",
    "dense_full_full",
    "characters_title_title",
    "characters_title_full",
    "characters_full_title",
    "characters_full_full",
    "words_title_title",
    "words_title_full",
    "words_full_title",
    "words_full_full",
)
"""`<measure>_<part of the need>_<part of the capability>`: cosine of vectors, of TF-IDF of characters, and BM25 of
words."""

DENSE = slice(0, 4)
LEXICAL = slice(4, 12)

# What a feature's mean and spread are taken for where the background has too few posts to tell (weight of 20 posts).
# How near to each other unrelated posts lie depends on what a platform is about: from .05 for papers of all sciences to
# .2 for the firms of one county. Where few posts are in a script, those in the other one say it better.
_PRIOR_WEIGHT = 20.0
_FEW = 100
_PRIOR_MEAN = np.array([0.15] * 4 + [0.02, 0.02, 0.02, 0.03] + [1.0, 2.0, 4.0, 8.0], dtype=np.float32)
_PRIOR_SPREAD = np.array([0.1] * 4 + [0.04] * 4 + [3.0, 4.0, 6.0, 8.0], dtype=np.float32)

_MEASURED_AT_ONCE = 2_000  # posts, with 400 of the background: 40 MB

_MOST_REMEMBERED = 60_000
"""Posts whose mean and spread over a background a pool remembers, half a kilobyte each."""
_MOST_REMEMBERED_AT_ONCE = 1_000
"""More posts than this are files that are matched once, not candidates that come again."""


def compute_text_features(needs: PreparedPosts, capabilities: PreparedPosts) -> Array:
    """Raw text features of each pair: float32 of shape (needs, capabilities, len(TEXT_FEATURES)).

    Dense features of posts without vectors are NaN (unknown), and lexical ones of pairs in different scripts, which
    cannot share words whatever they mean.
    """
    features = np.empty((len(needs), len(capabilities), len(TEXT_FEATURES)), dtype=np.float32)
    place = 0
    for need_rows in (needs.title_vectors, needs.full_vectors):
        for capability_rows in (capabilities.title_vectors, capabilities.full_vectors):
            features[:, :, place] = need_rows @ capability_rows.T
            place += 1
    for need_terms, capability_terms in (
        (
            (needs.title_characters, needs.full_characters),
            (capabilities.title_characters, capabilities.full_characters),
        ),
        ((needs.title_words, needs.full_words), (capabilities.title_words, capabilities.full_words)),
    ):
        for need_matrix in need_terms:
            for capability_matrix in capability_terms:
                features[:, :, place] = _multiply(need_matrix, capability_matrix)
                place += 1
    features[~needs.embedded, :, DENSE] = np.nan
    features[:, ~capabilities.embedded, DENSE] = np.nan
    features[:, :, LEXICAL][needs.latin[:, None] != capabilities.latin[None, :]] = np.nan
    return features


def _multiply(first: sparse.csr_array, second: sparse.csr_array) -> Matrix:
    # Both were made with one growing vocabulary: the later one may have columns that the earlier one lacks.
    columns = max(first.shape[1], second.shape[1])
    return np.asarray((_widen(first, columns) @ _widen(second, columns).T).toarray(), dtype=np.float32)


def compute_phrase_features(needs: PreparedPosts, capabilities: PreparedPosts) -> Array:
    """Cosines of phrases, of the title's and the whole text's of the need with those of the whole capability.

    Shape (needs, capabilities, 2). 0 where a text has no phrase: most pairs share none, whatever they mean.
    """
    features = np.empty((len(needs), len(capabilities), 2), dtype=np.float32)
    for place, rows in enumerate((needs.title_phrases, needs.full_phrases)):
        # Columns are renamed to those of the needs, which are few: products take memory by their width. No hash is -1.
        columns = np.unique(np.append(rows.indices, -1))
        features[:, :, place] = (_rename(rows, columns) @ _rename(capabilities.full_phrases, columns).T).toarray()
    return features


def _rename(matrix: sparse.csr_array, columns: NDArray[np.int32]) -> sparse.csr_array:
    """The given columns of a matrix, ascending, by their places among themselves."""
    places = np.minimum(np.searchsorted(columns, matrix.indices), len(columns) - 1)
    there = columns[places] == matrix.indices
    pointers = np.concatenate([[0], np.cumsum(there)])[matrix.indptr]
    return sparse.csr_array((matrix.data[there], places[there], pointers), shape=(matrix.shape[0], len(columns)))


def _widen(matrix: sparse.csr_array, columns: int) -> sparse.csr_array:
    return sparse.csr_array((matrix.data, matrix.indices, matrix.indptr), shape=(matrix.shape[0], columns))


@dataclass(frozen=True, slots=True)
class Spread:
    """Of each post and feature, mean and standard deviation over the background: shape (posts, features)."""

    mean: Array
    spread: Array

    def select(self, rows: NDArray[np.intp]) -> Spread:
        """Of the posts at `rows`."""
        return Spread(self.mean[rows], self.spread[rows])


CapabilitySpreads = Mapping[bool, Spread]
"""By whether the needs are in Latin script. It depends on capabilities and pool alone, see `measure_capabilities`."""


_PRIOR = Spread(_PRIOR_MEAN, _PRIOR_SPREAD)


def _measure(features: Array, axis: int, prior: Spread = _PRIOR) -> Spread:
    """Mean and standard deviation along `axis`, drawn to the prior where there are few values.

    The prior is one for all posts, shape (features,), or each post's own, shape (posts, features).
    """
    count = np.sum(~np.isnan(features), axis=axis).astype(np.float32)
    total = np.nansum(features, axis=axis)
    mean = (total + _PRIOR_WEIGHT * prior.mean) / (count + _PRIOR_WEIGHT)
    deviation = np.nansum((features - np.expand_dims(mean, axis)) ** 2, axis=axis)
    variance = (deviation + _PRIOR_WEIGHT * prior.spread**2) / (count + _PRIOR_WEIGHT)
    return Spread(mean.astype(np.float32), np.sqrt(variance).astype(np.float32))


def _measure_over_background(posts: PreparedPosts, pool: PoolStatistics, against: PoolKey) -> Spread:
    """What each of the posts, all of one side, has with the background of the other side, `against`.

    It depends on post and pool alone, and takes most of the time of scoring a few pairs: the pool remembers it.
    """
    if len(posts) > _MOST_REMEMBERED_AT_ONCE:
        parts = [
            _measure_now(posts.select(np.arange(start, min(start + _MEASURED_AT_ONCE, len(posts)))), pool, against)
            for start in range(0, len(posts), _MEASURED_AT_ONCE)
        ]
        return Spread(np.concatenate([part.mean for part in parts]), np.concatenate([part.spread for part in parts]))
    keys = [(against, posts.fingerprint(row)) for row in range(len(posts))]
    known = [pool.measured.get(key) for key in keys]
    unknown = np.array([row for row, found in enumerate(known) if found is None], dtype=np.intp)
    if len(unknown):
        now = _measure_now(posts if len(unknown) == len(posts) else posts.select(unknown), pool, against)
        if len(pool.measured) + len(unknown) > _MOST_REMEMBERED:
            pool.measured.clear()
        for place, row in enumerate(unknown):
            known[row] = pool.measured[keys[row]] = (now.mean[place].copy(), now.spread[place].copy())
    found = [pair for pair in known if pair is not None]
    return Spread(
        np.array([mean for mean, _ in found], dtype=np.float32).reshape(-1, len(TEXT_FEATURES)),
        np.array([spread for _, spread in found], dtype=np.float32).reshape(-1, len(TEXT_FEATURES)),
    )


def _measure_now(posts: PreparedPosts, pool: PoolStatistics, against: PoolKey) -> Spread:
    side, latin = against
    features, axis = _features_with_background(posts, pool, against)
    if features.shape[axis] >= _FEW:
        return _measure(features, axis)
    # Of lexical features it says nothing: a post shares a script with one of the two at most.
    others, _ = _features_with_background(posts, pool, (side, not latin))
    return _measure(features, axis, prior=_measure(others, axis))


def _features_with_background(posts: PreparedPosts, pool: PoolStatistics, against: PoolKey) -> tuple[Array, int]:
    """Features of the posts with a part of the background, and the axis along which that lies."""
    background = pool.background.get(against)
    if background is None:
        background = posts.select(np.empty(0, dtype=np.intp))
    if against[0] == "capability":
        return compute_text_features(posts, background), 1
    return compute_text_features(background, posts), 0


def standardise_toward_need(
    features: Array, needs: PreparedPosts, capabilities: PreparedPosts, pool: PoolStatistics
) -> Array:
    """Standard deviations above the background of capabilities in the same script; shape as `features`."""
    standardised = np.empty_like(features)
    for latin in (False, True):
        columns = np.flatnonzero(capabilities.latin == latin)
        if not len(columns):
            continue
        measured = _measure_over_background(needs, pool, ("capability", latin))
        standardised[:, columns] = (features[:, columns] - measured.mean[:, None]) / measured.spread[:, None]
    return standardised


def measure_capabilities(needs: PreparedPosts, capabilities: PreparedPosts, pool: PoolStatistics) -> dict[bool, Spread]:
    """What each capability has with needs of the background, for each script that `needs` are in.

    Once for all needs that are scored with these capabilities: it takes as long as scoring them with 400 needs.
    """
    return {
        latin: _measure_over_background(capabilities, pool, ("need", latin))
        for latin in (False, True)
        if len(capabilities) and (needs.latin == latin).any()
    }


def standardise_toward_capability(
    features: Array,
    needs: PreparedPosts,
    capabilities: PreparedPosts,
    pool: PoolStatistics,
    measured: CapabilitySpreads | None = None,
) -> Array:
    """Standard deviations above the background of needs in the same script; shape as `features`.

    `measured`: what `measure_capabilities` gave for these capabilities, where it is known already.
    """
    standardised = np.empty_like(features)
    for latin, spread in (measured or measure_capabilities(needs, capabilities, pool)).items():
        rows = np.flatnonzero(needs.latin == latin)
        standardised[rows] = (features[rows] - spread.mean[None]) / spread.spread[None]
    return standardised


_MEASURES = ("dense_title", "dense_full", "characters_title", "characters_full", "words_title", "words_full")

RANKER_FEATURES = (
    *(f"{name}_toward_need" for name in _MEASURES),
    *(f"{name}_toward_capability" for name in _MEASURES),
    "fused",
    "dense_title_raw",
    "dense_full_raw",
    "characters_title_raw",
    "characters_full_raw",
    "phrases_title_raw",
    "phrases_full_raw",
)
"""What a learned ranker sees of a pair. Title and whole text of the capability are averaged, for judged
capabilities may have titles only, and a ranker taught on those must work for posts that have both."""


def assemble_ranker_features(
    raw: Array, toward_need: Array, toward_capability: Array, fused: Array, phrases: Array
) -> Array:
    """Features by RANKER_FEATURES: shape (needs, capabilities, len(RANKER_FEATURES)), NaN where unknown."""

    def over_capability_parts(features: Array) -> Array:
        return np.asarray((features[:, :, 0::2] + features[:, :, 1::2]) / 2, dtype=np.float32)

    assembled: Array = np.concatenate(
        [
            over_capability_parts(toward_need),
            over_capability_parts(toward_capability),
            fused[:, :, None],
            over_capability_parts(raw)[:, :, :4],
            phrases,
        ],
        axis=2,
        dtype=np.float32,
    )
    return assembled

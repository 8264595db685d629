"""Entries, queries and vectors for tests of the search index."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np

from matching.policy import MATCHER, Audience
from matching.search.port import IndexEntry, SearchFilters, Vector, VectorQuery, WordQuery

NOW = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
DIMENSION = 16


def direction(*parts: float, dimension: int = DIMENSION) -> Vector:
    """The unit vector along the given numbers, zeros behind them."""
    vector = np.zeros(dimension, dtype=np.float32)
    vector[: len(parts)] = parts
    return vector / np.float32(np.linalg.norm(vector))


def make_entry(post_id: str, words: str = "", **changes: Any) -> IndexEntry:
    """A public capability with these words in its body."""
    values: dict[str, Any] = {
        "post_id": post_id,
        "version": 1,
        "side": "capability",
        "title_words": (),
        "body_words": tuple(words.split()),
        "title_vector": None,
        "full_vector": None,
        "model_revision": "model-a",
        "organisation_id": None,
        "region_code": "440784",
        "visibility": "public",
        "expires_at": None,
        "published_at": None,
    }
    return IndexEntry(**{**values, **changes})


def word_query(words: str, *, audience: Audience = MATCHER, limit: int = 10, **filters: Any) -> WordQuery:
    return WordQuery(
        words=tuple(words.split()),
        filters=SearchFilters(**{"side": "capability", **filters}),
        audience=audience,
        now=NOW,
        limit=limit,
    )


def vector_query(
    vector: Vector,
    *,
    audience: Audience = MATCHER,
    limit: int = 10,
    field: Any = "full_vector",
    fill_words: str = "",
    **filters: Any,
) -> VectorQuery:
    return VectorQuery(
        vector=vector,
        field=field,
        filters=SearchFilters(**{"side": "capability", **filters}),
        audience=audience,
        now=NOW,
        limit=limit,
        fill_words=tuple(fill_words.split()),
    )

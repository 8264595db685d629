"""The SearchIndex port: posts in, candidate ids with scores out.

Words are cut by `matching.text` before they come here and vectors by an `Embedder`; the index stores both, filters
and retrieves. Fusion and ranking are not its business. Hits carry ids and scores only: titles, status and visibility
come from the database. The index holds live posts; each write carries the row's version and an older one never
overwrites a newer one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from matching.documents import Side
from matching.policy import Audience

Vector = NDArray[np.float32]
VectorField = Literal["title_vector", "full_vector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """One live post as the index stores it.

    `title_words` and `body_words` are words cut by `matching.text`, in order, repeats kept. Vectors have L2 norm 1, or
    are None where the text says too little (内容不足); such posts are found by words only.
    """

    post_id: str
    version: int
    side: Side
    title_words: tuple[str, ...]
    body_words: tuple[str, ...]
    title_vector: Vector | None
    full_vector: Vector | None
    model_revision: str
    organisation_id: str | None
    region_code: str
    visibility: str
    expires_at: datetime | None
    published_at: datetime | None
    town: str | None = None
    kind: str | None = None
    domain: str | None = None
    industry_codes: tuple[str, ...] = ()
    """With all their parents: ("C", "C39", "C398")."""
    cooperation_modes: tuple[str, ...] = ()
    maturity: int | None = None
    language: str = "zh"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilters:
    """Restrictions besides visibility; empty means any. Values within one field are alternatives.

    A post that leaves a field empty does not pass a filter on that field. `exclude_post_ids` and
    `exclude_organisation_ids` are never returned.
    """

    side: Side
    kinds: frozenset[str] = field(default_factory=frozenset)
    industry_codes: frozenset[str] = field(default_factory=frozenset)
    domains: frozenset[str] = field(default_factory=frozenset)
    towns: frozenset[str] = field(default_factory=frozenset)
    region_scope: str = ""
    cooperation_modes: frozenset[str] = field(default_factory=frozenset)
    least_maturity: int | None = None
    languages: frozenset[str] = field(default_factory=frozenset)
    organisation_ids: frozenset[str] = field(default_factory=frozenset)
    exclude_organisation_ids: frozenset[str] = field(default_factory=frozenset)
    exclude_post_ids: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True, kw_only=True)
class WordQuery:
    """Any of `words` may match, in title or body; more and rarer words score higher."""

    words: tuple[str, ...]
    filters: SearchFilters
    audience: Audience
    now: datetime
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class VectorQuery:
    """The nearest by cosine on one vector field."""

    vector: Vector
    field: VectorField
    filters: SearchFilters
    audience: Audience
    now: datetime
    limit: int = 100


@dataclass(frozen=True, slots=True)
class Hit:
    """`score`: larger is better; BM25 for words, cosine (−1…1) for vectors."""

    post_id: str
    score: float


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What became of each item. Superseded items met a newer version in the index, which is success."""

    written: int = 0
    superseded: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    """(post_id, reason) of each item that was refused."""


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What `/readyz` and `duijie doctor` show."""

    ready: bool
    engine: str
    version: str
    entries: int
    detail: str = ""
    remedy: str = ""


class SearchIndex(Protocol):
    """Implementations raise PartUnavailable("index", …) when the engine does not answer."""

    def write(self, entries: Iterable[IndexEntry]) -> WriteReport:
        """Insert or replace; an entry whose version is lower than the stored one is superseded."""
        ...

    def remove(self, removals: Iterable[tuple[str, int]]) -> WriteReport:
        """Take (post_id, version) out; a late write of a lower version must not bring the post back."""
        ...

    def refresh(self) -> None:
        """Make everything written so far visible to searches (tests and rebuilds need it; searches do not)."""
        ...

    def find_by_words(self, queries: Sequence[WordQuery]) -> list[list[Hit]]:
        """One list of hits per query, best first; ties by post_id."""
        ...

    def find_by_vector(self, queries: Sequence[VectorQuery]) -> list[list[Hit]]:
        """One list of hits per query, best first; ties by post_id."""
        ...

    def fetch_vectors(self, post_ids: Sequence[str]) -> dict[str, tuple[Vector | None, Vector | None]]:
        """(title_vector, full_vector) of the posts that are in the index."""
        ...

    def entry_versions(self) -> Iterator[tuple[str, int, str]]:
        """(post_id, version, model_revision) of every entry, for the reconciler."""
        ...

    def status(self) -> IndexStatus:
        """Never raises; says what is wrong and the remedy."""
        ...

"""The SearchIndex port: posts in, candidate ids with scores out.

Words are cut by `matching.text` before they come here and vectors by an `Embedder`; the index stores both, filters
and retrieves; ranking is not its business. Hits carry ids and scores only: titles, status and visibility
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

MOST_HITS = 10_000
"""The longest list one query may ask for; further results are a matter of narrower filters, not of deeper pages."""


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
    """The nearest by cosine on one vector field.

    With `fill_words`, a list that stays shorter than `limit` (posts without a vector are never nearest) is filled up
    with posts found by these words; such hits have `by_words` set.
    """

    vector: Vector
    field: VectorField
    filters: SearchFilters
    audience: Audience
    now: datetime
    limit: int = 100
    fill_words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateQuery:
    """Posts that are near by any of the vectors or good by any of the lists of words, fused by rank."""

    vectors: tuple[tuple[VectorField, Vector], ...]
    words: tuple[tuple[str, ...], ...]
    filters: SearchFilters
    audience: Audience
    now: datetime
    limit: int = 100
    """Of each single list and of what is fused from them."""

    def by_vector(self) -> list[VectorQuery]:
        """One query for each vector."""
        return [
            VectorQuery(
                vector=vector,
                field=field,
                filters=self.filters,
                audience=self.audience,
                now=self.now,
                limit=self.limit,
            )
            for field, vector in self.vectors
        ]

    def by_words(self) -> list[WordQuery]:
        """One query for each list of words."""
        return [
            WordQuery(words=words, filters=self.filters, audience=self.audience, now=self.now, limit=self.limit)
            for words in self.words
        ]


@dataclass(frozen=True, slots=True)
class Hit:
    """`score`: larger is better; BM25 for words, cosine (−1…1) for vectors.

    `by_words` marks a hit of a vector query that words filled in: its score is BM25 and compares with no cosine.
    """

    post_id: str
    score: float
    by_words: bool = False


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What became of each item. Superseded items met a newer version in the index, which is success."""

    written: int = 0
    superseded: int = 0
    failed: tuple[tuple[str, str], ...] = ()
    """(post_id, reason) of each item that was refused."""

    def __add__(self, other: WriteReport) -> WriteReport:
        """Both taken together."""
        return WriteReport(self.written + other.written, self.superseded + other.superseded, self.failed + other.failed)


@dataclass(frozen=True, slots=True)
class IndexStatus:
    """What `/readyz` and `duijie doctor` show."""

    ready: bool
    engine: str
    version: str
    entries: int
    detail: str = ""
    remedy: str = ""


class Rebuild(Protocol):
    """A new index being filled beside the one that answers searches.

    From `begin_rebuild` on every write and removal of every process reaches both. The caller loads all live posts
    through `write` (rows read after `begin_rebuild` returned), then repeats `catch_up` and `write` until `catch_up`
    names nothing, then calls `activate`. Only the newest rebuild lives: after another `begin_rebuild` the methods of
    this one raise IllegalMove and what it had loaded is gone.
    """

    @property
    def model_revision(self) -> str: ...
    @property
    def dimension(self) -> int: ...

    def write(self, entries: Iterable[IndexEntry]) -> WriteReport:
        """Load entries into the new index only; newer versions that arrived meanwhile stay."""
        ...

    def catch_up(self) -> tuple[str, ...]:
        """Ids of posts whose entry in the new index came from a writer with another model and lacks vectors.

        They are to be embedded and written again. Empty: the new index may take over.
        """
        ...

    def activate(self) -> None:
        """Let searches of all processes go to the new index, in one step, and drop the old one."""
        ...

    def abort(self) -> None:
        """Drop the new index; the old one never stopped answering. Harmless when already dropped."""
        ...


class SearchIndex(Protocol):
    """Implementations raise PartUnavailable("index", …) when the engine does not answer.

    They may be shared by threads, survive a fork, and connect at the first call rather than when made. A query with a
    limit below 1 or above `MOST_HITS` raises InvalidInput.
    """

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

    def find_candidates(self, queries: Sequence[CandidateQuery]) -> list[list[str]]:
        """One list of ids per query: those of its vector and word queries, fused by rank (`rank_fusion`)."""
        ...

    def fetch_vectors(self, post_ids: Sequence[str]) -> dict[str, tuple[Vector | None, Vector | None]]:
        """(title_vector, full_vector) of the posts that are in the index."""
        ...

    def entry_versions(self) -> Iterator[tuple[str, int, str]]:
        """(post_id, version, model_revision) of every entry, for the reconciler."""
        ...

    def begin_rebuild(self, model_revision: str, dimension: int) -> Rebuild:
        """Start an empty index for this model beside the present one; what an earlier, killed rebuild left is dropped.

        `model_revision` is that of the embedder whose vectors of `dimension` numbers will be loaded.
        """
        ...

    def status(self) -> IndexStatus:
        """Never raises; says what is wrong and the remedy."""
        ...

    def close(self) -> None:
        """Let go of files and connections; a later call opens them again."""
        ...

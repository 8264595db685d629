"""The embedded index: one SQLite file for all processes of a machine, no server.

Words live in FTS5, which keeps the postings; scores are computed here with the arithmetic of `bm25`, so that both
engines rank alike. Vectors live in the same file and are compared exactly, on a float32 matrix that each process keeps
in memory and brings up to date, before a search, by what was written since. Filters and visibility are SQL.

Tables carry the number of their generation (`entry_3`). One generation is active; a rebuild fills another, and every
write transaction goes to both, so that the swap is one UPDATE and loses nothing. See docs/decisions/0003.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from matching.errors import IllegalMove, PartUnavailable
from matching.search.bm25 import (
    BODY_WEIGHT,
    TITLE_WEIGHT,
    inverse_document_frequency,
    length_factors,
    select_query_words,
)
from matching.search.checks import check_limits, check_query_vectors, find_entry_fault, find_vector_fault
from matching.search.filling import fill_up_by_words
from matching.search.filters import filter_sql
from matching.search.port import (
    Hit,
    IndexEntry,
    IndexStatus,
    SearchFilters,
    Vector,
    VectorField,
    VectorQuery,
    WordQuery,
    WriteReport,
)
from matching.search.visibility import to_microseconds

FILE_NAME = "index.sqlite3"
SCHEMA_VERSION = 1
BUSY_SECONDS = 30.0
WRITE_BATCH = 256
VECTOR_COLUMNS: dict[VectorField, str] = {"title_vector": "title", "full_vector": "full"}
SIDE_CODES = {"need": 0, "capability": 1}

_LEAST_DROPS_KEPT = 100_000  # a process that slept longer than this many replacements reads its arrays afresh
_FEW_NEW_ROWS = 500  # up to here cached postings are extended, beyond it reading them again is cheaper
_MOST_CACHED_POSTINGS = 6_000_000  # 8 bytes each
_MOST_SCORES_AT_ONCE = 16_000_000  # of one matrix product, 4 bytes each
_PARAMETERS_AT_ONCE = 900

_INHERITED: list[sqlite3.Connection] = []
"""Connections a forked child got from its parent: kept for good, since closing them would disturb the parent's."""

_SCHEMA = (
    """CREATE TABLE generation (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        state TEXT NOT NULL CHECK (state IN ('active', 'building', 'retired')),
        model_revision TEXT NOT NULL,
        dimension INTEGER NOT NULL
    )""",
    "CREATE UNIQUE INDEX one_active_generation ON generation (state) WHERE state = 'active'",
)

_GENERATION_SCHEMA = (
    # seq grows with every write of the whole table and is never used twice: it orders what readers have yet to see.
    """CREATE TABLE entry_{g} (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        post_id TEXT NOT NULL UNIQUE,
        version INTEGER NOT NULL,
        model_revision TEXT NOT NULL,
        side TEXT NOT NULL,
        organisation_id TEXT,
        region_code TEXT NOT NULL,
        visibility TEXT NOT NULL,
        expires_at INTEGER,
        published_at INTEGER,
        town TEXT,
        kind TEXT,
        domain TEXT,
        maturity INTEGER,
        language TEXT NOT NULL,
        title_length INTEGER NOT NULL,
        body_length INTEGER NOT NULL
    )""",
    """CREATE TABLE facet_{g} (
        seq INTEGER NOT NULL,
        field TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (seq, field, value)
    ) WITHOUT ROWID""",
    'CREATE TABLE vector_{g} (seq INTEGER PRIMARY KEY, title BLOB, "full" BLOB)',
    "CREATE TABLE tombstone_{g} (post_id TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID",
    "CREATE TABLE dropped_{g} (change INTEGER PRIMARY KEY AUTOINCREMENT, seq INTEGER NOT NULL)",
    # Words are replaced by their number before FTS5 sees them: no tokenizer can cut, fold or confuse them.
    """CREATE TABLE word_{g} (
        id INTEGER PRIMARY KEY,
        word TEXT NOT NULL UNIQUE,
        title_posts INTEGER NOT NULL DEFAULT 0,
        body_posts INTEGER NOT NULL DEFAULT 0
    )""",
    "CREATE VIRTUAL TABLE words_{g} USING fts5 (title, body, tokenize = 'ascii', columnsize = 0)",
    "CREATE VIRTUAL TABLE place_{g} USING fts5vocab ('words_{g}', 'instance')",
)

_GENERATION_TABLES = ("place", "words", "word", "vector", "facet", "dropped", "tombstone", "entry")

Scalar = TypeVar("Scalar", bound=np.generic)


class _GrowingArray(Generic[Scalar]):
    """An array that is appended to; slices handed out earlier stay valid, for what they show never changes."""

    def __init__(self, dtype: type[Scalar], width: int | None = None) -> None:
        self._width = width
        self._room: NDArray[Scalar] = np.empty(self._shape(256), dtype=dtype)
        self.size = 0

    def _shape(self, rows: int) -> tuple[int, ...]:
        return (rows,) if self._width is None else (rows, self._width)

    def append(self, values: NDArray[Scalar]) -> None:
        needed = self.size + len(values)
        if needed > len(self._room):
            room = np.empty(self._shape(max(needed, 2 * len(self._room))), dtype=self._room.dtype)
            room[: self.size] = self.filled
            self._room = room
        self._room[self.size : needed] = values
        self.size = needed

    @property
    def filled(self) -> NDArray[Scalar]:
        return self._room[: self.size]


@dataclass(frozen=True)
class _Postings:
    """Where one word stands: row numbers, ascending, and how often in title and body."""

    rows: NDArray[np.int32]
    in_title: NDArray[np.uint16]
    in_body: NDArray[np.uint16]


@dataclass(frozen=True)
class _View:
    """The rows of one generation as of one snapshot of the file; all arrays have one item per row."""

    seqs: NDArray[np.int64]
    sides: NDArray[np.int8]
    title_lengths: NDArray[np.int64]
    body_lengths: NDArray[np.int64]
    live: NDArray[np.bool_]
    post_ids: list[str]
    """May be longer than the arrays."""

    @cached_property
    def live_count(self) -> int:
        return int(self.live.sum())

    @cached_property
    def title_documents(self) -> int:
        return int(np.count_nonzero(self.live & (self.title_lengths > 0)))

    @cached_property
    def body_documents(self) -> int:
        return int(np.count_nonzero(self.live & (self.body_lengths > 0)))

    @cached_property
    def title_factors(self) -> NDArray[np.float64]:
        return length_factors(self.title_lengths, self._average(self.title_lengths, self.title_documents))

    @cached_property
    def body_factors(self) -> NDArray[np.float64]:
        return length_factors(self.body_lengths, self._average(self.body_lengths, self.body_documents))

    def _average(self, lengths: NDArray[np.int64], documents: int) -> float:
        return float(lengths[self.live].sum()) / documents if documents else 0.0


@dataclass
class _VectorBlock:
    """The vectors of one field and side: `rows` says which row each line of `matrix` belongs to."""

    rows: _GrowingArray[np.int32]
    matrix: _GrowingArray[np.float32]
    last_seq: int = 0


@dataclass(frozen=True)
class _Generation:
    id: int
    state: str
    model_revision: str
    dimension: int


@dataclass
class _Memory:
    """What this process remembers of the active generation. Changed under the index's lock only."""

    generation: _Generation
    last_seq: int = 0
    last_change: int = 0
    seqs: _GrowingArray[np.int64] = field(default_factory=lambda: _GrowingArray(np.int64))
    sides: _GrowingArray[np.int8] = field(default_factory=lambda: _GrowingArray(np.int8))
    title_lengths: _GrowingArray[np.int64] = field(default_factory=lambda: _GrowingArray(np.int64))
    body_lengths: _GrowingArray[np.int64] = field(default_factory=lambda: _GrowingArray(np.int64))
    live: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    post_ids: list[str] = field(default_factory=list)
    postings: OrderedDict[int, _Postings] = field(default_factory=OrderedDict)
    cached_postings: int = 0
    blocks: dict[tuple[VectorField, int], _VectorBlock] = field(default_factory=dict)
    view: _View | None = None

    def drop_postings(self) -> None:
        self.postings.clear()
        self.cached_postings = 0


@dataclass(frozen=True)
class _Reading:
    """One read transaction with the memory brought up to its snapshot."""

    connection: sqlite3.Connection
    generation: _Generation
    memory: _Memory
    view: _View


class EmbeddedIndex:
    """SearchIndex in a folder of this machine; several processes and threads may use the folder at once."""

    def __init__(self, folder: Path, *, dimension: int = 384) -> None:
        """`dimension` is that of the first generation; later ones have what their rebuild was given."""
        self.folder = folder
        self.dimension = dimension
        self._process = os.getpid()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._memory: _Memory | None = None
        self._connections: list[sqlite3.Connection] = []

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, entries: Iterable[IndexEntry]) -> WriteReport:
        """See SearchIndex.write; each batch of 256 is one transaction, on disk when this returns."""
        report = WriteReport()
        for batch in _in_batches(entries, WRITE_BATCH):
            with self._writing() as connection:
                for generation in _live_generations(connection):
                    outcome = _store_entries(connection, generation, batch)
                    if generation.state == "active":
                        report = _add_reports(report, outcome)
        return report

    def remove(self, removals: Iterable[tuple[str, int]]) -> WriteReport:
        """See SearchIndex.remove; a tombstone with the version stays behind."""
        report = WriteReport()
        for batch in _in_batches(removals, WRITE_BATCH):
            with self._writing() as connection:
                for generation in _live_generations(connection):
                    outcome = _remove_entries(connection, generation, batch)
                    if generation.state == "active":
                        report = _add_reports(report, outcome)
        return report

    def refresh(self) -> None:
        """See SearchIndex.refresh; every committed write is visible to the next search, so there is nothing to do."""

    def begin_rebuild(self, model_revision: str, dimension: int) -> EmbeddedRebuild:
        """See SearchIndex.begin_rebuild."""
        with self._writing() as connection:
            _drop_unused_generations(connection)
            active = _active_generation(connection)
            building = _create_generation(connection, "building", model_revision, dimension)
            connection.execute(
                "INSERT INTO tombstone_{new} SELECT post_id, version FROM tombstone_{old}".replace(
                    "{new}", str(building.id)
                ).replace("{old}", str(active.id))
            )
        return EmbeddedRebuild(self, building)

    # -- reading ------------------------------------------------------------------------------------------------

    def find_by_words(self, queries: Sequence[WordQuery]) -> list[list[Hit]]:
        """See SearchIndex.find_by_words."""
        check_limits(queries)
        if not queries:
            return []
        with self._reading() as reading:
            return self._find_by_words(reading, queries)

    def find_by_vector(self, queries: Sequence[VectorQuery]) -> list[list[Hit]]:
        """See SearchIndex.find_by_vector; exact, on the posts that pass the filters."""
        check_limits(queries)
        if not queries:
            return []
        with self._reading() as reading:
            check_query_vectors(queries, reading.generation.dimension)
            results: list[list[Hit]] = [[] for _ in queries]
            groups: dict[tuple[VectorField, int], list[int]] = {}
            for at, query in enumerate(queries):
                groups.setdefault((query.field, SIDE_CODES[query.filters.side]), []).append(at)
            for (vector_field, side), places in groups.items():
                rows, matrix = self._read_vectors(reading, vector_field, side)
                if not len(rows):
                    continue
                live = reading.view.live[rows]
                at_once = max(1, _MOST_SCORES_AT_ONCE // len(rows))
                for start in range(0, len(places), at_once):
                    part = places[start : start + at_once]
                    cosines = np.stack([queries[at].vector for at in part]) @ matrix.T
                    for at, row_cosines in zip(part, cosines, strict=True):
                        results[at] = _best_allowed(reading, rows[live], row_cosines[live], queries[at], decimals=6)
            return fill_up_by_words(queries, results, lambda short: self._find_by_words(reading, short))

    def fetch_vectors(self, post_ids: Sequence[str]) -> dict[str, tuple[Vector | None, Vector | None]]:
        """See SearchIndex.fetch_vectors."""
        found: dict[str, tuple[Vector | None, Vector | None]] = {}
        with self._reading() as reading:
            for part in _in_batches(post_ids, _PARAMETERS_AT_ONCE):
                rows = reading.connection.execute(
                    _numbered(
                        'SELECT post_id, title, "full" FROM entry_{g} JOIN vector_{g} USING (seq)'
                        " WHERE post_id IN ({marks})",
                        reading.generation.id,
                        marks=len(part),
                    ),
                    part,
                )
                for post_id, title, full in rows:
                    found[post_id] = (_to_vector(title), _to_vector(full))
        return found

    def entry_versions(self) -> Iterator[tuple[str, int, str]]:
        """See SearchIndex.entry_versions; reads in pages, so that a slow caller holds up nobody."""
        last_seq = 0
        generation_id: int | None = None
        while True:
            with self._reading() as reading:
                if generation_id is None:
                    generation_id = reading.generation.id
                elif generation_id != reading.generation.id:  # swapped meanwhile: its entries are what counts now
                    generation_id, last_seq = reading.generation.id, 0
                page = reading.connection.execute(
                    _numbered(
                        "SELECT seq, post_id, version, model_revision FROM entry_{g}"
                        " WHERE seq > ? ORDER BY seq LIMIT 1000",
                        generation_id,
                    ),
                    (last_seq,),
                ).fetchall()
            if not page:
                return
            last_seq = page[-1][0]
            for _, post_id, version, model_revision in page:
                yield post_id, version, model_revision

    def status(self) -> IndexStatus:
        """See SearchIndex.status."""
        try:
            with self._reading() as reading:
                entries = _count(reading.connection, "entry_{g}", reading.generation)
                building = [found for found in _live_generations(reading.connection) if found.state == "building"]
                detail = (
                    f"{self.folder / FILE_NAME}, generation {reading.generation.id}, "
                    f"{reading.generation.dimension} dimensions"
                )
                for found in building:
                    loaded = _count(reading.connection, "entry_{g}", found)
                    detail += f"; rebuilding for {found.model_revision or 'an unnamed model'}: {loaded} entries"
                remedy = ""
                if reading.generation.dimension != self.dimension:
                    remedy = f"the model in the settings has {self.dimension} dimensions: run `duijie index rebuild`"
                return IndexStatus(
                    ready=not remedy,
                    engine="embedded",
                    version=f"SQLite {sqlite3.sqlite_version}",
                    entries=entries,
                    detail=detail,
                    remedy=remedy,
                )
        except PartUnavailable as error:
            return IndexStatus(
                ready=False,
                engine="embedded",
                version=f"SQLite {sqlite3.sqlite_version}",
                entries=0,
                detail=error.message_en,
                remedy=f"check that {self.folder} is a folder this user may write and that the disk is not full; "
                f"a damaged {FILE_NAME} may be deleted and filled again by `duijie index rebuild`",
            )

    def close(self) -> None:
        """See SearchIndex.close."""
        with self._lock:
            for connection in self._connections:
                connection.close()
            self._connections = []
            self._memory = None
            self._local = threading.local()

    # -- the file -----------------------------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        """This thread's connection; a child of a fork starts anew, for SQLite's handles must not cross it."""
        if self._process != os.getpid():
            _INHERITED.extend(self._connections)
            self._process = os.getpid()
            self._local = threading.local()
            self._lock = threading.Lock()
            self._memory = None
            self._connections = []
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(
                self.folder / FILE_NAME, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL: the outbox row is done once a write returned, so the write has to outlive a power cut.
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA cache_size = -16000")
            connection.execute("PRAGMA mmap_size = 1073741824")
            _prepare_file(connection, self.dimension)
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _said_clearly(), _transaction(self._connection(), "IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[_Reading]:
        with _said_clearly():
            connection = self._connection()
            self._lock.acquire()
            held = True
            try:
                # Inside the lock, so that the memory is never ahead of this snapshot.
                with _transaction(connection, "DEFERRED"):
                    generation = _active_generation(connection)
                    memory = self._memory
                    if memory is None or memory.generation != generation:
                        memory = self._memory = _Memory(generation)
                    memory, view = _bring_up_to_date(connection, memory)
                    self._memory = memory
                    self._lock.release()
                    held = False
                    yield _Reading(connection, generation, memory, view)
            finally:
                if held:
                    self._lock.release()

    # -- words --------------------------------------------------------------------------------------------------

    def _find_by_words(self, reading: _Reading, queries: Sequence[WordQuery]) -> list[list[Hit]]:
        view = reading.view
        known: dict[str, tuple[int, int, int]] = {}
        for part in _in_batches(dict.fromkeys(word for query in queries for word in query.words), _PARAMETERS_AT_ONCE):
            for word, word_id, title_posts, body_posts in reading.connection.execute(
                _numbered(
                    "SELECT word, id, title_posts, body_posts FROM word_{g} WHERE word IN ({marks})",
                    reading.generation.id,
                    marks=len(part),
                ),
                part,
            ):
                known[word] = (word_id, title_posts, body_posts)
        frequencies = {word: max(in_titles, in_bodies) for word, (_, in_titles, in_bodies) in known.items()}
        results: list[list[Hit]] = []
        for query in queries:
            scores = np.zeros(len(view.seqs))
            for word in select_query_words(query.words, frequencies, view.live_count):
                word_id, title_posts, body_posts = known[word]
                postings = self._read_postings(reading, word_id)
                rows = postings.rows
                if title_posts:
                    times = postings.in_title.astype(np.float64)
                    weight = TITLE_WEIGHT * inverse_document_frequency(title_posts, view.title_documents)
                    scores[rows] += weight * times / (times + view.title_factors[rows])
                if body_posts:
                    times = postings.in_body.astype(np.float64)
                    weight = BODY_WEIGHT * inverse_document_frequency(body_posts, view.body_documents)
                    scores[rows] += weight * times / (times + view.body_factors[rows])
            side = SIDE_CODES[query.filters.side]
            rows = np.flatnonzero((scores > 0) & view.live & (view.sides == side)).astype(np.int32)
            results.append(_best_allowed(reading, rows, scores[rows], query, decimals=5))
        return results

    def _read_postings(self, reading: _Reading, word_id: int) -> _Postings:
        memory, view = reading.memory, reading.view
        with self._lock:
            cached = memory.postings.get(word_id)
            if cached is not None:
                memory.postings.move_to_end(word_id)
        if cached is not None:
            # Another thread may have extended it by rows this snapshot does not have.
            end = int(np.searchsorted(cached.rows, len(view.seqs)))
            return _Postings(cached.rows[:end], cached.in_title[:end], cached.in_body[:end])
        # One string of numbers instead of one Python object per place: several times faster for common words.
        (places,) = reading.connection.execute(
            _numbered(
                "SELECT group_concat(doc * 2 + (col = 'body'), ' ') FROM place_{g} WHERE term = ?",
                reading.generation.id,
            ),
            (str(word_id),),
        ).fetchone()
        codes = np.fromstring(places or "", sep=" ", dtype=np.int64)
        postings = _count_places(view.seqs, codes)
        with self._lock:
            if memory.view is view:
                memory.postings[word_id] = postings
                memory.cached_postings += len(postings.rows)
                while memory.cached_postings > _MOST_CACHED_POSTINGS and len(memory.postings) > 1:
                    _, oldest = memory.postings.popitem(last=False)
                    memory.cached_postings -= len(oldest.rows)
        return postings

    # -- vectors ------------------------------------------------------------------------------------------------

    def _read_vectors(
        self, reading: _Reading, vector_field: VectorField, side: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(rows, matrix) of the vectors of one field and side that this snapshot has."""
        view = reading.view
        top = int(view.seqs[-1]) if len(view.seqs) else 0
        with self._lock:
            block = reading.memory.blocks.get((vector_field, side))
            if block is None:
                block = reading.memory.blocks[(vector_field, side)] = _VectorBlock(
                    _GrowingArray(np.int32), _GrowingArray(np.float32, reading.generation.dimension)
                )
            if block.last_seq < top:
                wanted = (view.sides == side) & view.live & (view.seqs > block.last_seq)
                loaded = reading.connection.execute(
                    _numbered(
                        "SELECT seq, {column} FROM vector_{g} WHERE seq > ? AND {column} IS NOT NULL ORDER BY seq",
                        reading.generation.id,
                    ).replace("{column}", f'"{VECTOR_COLUMNS[vector_field]}"'),
                    (block.last_seq,),
                )
                while part := loaded.fetchmany(4096):
                    rows = np.searchsorted(view.seqs, np.array([seq for seq, _ in part])).astype(np.int32)
                    kept = wanted[rows]
                    matrix = np.frombuffer(b"".join(blob for _, blob in part), dtype="<f4")
                    block.matrix.append(matrix.reshape(len(part), -1)[kept].astype(np.float32))
                    block.rows.append(rows[kept])
                block.last_seq = top
            rows = block.rows.filled
            end = int(np.searchsorted(rows, len(view.seqs)))
            return rows[:end], block.matrix.filled[:end]


class EmbeddedRebuild:
    """Rebuild of an EmbeddedIndex: a second generation in the same file."""

    def __init__(self, index: EmbeddedIndex, generation: _Generation) -> None:
        self._index = index
        self._generation = generation

    @property
    def model_revision(self) -> str:
        """The embedder's revision this index is built for."""
        return self._generation.model_revision

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return self._generation.dimension

    def write(self, entries: Iterable[IndexEntry]) -> WriteReport:
        """See Rebuild.write."""
        report = WriteReport()
        for batch in _in_batches(entries, WRITE_BATCH):
            with self._index._writing() as connection:
                self._require_building(connection)
                report = _add_reports(report, _store_entries(connection, self._generation, batch))
        return report

    def catch_up(self) -> tuple[str, ...]:
        """See Rebuild.catch_up; writes go to both generations in one transaction, so only foreign vectors remain."""
        with self._index._writing() as connection:
            self._require_building(connection)
            rows = connection.execute(
                _numbered("SELECT post_id FROM entry_{g} WHERE model_revision <> ? ORDER BY seq", self._generation.id),
                (self.model_revision,),
            ).fetchall()
        return tuple(post_id for (post_id,) in rows)

    def activate(self) -> None:
        """See Rebuild.activate."""
        with self._index._writing() as connection:
            self._require_building(connection)
            connection.execute("UPDATE generation SET state = 'retired' WHERE state = 'active'")
            connection.execute("UPDATE generation SET state = 'active' WHERE id = ?", (self._generation.id,))
        with self._index._writing() as connection:
            # Apart, so that searches change over at once; a kill in between leaves it to the next rebuild.
            _drop_unused_generations(connection, keep_building=True)

    def abort(self) -> None:
        """See Rebuild.abort."""
        with self._index._writing() as connection:
            state = _state_of(connection, self._generation.id)
            if state == "building":
                _drop_generation(connection, self._generation.id)

    def _require_building(self, connection: sqlite3.Connection) -> None:
        if _state_of(connection, self._generation.id) != "building":
            raise IllegalMove(
                "index.rebuild_replaced",
                "这次重建已结束，或已被另一次重建取代",
                message_en="This rebuild has ended or another one has replaced it.",
            )


# -- generations ------------------------------------------------------------------------------------------------


def _numbered(sql: str, generation_id: int, *, marks: int = 0) -> str:
    """Put a generation's number and so many parameter marks into a statement."""
    return sql.replace("{g}", str(generation_id)).replace("{marks}", ",".join("?" * marks))


def _prepare_file(connection: sqlite3.Connection, dimension: int) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SCHEMA_VERSION:
        return
    with _transaction(connection, "IMMEDIATE"):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version == SCHEMA_VERSION:
            return
        if version:
            raise PartUnavailable(
                "index",
                f"索引文件的格式是 {version}，本程序只认识 {SCHEMA_VERSION}",
                message_en=f"The index file has format {version}, this program knows {SCHEMA_VERSION}.",
            )
        for statement in _SCHEMA:
            connection.execute(statement)
        _create_generation(connection, "active", "", dimension)
        connection.execute("PRAGMA user_version = 1")


def _create_generation(connection: sqlite3.Connection, state: str, model_revision: str, dimension: int) -> _Generation:
    cursor = connection.execute(
        "INSERT INTO generation (state, model_revision, dimension) VALUES (?, ?, ?)",
        (state, model_revision, dimension),
    )
    generation = _Generation(int(cursor.lastrowid or 0), state, model_revision, dimension)
    for statement in _GENERATION_SCHEMA:
        connection.execute(_numbered(statement, generation.id))
    return generation


def _drop_generation(connection: sqlite3.Connection, generation_id: int) -> None:
    for table in _GENERATION_TABLES:
        connection.execute(_numbered("DROP TABLE IF EXISTS {table}_{g}", generation_id).replace("{table}", table))
    connection.execute("DELETE FROM generation WHERE id = ?", (generation_id,))


def _drop_unused_generations(connection: sqlite3.Connection, *, keep_building: bool = False) -> None:
    unused = ("retired",) if keep_building else ("retired", "building")
    for generation_id, state in connection.execute("SELECT id, state FROM generation").fetchall():
        if state in unused:
            _drop_generation(connection, generation_id)


def _live_generations(connection: sqlite3.Connection) -> list[_Generation]:
    """The active generation and, during a rebuild, the one being built."""
    rows = connection.execute(
        "SELECT id, state, model_revision, dimension FROM generation WHERE state <> 'retired' ORDER BY id"
    ).fetchall()
    return [_Generation(*row) for row in rows]


def _active_generation(connection: sqlite3.Connection) -> _Generation:
    row = connection.execute(
        "SELECT id, state, model_revision, dimension FROM generation WHERE state = 'active'"
    ).fetchone()
    return _Generation(*row)


def _state_of(connection: sqlite3.Connection, generation_id: int) -> str | None:
    row = connection.execute("SELECT state FROM generation WHERE id = ?", (generation_id,)).fetchone()
    return row[0] if row else None


def _count(connection: sqlite3.Connection, table: str, generation: _Generation) -> int:
    sql = _numbered("SELECT count(*) FROM {table}".replace("{table}", table), generation.id)
    return int(connection.execute(sql).fetchone()[0])


# -- writing ----------------------------------------------------------------------------------------------------


def _store_entries(
    connection: sqlite3.Connection, generation: _Generation, entries: Sequence[IndexEntry]
) -> WriteReport:
    stored, buried = _read_versions(connection, generation, [entry.post_id for entry in entries])
    accepted: dict[str, IndexEntry] = {}
    failed: list[tuple[str, str]] = []
    written = superseded = 0
    for entry in entries:
        foreign = generation.state == "building" and entry.model_revision != generation.model_revision
        fault = find_entry_fault(entry)
        if fault is None and not foreign:
            fault = find_vector_fault(entry.title_vector, generation.dimension) or find_vector_fault(
                entry.full_vector, generation.dimension
            )
        if fault:
            failed.append((entry.post_id, fault))
            continue
        present = accepted.get(entry.post_id)
        version = present.version if present else stored.get(entry.post_id, (0, -1))[1]
        # Vectors of another model are left out of a rebuild and must not push out those that belong there.
        if max(version, buried.get(entry.post_id, -1)) > entry.version or (foreign and version == entry.version):
            superseded += 1
            continue
        accepted[entry.post_id] = entry
        written += 1
    if accepted:
        changes = _WordChanges()
        _drop_rows(connection, generation, [stored[post_id][0] for post_id in accepted if post_id in stored], changes)
        _insert_rows(connection, generation, list(accepted.values()), changes)
        _delete_tombstones(connection, generation, [post_id for post_id in accepted if post_id in buried])
        changes.save(connection, generation)
    return WriteReport(written=written, superseded=superseded, failed=tuple(failed))


def _remove_entries(
    connection: sqlite3.Connection, generation: _Generation, removals: Sequence[tuple[str, int]]
) -> WriteReport:
    stored, buried = _read_versions(connection, generation, [post_id for post_id, _ in removals])
    gone: list[int] = []
    written = superseded = 0
    for post_id, version in removals:
        seq, present = stored.get(post_id, (0, -1))
        if max(present, buried.get(post_id, -1)) > version:
            superseded += 1
            continue
        if seq:
            gone.append(seq)
            del stored[post_id]
        buried[post_id] = version
        connection.execute(
            _numbered("INSERT OR REPLACE INTO tombstone_{g} (post_id, version) VALUES (?, ?)", generation.id),
            (post_id, version),
        )
        written += 1
    if gone:
        changes = _WordChanges()
        _drop_rows(connection, generation, gone, changes)
        changes.save(connection, generation)
    return WriteReport(written=written, superseded=superseded)


def _read_versions(
    connection: sqlite3.Connection, generation: _Generation, post_ids: Sequence[str]
) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """({post_id: (seq, version)} of entries, {post_id: version} of tombstones)."""
    stored: dict[str, tuple[int, int]] = {}
    buried: dict[str, int] = {}
    for part in _in_batches(post_ids, _PARAMETERS_AT_ONCE):
        for post_id, seq, version in connection.execute(
            _numbered(
                "SELECT post_id, seq, version FROM entry_{g} WHERE post_id IN ({marks})",
                generation.id,
                marks=len(part),
            ),
            part,
        ):
            stored[post_id] = (seq, version)
        buried.update(
            connection.execute(
                _numbered(
                    "SELECT post_id, version FROM tombstone_{g} WHERE post_id IN ({marks})",
                    generation.id,
                    marks=len(part),
                ),
                part,
            ).fetchall()
        )
    return stored, buried


@dataclass
class _WordChanges:
    """By how much the numbers of posts with each word change, collected over a batch."""

    title: Counter[int] = field(default_factory=Counter)
    body: Counter[int] = field(default_factory=Counter)

    def add(self, title_ids: Iterable[int], body_ids: Iterable[int], step: int) -> None:
        for word_id in set(title_ids):
            self.title[word_id] += step
        for word_id in set(body_ids):
            self.body[word_id] += step

    def save(self, connection: sqlite3.Connection, generation: _Generation) -> None:
        connection.executemany(
            _numbered(
                "UPDATE word_{g} SET title_posts = title_posts + ?, body_posts = body_posts + ? WHERE id = ?",
                generation.id,
            ),
            [
                (self.title[word_id], self.body[word_id], word_id)
                for word_id in sorted(self.title.keys() | self.body.keys())
                if self.title[word_id] or self.body[word_id]
            ],
        )


def _drop_rows(
    connection: sqlite3.Connection, generation: _Generation, seqs: Sequence[int], changes: _WordChanges
) -> None:
    for seq in seqs:
        title, body = connection.execute(
            _numbered("SELECT title, body FROM words_{g} WHERE rowid = ?", generation.id), (seq,)
        ).fetchone()
        changes.add(map(int, title.split()), map(int, body.split()), -1)
    keys = [(seq,) for seq in seqs]
    for statement in (
        "DELETE FROM words_{g} WHERE rowid = ?",
        "DELETE FROM vector_{g} WHERE seq = ?",
        "DELETE FROM facet_{g} WHERE seq = ?",
        "DELETE FROM entry_{g} WHERE seq = ?",
        "INSERT INTO dropped_{g} (seq) VALUES (?)",
    ):
        connection.executemany(_numbered(statement, generation.id), keys)
    connection.execute(
        _numbered("DELETE FROM dropped_{g} WHERE change <= (SELECT max(change) FROM dropped_{g}) - ?", generation.id),
        (_LEAST_DROPS_KEPT,),
    )


def _insert_rows(
    connection: sqlite3.Connection, generation: _Generation, entries: Sequence[IndexEntry], changes: _WordChanges
) -> None:
    word_ids = _number_words(connection, generation, entries)
    for entry in entries:
        cursor = connection.execute(
            _numbered(
                "INSERT INTO entry_{g} (post_id, version, model_revision, side, organisation_id, region_code,"
                " visibility, expires_at, published_at, town, kind, domain, maturity, language, title_length,"
                " body_length) VALUES ({marks})",
                generation.id,
                marks=16,
            ),
            (
                entry.post_id,
                entry.version,
                entry.model_revision,
                entry.side,
                entry.organisation_id,
                entry.region_code,
                entry.visibility,
                None if entry.expires_at is None else to_microseconds(entry.expires_at),
                None if entry.published_at is None else to_microseconds(entry.published_at),
                entry.town,
                entry.kind,
                entry.domain,
                entry.maturity,
                entry.language,
                len(entry.title_words),
                len(entry.body_words),
            ),
        )
        seq = cursor.lastrowid
        title = [word_ids[word] for word in entry.title_words]
        body = [word_ids[word] for word in entry.body_words]
        connection.execute(
            _numbered("INSERT INTO words_{g} (rowid, title, body) VALUES (?, ?, ?)", generation.id),
            (seq, " ".join(map(str, title)), " ".join(map(str, body))),
        )
        changes.add(title, body, 1)
        own_vectors = generation.state == "active" or entry.model_revision == generation.model_revision
        connection.execute(
            _numbered("INSERT INTO vector_{g} VALUES (?, ?, ?)", generation.id),
            (
                seq,
                _to_bytes(entry.title_vector) if own_vectors else None,
                _to_bytes(entry.full_vector) if own_vectors else None,
            ),
        )
        facets = {("industry", code) for code in entry.industry_codes}
        facets |= {("mode", mode) for mode in entry.cooperation_modes}
        connection.executemany(
            _numbered("INSERT INTO facet_{g} VALUES (?, ?, ?)", generation.id),
            [(seq, name, value) for name, value in sorted(facets)],
        )


def _number_words(
    connection: sqlite3.Connection, generation: _Generation, entries: Sequence[IndexEntry]
) -> dict[str, int]:
    """The number of every word of the entries; new words get one."""
    words = sorted({word for entry in entries for word in (*entry.title_words, *entry.body_words)})
    connection.executemany(
        _numbered("INSERT OR IGNORE INTO word_{g} (word) VALUES (?)", generation.id), [(word,) for word in words]
    )
    numbers: dict[str, int] = {}
    for part in _in_batches(words, _PARAMETERS_AT_ONCE):
        numbers.update(
            connection.execute(
                _numbered("SELECT word, id FROM word_{g} WHERE word IN ({marks})", generation.id, marks=len(part)),
                part,
            ).fetchall()
        )
    return numbers


def _delete_tombstones(connection: sqlite3.Connection, generation: _Generation, post_ids: Sequence[str]) -> None:
    connection.executemany(
        _numbered("DELETE FROM tombstone_{g} WHERE post_id = ?", generation.id), [(post_id,) for post_id in post_ids]
    )


# -- reading ----------------------------------------------------------------------------------------------------


def _bring_up_to_date(connection: sqlite3.Connection, memory: _Memory) -> tuple[_Memory, _View]:
    """Read into memory what was written since; the result is exactly what this transaction sees."""
    generation_id = memory.generation.id
    top_seq, first_change, top_change = connection.execute(
        _numbered(
            "SELECT (SELECT coalesce(max(seq), 0) FROM entry_{g}), (SELECT coalesce(min(change), 0) FROM dropped_{g}),"
            " (SELECT coalesce(max(change), 0) FROM dropped_{g})",
            generation_id,
        )
    ).fetchone()
    if memory.view is not None and top_seq <= memory.last_seq and top_change == memory.last_change:
        return memory, memory.view
    dead = memory.seqs.size - int(memory.live.sum())
    if first_change > memory.last_change + 1 or dead > max(10_000, memory.seqs.size // 2):
        memory = _Memory(memory.generation)
    new_rows = connection.execute(
        _numbered(
            "SELECT seq, post_id, side, title_length, body_length FROM entry_{g} WHERE seq > ? ORDER BY seq",
            generation_id,
        ),
        (memory.last_seq,),
    ).fetchall()
    known = memory.seqs.size
    live = np.concatenate([memory.live, np.ones(len(new_rows), dtype=np.bool_)])
    if memory.last_seq:
        drops = connection.execute(
            _numbered("SELECT seq FROM dropped_{g} WHERE change > ? AND seq <= ?", generation_id),
            (memory.last_change, memory.last_seq),
        ).fetchall()
        if drops:
            places = np.searchsorted(memory.seqs.filled, np.array([seq for (seq,) in drops]))
            live[places] = False
    if new_rows:
        memory.seqs.append(np.array([row[0] for row in new_rows], dtype=np.int64))
        memory.post_ids += [row[1] for row in new_rows]
        memory.sides.append(np.array([SIDE_CODES[row[2]] for row in new_rows], dtype=np.int8))
        memory.title_lengths.append(np.array([row[3] for row in new_rows], dtype=np.int64))
        memory.body_lengths.append(np.array([row[4] for row in new_rows], dtype=np.int64))
    memory.live = live
    memory.view = _View(
        memory.seqs.filled,
        memory.sides.filled,
        memory.title_lengths.filled,
        memory.body_lengths.filled,
        live,
        memory.post_ids,
    )
    if len(new_rows) > _FEW_NEW_ROWS:
        memory.drop_postings()
    elif new_rows and memory.postings:
        _extend_postings(connection, memory, known)
    memory.last_seq = max(memory.last_seq, top_seq)
    memory.last_change = top_change
    return memory, memory.view


def _extend_postings(connection: sqlite3.Connection, memory: _Memory, known: int) -> None:
    """Add the rows from number `known` on to the postings that are in memory."""
    codes: dict[int, list[int]] = {}
    for seq, title, body in connection.execute(
        _numbered("SELECT rowid, title, body FROM words_{g} WHERE rowid > ? ORDER BY rowid", memory.generation.id),
        (memory.last_seq,),
    ):
        for offset, text in ((0, title), (1, body)):
            for word_id in map(int, text.split()):
                if word_id in memory.postings:
                    codes.setdefault(word_id, []).append(seq * 2 + offset)
    seqs = memory.seqs.filled
    for word_id, found in codes.items():
        old, new = memory.postings[word_id], _count_places(seqs, np.array(found, dtype=np.int64))
        memory.postings[word_id] = _Postings(
            np.concatenate([old.rows, new.rows]),
            np.concatenate([old.in_title, new.in_title]),
            np.concatenate([old.in_body, new.in_body]),
        )
        memory.cached_postings += len(new.rows)


def _count_places(seqs: NDArray[np.int64], codes: NDArray[np.int64]) -> _Postings:
    """Turn places (seq · 2, plus 1 in the body) into rows with counts."""
    found, inverse = np.unique(codes >> 1, return_inverse=True)
    in_body = np.bincount(inverse, weights=codes & 1, minlength=len(found))
    both = np.bincount(inverse, minlength=len(found))
    most = np.iinfo(np.uint16).max
    return _Postings(
        np.asarray(np.searchsorted(seqs, found), dtype=np.int32),
        np.minimum(both - in_body, most).astype(np.uint16),
        np.minimum(in_body, most).astype(np.uint16),
    )


def _best_allowed(
    reading: _Reading,
    rows: NDArray[np.int32],
    scores: NDArray[Any],
    query: WordQuery | VectorQuery,
    *,
    decimals: int,
) -> list[Hit]:
    """The best `query.limit` of the scored rows that pass filters and visibility, ties by post_id.

    SQL is asked about a few more than wanted first; only when too few of them pass, about all posts.
    Scores are rounded to `decimals`, below which they hold nothing but the order of additions.
    """
    view, limit = reading.view, query.limit
    take = 4 * limit + 64
    scores = np.round(scores.astype(np.float64), decimals)
    if len(rows) > take:
        threshold = np.partition(scores, len(scores) - take)[len(scores) - take]
        head = scores >= threshold
        passing = _passing(reading, query, view.seqs[rows[head]])
        if int(passing.sum()) >= limit:
            rows, scores = rows[head][passing], scores[head][passing]
        else:
            passing = _passing(reading, query, view.seqs[rows], all_at_once=True)
            rows, scores = rows[passing], scores[passing]
    elif len(rows):
        passing = _passing(reading, query, view.seqs[rows])
        rows, scores = rows[passing], scores[passing]
    if len(rows) > limit:
        threshold = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        rows, scores = rows[scores >= threshold], scores[scores >= threshold]
    hits = [Hit(view.post_ids[row], score) for row, score in zip(rows.tolist(), scores.tolist(), strict=True)]
    hits.sort(key=lambda hit: (-hit.score, hit.post_id))
    return hits[:limit]


def _passing(
    reading: _Reading, query: WordQuery | VectorQuery, seqs: NDArray[np.int64], *, all_at_once: bool = False
) -> NDArray[np.bool_]:
    """Which of the seqs (ascending) pass the query's filters and visibility."""
    filters: SearchFilters = query.filters
    condition, values = filter_sql(filters, query.audience, query.now)
    if all_at_once:
        sql = "SELECT group_concat(entry.seq, ' ') FROM entry_{g} AS entry WHERE {condition}"
    else:
        # CROSS JOIN keeps SQLite from walking all entries instead of looking up the few.
        sql = (
            "SELECT group_concat(entry.seq, ' ') FROM json_each(?) AS asked"
            " CROSS JOIN entry_{g} AS entry ON entry.seq = asked.value WHERE {condition}"
        )
        values = [json.dumps(seqs.tolist()), *values]
    sql = _numbered(sql.replace("{condition}", condition), reading.generation.id)
    (found,) = reading.connection.execute(sql, values).fetchone()
    return np.isin(seqs, np.fromstring(found or "", sep=" ", dtype=np.int64))


# -- small change -----------------------------------------------------------------------------------------------


@contextmanager
def _transaction(connection: sqlite3.Connection, kind: str) -> Iterator[sqlite3.Connection]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield connection
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def _said_clearly() -> Iterator[None]:
    """Turn failures of the file into PartUnavailable."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        raise PartUnavailable(
            "index", f"内嵌索引无法读写：{error}", message_en=f"The embedded index cannot be read or written: {error}"
        ) from error


Item = TypeVar("Item")


def _in_batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def _add_reports(first: WriteReport, second: WriteReport) -> WriteReport:
    return WriteReport(
        written=first.written + second.written,
        superseded=first.superseded + second.superseded,
        failed=first.failed + second.failed,
    )


def _to_bytes(vector: Vector | None) -> bytes | None:
    return None if vector is None else np.ascontiguousarray(vector, dtype="<f4").tobytes()


def _to_vector(blob: bytes | None) -> Vector | None:
    return None if blob is None else np.frombuffer(blob, dtype="<f4").astype(np.float32)

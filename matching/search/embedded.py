"""The embedded index: one SQLite file for all processes of a machine, no server.

Words live in FTS5, which keeps the postings; scores are computed here with the arithmetic of `bm25`, so that both
engines rank alike. Vectors live in the same file and are compared exactly, on a float32 matrix that all processes share
(`shared_vectors`) and bring up to date, before a search, by what was written since. Filters and visibility are SQL.

Tables carry the number of their generation (`entry_3`). One generation is active; a rebuild fills another, and every
write transaction goes to both, so that the swap is one UPDATE and loses nothing. See docs/decisions/0003.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.errors import IllegalMove, PartUnavailable
from matching.search.batches import in_batches
from matching.search.bm25 import (
    BODY_WEIGHT,
    TITLE_WEIGHT,
    inverse_document_frequency,
    select_query_words,
)
from matching.search.checks import check_limits, check_query_vectors
from matching.search.embedded_memory import (
    SIDE_CODES,
    Memory,
    Postings,
    VectorBlock,
    View,
    bring_up_to_date,
    count_places,
)
from matching.search.embedded_rows import find_seqs, remove_entries, store_entries
from matching.search.embedded_schema import (
    PARAMETERS_AT_ONCE,
    Generation,
    active_generation,
    count_rows,
    create_generation,
    drop_generation,
    drop_unused_generations,
    live_generations,
    numbered,
    prepare_file,
    state_of,
    transaction,
)
from matching.search.filling import fill_up_by_words
from matching.search.filters import filter_sql
from matching.search.many_queries import Barred, Neighbours, group_alike
from matching.search.port import (
    CandidateQuery,
    Hit,
    IndexEntry,
    IndexStatus,
    Vector,
    VectorField,
    VectorQuery,
    WordQuery,
    WriteReport,
)
from matching.search.rank_fusion import RowFusion, fuse_hits
from matching.search.shared_vectors import (
    FOLDER_NAME,
    Chunk,
    OwnVectors,
    SharedVectors,
    SnapshotBehind,
    drop_files,
    erase_rows,
    machine_start,
)
from matching.search.shared_work import SharedWork

Query = WordQuery | VectorQuery | CandidateQuery

logger = logging.getLogger(__name__)

FILE_NAME = "index.sqlite3"
BUSY_SECONDS = 30.0
WRITE_BATCH = 256
VECTOR_COLUMNS: dict[VectorField, str] = {"title_vector": "title", "full_vector": "full"}

_MOST_CACHED_POSTINGS = 6_000_000  # 8 bytes each

LEAST_MANY = 16
"""Queries that differ in nothing but what they look for and whom they leave out are answered together from here on."""

_WORD_DECIMALS = 5
_QUERIES_WEIGHED_AT_ONCE = 256
_WORDS_WEIGHED_AT_ONCE = 2048
_MOST_WEIGHED = 10_000_000  # 12 bytes each
_VECTORS_AT_ONCE = 4096
_QUERIES_COMPARED_AT_ONCE = 256
_COMPARED_AT_ONCE = 8  # queries, with some hundred vectors each
_TRIES = 4
"""How often a search takes a newer snapshot because the shared vectors are newer than its own."""

_INHERITED: list[sqlite3.Connection] = []
"""Connections a forked child got from its parent: kept for good, since closing them would disturb the parent's."""


@dataclass(frozen=True)
class _Reading:
    """One read transaction with the memory brought up to its snapshot."""

    connection: sqlite3.Connection
    generation: Generation
    memory: Memory
    view: View


@dataclass(frozen=True, slots=True)
class _KnownWords:
    """Words of the index: their numbers, and how many posts have them in title and in body.

    Numbers by themselves, not in tuples: fifty thousand of these would send the garbage collector over everything.
    """

    ids: dict[str, int] = field(default_factory=dict)
    title_posts: dict[str, int] = field(default_factory=dict)
    body_posts: dict[str, int] = field(default_factory=dict)

    def count_posts(self) -> dict[str, int]:
        """How many posts have the word, in titles or in bodies, whichever are more."""
        return {word: max(count, self.body_posts[word]) for word, count in self.title_posts.items()}


class EmbeddedIndex:
    """SearchIndex in a folder of this machine; several processes and threads may use the folder at once."""

    def __init__(self, folder: Path, *, dimension: int = 384) -> None:
        """`dimension` is that of the first generation; later ones have what their rebuild was given."""
        self.folder = folder
        self.dimension = dimension
        self._process = os.getpid()
        self._local = threading.local()
        self._lock = threading.Lock()
        self._memory: Memory | None = None
        self._connections: list[sqlite3.Connection] = []

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, entries: Iterable[IndexEntry]) -> WriteReport:
        """See SearchIndex.write; each batch of 256 is one transaction, on disk when this returns."""
        report = WriteReport()
        for batch in in_batches(entries, WRITE_BATCH):
            with self._writing() as connection:
                for generation in live_generations(connection):
                    outcome = store_entries(connection, generation, batch)
                    if generation.state == "active":
                        report += outcome
        return report

    def remove(self, removals: Iterable[tuple[str, int]]) -> WriteReport:
        """See SearchIndex.remove; a tombstone with the version stays behind."""
        report = WriteReport()
        for batch in in_batches(removals, WRITE_BATCH):
            gone: dict[int, set[int]] = {}
            with self._writing() as connection:
                for generation in live_generations(connection):
                    post_ids = [post_id for post_id, _ in batch]
                    before = find_seqs(connection, generation, post_ids)
                    outcome = remove_entries(connection, generation, batch)
                    gone[generation.id] = before - find_seqs(connection, generation, post_ids)
                    if generation.state == "active":
                        report += outcome
            for generation_id, seqs in gone.items():
                if seqs:
                    try:
                        erase_rows(self.folder / FOLDER_NAME, generation_id, sorted(seqs))
                    except OSError as error:
                        logger.warning("vectors of removed posts stay in the shared file: %s", error)
        return report

    def refresh(self) -> None:
        """See SearchIndex.refresh; every committed write is visible to the next search, so there is nothing to do."""

    def begin_rebuild(self, model_revision: str, dimension: int) -> EmbeddedRebuild:
        """See SearchIndex.begin_rebuild."""
        with self._writing() as connection:
            drop_unused_generations(connection)
            active = active_generation(connection)
            building = create_generation(connection, "building", model_revision, dimension)
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
        for tries in range(_TRIES):
            # The last time without asking whether the files are newer: they are made anew.
            with suppress(SnapshotBehind), self._reading() as reading:
                return self._find_by_vector(reading, queries, renew=tries == _TRIES - 1)
        raise AssertionError("unreachable")

    def _find_by_vector(self, reading: _Reading, queries: Sequence[VectorQuery], *, renew: bool) -> list[list[Hit]]:
        check_query_vectors(queries, reading.generation.dimension)
        results: list[list[Hit]] = [[] for _ in queries]
        groups: dict[tuple[VectorField, int], list[int]] = {}
        for at, query in enumerate(queries):
            groups.setdefault((query.field, SIDE_CODES[query.filters.side]), []).append(at)
        for (vector_field, side), places in groups.items():
            rows, matrix = self._read_vectors(reading, vector_field, side, renew=renew)
            if not len(rows):
                continue
            # The last one stands for rows that the view does not know.
            live = np.append(reading.view.live, False)[rows]
            for alike in group_alike([_without_exclusions(queries[at]) for at in places]).values():
                together = [places[place] for place in alike]
                if len(together) >= LEAST_MANY:
                    allowed = _Allowed.to_many(reading, [queries[at] for at in together])
                    nearest = _Nearest(allowed, rows, matrix).find(
                        [queries[at].vector for at in together], range(len(together)), queries[together[0]].limit
                    )
                    for at, (near, found) in zip(together, nearest, strict=True):
                        results[at] = _to_hits(reading.view, near, found, queries[at].limit)
                    continue
                for at in together:
                    # Row by row and not as a matrix product: BLAS would wake its threads for each query, which on a
                    # busy machine takes many times as long as the products, and a few gain nothing by it.
                    cosines = np.vecdot(matrix, np.asarray(queries[at].vector, dtype=np.float32))
                    results[at] = _best_allowed(reading, rows[live], cosines[live], queries[at], decimals=6)
        return fill_up_by_words(queries, results, lambda short: self._find_by_words(reading, short))

    def find_candidates(self, queries: Sequence[CandidateQuery]) -> list[list[str]]:
        """See SearchIndex.find_candidates."""
        check_limits(queries)
        for tries in range(_TRIES):
            with suppress(SnapshotBehind), self._reading() as reading:
                found: list[list[str]] = [[] for _ in queries]
                for places in group_alike([_without_exclusions(query) for query in queries]).values():
                    alike = [queries[place] for place in places]
                    if len(alike) >= LEAST_MANY:
                        lists = self._find_candidates_of_many(reading, alike, renew=tries == _TRIES - 1)
                    else:
                        lists = fuse_hits(
                            alike,
                            partial(self._find_by_vector, reading, renew=tries == _TRIES - 1),
                            partial(self._find_by_words, reading),
                        )
                    for place, ids in zip(places, lists, strict=True):
                        found[place] = ids
                return found
        raise AssertionError("unreachable")

    def _find_candidates_of_many(
        self, reading: _Reading, queries: Sequence[CandidateQuery], *, renew: bool
    ) -> list[list[str]]:
        """Rows take the place of hits until the end: there are four hits a candidate.

        Vectors are compared in a thread of their own while words are weighed: both are loops in C that let others run.
        """
        view, limit = reading.view, queries[0].limit
        allowed = _Allowed.to_many(reading, queries)
        check_query_vectors([query for each in queries for query in each.by_vector()], reading.generation.dimension)
        side = SIDE_CODES[queries[0].filters.side]
        neighbours = {
            name: _Nearest(allowed, *self._read_vectors(reading, name, side, renew=renew))
            for name in dict.fromkeys(name for query in queries for name, _ in query.vectors)
        }

        def rank_by_vectors(part: Sequence[int]) -> dict[int, list[NDArray[np.int32]]]:
            ranked: dict[int, list[NDArray[np.int32]]] = {place: [] for place in part}
            # In the order of each query's vectors, as sums of ranks depend on it in their last bit.
            for position in range(max(len(queries[place].vectors) for place in part)):
                asked = {
                    place: queries[place].vectors[position] for place in part if len(queries[place].vectors) > position
                }
                for name, nearest in neighbours.items():
                    vectors = {place: vector for place, (own, vector) in asked.items() if own == name}
                    found = nearest.find(list(vectors.values()), list(vectors), limit)
                    for place, (rows, _) in zip(vectors, found, strict=True):
                        ranked[place].append(rows)
            return ranked

        by_words = [(place, query) for place, each in enumerate(queries) for query in each.by_words()]
        ranked_by_words: list[list[NDArray[np.int32]]] = [[] for _ in queries]
        fusion, fused = RowFusion(view.id_places), list[list[str]]()
        parts = list(in_batches(range(len(queries)), _QUERIES_COMPARED_AT_ONCE))
        with SharedWork([partial(rank_by_vectors, part) for part in parts], "nearest") as by_vectors:
            ranked = self._rank_by_words(
                reading, [query for _, query in by_words], allowed, [place for place, _ in by_words]
            )
            for (place, _), (rows, rounded) in zip(by_words, ranked, strict=True):
                ranked_by_words[place].append(_best_rows(view, rows, rounded, limit))
            for number, part in enumerate(parts):
                near = by_vectors.result(number)
                for place in part:
                    best = fusion.fuse([*near[place], *ranked_by_words[place]], limit)
                    fused.append([view.post_ids[row] for row in best.tolist()])
        return fused

    def fetch_vectors(self, post_ids: Sequence[str]) -> dict[str, tuple[Vector | None, Vector | None]]:
        """See SearchIndex.fetch_vectors."""
        found: dict[str, tuple[Vector | None, Vector | None]] = {}
        with self._reading() as reading:
            for part in in_batches(post_ids, PARAMETERS_AT_ONCE):
                rows = reading.connection.execute(
                    numbered(
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
                    numbered(
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
                entries = count_rows(reading.connection, "entry_{g}", reading.generation)
                building = [found for found in live_generations(reading.connection) if found.state == "building"]
                detail = (
                    f"{self.folder / FILE_NAME}, generation {reading.generation.id}, "
                    f"{reading.generation.dimension} dimensions"
                )
                for found in building:
                    loaded = count_rows(reading.connection, "entry_{g}", found)
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
            # What is removed must not stay behind in free pages, whatever this SQLite was built with.
            connection.execute("PRAGMA secure_delete = ON")
            prepare_file(connection, self.dimension)
            self._local.connection = connection
            with self._lock:
                self._connections.append(connection)
        return connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _said_clearly(), transaction(self._connection(), "IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[_Reading]:
        with _said_clearly():
            connection = self._connection()
            self._lock.acquire()
            held = True
            try:
                # Inside the lock, so that the memory is never ahead of this snapshot.
                with transaction(connection, "DEFERRED"):
                    generation = active_generation(connection)
                    memory = self._memory
                    if memory is None or memory.generation != generation:
                        memory = self._memory = Memory(generation)
                    memory, view = bring_up_to_date(connection, memory)
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
        results: list[list[Hit]] = [[] for _ in queries]
        for alike in group_alike([_without_exclusions(query) for query in queries]).values():
            asked = [queries[at] for at in alike]
            if len(alike) >= LEAST_MANY:
                allowed = _Allowed.to_many(reading, asked)
                ranked = self._rank_by_words(reading, asked, allowed, range(len(asked)))
                for at, (rows, rounded) in zip(alike, ranked, strict=True):
                    results[at] = _to_hits(view, rows, rounded, queries[at].limit)
                continue
            sides = view.live & (view.sides == SIDE_CODES[asked[0].filters.side])
            for at, scores in zip(alike, self._score_by_words(reading, asked), strict=True):
                found = np.flatnonzero((scores > 0) & sides).astype(np.int32)
                results[at] = _best_allowed(reading, found, scores[found], queries[at], decimals=_WORD_DECIMALS)
        return results

    def _score_by_words(self, reading: _Reading, queries: Sequence[WordQuery]) -> Iterator[NDArray[np.float64]]:
        """Of each query the scores of all rows, 0 where none of its words is."""
        known = self._look_up(reading, queries)
        posts = known.count_posts()
        for query in queries:
            words = select_query_words(query.words, posts, reading.view.live_count)
            if not words:
                yield np.zeros(len(reading.view.seqs))
                continue
            rows, weights, _ = self._weigh(reading, known, words, None)
            # One pass in C, in the order of the words, instead of three for each word.
            yield np.asarray(np.bincount(rows, weights, len(reading.view.seqs)), dtype=np.float64)

    def _rank_by_words(
        self, reading: _Reading, queries: Sequence[WordQuery], allowed: _Allowed, places: Sequence[int]
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float64]]]:
        """Of each query, that at its place in `allowed`, the best rows and a few more, and their rounded scores.

        What a word adds is worked out once for all queries that have it.
        """
        # Only here: Numba takes 100 MB, and few processes are asked many things at once.
        from matching.search.word_scores import WeighedWords

        known = self._look_up(reading, queries)
        posts = known.count_posts()
        weighed = WeighedWords()
        for at in in_batches(range(len(queries)), _QUERIES_WEIGHED_AT_ONCE):
            chosen = [select_query_words(queries[each].words, posts, reading.view.live_count) for each in at]
            wanted = [word for word in dict.fromkeys(chain.from_iterable(chosen)) if word not in weighed]
            for part in in_batches(wanted, _WORDS_WEIGHED_AT_ONCE):
                weighed.add(part, *self._weigh(reading, known, part, allowed.passing))
            found = weighed.find_highest(
                chosen,
                [allowed.barred.of_query(places[each]) for each in at],
                len(reading.view.seqs),
                queries[0].limit,
                margin=2 * 10.0**-_WORD_DECIMALS,
            )
            for rows, scores in found:
                yield rows, np.round(scores, _WORD_DECIMALS)
            if weighed.size > _MOST_WEIGHED:
                weighed = WeighedWords()

    def _look_up(self, reading: _Reading, queries: Sequence[WordQuery]) -> _KnownWords:
        """The words of all queries that the index has."""
        known = _KnownWords()
        for part in in_batches(dict.fromkeys(word for query in queries for word in query.words), PARAMETERS_AT_ONCE):
            sql = "SELECT word, id, title_posts, body_posts FROM word_{g} WHERE word IN ({marks})"
            for word, word_id, title_posts, body_posts in reading.connection.execute(
                numbered(sql, reading.generation.id, marks=len(part)), part
            ):
                known.ids[word] = word_id
                known.title_posts[word] = title_posts
                known.body_posts[word] = body_posts
        return known

    def _weigh(
        self, reading: _Reading, known: _KnownWords, words: Sequence[str], passing: NDArray[np.bool_] | None
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.int64]]:
        """Where the words stand, one after the other, what they add to the score of each of these rows, and where each
        word ends; of `passing` rows only."""
        view = reading.view
        postings = self._read_postings(reading, [known.ids[word] for word in words])
        lengths = np.array([len(each.rows) for each in postings])
        rows = np.concatenate([each.rows for each in postings]).astype(np.intp)
        weights = np.zeros(len(rows))
        for posts, documents, factors, times, field_weight in (
            ([known.title_posts[word] for word in words], view.title_documents, view.title_factors,
             np.concatenate([each.in_title for each in postings]), TITLE_WEIGHT),
            ([known.body_posts[word] for word in words], view.body_documents, view.body_factors,
             np.concatenate([each.in_body for each in postings]), BODY_WEIGHT),
        ):  # fmt: skip
            telling = np.array([field_weight * inverse_document_frequency(count, documents) for count in posts])
            weights += np.repeat(telling, lengths) * times / (times + factors[rows])
        ends = np.cumsum(lengths)
        if passing is not None:
            there = passing[rows]
            rows, weights = rows[there], weights[there]
            ends = np.concatenate([[0], np.cumsum(there)])[ends]
        return rows, weights, ends

    def _read_postings(self, reading: _Reading, word_ids: Sequence[int]) -> list[Postings]:
        memory, view = reading.memory, reading.view
        found: list[Postings | None] = []
        with self._lock:
            for word_id in word_ids:
                cached = memory.postings.get(word_id)
                if cached is not None:
                    memory.postings.move_to_end(word_id)
                found.append(cached)
        return [
            self._load_postings(reading, word_id) if cached is None else cached.up_to(len(view.seqs))
            for word_id, cached in zip(word_ids, found, strict=True)
        ]

    def _load_postings(self, reading: _Reading, word_id: int) -> Postings:
        memory, view = reading.memory, reading.view
        # One string of numbers instead of one Python object per place: several times faster for common words.
        (places,) = reading.connection.execute(
            numbered(
                "SELECT group_concat(doc * 2 + (col = 'body'), ' ') FROM place_{g} WHERE term = ?",
                reading.generation.id,
            ),
            (str(word_id),),
        ).fetchone()
        codes = np.fromstring(places or "", sep=" ", dtype=np.int64)
        postings = count_places(view.seqs, codes)
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
        self, reading: _Reading, vector_field: VectorField, side: int, *, renew: bool
    ) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(rows, matrix) of the vectors of one field and side; see VectorBlock.select.

        Raises SnapshotBehind where it should be asked with a newer snapshot, or with `renew`.
        """
        view, memory = reading.view, reading.memory
        with self._lock:
            block = memory.blocks.get((vector_field, side))
            if block is None:
                block = memory.blocks[vector_field, side] = VectorBlock(self._open_vectors(reading, vector_field, side))
            if block.source.last_seq < view.snapshot.last_seq:
                self._bring_up_to_date(reading, block, vector_field, side, renew=renew)
            return block.select(view)

    def _open_vectors(self, reading: _Reading, vector_field: VectorField, side: int) -> SharedVectors | OwnVectors:
        generation, started = reading.generation, machine_start()
        if not started:
            return OwnVectors(generation.dimension)
        file = (self.folder / FILE_NAME).stat()
        (number,) = reading.connection.execute("PRAGMA application_id").fetchone()
        identity = hashlib.sha256(
            f"{started} {file.st_dev} {file.st_ino} {number} {generation.id} {generation.dimension}".encode()
        ).digest()
        name = f"{generation.id}-{VECTOR_COLUMNS[vector_field]}-{side}.f32"
        return SharedVectors(self.folder / FOLDER_NAME / name, identity=identity, dimension=generation.dimension)

    def _bring_up_to_date(
        self, reading: _Reading, block: VectorBlock, vector_field: VectorField, side: int, *, renew: bool
    ) -> None:
        view, dimension = reading.view, reading.generation.dimension
        live_seqs = view.seqs[view.live & (view.sides == side)]

        def read_rows(after: int) -> Iterator[Chunk]:
            loaded = reading.connection.execute(
                numbered(
                    "SELECT seq, {column} FROM vector_{g} WHERE seq > ? AND {column} IS NOT NULL ORDER BY seq",
                    reading.generation.id,
                ).replace("{column}", f'"{VECTOR_COLUMNS[vector_field]}"'),
                (after,),
            )
            while part := loaded.fetchmany(_VECTORS_AT_ONCE):
                seqs = np.array([seq for seq, _ in part], dtype=np.int64)
                wanted = np.isin(seqs, live_seqs, assume_unique=True)
                matrix = np.frombuffer(b"".join(blob for _, blob in part), dtype="<f4").reshape(-1, dimension)
                if wanted.any():
                    yield seqs[wanted], matrix[wanted].astype(np.float32)

        if isinstance(block.source, SharedVectors):
            try:
                block.source.bring_up_to_date(view.snapshot, read_rows, live_seqs, renew=renew)
            except OSError as error:
                logger.warning("vectors are kept by each process: %s", error)
                block.source = OwnVectors(dimension)
            else:
                return
        block.source.bring_up_to_date(view.snapshot, read_rows)


class EmbeddedRebuild:
    """Rebuild of an EmbeddedIndex: a second generation in the same file."""

    def __init__(self, index: EmbeddedIndex, generation: Generation) -> None:
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
        for batch in in_batches(entries, WRITE_BATCH):
            with self._index._writing() as connection:
                self._require_building(connection)
                report += store_entries(connection, self._generation, batch)
        return report

    def catch_up(self) -> tuple[str, ...]:
        """See Rebuild.catch_up; writes go to both generations in one transaction, so only foreign vectors remain."""
        with self._index._writing() as connection:
            self._require_building(connection)
            rows = connection.execute(
                numbered("SELECT post_id FROM entry_{g} WHERE model_revision <> ? ORDER BY seq", self._generation.id),
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
            drop_unused_generations(connection, keep_building=True)
            drop_files(
                self._index.folder / FOLDER_NAME, keep=frozenset(found.id for found in live_generations(connection))
            )

    def abort(self) -> None:
        """See Rebuild.abort."""
        with self._index._writing() as connection:
            state = state_of(connection, self._generation.id)
            if state == "building":
                drop_generation(connection, self._generation.id)

    def _require_building(self, connection: sqlite3.Connection) -> None:
        if state_of(connection, self._generation.id) != "building":
            raise IllegalMove(
                "index.rebuild_replaced",
                "这次重建已结束，或已被另一次重建取代",
                message_en="This rebuild has ended or another one has replaced it.",
            )


@dataclass(frozen=True)
class _Allowed:
    """What many queries, alike but for their exclusions, may find: rows of the view."""

    view: View
    passing: NDArray[np.bool_]
    barred: Barred

    @classmethod
    def to_many(cls, reading: _Reading, queries: Sequence[Query]) -> _Allowed:
        """One question about filters and visibility for all of them, one about whom single queries exclude."""
        view = reading.view
        filters = replace(
            queries[0].filters, exclude_post_ids=frozenset[str](), exclude_organisation_ids=frozenset[str]()
        )
        plain: Query = replace(queries[0], filters=filters)
        passing = view.live & _passing(reading, plain, view.seqs, all_at_once=True)
        pairs: list[tuple[NDArray[np.intp], NDArray[np.intp]]] = []
        for column, excluded in (
            ("organisation_id", [query.filters.exclude_organisation_ids for query in queries]),
            ("post_id", [query.filters.exclude_post_ids for query in queries]),
        ):
            rows = _rows_with(reading, column, frozenset[str]().union(*excluded))
            for place, values in enumerate(excluded):
                for value in sorted(values & rows.keys()):
                    pairs.append((np.full(len(rows[value]), place), rows[value]))
        places = np.concatenate([place for place, _ in pairs] or [np.empty(0, dtype=np.intp)])
        barred = np.concatenate([row for _, row in pairs] or [np.empty(0, dtype=np.intp)])
        order = np.argsort(places, kind="stable")
        return cls(view, passing, Barred(places[order], barred[order]))


class _Nearest:
    """Vectors of a field and side that many queries with the same filters are compared with."""

    def __init__(self, allowed: _Allowed, rows: NDArray[np.int32], matrix: NDArray[np.float32]) -> None:
        """`rows` of the view, one for each row of the matrix."""
        self._allowed = allowed
        self._rows = rows
        self._matrix = matrix
        lines = np.flatnonzero(np.append(allowed.passing, False)[rows])
        self._line_of_row = np.full(len(allowed.passing), -1)
        self._line_of_row[rows[lines]] = lines
        self._neighbours = Neighbours(matrix, lines)

    def find(
        self, vectors: Sequence[Vector], places: Sequence[int], limit: int
    ) -> Iterator[tuple[NDArray[np.int32], NDArray[np.float64]]]:
        """Rows and rounded cosines of the nearest to each vector, that of the query at its place in `allowed`: best
        first, ties by post_id."""
        rows, matrix, allowed = self._rows, self._matrix, self._allowed
        vector_of_place = np.full(max(places, default=0) + 1, -1)
        vector_of_place[list(places)] = np.arange(len(places))
        ours = allowed.barred.queries < len(vector_of_place)
        whose = vector_of_place[allowed.barred.queries[ours]]
        barred_lines = self._line_of_row[allowed.barred.rows[ours]]
        there = (barred_lines >= 0) & (whose >= 0)
        barred = Barred(whose[there], barred_lines[there])
        stacked = np.array(vectors, dtype=np.float32)
        found = self._neighbours.find(stacked, barred, limit)
        id_places = allowed.view.id_places
        # Some together: while words are weighed in another thread, each call has to wait for its turn. One room for
        # all: it stays in the processor's cache.
        most = max((len(near) for near in found), default=0)
        room = np.empty((_COMPARED_AT_ONCE * most, matrix.shape[1]), dtype=np.float32)
        for start in range(0, len(found), _COMPARED_AT_ONCE):
            part = found[start : start + _COMPARED_AT_ONCE]
            counts = np.array([len(near) for near in part])
            padded = np.zeros((len(part), int(counts.max())), dtype=np.intp)
            there = np.arange(padded.shape[1]) < counts[:, None]
            padded[there] = np.concatenate(part)
            compared = room[: padded.size].reshape(*padded.shape, matrix.shape[1])
            np.take(matrix, padded, axis=0, out=compared, mode="clip")
            alone = np.vecdot(compared, stacked[start : start + len(part), None])[there]
            near, cosines = rows[padded[there]], np.round(alone.astype(np.float64), 6)
            order = np.lexsort((id_places[near], -cosines, np.repeat(np.arange(len(part)), counts)))
            near, cosines = near[order], cosines[order]
            for end, count in zip(np.cumsum(counts).tolist(), counts.tolist(), strict=True):
                first = slice(end - count, end - count + min(count, limit))
                yield near[first], cosines[first]


def _best_rows(view: View, rows: NDArray[np.int32], scores: NDArray[Any], limit: int) -> NDArray[np.int32]:
    """Best first, ties by post_id."""
    return rows[np.lexsort((view.id_places[rows], -scores))][:limit]


def _to_hits(view: View, rows: NDArray[Any], scores: NDArray[Any], limit: int) -> list[Hit]:
    """Best first, ties by post_id."""
    found = sorted((-score, view.post_ids[row]) for row, score in zip(rows.tolist(), scores.tolist(), strict=True))
    return [Hit(post_id, -score) for score, post_id in found[:limit]]


def _without_exclusions(query: Query) -> object:
    """Equal for queries that differ at most in what they look for and in what they leave out."""
    filters = replace(query.filters, exclude_post_ids=frozenset[str](), exclude_organisation_ids=frozenset[str]())
    return filters, query.audience, query.now, query.limit


def _rows_with(reading: _Reading, column: str, values: frozenset[str]) -> dict[str, NDArray[np.intp]]:
    """Rows of the view by the value of a column, for those of the values that occur."""
    if not values:
        return {}
    found: dict[str, list[int]] = {}
    for seq, value in reading.connection.execute(
        numbered(
            "SELECT seq, {column} FROM entry_{g} WHERE {column} IN (SELECT value FROM json_each(?)) ORDER BY seq",
            reading.generation.id,
        ).replace("{column}", column),
        (json.dumps(sorted(values)),),
    ):
        found.setdefault(value, []).append(seq)
    return {value: np.searchsorted(reading.view.seqs, np.array(seqs)) for value, seqs in found.items()}


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
    return _to_hits(view, rows, scores, limit)


def _passing(
    reading: _Reading, query: Query, seqs: NDArray[np.int64], *, all_at_once: bool = False
) -> NDArray[np.bool_]:
    """Which of the seqs (ascending) pass the query's filters and visibility."""
    condition, values = filter_sql(query.filters, query.audience, query.now, few=not all_at_once)
    if all_at_once:
        sql = "SELECT group_concat(entry.seq, ' ') FROM entry_{g} AS entry WHERE {condition}"
    else:
        # CROSS JOIN keeps SQLite from walking all entries instead of looking up the few.
        sql = (
            "SELECT group_concat(entry.seq, ' ') FROM json_each(?) AS asked"
            " CROSS JOIN entry_{g} AS entry ON entry.seq = asked.value WHERE {condition}"
        )
        values = [json.dumps(seqs.tolist()), *values]
    sql = numbered(sql.replace("{condition}", condition), reading.generation.id)
    (found,) = reading.connection.execute(sql, values).fetchone()
    return np.isin(seqs, np.fromstring(found or "", sep=" ", dtype=np.int64))


@contextmanager
def _said_clearly() -> Iterator[None]:
    """Turn failures of the file into PartUnavailable."""
    try:
        yield
    except (sqlite3.DatabaseError, OSError) as error:
        raise PartUnavailable(
            "index", f"内嵌索引无法读写：{error}", message_en=f"The embedded index cannot be read or written: {error}"
        ) from error


def _to_vector(blob: bytes | None) -> Vector | None:
    return None if blob is None else np.frombuffer(blob, dtype="<f4").astype(np.float32)

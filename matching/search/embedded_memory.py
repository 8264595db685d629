"""What a process remembers of the embedded index: lengths, postings and vectors as arrays.

Rows are numbered as this process read them; a row is one version of a post's entry. Brought up to date before each
search by what was written since the last one, see `bring_up_to_date`.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from matching.search.bm25 import length_factors
from matching.search.embedded_schema import Generation, numbered
from matching.search.growing_array import GrowingArray
from matching.search.port import VectorField
from matching.search.shared_vectors import OwnVectors, SharedVectors, Snapshot

SIDE_CODES = {"need": 0, "capability": 1}

_FEW_NEW_ROWS = 500  # up to here cached postings are extended, beyond it reading them again is cheaper


@dataclass(frozen=True)
class Postings:
    """Where one word stands: row numbers, ascending, and how often in title and body."""

    rows: NDArray[np.int32]
    in_title: NDArray[np.uint16]
    in_body: NDArray[np.uint16]

    def up_to(self, rows: int) -> Postings:
        """Those of the first rows; another thread may have added some that a snapshot does not have."""
        if not len(self.rows) or self.rows[-1] < rows:
            return self
        end = int(np.searchsorted(self.rows, rows))
        return Postings(self.rows[:end], self.in_title[:end], self.in_body[:end])


@dataclass(frozen=True)
class View:
    """The rows of one generation as of one snapshot of the file; all arrays have one item per row."""

    seqs: NDArray[np.int64]
    sides: NDArray[np.int8]
    title_lengths: NDArray[np.int64]
    body_lengths: NDArray[np.int64]
    live: NDArray[np.bool_]
    post_ids: list[str]
    """May be longer than the arrays."""
    snapshot: Snapshot

    @cached_property
    def live_count(self) -> int:
        return int(self.live.sum())

    @cached_property
    def id_places(self) -> NDArray[np.intp]:
        """Of each row its place in the order of post ids."""
        ids = np.array(self.post_ids[: len(self.seqs)])
        return np.asarray(np.unique(ids, return_inverse=True)[1], dtype=np.intp)

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


class VectorBlock:
    """The vectors of one field and side, and which row each of them belongs to."""

    def __init__(self, source: SharedVectors | OwnVectors) -> None:
        self.source = source
        self._rows: GrowingArray[np.int32] = GrowingArray(np.int32)
        self._made = source.made

    def select(self, view: View) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """(rows, matrix) as far as the view goes; row −1 where the view does not know what was dropped before it."""
        seqs, matrix = self.source.read()
        end = int(np.searchsorted(seqs, view.snapshot.last_seq, side="right"))
        if self._made != self.source.made:
            self._rows, self._made = GrowingArray(np.int32), self.source.made
        known = self._rows.size
        if known < end:
            fresh = seqs[known:end]
            rows = np.searchsorted(view.seqs, fresh)
            found = rows < len(view.seqs)
            found[found] = view.seqs[rows[found]] == fresh[found]
            self._rows.append(np.where(found, rows, -1).astype(np.int32))
        return self._rows.filled[:end], matrix[:end]


@dataclass
class Memory:
    """What this process remembers of the active generation. Changed under the index's lock only."""

    generation: Generation
    last_seq: int = 0
    last_change: int = 0
    seqs: GrowingArray[np.int64] = field(default_factory=lambda: GrowingArray(np.int64))
    sides: GrowingArray[np.int8] = field(default_factory=lambda: GrowingArray(np.int8))
    title_lengths: GrowingArray[np.int64] = field(default_factory=lambda: GrowingArray(np.int64))
    body_lengths: GrowingArray[np.int64] = field(default_factory=lambda: GrowingArray(np.int64))
    live: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))
    post_ids: list[str] = field(default_factory=list)
    postings: OrderedDict[int, Postings] = field(default_factory=OrderedDict)
    cached_postings: int = 0
    blocks: dict[tuple[VectorField, int], VectorBlock] = field(default_factory=dict)
    view: View | None = None

    def drop_postings(self) -> None:
        self.postings.clear()
        self.cached_postings = 0


def bring_up_to_date(connection: sqlite3.Connection, memory: Memory) -> tuple[Memory, View]:
    """Read into memory what was written since; the result is exactly what this transaction sees."""
    generation_id = memory.generation.id
    top_seq, first_change, top_change = connection.execute(
        numbered(
            "SELECT (SELECT coalesce(max(seq), 0) FROM entry_{g}), (SELECT coalesce(min(change), 0) FROM dropped_{g}),"
            " (SELECT coalesce(max(change), 0) FROM dropped_{g})",
            generation_id,
        )
    ).fetchone()
    if memory.view is not None and top_seq <= memory.last_seq and top_change == memory.last_change:
        return memory, memory.view
    dead = memory.seqs.size - int(memory.live.sum())
    if first_change > memory.last_change + 1 or dead > max(10_000, memory.seqs.size // 2):
        memory = Memory(memory.generation)
    new_rows = connection.execute(
        numbered(
            "SELECT seq, post_id, side, title_length, body_length FROM entry_{g} WHERE seq > ? ORDER BY seq",
            generation_id,
        ),
        (memory.last_seq,),
    ).fetchall()
    known = memory.seqs.size
    live = np.concatenate([memory.live, np.ones(len(new_rows), dtype=np.bool_)])
    if memory.last_seq:
        drops = connection.execute(
            numbered("SELECT seq FROM dropped_{g} WHERE change > ? AND seq <= ?", generation_id),
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
    memory.view = View(
        memory.seqs.filled,
        memory.sides.filled,
        memory.title_lengths.filled,
        memory.body_lengths.filled,
        live,
        memory.post_ids,
        Snapshot(max(memory.last_seq, top_seq), top_change),
    )
    if len(new_rows) > _FEW_NEW_ROWS:
        memory.drop_postings()
    elif new_rows and memory.postings:
        _extend_postings(connection, memory, known)
    memory.last_seq = max(memory.last_seq, top_seq)
    memory.last_change = top_change
    return memory, memory.view


def _extend_postings(connection: sqlite3.Connection, memory: Memory, known: int) -> None:
    """Add the rows from number `known` on to the postings that are in memory."""
    codes: dict[int, list[int]] = {}
    for seq, title, body in connection.execute(
        numbered("SELECT rowid, title, body FROM words_{g} WHERE rowid > ? ORDER BY rowid", memory.generation.id),
        (memory.last_seq,),
    ):
        for offset, text in ((0, title), (1, body)):
            for word_id in map(int, text.split()):
                if word_id in memory.postings:
                    codes.setdefault(word_id, []).append(seq * 2 + offset)
    seqs = memory.seqs.filled
    for word_id, found in codes.items():
        old, new = memory.postings[word_id], count_places(seqs, np.array(found, dtype=np.int64))
        memory.postings[word_id] = Postings(
            np.concatenate([old.rows, new.rows]),
            np.concatenate([old.in_title, new.in_title]),
            np.concatenate([old.in_body, new.in_body]),
        )
        memory.cached_postings += len(new.rows)


def count_places(seqs: NDArray[np.int64], codes: NDArray[np.int64]) -> Postings:
    """Turn places (seq · 2, plus 1 in the body) into rows with counts."""
    found, inverse = np.unique(codes >> 1, return_inverse=True)
    in_body = np.bincount(inverse, weights=codes & 1, minlength=len(found))
    both = np.bincount(inverse, minlength=len(found))
    most = np.iinfo(np.uint16).max
    return Postings(
        np.asarray(np.searchsorted(seqs, found), dtype=np.int32),
        np.minimum(both - in_body, most).astype(np.uint16),
        np.minimum(in_body, most).astype(np.uint16),
    )

"""Writing rows of one generation of the embedded index; versions and tombstones decide what is superseded.

Everything here runs inside a write transaction of the caller.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from matching.search.batches import in_batches
from matching.search.checks import find_entry_fault, find_vector_fault
from matching.search.embedded_schema import PARAMETERS_AT_ONCE, Generation, numbered
from matching.search.port import IndexEntry, Vector, WriteReport
from matching.search.visibility import to_microseconds

_LEAST_DROPS_KEPT = 100_000  # a process that slept longer than this many replacements reads its arrays afresh


def store_entries(connection: sqlite3.Connection, generation: Generation, entries: Sequence[IndexEntry]) -> WriteReport:
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


def remove_entries(
    connection: sqlite3.Connection, generation: Generation, removals: Sequence[tuple[str, int]]
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
            numbered("INSERT OR REPLACE INTO tombstone_{g} (post_id, version) VALUES (?, ?)", generation.id),
            (post_id, version),
        )
        written += 1
    if gone:
        changes = _WordChanges()
        _drop_rows(connection, generation, gone, changes)
        changes.save(connection, generation)
    return WriteReport(written=written, superseded=superseded)


def find_seqs(connection: sqlite3.Connection, generation: Generation, post_ids: Sequence[str]) -> set[int]:
    """Of the entries that are there."""
    return {seq for seq, _ in _read_versions(connection, generation, post_ids)[0].values()}


def _read_versions(
    connection: sqlite3.Connection, generation: Generation, post_ids: Sequence[str]
) -> tuple[dict[str, tuple[int, int]], dict[str, int]]:
    """({post_id: (seq, version)} of entries, {post_id: version} of tombstones)."""
    stored: dict[str, tuple[int, int]] = {}
    buried: dict[str, int] = {}
    for part in in_batches(post_ids, PARAMETERS_AT_ONCE):
        for post_id, seq, version in connection.execute(
            numbered(
                "SELECT post_id, seq, version FROM entry_{g} WHERE post_id IN ({marks})",
                generation.id,
                marks=len(part),
            ),
            part,
        ):
            stored[post_id] = (seq, version)
        buried.update(
            connection.execute(
                numbered(
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

    def save(self, connection: sqlite3.Connection, generation: Generation) -> None:
        connection.executemany(
            numbered(
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
    connection: sqlite3.Connection, generation: Generation, seqs: Sequence[int], changes: _WordChanges
) -> None:
    for seq in seqs:
        title, body = connection.execute(
            numbered("SELECT title, body FROM words_{g} WHERE rowid = ?", generation.id), (seq,)
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
        connection.executemany(numbered(statement, generation.id), keys)
    connection.execute(
        numbered("DELETE FROM dropped_{g} WHERE change <= (SELECT max(change) FROM dropped_{g}) - ?", generation.id),
        (_LEAST_DROPS_KEPT,),
    )


def _insert_rows(
    connection: sqlite3.Connection, generation: Generation, entries: Sequence[IndexEntry], changes: _WordChanges
) -> None:
    word_ids = _number_words(connection, generation, entries)
    for entry in entries:
        cursor = connection.execute(
            numbered(
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
            numbered("INSERT INTO words_{g} (rowid, title, body) VALUES (?, ?, ?)", generation.id),
            (seq, " ".join(map(str, title)), " ".join(map(str, body))),
        )
        changes.add(title, body, 1)
        own_vectors = generation.state == "active" or entry.model_revision == generation.model_revision
        connection.execute(
            numbered("INSERT INTO vector_{g} VALUES (?, ?, ?)", generation.id),
            (
                seq,
                _to_bytes(entry.title_vector) if own_vectors else None,
                _to_bytes(entry.full_vector) if own_vectors else None,
            ),
        )
        facets = {("industry", code) for code in entry.industry_codes}
        facets |= {("mode", mode) for mode in entry.cooperation_modes}
        connection.executemany(
            numbered("INSERT INTO facet_{g} VALUES (?, ?, ?)", generation.id),
            [(seq, name, value) for name, value in sorted(facets)],
        )


def _number_words(
    connection: sqlite3.Connection, generation: Generation, entries: Sequence[IndexEntry]
) -> dict[str, int]:
    """The number of every word of the entries; new words get one."""
    words = sorted({word for entry in entries for word in (*entry.title_words, *entry.body_words)})
    connection.executemany(
        numbered("INSERT OR IGNORE INTO word_{g} (word) VALUES (?)", generation.id), [(word,) for word in words]
    )
    numbers: dict[str, int] = {}
    for part in in_batches(words, PARAMETERS_AT_ONCE):
        numbers.update(
            connection.execute(
                numbered("SELECT word, id FROM word_{g} WHERE word IN ({marks})", generation.id, marks=len(part)),
                part,
            ).fetchall()
        )
    return numbers


def _delete_tombstones(connection: sqlite3.Connection, generation: Generation, post_ids: Sequence[str]) -> None:
    connection.executemany(
        numbered("DELETE FROM tombstone_{g} WHERE post_id = ?", generation.id), [(post_id,) for post_id in post_ids]
    )


def _to_bytes(vector: Vector | None) -> bytes | None:
    return None if vector is None else np.ascontiguousarray(vector, dtype="<f4").tobytes()

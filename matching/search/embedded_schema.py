"""The tables of the embedded index's file, and its generations.

Tables carry the number of their generation (`entry_3`). At most one generation is active and at most one building;
statements are written with `{g}` in place of the number.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from matching.errors import PartUnavailable

SCHEMA_VERSION = 1

PARAMETERS_AT_ONCE = 900
"""Marks in one statement; older builds of SQLite take 999."""

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
    "CREATE INDEX facet_by_value_{g} ON facet_{g} (field, value, seq)",
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


@dataclass(frozen=True)
class Generation:
    id: int
    state: str
    model_revision: str
    dimension: int


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str) -> Iterator[sqlite3.Connection]:
    connection.execute(f"BEGIN {kind}")
    try:
        yield connection
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def numbered(sql: str, generation_id: int, *, marks: int = 0) -> str:
    """Put a generation's number and so many parameter marks into a statement."""
    return sql.replace("{g}", str(generation_id)).replace("{marks}", ",".join("?" * marks))


def prepare_file(connection: sqlite3.Connection, dimension: int) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (number,) = connection.execute("PRAGMA application_id").fetchone()
    if version == SCHEMA_VERSION and number:
        return
    with transaction(connection, "IMMEDIATE"):
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version in (0, SCHEMA_VERSION) and not connection.execute("PRAGMA application_id").fetchone()[0]:
            # Tells this file from another one in its place: caches made from it carry the number.
            connection.execute(f"PRAGMA application_id = {1 + secrets.randbelow(2**31 - 1)}")
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
        create_generation(connection, "active", "", dimension)
        connection.execute("PRAGMA user_version = 1")


def create_generation(connection: sqlite3.Connection, state: str, model_revision: str, dimension: int) -> Generation:
    cursor = connection.execute(
        "INSERT INTO generation (state, model_revision, dimension) VALUES (?, ?, ?)",
        (state, model_revision, dimension),
    )
    generation = Generation(int(cursor.lastrowid or 0), state, model_revision, dimension)
    for statement in _GENERATION_SCHEMA:
        connection.execute(numbered(statement, generation.id))
    return generation


def drop_generation(connection: sqlite3.Connection, generation_id: int) -> None:
    for table in _GENERATION_TABLES:
        connection.execute(numbered("DROP TABLE IF EXISTS {table}_{g}", generation_id).replace("{table}", table))
    connection.execute("DELETE FROM generation WHERE id = ?", (generation_id,))


def drop_unused_generations(connection: sqlite3.Connection, *, keep_building: bool = False) -> None:
    unused = ("retired",) if keep_building else ("retired", "building")
    for generation_id, state in connection.execute("SELECT id, state FROM generation").fetchall():
        if state in unused:
            drop_generation(connection, generation_id)


def live_generations(connection: sqlite3.Connection) -> list[Generation]:
    """The active generation and, during a rebuild, the one being built."""
    rows = connection.execute(
        "SELECT id, state, model_revision, dimension FROM generation WHERE state <> 'retired' ORDER BY id"
    ).fetchall()
    return [Generation(*row) for row in rows]


def active_generation(connection: sqlite3.Connection) -> Generation:
    row = connection.execute(
        "SELECT id, state, model_revision, dimension FROM generation WHERE state = 'active'"
    ).fetchone()
    return Generation(*row)


def state_of(connection: sqlite3.Connection, generation_id: int) -> str | None:
    row = connection.execute("SELECT state FROM generation WHERE id = ?", (generation_id,)).fetchone()
    return row[0] if row else None


def count_rows(connection: sqlite3.Connection, table: str, generation: Generation) -> int:
    sql = numbered("SELECT count(*) FROM {table}".replace("{table}", table), generation.id)
    return int(connection.execute(sql).fetchone()[0])

"""Whether anything was committed to the database since one last looked, by whichever process: one cheap question.

SQLite's `PRAGMA data_version` is another number after every commit of another connection; the one asked here never
writes. PostgreSQL's snapshot names which transactions that write are seen, so two alike see the same rows.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

from sqlalchemy import Engine, text

_PG_SNAPSHOT = text("SELECT pg_current_snapshot()::text")


class ChangeStamp:
    """Asks one database; safe for threads. Made in the process that uses it, since its connection is of no other."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._sqlite: sqlite3.Connection | None = None

    def read(self) -> str | None:
        """The same text as long as nothing was committed; None where that cannot be told.

        Raises what SQLAlchemy raises where PostgreSQL does not answer.
        """
        if self._engine.dialect.name != "sqlite":
            with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                return str(connection.execute(_PG_SNAPSHOT).scalar_one())
        name = self._engine.url.database
        if not name or name == ":memory:":
            return None
        with self._lock:
            try:
                if self._sqlite is None:
                    address = f"{Path(name).absolute().as_uri()}?mode=ro"
                    self._sqlite = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
                return str(self._sqlite.execute("PRAGMA data_version").fetchone()[0])
            except sqlite3.Error:
                return None

"""The lock on the audit log: triggers that refuse every change, and the one way to lift them.

Restoring a backup and the operator's own retention of the log replace or delete rows. Nothing else may, and on
PostgreSQL nothing else can where the application's role does not own the table (docs/privacy.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

_EVENTS = {"UPDATE": "", "DELETE": "", "INSERT": "WHEN EXISTS (SELECT 1 FROM audit_log WHERE id = NEW.id) "}
"""INSERT OR REPLACE deletes without asking the triggers of DELETE."""


@contextmanager
def changeable_audit_log(connection: Connection) -> Iterator[None]:
    """Let the caller's transaction change the log; the lock is back before it can commit.

    A failure inside takes the transaction, and so the lifted lock, with it.
    """
    postgresql = connection.dialect.name == "postgresql"
    if postgresql:
        connection.execute(text("ALTER TABLE audit_log DISABLE TRIGGER USER"))
    else:
        for event in _EVENTS:
            connection.execute(text(f"DROP TRIGGER IF EXISTS audit_log_{event.lower()}"))
    yield
    if postgresql:
        connection.execute(text("ALTER TABLE audit_log ENABLE TRIGGER USER"))
    else:
        for event, when in _EVENTS.items():
            connection.execute(
                text(
                    f"CREATE TRIGGER audit_log_{event.lower()} BEFORE {event} ON audit_log {when}"
                    "BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END"
                )
            )

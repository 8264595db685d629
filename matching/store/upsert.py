"""Insert where nobody did so before: the same on SQLite and PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from matching.models import Base


def insert_new(session: Session, table: type[Base], rows: list[dict[str, Any]]) -> None:
    """Insert rows; those that meet a unique key are left as they are. Column defaults are not applied: give all."""
    if not rows:
        return
    insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    # One statement with a list of parameters, compiled once; values in the statement would be compiled each time.
    session.execute(insert(table.__table__).on_conflict_do_nothing(), rows)

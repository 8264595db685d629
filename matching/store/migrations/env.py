"""Alembic environment: runs on the engine it is given."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from sqlalchemy import TypeDecorator

from matching.models import Base

engine = context.config.attributes["engine"]


def render_plain_type(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Write our column types as what they are in the database, so that old migrations need none of today's code."""
    if kind == "type" and isinstance(item, TypeDecorator):
        return f"sa.{item.impl!r}"
    return False


with engine.connect() as connection:
    # SQLite cannot alter constraints in place; batch mode copies the table there and is plain DDL on PostgreSQL.
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=render_plain_type,
    )
    with context.begin_transaction():
        context.run_migrations()

"""The items of a JSON list as rows, on SQLite and PostgreSQL, so that lists can be filtered and counted by them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, TableValuedAlias, func
from sqlalchemy.orm import InstrumentedAttribute, Session


def json_items(
    session: Session, column: InstrumentedAttribute[list[str]]
) -> tuple[TableValuedAlias, ColumnElement[Any]]:
    """(what to select from, the item as text). The table is joined laterally with the column's own."""
    if session.get_bind().dialect.name == "sqlite":
        items = func.json_each(column).table_valued("value", joins_implicitly=True)
        return items, items.c.value
    items = func.json_array_elements_text(column).table_valued("value", joins_implicitly=True)
    return items, items.c.value

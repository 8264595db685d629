"""Cursors of lists by date, as callers give them back."""

from __future__ import annotations

from datetime import UTC

from matching.errors import InvalidInput
from matching.queries.posts import read_cursor


def check_cursor(cursor: str | None) -> str | None:
    """The cursor, None for an empty one; raises InvalidInput for one that leads nowhere, also past the calendar."""
    if not cursor:
        return None
    moment, row_id = read_cursor(cursor)
    try:
        moment.astimezone(UTC)
        if not (row_id.isascii() and row_id.isprintable()):
            raise ValueError("no id")
    except (OverflowError, ValueError) as error:
        raise InvalidInput(
            "list.cursor",
            "翻页标记无效，请从第一页重新开始",
            where="cursor",
            message_en="Invalid cursor; please start from the first page",
        ) from error
    return cursor

"""Cursors of lists by date, as callers give them back."""

from __future__ import annotations

from datetime import UTC

from matching.errors import InvalidInput
from matching.queries.posts import read_cursor

_MOST_DIGITS = 9


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


def read_offset(cursor: str | None) -> int:
    """Where a page begins, for lists whose cursor is a number; raises InvalidInput for one that is none of ours."""
    if not cursor:
        return 0
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= _MOST_DIGITS):
        raise InvalidInput(
            "list.cursor",
            "翻页标记无效，请从第一页重新开始",
            where="cursor",
            message_en="Invalid cursor; please start from the first page",
        )
    return int(cursor)


def write_offset(offset: int | None) -> str | None:
    """The cursor of the page that begins there."""
    return None if offset is None else str(offset)

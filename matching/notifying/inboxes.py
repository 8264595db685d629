"""Rows into inboxes: inserted once, and remembered until the commit so that open pages can be told."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from matching.models import Notification
from matching.store.unit_of_work import CHANGED_INBOXES
from matching.store.upsert import insert_new


def put_in_inboxes(session: Session, rows: list[dict[str, Any]]) -> None:
    """Insert notifications; those whose once-key is known are left as they are."""
    insert_new(session, Notification, rows)
    note_changed(session, (str(row["user_id"]) for row in rows))


def note_changed(session: Session, user_ids: Iterable[str]) -> None:
    """Remember whose count of unread messages the transaction changes."""
    session.info.setdefault(CHANGED_INBOXES, set()).update(user_ids)

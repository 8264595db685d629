"""Reads of the searches that people keep."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import SavedFilter


def list_saved_filters(session: Session, user_id: str | None, library: str) -> list[SavedFilter]:
    """A person's searches in a library, by name; none for visitors."""
    if user_id is None:
        return []
    return list(
        session.scalars(
            select(SavedFilter)
            .where(SavedFilter.user_id == user_id, SavedFilter.library == library)
            .order_by(SavedFilter.name)
        )
    )

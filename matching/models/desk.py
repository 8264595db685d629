"""The staff's own: who deals with what, notes, and bulk actions that can be taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id

ASSIGNABLE = ("post", "registration", "interest", "engagement", "meeting", "duplicate")
"""What may be given to a colleague."""
NOTED = ("post", "organisation")
"""What staff keep notes on here; an engagement has notes of each side and of the staff."""


class Assignment(Base):
    """Which of the staff deals with a thing. No row: nobody yet."""

    __tablename__ = "assignments"

    subject_kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    assigned_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    assigned_at: Mapped[datetime]


class StaffNote(Base):
    """What one of the staff wrote about a post or an organisation, for colleagues only.

    Notes are not changed: who was mistaken withdraws theirs, and it stays in the history, crossed out.
    """

    __tablename__ = "staff_notes"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[str] = mapped_column(Id)
    author_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    text: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    withdrawn_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_staff_notes_subject_kind_subject_id", "subject_kind", "subject_id"),)


class BulkAction(Base):
    """One action over several rows, with what they were before: enough to take it back for some minutes."""

    __tablename__ = "bulk_actions"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    """publish, return, renew, close or assign."""
    items: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """For each row its kind and id, and the changed fields `before` and `after`."""
    created_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]

"""Work that a committed change still owes, and the log of what was done."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, BigId, Id


class OutboxEntry(Base):
    """Written in the same commit as the change; done only after what it asks for was confirmed."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(Id)
    created_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    """While in the future, a task is at it; afterwards the task is taken for dead."""
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str | None] = mapped_column(Text)
    done_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_outbox_done_at_claimed_until", "done_at", "claimed_until"),
        Index("ix_outbox_topic_subject_id_done_at", "topic", "subject_id", "done_at"),
    )


class AuditEntry(Base):
    """Who did what to which row; contacts revealed, states moved, posts merged. Only ever appended: the
    database refuses changes (migration 0008), see `matching.store.audit_log`."""

    __tablename__ = "audit_log"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    at: Mapped[datetime]
    actor_id: Mapped[str | None] = mapped_column(Id, index=True)
    action: Mapped[str] = mapped_column(String(60))
    subject_kind: Mapped[str] = mapped_column(String(40))
    subject_id: Mapped[str] = mapped_column(Id, index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class CachedVector(Base):
    """An embedding that need not be computed again."""

    __tablename__ = "cached_vectors"

    text_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    model_revision: Mapped[str] = mapped_column(String(80), primary_key=True)
    prompt: Mapped[str] = mapped_column(String(10), primary_key=True)
    vector: Mapped[bytes] = mapped_column(LargeBinary)
    """float32, little endian."""
    used_on: Mapped[date] = mapped_column(index=True)
    """The last day (UTC) on which somebody asked for it, to within a week."""


class StoredBlob(Base):
    """A computed thing that all processes share: the term statistics."""

    __tablename__ = "stored_blobs"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    updated_at: Mapped[datetime]
    data: Mapped[bytes] = mapped_column(LargeBinary)

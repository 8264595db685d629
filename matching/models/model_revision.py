"""模型版本: rankers trained on this platform, with the figures that decided about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base

REVISION_STATES = ("candidate", "active", "retired")


class ModelRevision(Base):
    """A trained ranker. At most one is `active`; without one the shipped ranker serves.

    `figures` hold what the new and the then present ranker reached on each judged set, measured in the same run:
    {"sets": {name: {"new": {...}, "old": {...}}}, "allowed": bool, …}.
    """

    __tablename__ = "model_revisions"

    id: Mapped[str] = mapped_column(String(80), primary_key=True)
    """`ranker-` and the first digits of its content's hash; part of the revision that suggestions keep."""
    state: Mapped[str] = mapped_column(String(12), default="candidate")
    encoder_revision: Mapped[str] = mapped_column(String(80))
    compared_with: Mapped[str] = mapped_column(String(160))
    figures: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    data: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    """The ranker's file, so that all processes of all machines have it."""
    created_at: Mapped[datetime]
    created_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    activated_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_model_revisions_state", "state"),)

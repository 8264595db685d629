"""匹配建议: ranked pairs of a need and a capability, with reasons."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id
from matching.models.post import Capability, Need


class Suggestion(Base):
    """One pair as one model revision ranked it.

    A pair stands in up to two lists: the need's (`need_rank`, `need_score`) and the capability's. It is `active` while
    it stands in either, `withdrawn` afterwards; it is never deleted, so that what began a cooperation stays traceable.
    """

    __tablename__ = "suggestions"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    need_id: Mapped[str] = mapped_column(ForeignKey("needs.id", ondelete="CASCADE"))
    capability_id: Mapped[str] = mapped_column(ForeignKey("capabilities.id", ondelete="CASCADE"))
    model_revision: Mapped[str] = mapped_column(String(80))
    status: Mapped[str] = mapped_column(String(12), default="active")
    need_rank: Mapped[int | None]
    need_score: Mapped[float | None]
    capability_rank: Mapped[int | None]
    capability_score: Mapped[float | None]
    probability: Mapped[float | None]
    reasons: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    need_version: Mapped[int]
    capability_version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    need: Mapped[Need] = relationship(foreign_keys=[need_id])
    capability: Mapped[Capability] = relationship(foreign_keys=[capability_id])

    __table_args__ = (
        UniqueConstraint("need_id", "capability_id", "model_revision"),
        # With the probability, so that needs and offers without a good match are counted from the index alone.
        Index("ix_suggestions_need_id_status_probability", "need_id", "status", "probability"),
        Index("ix_suggestions_capability_id_status_probability", "capability_id", "status", "probability"),
    )

    def score_from(self, side: str) -> float:
        """The score in that side's list, or in the other one where it stands only there."""
        own, other = (
            (self.need_score, self.capability_score) if side == "need" else (self.capability_score, self.need_score)
        )
        return own if own is not None else (other or 0.0)

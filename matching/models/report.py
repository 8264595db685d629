"""What reports count, counted beforehand: how far each need came, with whom, and what each model revision suggested.

All of it follows from other rows and is made again at any time; `ReportTally` says up to when it was counted.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id


class NeedProgress(Base):
    """A published need as the funnel groups it. `reached` has a bit for each stage, the first stage the lowest."""

    __tablename__ = "need_progress"

    need_id: Mapped[str] = mapped_column(ForeignKey("needs.id", ondelete="CASCADE"), primary_key=True)
    published_at: Mapped[datetime]
    month: Mapped[str] = mapped_column(String(7))
    """In China, 2026-11."""
    region_code: Mapped[str] = mapped_column(String(12))
    town: Mapped[str] = mapped_column(String(40), default="")
    industries: Mapped[str] = mapped_column(String(400), default="")
    """Codes, parted by spaces."""
    reached: Mapped[int] = mapped_column(default=0)

    __table_args__ = (Index("ix_need_progress_published_at", "published_at"),)


class NeedPartner(Base):
    """How far a need came with an institution, by means of capabilities that all members see named (`open`), or else of
    capabilities of a region.
    """

    __tablename__ = "need_partners"

    need_id: Mapped[str] = mapped_column(ForeignKey("needs.id", ondelete="CASCADE"), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(Id, primary_key=True)
    open: Mapped[bool] = mapped_column(primary_key=True)
    region_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    reached: Mapped[int] = mapped_column(default=0)


class SuggestionTally(Base):
    """How many suggestions a model revision made on a day in China for needs of a region."""

    __tablename__ = "suggestion_tallies"

    day: Mapped[date] = mapped_column(primary_key=True)
    region_code: Mapped[str] = mapped_column(String(12), primary_key=True)
    model_revision: Mapped[str] = mapped_column(String(80), primary_key=True)
    count: Mapped[int]


class ReportTally(Base):
    """One row: when all of this was last counted."""

    __tablename__ = "report_tallies"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    counted_at: Mapped[datetime]

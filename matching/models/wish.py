"""关注: what a person wants to be suggested more or less of, and what they saw when they last looked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id

WISH_DIRECTIONS = ("more", "less")
WISH_KINDS = ("domain", "industry", "keyword", "cooperation_mode", "organisation")


class SuggestionWish(Base):
    """One thing a person said; `value` is a code, a word, or an organisation's id."""

    __tablename__ = "suggestion_wishes"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    direction: Mapped[str] = mapped_column(String(4))
    kind: Mapped[str] = mapped_column(String(20))
    value: Mapped[str] = mapped_column(String(80))
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("user_id", "kind", "value"),)


class SuggestionVisit(Base):
    """When a person last looked at their suggestions, and which stood there: what is new is told by it."""

    __tablename__ = "suggestion_visits"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    seen_at: Mapped[datetime]
    seen: Mapped[list[str]]
    """The suggestions that stood there at the latest look."""
    former_at: Mapped[datetime | None]
    former: Mapped[list[str]]
    """Those of the visit before: what the present visit is compared with."""

"""意向: what the two sides say to a suggestion or to a post of the other side."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id
from matching.models.organisation import Organisation
from matching.models.post import Capability, Need, Post

ANSWER_KINDS = ("accept", "decline", "later")
INTEREST_STATUSES = ("open", "accepted", "declined", "lapsed", "withdrawn")
TIMINGS = ("now", "quarter", "half_year", "exploring")
"""When the interested side wants to begin."""


class SuggestionAnswer(Base):
    """What one side said to a pair. The present answer is the one without `withdrawn_at`; former ones are kept."""

    __tablename__ = "suggestion_answers"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    suggestion_id: Mapped[str | None] = mapped_column(ForeignKey("suggestions.id", ondelete="SET NULL"), index=True)
    need_id: Mapped[str] = mapped_column(ForeignKey("needs.id", ondelete="CASCADE"))
    capability_id: Mapped[str] = mapped_column(ForeignKey("capabilities.id", ondelete="CASCADE"), index=True)
    side: Mapped[str] = mapped_column(String(12))
    """Whose answer it is: need or capability."""
    kind: Mapped[str] = mapped_column(String(10))
    """accept, decline or later."""
    reason_code: Mapped[str | None] = mapped_column(String(40))
    reason_text: Mapped[str] = mapped_column(Text, default="")
    never_again: Mapped[bool] = mapped_column(default=False)
    """The pair is to stay apart for good: neither side may ask the other about it."""
    model_revision: Mapped[str | None] = mapped_column(String(80))
    """What ranked the pair that was answered; None where nothing was suggested."""
    answered_at: Mapped[datetime]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    withdrawn_at: Mapped[datetime | None]
    """When it was undone, or another answer took its place."""

    __table_args__ = (
        Index("ix_suggestion_answers_need_id_capability_id_side", "need_id", "capability_id", "side"),
        Index(
            "uq_suggestion_answers_present",
            "need_id",
            "capability_id",
            "side",
            unique=True,
            sqlite_where=text("withdrawn_at IS NULL"),
            postgresql_where=text("withdrawn_at IS NULL"),
        ),
    )


class Interest(Base):
    """One side would like to meet the other, who has until `expires_at` to answer.

    `side` is the side that asks: with `need` the post asked about is the capability. The asking side's own post is
    optional. While it is `open`, each side's contact is hidden from the other.
    """

    __tablename__ = "interests"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    side: Mapped[str] = mapped_column(String(12))
    need_id: Mapped[str | None] = mapped_column(ForeignKey("needs.id", ondelete="CASCADE"), index=True)
    capability_id: Mapped[str | None] = mapped_column(ForeignKey("capabilities.id", ondelete="CASCADE"), index=True)
    suggestion_id: Mapped[str | None] = mapped_column(ForeignKey("suggestions.id", ondelete="SET NULL"))
    model_revision: Mapped[str | None] = mapped_column(String(80))
    from_organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    from_user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    from_shared: Mapped[bool] = mapped_column(default=True)
    """Whether all who write for the asking organisation take part, or only the persons behind it."""
    to_organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    to_shared: Mapped[bool] = mapped_column(default=True)
    pair_key: Mapped[str] = mapped_column(String(200))
    """Who asks about what, on behalf of which own post: open only once."""
    aim: Mapped[str] = mapped_column(Text, default="")
    timing: Mapped[str] = mapped_column(String(20))
    from_contact: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """name, phone and email; revealed by mutual interest only."""
    status: Mapped[str] = mapped_column(String(12), default="open")
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    """When it was answered, withdrawn or lapsed."""
    answered_by_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reason_code: Mapped[str | None] = mapped_column(String(40))
    reason_text: Mapped[str] = mapped_column(Text, default="")
    version: Mapped[int] = mapped_column(default=1)

    need: Mapped[Need | None] = relationship(foreign_keys=[need_id])
    capability: Mapped[Capability | None] = relationship(foreign_keys=[capability_id])
    from_organisation: Mapped[Organisation] = relationship(foreign_keys=[from_organisation_id])
    to_organisation: Mapped[Organisation] = relationship(foreign_keys=[to_organisation_id])

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy
    __table_args__ = (
        Index("ix_interests_from_organisation_id_status", "from_organisation_id", "status"),
        Index("ix_interests_to_organisation_id_status", "to_organisation_id", "status"),
        Index("ix_interests_status_expires_at", "status", "expires_at"),
        Index(
            "uq_interests_open",
            "pair_key",
            unique=True,
            sqlite_where=text("status = 'open'"),
            postgresql_where=text("status = 'open'"),
        ),
    )

    @property
    def target_id(self) -> str:
        """The post asked about."""
        target_id = self.capability_id if self.side == "need" else self.need_id
        assert target_id is not None
        return target_id

    @property
    def own_id(self) -> str | None:
        """The asking side's post, if it asks on behalf of one."""
        return self.need_id if self.side == "need" else self.capability_id

    @property
    def target(self) -> Post:
        """The post asked about."""
        target: Post | None = self.capability if self.side == "need" else self.need
        assert target is not None
        return target

    @property
    def own(self) -> Post | None:
        """The asking side's post, if it asks on behalf of one."""
        return self.need if self.side == "need" else self.capability

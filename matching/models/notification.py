"""What a person is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id


class Notification(Base):
    """One message in one person's inbox. `once_key` makes a repeated delivery impossible, whatever runs twice."""

    __tablename__ = "notifications"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    kind: Mapped[str] = mapped_column(String(40))
    once_key: Mapped[str] = mapped_column(String(250), unique=True)
    suggestion_id: Mapped[str | None] = mapped_column(ForeignKey("suggestions.id", ondelete="CASCADE"), index=True)
    post_id: Mapped[str | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime]
    read_at: Mapped[datetime | None]
    planned_at: Mapped[datetime | None] = mapped_column(index=True)
    """When it was decided whether and how it is told outside the inbox; None until then."""
    delivery_id: Mapped[str | None] = mapped_column(Id, index=True)
    """The mail that tells it. No foreign key: deliveries are forgotten sooner."""

    __table_args__ = (Index("ix_notifications_user_id_created_at", "user_id", "created_at"),)

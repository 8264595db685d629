"""Text that was not sent yet, and what posts said before they were changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id


class UnsentText(Base):
    """What a person has in a form right now, kept every few seconds so that no accident loses it.

    It is nobody else's and no post yet: fields may be wrong or missing.
    """

    __tablename__ = "unsent_texts"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    """That of the post it will become, or of the post it changes."""
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    side: Mapped[str] = mapped_column(String(12))
    changes_post: Mapped[bool] = mapped_column(default=False)
    fields: Mapped[list[list[str]]] = mapped_column(JSON, default=list)
    """[name, value] in the order of the form."""
    base_version: Mapped[int | None]
    """The version of the post that the writing began from."""
    updated_at: Mapped[datetime]


class PostRevision(Base):
    """A post as it was before a change."""

    __tablename__ = "post_revisions"

    post_id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """The version that these fields were."""
    replaced_at: Mapped[datetime]
    replaced_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    fields: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)


class SavedFilter(Base):
    """A search in a library that somebody wants to come back to."""

    __tablename__ = "saved_filters"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    library: Mapped[str] = mapped_column(String(20))
    """organisations or experts."""
    name: Mapped[str] = mapped_column(String(80))
    query: Mapped[str] = mapped_column(String(1000))
    """The query string."""
    created_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("user_id", "library", "name"),)

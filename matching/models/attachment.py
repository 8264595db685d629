"""Files that belong to a post."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id


class Attachment(Base):
    """A file of a post. The bytes lie in the data folder under a random name; the original name is only shown."""

    __tablename__ = "attachments"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    post_id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    file_name: Mapped[str] = mapped_column(String(255))
    stored_name: Mapped[str] = mapped_column(String(80), unique=True)
    media_type: Mapped[str] = mapped_column(String(100))
    """As its content says."""
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class UnsentFile(Base):
    """A file of a post that is still being written. `text_id` is the id of its text and of the post it becomes."""

    __tablename__ = "unsent_files"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    text_id: Mapped[str] = mapped_column(Id, index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """None where nobody had signed in yet."""
    file_name: Mapped[str] = mapped_column(String(255))
    stored_name: Mapped[str] = mapped_column(String(80), unique=True)
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]

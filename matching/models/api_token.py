"""What programs present instead of a password, and the keys that make creating safe to repeat."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id

TOKEN_SCOPES = ("read", "write")


class ApiToken(Base):
    """One member's token for one program; only its hash is kept, so that a copy of the table opens nothing."""

    __tablename__ = "api_tokens"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(80))
    """What its owner calls it, to know which one to revoke."""
    scopes: Mapped[list[str]] = mapped_column(JSON)
    """Of TOKEN_SCOPES."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    """Last use, to within a minute."""
    revoked_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """A creation that was asked for with a key: the same request again gets the same thing, or the same answer."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request_hash: Mapped[str] = mapped_column(String(64))
    subject_id: Mapped[str] = mapped_column(Id)
    answer: Mapped[str | None] = mapped_column(Text)
    """JSON, where the answer itself is given again; None before it is made, and where `subject_id` says which."""
    created_at: Mapped[datetime]

    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"),)

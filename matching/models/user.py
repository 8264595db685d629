"""Accounts and their sign-ins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id
from matching.models.organisation import Membership

USER_ROLES = ("member", "staff", "administrator")
STAFF_ROLES = ("staff", "administrator")


class User(Base):
    """An account. Staff have a region and see it and below; members act through their organisations."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    email: Mapped[str] = mapped_column(String(200), unique=True)
    """Lower case."""
    new_email: Mapped[str | None] = mapped_column(String(200))
    """What it is to become, once that is confirmed there."""
    name: Mapped[str] = mapped_column(String(80))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(20), default="member")
    region_code: Mapped[str | None] = mapped_column(String(12))
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    active: Mapped[bool] = mapped_column(default=True)
    failed_sign_ins: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    calendar_number: Mapped[int] = mapped_column(default=1, server_default="1")
    """Raising it makes the address of the calendar of a host's meetings useless that was given before."""

    memberships: Mapped[list[Membership]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class UserSession(Base):
    """One sign-in on one device; its token is kept as a hash, so that a copy of the table opens nothing."""

    __tablename__ = "user_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    device: Mapped[str | None] = mapped_column(String(120))
    """Browser and system in words, for the account's own list of sign-ins."""
    address: Mapped[str | None] = mapped_column(String(45))

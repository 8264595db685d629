"""The second factor of a sign-in, and counters that slow down guessing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id


class TwoFactor(Base):
    """两步验证 of an account. Its key follows from the installation's secret and `nonce`; the table holds none."""

    __tablename__ = "two_factors"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    nonce: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    enabled_at: Mapped[datetime | None]
    """None while it is being set up."""
    last_step: Mapped[int | None] = mapped_column(BigInteger)
    """The time step of the last code that was taken; it and earlier ones are refused."""


class RecoveryCode(Base):
    """恢复码: opens the account once where the device is lost; only its hash is kept."""

    __tablename__ = "recovery_codes"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    used_at: Mapped[datetime | None]


class AttemptCounter(Base):
    """How often something was tried within a while. `key` is a hash: whose address it was is not kept."""

    __tablename__ = "attempt_counters"

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    attempts: Mapped[int]
    ends_at: Mapped[datetime] = mapped_column(index=True)

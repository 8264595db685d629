"""What leaves the platform: mails, messages to group robots, calls of webhooks; and how people want to be told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id

DELIVERY_STATES = ("owed", "failed", "sent", "given_up", "dropped")
CHANNEL_KINDS = ("wecom", "dingtalk", "feishu", "webhook")


class Delivery(Base):
    """投递: one thing that leaves, to one recipient, once.

    owed → sent; owed → failed (tried again) → sent or given_up; owed → dropped where there was nothing left to tell.
    `once_key` makes a second one impossible, whatever runs twice.
    """

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    channel: Mapped[str] = mapped_column(String(10))
    """mail, robot or webhook."""
    kind: Mapped[str] = mapped_column(String(40))
    """Which letter it is, see matching.notifying.letters."""
    once_key: Mapped[str] = mapped_column(String(250), unique=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    """Whom it is for; their address and language are read when it is sent."""
    address: Mapped[str | None] = mapped_column(String(200))
    """For those without an account."""
    payload: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    state: Mapped[str] = mapped_column(String(10), default="owed")
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    claimed_until: Mapped[datetime | None]
    """While in the future, a task is at it; afterwards the task is taken for dead."""
    last_error: Mapped[str | None] = mapped_column(String(200))
    """A code and the other side's status, never its words: they name people."""
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_deliveries_state_next_attempt_at", "state", "next_attempt_at"),)


class NotificationPreference(Base):
    """How a person wants to be told outside the inbox; without a row the defaults hold."""

    __tablename__ = "notification_preferences"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    ways: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Group of notifications → at_once, digest or off."""
    quiet_hours: Mapped[bool] = mapped_column(default=True)
    """Nothing between 22:00 and 08:00 in China; it waits until the morning."""
    updated_at: Mapped[datetime]


class Channel(Base):
    """通知渠道: a group robot or a webhook to which a person's notifications go too."""

    __tablename__ = "channels"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(80))
    url: Mapped[str] = mapped_column(Text)
    """A robot's address holds its key; it is never shown again."""
    secret: Mapped[str | None] = mapped_column(String(200))
    """What a robot wants to be signed with. A webhook's is derived from the installation's secret."""
    groups: Mapped[list[str]] = mapped_column(JSON, default=list)
    active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime]

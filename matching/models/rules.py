"""Rules that the bureau changes without code: what it decided, and every change it made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, BigId


class RuleValue(Base):
    """A rule that is not as the installation was set up; without a row it is."""

    __tablename__ = "rule_values"

    key: Mapped[str] = mapped_column(String(120), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(JSON)
    """`{"value": …}` of a number or a choice, `{"zh": {…}, "en": {…}}` of a text."""


class RuleState(Base):
    """One row that counts the changes: processes keep what they read until the number is another.

    A counter of its own and not the greatest id of a change: ids are given before a transaction commits, so a later one
    may be seen first.
    """

    __tablename__ = "rule_states"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revision: Mapped[int]


class RuleChange(Base):
    """Who changed which rule or term, from what to what, and why. `key` is a rule's, or `term:vocabulary:code`."""

    __tablename__ = "rule_changes"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    key: Mapped[str] = mapped_column(String(120), index=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    """None: as the installation was set up, or a term that was not there."""
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reason: Mapped[str] = mapped_column(String(300), default="")
    at: Mapped[datetime]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    reverts_id: Mapped[int | None] = mapped_column(BigId)
    """The change that this one took back."""

"""Organisations that turned out to be one, and people who do not want to be listed again."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id


class OrganisationMerge(Base):
    """That two organisations were made one (`merged`), that this was taken back (`undone`), or that they are not one
    (`different`). What was moved is kept, so that it can be moved back.
    """

    __tablename__ = "organisation_merges"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kept_id: Mapped[str] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), index=True)
    merged_id: Mapped[str] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), index=True)
    decision: Mapped[str] = mapped_column(String(10))
    decided_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    moved: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Table and column → primary keys of the rows that were moved."""
    former: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Fields of both organisations before."""


class ErasedPerson(Base):
    """A person who had what was held of them deleted: no import brings them back. Only hashes are kept."""

    __tablename__ = "erased_people"

    key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    erased_at: Mapped[datetime]

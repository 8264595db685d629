"""单位 and who belongs to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id

ORGANISATION_KINDS = ("enterprise", "university", "institute", "intermediary", "financier", "government")


class Organisation(Base):
    """An enterprise, university, institute, intermediary, financier or government body."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(20), index=True)
    name: Mapped[str] = mapped_column(String(200))
    name_key: Mapped[str] = mapped_column(String(200), index=True)
    """The name without legal form, brackets and case: what duplicates are proposed by."""
    name_en: Mapped[str | None] = mapped_column(String(300))
    uscc: Mapped[str | None] = mapped_column(String(18), unique=True)
    """统一社会信用代码."""
    region_code: Mapped[str] = mapped_column(String(12), index=True)
    town: Mapped[str | None] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(8), default="zh")
    intro: Mapped[str] = mapped_column(Text, default="")
    stage: Mapped[str | None] = mapped_column(String(40))
    website: Mapped[str | None] = mapped_column(String(300))
    industry_codes: Mapped[list[str]] = mapped_column(JSON, default=list)
    approved: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str | None] = mapped_column(String(200))
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """What registers ask beyond: address, postcode, contact and so on, and under `columns` what no field holds."""
    merged_into_id: Mapped[str | None] = mapped_column(Id, index=True)
    """The organisation that this one turned out to be. No foreign key: SQLite would have to build the table anew."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    memberships: Mapped[list[Membership]] = relationship(back_populates="organisation", cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


class Membership(Base):
    """成员: a user account's role in an organisation."""

    __tablename__ = "memberships"

    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(
        ForeignKey("organisations.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(10))
    """owner, editor or reader."""
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship(back_populates="memberships")

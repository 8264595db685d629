"""专家 and the organisations they belong to over time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id


class Expert(Base):
    """A person with expertise. Never merged with another by name alone."""

    __tablename__ = "experts"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    name_en: Mapped[str | None] = mapped_column(String(120))
    title: Mapped[str | None] = mapped_column(String(80))
    fields: Mapped[list[str]] = mapped_column(JSON, default=list)
    intro: Mapped[str] = mapped_column(Text, default="")
    email: Mapped[str | None] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    region_code: Mapped[str] = mapped_column(String(12), index=True)
    language: Mapped[str] = mapped_column(String(8), default="zh")
    external_id: Mapped[str | None] = mapped_column(String(200), unique=True)
    """The row's identity in the file they were imported from, so that importing twice changes nothing."""
    source: Mapped[str | None] = mapped_column(String(200))
    """Where what is held comes from, as 个人信息保护法 asks."""
    consent: Mapped[str | None] = mapped_column(String(200))
    field_sources: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """Field → {source, consent, at} where it differs from `source` and `consent`: corrected, or brought by a file."""
    hidden: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Not listed: only the person, members of their organisations and the staff of their region see the entry."""
    hidden_fields: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """Fields that only they see."""
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """department, orcid, discipline, position; under `columns` what no field holds."""
    suggestions_wanted: Mapped[bool] = mapped_column(default=True)
    open_data_at: Mapped[datetime | None]
    """When the person agreed that programs may collect the entry (site map, CERIF, CSV); None: they did not, or no
    longer do."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    def shown(self, name: str) -> Any:
        """A field's value for others; None where the person hides it. E-mail and phone are never shown."""
        return None if name in self.hidden_fields or name in ("email", "phone") else getattr(self, name)

    affiliations: Mapped[list[Affiliation]] = relationship(back_populates="expert", cascade="all, delete-orphan")

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


class Affiliation(Base):
    """An expert's employment or retainer; a current one with a company is a conflict of interest."""

    __tablename__ = "affiliations"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    expert_id: Mapped[str] = mapped_column(ForeignKey("experts.id", ondelete="CASCADE"), index=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), index=True)
    relation: Mapped[str] = mapped_column(String(20), default="employed")
    """employed or retained."""
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]

    expert: Mapped[Expert] = relationship(back_populates="affiliations")

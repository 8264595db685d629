"""The plan's indicators with their yearly values, and the days that are not as the week says."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id


class Indicator(Base):
    """One indicator of a region's plan: from the base year's value to the target year's."""

    __tablename__ = "indicators"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    region_code: Mapped[str] = mapped_column(String(12), index=True)
    position: Mapped[int] = mapped_column(default=0)
    name: Mapped[str] = mapped_column(String(120))
    name_en: Mapped[str] = mapped_column(String(160), default="")
    unit: Mapped[str] = mapped_column(String(40), default="")
    base_year: Mapped[int] = mapped_column(default=2020)
    base_value: Mapped[float | None]
    target_year: Mapped[int] = mapped_column(default=2025)
    target_value: Mapped[float | None]
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    values: Mapped[list[IndicatorValue]] = relationship(
        cascade="all, delete-orphan", order_by="IndicatorValue.year", lazy="selectin", passive_deletes=True
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


class IndicatorValue(Base):
    """What was reached in a year, as the staff entered it, and where the number comes from."""

    __tablename__ = "indicator_values"

    indicator_id: Mapped[str] = mapped_column(ForeignKey("indicators.id", ondelete="CASCADE"), primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    value: Mapped[float]
    source: Mapped[str] = mapped_column(String(200), default="")
    entered_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    entered_at: Mapped[datetime]


class SpecialDay(Base):
    """A public holiday, or a weekend day on which people work, as the State Council announces them each year."""

    __tablename__ = "special_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    works: Mapped[bool]
    label: Mapped[str] = mapped_column(String(80), default="")

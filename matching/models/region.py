"""行政区划 and the editable vocabularies."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base


class Region(Base):
    """A county, city or province by its 行政区划代码; its ancestors are its leading digits."""

    __tablename__ = "regions"

    code: Mapped[str] = mapped_column(String(12), primary_key=True)
    label_zh: Mapped[str] = mapped_column(String(80))
    label_en: Mapped[str] = mapped_column(String(120))


class VocabularyTerm(Base):
    """One entry of an editable list: industries, domains, cooperation modes, towns, reasons and so on."""

    __tablename__ = "vocabulary_terms"

    vocabulary: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)
    parent_code: Mapped[str | None] = mapped_column(String(40))
    label_zh: Mapped[str] = mapped_column(String(120))
    label_en: Mapped[str] = mapped_column(String(200))
    position: Mapped[int] = mapped_column(default=0)
    active: Mapped[bool] = mapped_column(default=True)
    map_column: Mapped[int | None]
    map_row: Mapped[int | None]
    """Of a town: its tile on the map of its region, from the upper left; None where nobody placed it."""

"""成果著作: what an expert wrote and did, as papers, patents and achievements."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id

WORK_KINDS = ("paper", "patent", "achievement", "book", "thesis", "software", "other")


class Work(Base):
    """One paper, patent or achievement, whoever of its authors is on the platform and from however many files it came.

    Two records are one work when they have the same DOI, or, where one of them has none, the same title and
    nearly the same year.
    """

    __tablename__ = "works"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(String(500))
    title_key: Mapped[str] = mapped_column(String(64))
    """Digest of the title's letters and digits in normal form."""
    doi: Mapped[str | None] = mapped_column(String(200), unique=True)
    """In lower case, without a resolver's address."""
    year: Mapped[int | None]
    venue: Mapped[str | None] = mapped_column(String(300))
    abstract: Mapped[str] = mapped_column(Text, default="")
    authors: Mapped[list[str]] = mapped_column(JSON, default=list)
    keywords: Mapped[list[str]] = mapped_column(JSON, default=list)
    language: Mapped[str] = mapped_column(String(8), default="zh")
    url: Mapped[str | None] = mapped_column(String(500))
    source: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    authorships: Mapped[list[ExpertWork]] = relationship(back_populates="work", cascade="all, delete-orphan")

    __table_args__ = (Index("ix_works_title_key", "title_key"),)


class ExpertWork(Base):
    """That a work is an expert's. `hidden`: the expert does not want to be known for it; it is neither shown nor
    matched, and stays so when the file is imported again."""

    __tablename__ = "expert_works"

    expert_id: Mapped[str] = mapped_column(ForeignKey("experts.id", ondelete="CASCADE"), primary_key=True)
    work_id: Mapped[str] = mapped_column(ForeignKey("works.id", ondelete="CASCADE"), primary_key=True, index=True)
    hidden: Mapped[bool] = mapped_column(default=False)
    source: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime]

    work: Mapped[Work] = relationship(back_populates="authorships")

"""供需信息: needs and capabilities, and the states they go through."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.documents import MoneyRange, PostDocument, Side
from matching.models.base import Base, Id, new_id
from matching.models.expert import Expert
from matching.models.organisation import Organisation


class PostTag(Base):
    """A post's place in an editable vocabulary; in a table of its own so that lists can count by it."""

    __tablename__ = "post_tags"

    post_id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    vocabulary: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(40), primary_key=True)

    __table_args__ = (Index("ix_post_tags_vocabulary_code", "vocabulary", "code"),)


class Post(Base):
    """What needs and capabilities have in common.

    `version` grows with every change and is the external version in the search index, so a late job cannot overwrite
    what is newer.
    """

    __tablename__ = "posts"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    side: Mapped[str] = mapped_column(String(12))
    title: Mapped[str] = mapped_column(String(300))
    keywords: Mapped[list[str]] = mapped_column(JSON, default=list)
    domain: Mapped[str | None] = mapped_column(String(40))
    town: Mapped[str | None] = mapped_column(String(40))
    region_code: Mapped[str] = mapped_column(String(12))
    language: Mapped[str] = mapped_column(String(8), default="zh")
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    author_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    status: Mapped[str] = mapped_column(String(12), default="draft")
    visibility: Mapped[str] = mapped_column(String(12), default="public")
    open_for_interest: Mapped[bool] = mapped_column(default=True)
    return_reason: Mapped[str | None] = mapped_column(Text)
    return_notes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """What the reviewer said to single fields when they gave it back, by the field's name."""
    close_reason: Mapped[str | None] = mapped_column(String(40))
    money_minimum: Mapped[Decimal | None]
    money_maximum: Mapped[Decimal | None]
    money_negotiable: Mapped[bool] = mapped_column(default=False)
    contact: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """name, phone, email of the contact; revealed only by mutual interest or to staff, logged."""
    external_id: Mapped[str | None] = mapped_column(String(200))
    """The row's identity in the file it was imported from, so that importing twice changes nothing."""
    source: Mapped[str | None] = mapped_column(String(200))
    extra: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    """Columns of an imported file that no field holds, by header; exports bring them back."""
    too_little_text: Mapped[bool] = mapped_column(default=False)
    """内容不足: kept and searched by words, but without a vector."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    submitted_at: Mapped[datetime | None]
    published_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    expiry_notice_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    organisation: Mapped[Organisation] = relationship(lazy="joined")
    tags: Mapped[list[PostTag]] = relationship(cascade="all, delete-orphan", lazy="selectin")

    __mapper_args__ = {"polymorphic_on": side, "version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy
    __table_args__ = (
        # Lists by cursor: the latest of a side.
        Index("ix_posts_side_status_published_at_id", "side", "status", "published_at", "id"),
        Index("ix_posts_organisation_id_status", "organisation_id", "status"),
        # The start page counts all public posts; with these columns it reads the index alone.
        Index(
            "ix_posts_status_visibility_side",
            "status",
            "visibility",
            "side",
            "expires_at",
            "published_at",
            "organisation_id",
        ),
        Index("ix_posts_status_expires_at", "status", "expires_at"),
        UniqueConstraint("organisation_id", "side", "external_id"),
    )

    def codes(self, vocabulary: str) -> tuple[str, ...]:
        """The post's codes in one vocabulary, sorted."""
        return tuple(sorted(tag.code for tag in self.tags if tag.vocabulary == vocabulary))

    def set_codes(self, vocabulary: str, codes: tuple[str, ...] | list[str]) -> None:
        """Replace the codes in one vocabulary; rows that stay are left alone."""
        wanted = set(codes)
        self.tags = [tag for tag in self.tags if tag.vocabulary != vocabulary or tag.code in wanted] + [
            PostTag(vocabulary=vocabulary, code=code) for code in sorted(wanted - set(self.codes(vocabulary)))
        ]

    @property
    def money(self) -> MoneyRange | None:
        """Budget or price, None where nothing was said."""
        if self.money_minimum is None and self.money_maximum is None and not self.money_negotiable:
            return None
        return MoneyRange(
            minimum=self.money_minimum, maximum=self.money_maximum, negotiable=bool(self.money_negotiable)
        )

    @money.setter
    def money(self, value: MoneyRange | None) -> None:
        self.money_minimum = value.minimum if value else None
        self.money_maximum = value.maximum if value else None
        self.money_negotiable = value.negotiable if value else False

    def prose(self) -> str:
        """The text below the title, paragraphs on lines of their own."""
        raise NotImplementedError

    def to_document(self) -> PostDocument:
        """The post as matching sees it."""
        raise NotImplementedError

    def _common(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "title": self.title,
            "text": self.prose(),
            "keywords": tuple(self.keywords),
            "language": self.language,
            "industry_codes": self.codes("industry"),
            "domain": self.domain,
            "cooperation_modes": self.codes("cooperation_mode"),
            "money": self.money,
            "organisation_id": self.organisation_id,
            "organisation_name": self.organisation.name,
            "region_code": self.region_code,
            "town": self.town,
            "version": self.version,
        }


class Need(Post):
    """技术需求: what an enterprise wants solved."""

    __tablename__ = "needs"

    id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    problem: Mapped[str] = mapped_column(Text, default="")
    indicators: Mapped[list[str]] = mapped_column(JSON, default=list)
    expected_result: Mapped[str] = mapped_column(Text, default="")
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    ip_arrangement: Mapped[str | None] = mapped_column(String(40))
    preferred_partners: Mapped[str] = mapped_column(Text, default="")

    __mapper_args__ = {"polymorphic_identity": "need", "polymorphic_load": "selectin"}  # noqa: RUF012

    def prose(self) -> str:
        """Problem and expected result."""
        return "\n".join(part for part in (self.problem, self.expected_result) if part)

    def to_document(self) -> PostDocument:
        """The need as matching sees it."""
        side: Side = "need"
        return PostDocument(
            side=side,
            indicators=tuple(self.indicators),
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            **self._common(),
        )


class CapabilityExpert(Base):
    """Who stands behind a capability."""

    __tablename__ = "capability_experts"

    capability_id: Mapped[str] = mapped_column(ForeignKey("capabilities.id", ondelete="CASCADE"), primary_key=True)
    expert_id: Mapped[str] = mapped_column(ForeignKey("experts.id", ondelete="CASCADE"), primary_key=True, index=True)


class Capability(Post):
    """技术供给: what a university, institute or expert offers."""

    __tablename__ = "capabilities"

    id: Mapped[str] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(20))
    abstract: Mapped[str] = mapped_column(Text, default="")
    advantages: Mapped[str] = mapped_column(Text, default="")
    applications: Mapped[str] = mapped_column(Text, default="")
    maturity: Mapped[int | None]
    ip_status: Mapped[str | None] = mapped_column(String(40))
    ip_type: Mapped[str | None] = mapped_column(String(40))
    ip_number: Mapped[str | None] = mapped_column(String(80))
    discipline: Mapped[str | None] = mapped_column(String(20))
    ipc: Mapped[str | None] = mapped_column(String(80))

    experts: Mapped[list[Expert]] = relationship(secondary="capability_experts", lazy="selectin")

    __mapper_args__ = {"polymorphic_identity": "capability", "polymorphic_load": "selectin"}  # noqa: RUF012

    @property
    def named_experts(self) -> list[Expert]:
        """Those who stand behind it and do not mind being listed, by name."""
        return sorted((one for one in self.experts if not one.hidden), key=lambda one: (one.name, one.id))

    def prose(self) -> str:
        """Abstract, advantages and applications."""
        return "\n".join(part for part in (self.abstract, self.advantages, self.applications) if part)

    def to_document(self) -> PostDocument:
        """The capability as matching sees it."""
        side: Side = "capability"
        return PostDocument(
            side=side, kind=self.kind, maturity=self.maturity, discipline=self.discipline, **self._common()
        )

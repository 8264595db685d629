"""对接: what follows mutual interest, from the first contact to a contract."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, BigId, Id, new_id
from matching.models.interest import Interest
from matching.models.organisation import Organisation
from matching.models.post import Capability, Need
from matching.models.user import User

STAGES = ("contact", "talk", "visit", "terms", "contract", "closed")
OUTCOMES = ("none", "follow_up", "contract")
ENGAGEMENT_ROLES = ("need", "capability", "institution", "broker")


class Engagement(Base):
    """Two sides who know each other's contacts. `interest_id` and `suggestion_id` tell what began it.

    Amounts are in 万元. `outcome` is set when the stage is `closed`: none, follow_up or contract.
    """

    __tablename__ = "engagements"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    interest_id: Mapped[str | None] = mapped_column(ForeignKey("interests.id", ondelete="SET NULL"), unique=True)
    suggestion_id: Mapped[str | None] = mapped_column(ForeignKey("suggestions.id", ondelete="SET NULL"), index=True)
    model_revision: Mapped[str | None] = mapped_column(String(80))
    title: Mapped[str] = mapped_column(String(300))
    """Of the post asked about, as it was at the beginning."""
    need_id: Mapped[str | None] = mapped_column(ForeignKey("needs.id", ondelete="SET NULL"), index=True)
    capability_id: Mapped[str | None] = mapped_column(ForeignKey("capabilities.id", ondelete="SET NULL"), index=True)
    need_organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    capability_organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    need_shared: Mapped[bool] = mapped_column(default=True)
    """Whether all who write for the organisation take part, or only the persons named as participants."""
    capability_shared: Mapped[bool] = mapped_column(default=True)
    need_contact: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """name, phone and email; for the participants, and for staff who reveal it, logged."""
    capability_contact: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    need_region_code: Mapped[str] = mapped_column(String(12), index=True)
    capability_region_code: Mapped[str] = mapped_column(String(12), index=True)
    stage: Mapped[str] = mapped_column(String(12), default="contact")
    stage_since: Mapped[datetime]
    waits_for: Mapped[str | None] = mapped_column(String(12))
    """Whose turn it is: need or capability; None when nobody's."""
    waiting_since: Mapped[datetime | None]
    next_step: Mapped[str] = mapped_column(String(300), default="")
    next_step_on: Mapped[date | None]
    outcome: Mapped[str | None] = mapped_column(String(12))
    outcome_reason: Mapped[str | None] = mapped_column(String(40))
    outcome_note: Mapped[str] = mapped_column(Text, default="")
    contract_type: Mapped[str | None] = mapped_column(String(40))
    contract_amount: Mapped[Decimal | None]
    """成交额."""
    technology_amount: Mapped[Decimal | None]
    """技术交易额, a part of the contract's amount."""
    registration_number: Mapped[str | None] = mapped_column(String(60))
    """技术合同登记编号."""
    disputed: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether what the registration office is to decide is in dispute: it has the longer time then."""
    signed_on: Mapped[date | None]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date | None]
    benefit_terms: Mapped[str] = mapped_column(Text, default="")
    """利益分配."""
    ip_arrangement: Mapped[str | None] = mapped_column(String(40))
    ip_terms: Mapped[str] = mapped_column(Text, default="")
    """知识产权."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    interest: Mapped[Interest | None] = relationship()
    need: Mapped[Need | None] = relationship(foreign_keys=[need_id])
    capability: Mapped[Capability | None] = relationship(foreign_keys=[capability_id])
    need_organisation: Mapped[Organisation] = relationship(foreign_keys=[need_organisation_id])
    capability_organisation: Mapped[Organisation] = relationship(foreign_keys=[capability_organisation_id])

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy
    __table_args__ = (Index("ix_engagements_stage_updated_at", "stage", "updated_at"),)


class EngagementParticipant(Base):
    """A person who takes part beyond those who write for a shared side.

    The two sides' own people take part from the beginning. An institution's manager or a broker is copied once both
    sides have agreed.
    """

    __tablename__ = "engagement_participants"

    engagement_id: Mapped[str] = mapped_column(ForeignKey("engagements.id", ondelete="CASCADE"), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, index=True)
    role: Mapped[str] = mapped_column(String(12))
    """need, capability, institution or broker."""
    proposed_by: Mapped[str | None] = mapped_column(String(12))
    need_agreed_at: Mapped[datetime | None]
    capability_agreed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    left_at: Mapped[datetime | None]

    user: Mapped[User] = relationship()

    @property
    def takes_part(self) -> bool:
        """Whether both sides agreed and nobody took it back."""
        return self.left_at is None and self.need_agreed_at is not None and self.capability_agreed_at is not None


class EngagementStep(Base):
    """One move from stage to stage. Only ever appended."""

    __tablename__ = "engagement_steps"

    id: Mapped[int] = mapped_column(BigId, primary_key=True, autoincrement=True)
    engagement_id: Mapped[str] = mapped_column(ForeignKey("engagements.id", ondelete="CASCADE"), index=True)
    from_stage: Mapped[str | None] = mapped_column(String(12))
    to_stage: Mapped[str] = mapped_column(String(12))
    at: Mapped[datetime]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    role: Mapped[str] = mapped_column(String(12))
    """In whose name: need, capability, institution, broker or staff."""
    note: Mapped[str] = mapped_column(Text, default="")


class EngagementMessage(Base):
    """What one participant wrote to all of them."""

    __tablename__ = "engagement_messages"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    engagement_id: Mapped[str] = mapped_column(ForeignKey("engagements.id", ondelete="CASCADE"))
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    role: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime]

    user: Mapped[User | None] = relationship()

    __table_args__ = (Index("ix_engagement_messages_engagement_id_sent_at", "engagement_id", "sent_at"),)


class EngagementFile(Base):
    """A file that came with a message. The bytes lie where the files of posts do, under a random name."""

    __tablename__ = "engagement_files"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    engagement_id: Mapped[str] = mapped_column(ForeignKey("engagements.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[str] = mapped_column(ForeignKey("engagement_messages.id", ondelete="CASCADE"), index=True)
    file_name: Mapped[str] = mapped_column(String(255))
    stored_name: Mapped[str] = mapped_column(String(80), unique=True)
    media_type: Mapped[str] = mapped_column(String(100))
    size: Mapped[int]
    sha256: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class EngagementNote(Base):
    """A note that only its writer's own side sees; the staff's notes are the staff's alone."""

    __tablename__ = "engagement_notes"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    engagement_id: Mapped[str] = mapped_column(ForeignKey("engagements.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    role: Mapped[str] = mapped_column(String(12))
    text: Mapped[str] = mapped_column(Text)
    written_at: Mapped[datetime]

    user: Mapped[User | None] = relationship()


class EngagementTask(Base):
    """Something to be done by one side, by a day."""

    __tablename__ = "engagement_tasks"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    engagement_id: Mapped[str] = mapped_column(ForeignKey("engagements.id", ondelete="CASCADE"), index=True)
    title: Mapped[str] = mapped_column(String(300))
    role: Mapped[str] = mapped_column(String(12))
    """Who is to do it: need, capability, institution, broker or staff."""
    due_on: Mapped[date | None] = mapped_column(index=True)
    created_at: Mapped[datetime]
    created_by_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    done_at: Mapped[datetime | None]
    done_by_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

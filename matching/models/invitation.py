"""How people come in: registrations that the staff approves, invitations by colleagues, links that work once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id

REGISTRATION_ROLES = ("enterprise", "researcher", "institution", "broker")
REGISTRATION_STATES = ("unconfirmed", "waiting", "approved", "refused")


class Registration(Base):
    """注册申请: somebody asks for an account for their organisation. The account is made when the staff approves."""

    __tablename__ = "registrations"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    role: Mapped[str] = mapped_column(String(20))
    email: Mapped[str] = mapped_column(String(200), index=True)
    """Lower case."""
    name: Mapped[str] = mapped_column(String(80))
    title: Mapped[str | None] = mapped_column(String(80))
    password_hash: Mapped[str] = mapped_column(String(200))
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    organisation_kind: Mapped[str] = mapped_column(String(20))
    organisation_name: Mapped[str] = mapped_column(String(200))
    uscc: Mapped[str | None] = mapped_column(String(18))
    region_code: Mapped[str] = mapped_column(String(12))
    town: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(12), default="unconfirmed")
    confirmed_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None] = mapped_column(Id)
    refusal: Mapped[str | None] = mapped_column(Text)
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (Index("ix_registrations_state_confirmed_at", "state", "confirmed_at"),)
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy


class Invitation(Base):
    """成员邀请: an organisation asks a colleague in; whoever reads mail at that address may accept, once."""

    __tablename__ = "invitations"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), index=True)
    email: Mapped[str] = mapped_column(String(200))
    role: Mapped[str] = mapped_column(String(10))
    """owner, editor or reader."""
    locale: Mapped[str] = mapped_column(String(8), default="zh")
    invited_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    user_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))


class AccountLink(Base):
    """A link that was mailed and works once. The row holds no secret: the link is its id, signed."""

    __tablename__ = "account_links"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    purpose: Mapped[str] = mapped_column(String(20))
    """confirm, reset, invite or email."""
    subject_id: Mapped[str] = mapped_column(Id, index=True)
    """The registration, account or invitation."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class LinkedIdentity(Base):
    """An account's identity at an OpenID Connect provider."""

    __tablename__ = "linked_identities"

    issuer: Mapped[str] = mapped_column(String(200), primary_key=True)
    subject: Mapped[str] = mapped_column(String(255), primary_key=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]

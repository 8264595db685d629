"""对接会: its day in slots, who takes part, who wishes to meet whom, and the runs that compute its timetable."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id
from matching.models.expert import Expert
from matching.models.organisation import Organisation

EVENT_MODES = ("onsite", "online", "mixed")
EVENT_STATUSES = ("draft", "published", "ended", "cancelled")
PARTICIPANT_STATUSES = ("invited", "registered", "confirmed", "declined", "cancelled")
PRESENT_STATUSES = ("invited", "registered", "confirmed")
"""Those whose meetings are timetabled."""
RUN_STATUSES = ("waiting", "running", "finished", "infeasible", "failed", "outdated")


class Event(Base):
    """A day on which needs and capabilities meet at tables.

    `plan_revision` grows with everything that a timetable is made from, so that a computed one is not laid over a plan
    that changed meanwhile. `status` published means that its timetable was sent out; what is changed afterwards stands
    in the meetings' own places and is told only when it is published again.
    """

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    title: Mapped[str] = mapped_column(String(200))
    intro: Mapped[str] = mapped_column(Text, default="")
    region_code: Mapped[str] = mapped_column(String(12))
    mode: Mapped[str] = mapped_column(String(10), default="onsite")
    venue: Mapped[str] = mapped_column(String(300), default="")
    online_address: Mapped[str] = mapped_column(String(500), default="")
    held_on: Mapped[date]
    industry: Mapped[str | None] = mapped_column(String(40))
    town: Mapped[str | None] = mapped_column(String(40))
    need_ids: Mapped[list[str]] = mapped_column(JSON, default=list)
    """The theme as a list of needs; empty: all that industry and town admit."""
    tables: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Names of the tables, such as 一号厅 3 号桌; their number bounds the meetings of a slot."""
    day_plan: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """What the slots were made from, as entered: sessions, breaks, slot_minutes, gap_minutes."""
    most_break_difference: Mapped[int | None]
    public: Mapped[bool] = mapped_column(default=True)
    """Whether visitors find it once it is announced."""
    announced_at: Mapped[datetime | None]
    registration_open: Mapped[bool] = mapped_column(default=False)
    status: Mapped[str] = mapped_column(String(12), default="draft")
    plan_revision: Mapped[int] = mapped_column(default=1)
    author_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    version: Mapped[int] = mapped_column(default=1)

    slots: Mapped[list[EventSlot]] = relationship(
        cascade="all, delete-orphan", order_by="EventSlot.position", passive_deletes=True
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy
    __table_args__ = (Index("ix_events_region_code_held_on", "region_code", "held_on"),)


class EventSlot(Base):
    """One period of the day, in UTC."""

    __tablename__ = "event_slots"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    position: Mapped[int]
    session: Mapped[str] = mapped_column(String(40))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("event_id", "position"),)


class EventParticipant(Base):
    """An organisation or an expert at an event. The contact is for the staff and for invitations only."""

    __tablename__ = "event_participants"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), index=True)
    expert_id: Mapped[str | None] = mapped_column(ForeignKey("experts.id", ondelete="CASCADE"), index=True)
    status: Mapped[str] = mapped_column(String(12), default="invited")
    online: Mapped[bool] = mapped_column(default=False)
    unavailable: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Ids of slots in which they cannot."""
    contact_name: Mapped[str] = mapped_column(String(80), default="")
    contact_email: Mapped[str | None] = mapped_column(String(200))
    contact_phone: Mapped[str | None] = mapped_column(String(40))
    note: Mapped[str] = mapped_column(Text, default="")
    link_number: Mapped[int] = mapped_column(default=1)
    """Raising it makes links that were sent before useless."""
    invited_at: Mapped[datetime | None]
    """When the present link was mailed to them."""
    answered_at: Mapped[datetime | None]
    signed_in_at: Mapped[datetime | None]
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation | None] = relationship(lazy="joined")
    expert: Mapped[Expert | None] = relationship(lazy="joined")

    __table_args__ = (
        UniqueConstraint("event_id", "organisation_id"),
        UniqueConstraint("event_id", "expert_id"),
    )

    @property
    def name(self) -> str:
        """The expert's or the organisation's name."""
        if self.expert is not None:
            return self.expert.name
        return self.organisation.name if self.organisation is not None else ""

    @property
    def present(self) -> bool:
        """Whether their meetings are timetabled."""
        return self.status in PRESENT_STATUSES


class EventSeparation(Base):
    """Two participants who are not to meet at this event; the ids are in order."""

    __tablename__ = "event_separations"

    first_id: Mapped[str] = mapped_column(ForeignKey("event_participants.id", ondelete="CASCADE"), primary_key=True)
    second_id: Mapped[str] = mapped_column(
        ForeignKey("event_participants.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class EventWish(Base):
    """A participant asks to meet another."""

    __tablename__ = "event_wishes"

    participant_id: Mapped[str] = mapped_column(
        ForeignKey("event_participants.id", ondelete="CASCADE"), primary_key=True
    )
    other_id: Mapped[str] = mapped_column(
        ForeignKey("event_participants.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime]


class TimetableRun(Base):
    """One computation of a timetable, as far as it is: what the page that waits for it reads."""

    __tablename__ = "timetable_runs"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    status: Mapped[str] = mapped_column(String(12), default="waiting")
    anew: Mapped[bool] = mapped_column(default=False)
    """From scratch, rather than moving as little as possible of what stands."""
    plan_revision: Mapped[int]
    seconds: Mapped[int]
    stop_requested: Mapped[bool] = mapped_column(default=False)
    requested_by: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    requested_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    heard_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    phase: Mapped[str | None] = mapped_column(String(12))
    placed: Mapped[int | None]
    """Meetings in the best timetable so far."""
    breaks: Mapped[int | None]
    bound: Mapped[int] = mapped_column(default=0)
    proven: Mapped[bool] = mapped_column(default=False)
    dropped: Mapped[int] = mapped_column(default=0)
    moved: Mapped[int] = mapped_column(default=0)
    conflict: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """Requirements that cannot hold together, in both languages, where it is infeasible."""
    error: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (Index("ix_timetable_runs_event_id_requested_at", "event_id", "requested_at"),)

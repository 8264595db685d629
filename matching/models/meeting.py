"""洽谈: who meets whom in which slot at which table, the invitations to it, and what came of it."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from matching.models.base import Base, Id, new_id
from matching.models.event import EventParticipant, EventSlot

MEETING_ORIGINS = ("suggestion", "staff", "wish", "walk_in")
MEETING_STATUSES = ("wanted", "cancelled")
MEETING_RESULTS = ("held", "first_absent", "second_absent", "both_absent")
INVITATION_ANSWERS = ("accepted", "declined")


class Meeting(Base):
    """Two participants of an event who are to meet.

    `slot_id`, `table_number` and `host_id` are how it stands now; `told_…` how it stood when the timetable was last
    published, so that the difference is what people must be told.
    """

    __tablename__ = "meetings"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    event_id: Mapped[str] = mapped_column(ForeignKey("events.id", ondelete="CASCADE"))
    first_id: Mapped[str] = mapped_column(ForeignKey("event_participants.id", ondelete="CASCADE"), index=True)
    """The side with the need, where one is known."""
    second_id: Mapped[str] = mapped_column(ForeignKey("event_participants.id", ondelete="CASCADE"), index=True)
    need_id: Mapped[str | None] = mapped_column(ForeignKey("needs.id", ondelete="SET NULL"), index=True)
    capability_id: Mapped[str | None] = mapped_column(ForeignKey("capabilities.id", ondelete="SET NULL"), index=True)
    suggestion_id: Mapped[str | None] = mapped_column(ForeignKey("suggestions.id", ondelete="SET NULL"), index=True)
    origin: Mapped[str] = mapped_column(String(12))
    status: Mapped[str] = mapped_column(String(12), default="wanted")
    score: Mapped[float] = mapped_column(default=0.0)
    weight: Mapped[float] = mapped_column(default=1.0)
    """What dropping it costs: 1, or more where the participants ask for it themselves."""
    session: Mapped[str | None] = mapped_column(String(40))
    """The session it must be in; None: any."""
    after_ids: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    """Meetings of the event that, where both are held, come before this one."""
    slot_id: Mapped[str | None] = mapped_column(ForeignKey("event_slots.id", ondelete="SET NULL"), index=True)
    table_number: Mapped[int | None]
    locked: Mapped[bool] = mapped_column(default=False)
    host_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    """Who of the bureau looks after it: receives both sides, sits in, takes the minutes."""
    override_reason: Mapped[str | None] = mapped_column(String(300))
    """Why it stands where it does although something speaks against it; None: nothing did, or nobody said so."""
    dropped_reason: Mapped[str | None] = mapped_column(String(300))
    dropped_reason_en: Mapped[str | None] = mapped_column(String(300))
    told_slot_id: Mapped[str | None] = mapped_column(ForeignKey("event_slots.id", ondelete="SET NULL"))
    told_table_number: Mapped[int | None]
    told_host_id: Mapped[str | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    result: Mapped[str | None] = mapped_column(String(16))
    minutes: Mapped[str] = mapped_column(Text, default="")
    next_step: Mapped[str] = mapped_column(String(300), default="")
    next_step_on: Mapped[date | None]
    engagement_id: Mapped[str | None] = mapped_column(Id, index=True)
    """The 对接 that it opened."""
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    first: Mapped[EventParticipant] = relationship(foreign_keys=[first_id])
    second: Mapped[EventParticipant] = relationship(foreign_keys=[second_id])
    slot: Mapped[EventSlot | None] = relationship(foreign_keys=[slot_id])
    told_slot: Mapped[EventSlot | None] = relationship(foreign_keys=[told_slot_id])

    __table_args__ = (
        UniqueConstraint("event_id", "first_id", "second_id"),
        Index("ix_meetings_next_step_on", "next_step_on"),
    )

    @property
    def participant_ids(self) -> tuple[str, str]:
        """Both sides."""
        return self.first_id, self.second_id


class MeetingInvitation(Base):
    """A participant's calendar entry for a meeting. Its id is the UID for ever; `sequence` grows with each message."""

    __tablename__ = "meeting_invitations"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"))
    participant_id: Mapped[str] = mapped_column(ForeignKey("event_participants.id", ondelete="CASCADE"), index=True)
    sequence: Mapped[int] = mapped_column(default=0)
    cancelled: Mapped[bool] = mapped_column(default=False)
    content_key: Mapped[str] = mapped_column(String(64), default="")
    """A hash of what was sent: time, place, other side. A message goes out only when it differs."""
    answer: Mapped[str | None] = mapped_column(String(10))
    answered_at: Mapped[datetime | None]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    """When it was to be, as told last: a cancellation names it although the slot may be gone."""
    sent_at: Mapped[datetime]
    """When the present sequence was issued: the DTSTAMP."""

    __table_args__ = (UniqueConstraint("meeting_id", "participant_id"),)


class MeetingFeedback(Base):
    """What a participant says of a meeting afterwards."""

    __tablename__ = "meeting_feedback"

    meeting_id: Mapped[str] = mapped_column(ForeignKey("meetings.id", ondelete="CASCADE"), primary_key=True)
    participant_id: Mapped[str] = mapped_column(
        ForeignKey("event_participants.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    rating: Mapped[int]
    """1–5: how well it fitted."""
    wants_more: Mapped[bool] = mapped_column(default=False)
    comment: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime]

"""What waits for the staff of a region, block by block, the oldest first. One query a block, however much there is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from matching.clock import shanghai_day
from matching.models import (
    Delivery,
    DuplicatePair,
    Engagement,
    Event,
    ImportJob,
    Interest,
    Meeting,
    Organisation,
    Post,
    Registration,
    SpecialDay,
)
from matching.queries.posts import audience_for, visible_posts
from matching.services.actor import Actor
from matching.settings import Settings
from matching.working_days import RegistrationClock, registration_due

SHOWN = 5


@dataclass(frozen=True, slots=True)
class DeskRow:
    """One thing that waits: what its page is made from, its words, and since or until when."""

    id: str
    title: str
    moment: datetime | date | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeskBlock:
    """Things of one kind; `rows` are the first SHOWN of `count`."""

    key: str
    count: int
    rows: Sequence[DeskRow]


@dataclass(frozen=True, slots=True)
class _Desk:
    session: Session
    actor: Actor
    now: datetime
    settings: Settings

    def in_region(self, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """Rows of the staff's region; all for an administrator."""
        if self.actor.is_administrator:
            return true()
        if self.actor.region_scope is None:
            return false()
        return column.startswith(self.actor.region_scope, autoescape=True)


def list_desk(session: Session, actor: Actor, now: datetime, settings: Settings) -> list[DeskBlock]:
    """All blocks in the order of urgency, empty ones too; nothing at all for those who are no staff."""
    if not (actor.is_administrator or actor.region_scope is not None):
        return []
    desk = _Desk(session, actor, now, settings)
    return [block(desk) for block in _BLOCKS]


def _to_review(desk: _Desk) -> DeskBlock:
    return _block(
        desk,
        "review",
        select(Post.id, Post.title, Post.submitted_at, Organisation.name)
        .join(Organisation, Organisation.id == Post.organisation_id)
        .where(Post.status == "submitted", desk.in_region(Post.region_code))
        .order_by(Post.submitted_at, Post.id),
    )


def _registrations(desk: _Desk) -> DeskBlock:
    return _block(
        desk,
        "registrations",
        select(Registration.id, Registration.organisation_name, Registration.confirmed_at, Registration.name)
        .where(Registration.state == "waiting", desk.in_region(Registration.region_code))
        .order_by(Registration.confirmed_at, Registration.id),
    )


def _lapsing(desk: _Desk) -> DeskBlock:
    asking, asked = aliased(Organisation), aliased(Organisation)
    # A side of another region may have its name hidden until the interest is mutual.
    names = [case((desk.in_region(side.region_code), side.name), else_="…") for side in (asking, asked)]
    return _block(
        desk,
        "interests",
        select(Interest.id, names[0], Interest.expires_at, names[1])
        .join(asking, asking.id == Interest.from_organisation_id)
        .join(asked, asked.id == Interest.to_organisation_id)
        .where(
            Interest.status == "open",
            Interest.expires_at <= desk.now + timedelta(days=desk.settings.lapse_shown_days),
            or_(desk.in_region(asking.region_code), desk.in_region(asked.region_code)),
        )
        .order_by(Interest.expires_at, Interest.id),
    )


def _engagements(desk: _Desk) -> ColumnElement[bool]:
    return or_(desk.in_region(Engagement.need_region_code), desk.in_region(Engagement.capability_region_code))


def _stalled(desk: _Desk) -> DeskBlock:
    return _block(
        desk,
        "engagements",
        select(Engagement.id, Engagement.title, Engagement.updated_at, Engagement.stage)
        .where(
            Engagement.stage != "closed",
            Engagement.updated_at < desk.now - timedelta(days=desk.settings.stalled_days),
            _engagements(desk),
        )
        .order_by(Engagement.updated_at, Engagement.id),
    )


def _next_steps(desk: _Desk) -> DeskBlock:
    """Meetings of events whose next step is due and that led to nothing further yet."""
    return _block(
        desk,
        "next_steps",
        select(Meeting.id, Meeting.next_step, Meeting.next_step_on, Meeting.event_id)
        .join(Event, Event.id == Meeting.event_id)
        .where(
            Meeting.next_step_on <= shanghai_day(desk.now),
            Meeting.engagement_id.is_(None),
            desk.in_region(Event.region_code),
        )
        .order_by(Meeting.next_step_on, Meeting.id),
    )


def _contracts(desk: _Desk) -> DeskBlock:
    """Contracts without 登记编号; the note is the day by which they should be registered."""
    special = dict(desk.session.execute(select(SpecialDay.day, SpecialDay.works)).tuples().all())
    settings = desk.settings
    clock = RegistrationClock(
        settings.registration_days, settings.registration_long_days, settings.registration_large_amount
    )
    found = _rows(
        desk,
        select(Engagement.id, Engagement.title, Engagement.signed_on, Engagement.contract_amount)
        .where(
            Engagement.outcome == "contract",
            Engagement.signed_on.is_not(None),
            or_(Engagement.registration_number.is_(None), Engagement.registration_number == ""),
            _engagements(desk),
        )
        .order_by(Engagement.signed_on, Engagement.id),
    )
    rows = [
        DeskRow(row[0], row[1], registration_due(row[2], row[3], special, clock=clock))
        for row in found
        if row[2] is not None
    ]
    return DeskBlock("contracts", found[0][-1] if found else 0, rows)


def _expiring(desk: _Desk) -> DeskBlock:
    return _block(
        desk,
        "expiring",
        select(Post.id, Post.title, Post.expires_at, Organisation.name)
        .join(Organisation, Organisation.id == Post.organisation_id)
        .where(
            Post.status == "published",
            Post.expires_at > desk.now,
            Post.expires_at <= desk.now + timedelta(days=desk.settings.expiry_notice_days),
            desk.in_region(Post.region_code),
        )
        .order_by(Post.expires_at, Post.id),
    )


def _deliveries(desk: _Desk) -> DeskBlock:
    """What could not be handed over; the row says which kind of letter and not to whom."""
    return _block(
        desk,
        "deliveries",
        select(Delivery.id, Delivery.kind, Delivery.created_at, Delivery.state)
        .where(Delivery.state.in_(("failed", "given_up")))
        .order_by(Delivery.created_at, Delivery.id),
    )


def _duplicates(desk: _Desk) -> DeskBlock:
    first, second = Post.__table__.alias("first_post"), Post.__table__.alias("second_post")
    seen: ColumnElement[bool] = true()
    if not desk.actor.is_administrator:
        ids = select(Post.id).where(visible_posts(audience_for(desk.session, desk.actor), desk.now))
        own = select(Post.id).where(desk.in_region(Post.region_code))
        seen = and_(
            DuplicatePair.first_id.in_(ids),
            DuplicatePair.second_id.in_(ids),
            or_(DuplicatePair.first_id.in_(own), DuplicatePair.second_id.in_(own)),
        )
    return _block(
        desk,
        "duplicates",
        select(DuplicatePair.id, first.c.title, DuplicatePair.found_at, second.c.title)
        .join(first, first.c.id == DuplicatePair.first_id)
        .join(second, second.c.id == DuplicatePair.second_id)
        .where(DuplicatePair.state == "open", seen)
        .order_by(DuplicatePair.found_at, DuplicatePair.id),
    )


def _imports(desk: _Desk) -> DeskBlock:
    """The reader's own files that wait for a decision: those of others are theirs."""
    return _block(
        desk,
        "imports",
        select(ImportJob.id, ImportJob.file_name, ImportJob.created_at, ImportJob.kind)
        .where(ImportJob.status == "read", ImportJob.user_id == desk.actor.user_id)
        .order_by(ImportJob.created_at, ImportJob.id),
    )


def _events(desk: _Desk) -> DeskBlock:
    """The events that come next."""
    return _block(
        desk,
        "events",
        select(Event.id, Event.title, Event.held_on, Event.status)
        .where(
            Event.held_on >= shanghai_day(desk.now),
            Event.status.in_(("draft", "published")),
            desk.in_region(Event.region_code),
        )
        .order_by(Event.held_on, Event.id),
    )


_BLOCKS: tuple[Callable[[_Desk], DeskBlock], ...] = (
    _to_review,
    _registrations,
    _lapsing,
    _stalled,
    _next_steps,
    _contracts,
    _expiring,
    _deliveries,
    _duplicates,
    _imports,
    _events,
)


def _rows(desk: _Desk, statement: Select[Any]) -> Sequence[Any]:
    """The first rows with the number of all as last column."""
    return desk.session.execute(statement.add_columns(func.count().over()).limit(SHOWN)).all()


def _block(desk: _Desk, key: str, statement: Select[Any]) -> DeskBlock:
    """A block of (id, title, moment, note) rows."""
    found = _rows(desk, statement)
    return DeskBlock(
        key, found[0][-1] if found else 0, [DeskRow(row[0], row[1], row[2], str(row[3] or "")) for row in found]
    )

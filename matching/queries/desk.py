"""What waits for the staff of a region, block by block, the oldest first. One query a block, however much there is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, case, false, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from matching.clock import shanghai_day
from matching.errors import NotFound
from matching.models import (
    Assignment,
    BulkAction,
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
    StaffNote,
    User,
)
from matching.models.user import STAFF_ROLES
from matching.policy import region_prefix
from matching.queries.duplicates import pairs_seen_by
from matching.queries.engagements import still_followed
from matching.queries.registration_clock import read_registration_times, unregistered
from matching.services.actor import Actor
from matching.settings import Settings

SHOWN = 5
PAGE_SIZE = 50
Who = Literal["all", "mine", "unassigned"]
WHO: tuple[Who, ...] = ("all", "mine", "unassigned")
SUBJECTS: Mapping[str, str] = {
    "review": "post",
    "registrations": "registration",
    "interests": "interest",
    "engagements": "engagement",
    "next_steps": "meeting",
    "follow_ups": "engagement",
    "contracts": "engagement",
    "expiring": "post",
    "duplicates": "duplicate",
}
"""Block → what its rows are, where they may be given to a colleague."""


@dataclass(frozen=True, slots=True)
class DeskRow:
    """One thing that waits: what its page is made from, its words, and since or until when."""

    id: str
    title: str
    moment: datetime | date | None
    note: str = ""
    assignee_id: str | None = None


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
    who: Who = "all"
    key: str | None = None
    """The one block that is wanted, with all its rows; None: the beginning of each."""
    words: str = ""
    offset: int = 0

    def in_region(self, column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        """Rows of the staff's region; all for an administrator."""
        if self.actor.is_administrator:
            return true()
        if self.actor.region_scope is None:
            return false()
        return column.startswith(self.actor.region_scope, autoescape=True)


def list_desk(session: Session, actor: Actor, now: datetime, settings: Settings, who: Who = "all") -> list[DeskBlock]:
    """All blocks in the order of urgency, empty ones too; nothing at all for those who are no staff.

    With `who` only what is given to the reader, or to nobody yet.
    """
    if not (actor.is_administrator or actor.region_scope is not None):
        return []
    desk = _Desk(session, actor, now, settings, who)
    return _with_assignees(session, [block(desk) for block in _BLOCKS.values()])


def list_block(
    session: Session,
    actor: Actor,
    now: datetime,
    settings: Settings,
    key: str,
    *,
    who: Who = "all",
    words: str = "",
    page: int = 1,
) -> DeskBlock:
    """A page of all rows of one block, of those whose title has the words. Raises NotFound for none of ours."""
    if key not in _BLOCKS or not (actor.is_administrator or actor.region_scope is not None):
        raise NotFound("desk.block", "没有这个列表", message_en="There is no such list")
    offset = (min(max(page, 1), 10_000) - 1) * PAGE_SIZE
    desk = _Desk(session, actor, now, settings, who, key, words.strip(), offset)
    [block] = _with_assignees(session, [_BLOCKS[key](desk)])
    return block


def _with_assignees(session: Session, blocks: list[DeskBlock]) -> list[DeskBlock]:
    """One question for all rows that are shown."""
    wanted = {(SUBJECTS[block.key], row.id) for block in blocks if block.key in SUBJECTS for row in block.rows}
    if not wanted:
        return blocks
    found = {
        (kind, subject_id): user_id
        for kind, subject_id, user_id in session.execute(
            select(Assignment.subject_kind, Assignment.subject_id, Assignment.user_id).where(
                Assignment.subject_id.in_(sorted(subject_id for _kind, subject_id in wanted))
            )
        )
    }
    return [
        replace(
            block,
            rows=[replace(row, assignee_id=found.get((SUBJECTS.get(block.key, ""), row.id))) for row in block.rows],
        )
        for block in blocks
    ]


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


def _follow_ups(desk: _Desk) -> DeskBlock:
    """Engagements whose next step is due, and those that were put off until now."""
    return _block(
        desk,
        "follow_ups",
        select(Engagement.id, Engagement.title, Engagement.next_step_on, Engagement.next_step)
        .where(
            Engagement.next_step_on <= shanghai_day(desk.now),
            still_followed(),
            _engagements(desk),
        )
        .order_by(Engagement.next_step_on, Engagement.id),
    )


def _contracts(desk: _Desk) -> DeskBlock:
    """Contracts without 登记编号; the note is the day by which they should be registered."""
    times = read_registration_times(desk.session, desk.settings, desk.now)
    found = _rows(
        desk,
        "contracts",
        select(Engagement.id, Engagement.title, Engagement.signed_on, Engagement.contract_amount, Engagement.disputed)
        .where(
            Engagement.outcome == "contract",
            Engagement.signed_on.is_not(None),
            unregistered(),
            _engagements(desk),
        )
        .order_by(Engagement.signed_on, Engagement.id),
    )
    rows = [DeskRow(row[0], row[1], times.due(row[2], row[3], disputed=row[4])) for row in found if row[2] is not None]
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
    return _block(
        desk,
        "duplicates",
        select(DuplicatePair.id, first.c.title, DuplicatePair.found_at, second.c.title)
        .join(first, first.c.id == DuplicatePair.first_id)
        .join(second, second.c.id == DuplicatePair.second_id)
        .where(DuplicatePair.state == "open", pairs_seen_by(desk.session, desk.actor, desk.now))
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


_BLOCKS: Mapping[str, Callable[[_Desk], DeskBlock]] = {
    "review": _to_review,
    "registrations": _registrations,
    "interests": _lapsing,
    "engagements": _stalled,
    "next_steps": _next_steps,
    "follow_ups": _follow_ups,
    "contracts": _contracts,
    "expiring": _expiring,
    "deliveries": _deliveries,
    "duplicates": _duplicates,
    "imports": _imports,
    "events": _events,
}


def _rows(desk: _Desk, key: str, statement: Select[Any]) -> Sequence[Any]:
    """The first rows, or a page of them, with the number of all as last column. The first two columns are the id and
    the title.
    """
    subject_id, title = statement.selected_columns[0], statement.selected_columns[1]
    if desk.who != "all":
        kind = SUBJECTS.get(key)
        given = select(Assignment.subject_id).where(Assignment.subject_kind == (kind or ""))
        if desk.who == "mine":
            statement = statement.where(subject_id.in_(given.where(Assignment.user_id == desk.actor.user_id)))
        else:
            statement = statement.where(subject_id.not_in(given) if kind else false())
    if desk.words:
        statement = statement.where(title.icontains(desk.words, autoescape=True))
    shown = SHOWN if desk.key is None else PAGE_SIZE
    return desk.session.execute(statement.add_columns(func.count().over()).limit(shown).offset(desk.offset)).all()


def _block(desk: _Desk, key: str, statement: Select[Any]) -> DeskBlock:
    """A block of (id, title, moment, note) rows."""
    found = _rows(desk, key, statement)
    return DeskBlock(
        key, found[0][-1] if found else 0, [DeskRow(row[0], row[1], row[2], str(row[3] or "")) for row in found]
    )


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of the staff."""

    id: str
    name: str


def list_colleagues(session: Session, actor: Actor) -> list[Colleague]:
    """The active staff whose region is the reader's, above or below it, and administrators; by name."""
    users = session.execute(
        select(User.id, User.name, User.role, User.region_code)
        .where(User.active, User.role.in_(STAFF_ROLES))
        .order_by(User.name, User.id)
        .limit(500)
    )
    mine = actor.region_scope
    found = []
    for user_id, name, role, region_code in users:
        scope = region_prefix(region_code) if region_code else ""
        if role == "administrator" or mine is None or scope.startswith(mine) or mine.startswith(scope):
            found.append(Colleague(user_id, name))
    return found


def list_notes(session: Session, kind: str, subject_id: str, *, limit: int = 100) -> list[tuple[StaffNote, str]]:
    """The staff's notes with their authors' names, the latest first. The caller has checked that the reader is staff of
    the region.
    """
    rows = session.execute(
        select(StaffNote, User.name)
        .outerjoin(User, User.id == StaffNote.author_id)
        .where(StaffNote.subject_kind == kind, StaffNote.subject_id == subject_id)
        .order_by(StaffNote.created_at.desc(), StaffNote.id)
        .limit(limit)
    )
    return [(note, name or "") for note, name in rows]


def assignee_of(session: Session, kind: str, subject_id: str) -> str | None:
    """To whom a thing is given."""
    row = session.get(Assignment, (kind, subject_id))
    return row.user_id if row is not None else None


def latest_undoable(session: Session, actor: Actor, now: datetime, settings: Settings) -> BulkAction | None:
    """The reader's latest action over several rows, while it can be taken back."""
    action = session.scalars(
        select(BulkAction)
        .where(
            BulkAction.user_id == actor.user_id,
            BulkAction.created_at >= now - timedelta(minutes=settings.undo_minutes),
        )
        .order_by(BulkAction.created_at.desc())
        .limit(1)
    ).first()
    return action if action is not None and action.undone_at is None else None

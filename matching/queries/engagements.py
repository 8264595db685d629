"""Reads of engagements. Those of the two sides, those they copied, and the staff of either side's region see one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, and_, false, func, or_, select, true
from sqlalchemy.orm import Session, joinedload

from matching.models import (
    Engagement,
    EngagementMessage,
    EngagementNote,
    EngagementParticipant,
    EngagementStep,
    EngagementTask,
    Membership,
    Organisation,
    User,
)
from matching.models.engagement import STAGES
from matching.services.actor import Actor
from matching.services.parties import capabilities_behind, writers_of, writing_organisations

PAGE_SIZE = 20
_BOARD_LENGTH = 50


def still_followed() -> ColumnElement[bool]:
    """Engagements that go on, and those that were put off until a day."""
    return or_(Engagement.stage != "closed", Engagement.outcome == "follow_up")


def taking_part(actor: Actor) -> ColumnElement[bool]:
    """Engagements in which the actor takes part, as one of a side or as somebody who was copied."""
    if actor.user_id is None:
        return false()
    return or_(*(clause for _, clause in _role_clauses(actor, actor.user_id)))


def visible_engagements(actor: Actor) -> ColumnElement[bool]:
    """Engagements that the actor takes part in or looks on as staff of either side's region."""
    if actor.is_administrator:
        return true()
    if actor.region_scope is None:
        return taking_part(actor)
    scope = actor.region_scope
    return or_(
        taking_part(actor),
        Engagement.need_region_code.startswith(scope, autoescape=True),
        Engagement.capability_region_code.startswith(scope, autoescape=True),
    )


def role_in(session: Session, actor: Actor, engagement: Engagement) -> str | None:
    """need, capability, institution, broker or staff; None for those who may not see it."""
    if actor.user_id is not None:
        clauses = _role_clauses(actor, actor.user_id)
        row = session.execute(
            select(*(clause.label(f"r{number}") for number, (_, clause) in enumerate(clauses))).where(
                Engagement.id == engagement.id
            )
        ).one()
        for (role, _), holds in zip(clauses, row, strict=True):
            if holds:
                return role
    if actor.is_staff_for(engagement.need_region_code) or actor.is_staff_for(engagement.capability_region_code):
        return "staff"
    return None


def _role_clauses(actor: Actor, user_id: str) -> list[tuple[str, ColumnElement[bool]]]:
    writing, member_of = writing_organisations(actor), sorted(actor.organisation_roles)

    # From the actor to their few engagements, and not for each engagement whether the actor is in it.
    def named(role: str) -> ColumnElement[bool]:
        return Engagement.id.in_(
            select(EngagementParticipant.engagement_id).where(
                EngagementParticipant.user_id == user_id,
                EngagementParticipant.role == role,
                EngagementParticipant.left_at.is_(None),
                EngagementParticipant.need_agreed_at.is_not(None),
                EngagementParticipant.capability_agreed_at.is_not(None),
            )
        )

    expert = Engagement.capability_id.in_(capabilities_behind(user_id))
    # Whoever left the organisation has left its side; an expert behind the capability needs no membership.
    return [
        (
            "need",
            or_(
                and_(Engagement.need_shared, Engagement.need_organisation_id.in_(writing)),
                and_(named("need"), Engagement.need_organisation_id.in_(member_of)),
            ),
        ),
        (
            "capability",
            or_(
                and_(Engagement.capability_shared, Engagement.capability_organisation_id.in_(writing)),
                and_(named("capability"), or_(Engagement.capability_organisation_id.in_(member_of), expert)),
            ),
        ),
        ("institution", and_(named("institution"), Engagement.capability_organisation_id.in_(member_of))),
        ("broker", named("broker")),
    ]


@dataclass(frozen=True, slots=True)
class EngagementPage:
    """A page of a list; `next_offset` is None on the last."""

    items: list[Engagement]
    next_offset: int | None


def list_engagements(
    session: Session,
    actor: Actor,
    *,
    stages: Sequence[str] = (),
    own_turn: bool = False,
    offset: int = 0,
    limit: int = PAGE_SIZE,
) -> EngagementPage:
    """What the actor may see, the latest change first; with `own_turn` only where their side is waited for."""
    statement = _listed(actor)
    if own_turn:
        statement = statement.where(_own_turn(actor))
    if stages:
        statement = statement.where(Engagement.stage.in_(stages))
    rows = list(
        session.scalars(statement.order_by(Engagement.updated_at.desc(), Engagement.id).offset(offset).limit(limit + 1))
    )
    return EngagementPage(rows[:limit], offset + limit if len(rows) > limit else None)


def count_engagements(session: Session, actor: Actor) -> dict[str, int]:
    """How many of them stand at each stage; stages without any are 0."""
    if actor.user_id is None and not actor.is_administrator:
        return dict.fromkeys(STAGES, 0)
    rows = session.execute(
        select(Engagement.stage, func.count()).where(visible_engagements(actor)).group_by(Engagement.stage)
    )
    return dict.fromkeys(STAGES, 0) | dict(rows.tuples().all())


def engagement_board(session: Session, actor: Actor) -> dict[str, list[Engagement]]:
    """For each stage up to _BOARD_LENGTH engagements, those that have stood there longest first."""
    board: dict[str, list[Engagement]] = {}
    for stage in STAGES:
        order = Engagement.stage_since.desc() if stage == "closed" else Engagement.stage_since
        board[stage] = list(
            session.scalars(
                _listed(actor).where(Engagement.stage == stage).order_by(order, Engagement.id).limit(_BOARD_LENGTH)
            )
        )
    return board


def _listed(actor: Actor) -> Select[tuple[Engagement]]:
    return (
        select(Engagement)
        .where(visible_engagements(actor))
        .options(joinedload(Engagement.need_organisation), joinedload(Engagement.capability_organisation))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngagementView:
    """One engagement with all that belongs to it, as far as the reader's role goes."""

    engagement: Engagement
    role: str
    steps: list[EngagementStep]
    messages: list[EngagementMessage]
    notes: list[EngagementNote]
    tasks: list[EngagementTask]
    participants: list[EngagementParticipant]
    names: dict[str, str]
    """Names of the people in steps, tasks and messages, by user id."""


def show_engagement(session: Session, actor: Actor, engagement_id: str) -> EngagementView | None:
    """The engagement for its page; None where there is none or the actor may not see it."""
    engagement = session.scalars(
        _listed(actor)
        .where(Engagement.id == engagement_id)
        .options(joinedload(Engagement.need), joinedload(Engagement.capability))
    ).one_or_none()
    role = role_in(session, actor, engagement) if engagement is not None else None
    if engagement is None or role is None:
        return None
    steps = list(
        session.scalars(
            select(EngagementStep).where(EngagementStep.engagement_id == engagement_id).order_by(EngagementStep.id)
        )
    )
    messages = list(
        session.scalars(
            select(EngagementMessage)
            .where(EngagementMessage.engagement_id == engagement_id)
            .order_by(EngagementMessage.sent_at, EngagementMessage.id)
        )
    )
    notes = list(
        session.scalars(
            select(EngagementNote)
            .where(EngagementNote.engagement_id == engagement_id, EngagementNote.role == role)
            .order_by(EngagementNote.written_at, EngagementNote.id)
        )
    )
    tasks = list(
        session.scalars(
            select(EngagementTask)
            .where(EngagementTask.engagement_id == engagement_id)
            .order_by(
                EngagementTask.done_at.is_not(None),
                EngagementTask.due_on.is_(None),
                EngagementTask.due_on,
                EngagementTask.created_at,
                EngagementTask.id,
            )
        )
    )
    participants = list(
        session.scalars(
            select(EngagementParticipant)
            .where(EngagementParticipant.engagement_id == engagement_id, EngagementParticipant.left_at.is_(None))
            .options(joinedload(EngagementParticipant.user))
            .order_by(EngagementParticipant.role, EngagementParticipant.user_id)
        )
    )
    people = {step.user_id for step in steps} | {message.user_id for message in messages}
    people |= {note.user_id for note in notes} | {task.done_by_id for task in tasks}
    names = dict(
        session.execute(select(User.id, User.name).where(User.id.in_([one for one in people if one]))).tuples().all()
    )
    return EngagementView(
        engagement=engagement,
        role=role,
        steps=steps,
        messages=messages,
        notes=notes,
        tasks=tasks,
        participants=participants,
        names=names,
    )


def engaged_posts(actor: Actor) -> Select[tuple[str | None, str | None]]:
    """Need and capability of engagements that the actor takes part in: whose they are is no secret any more."""
    return select(Engagement.need_id, Engagement.capability_id).where(taking_part(actor))


def load_engagements(session: Session, engagement_ids: Sequence[str], actor: Actor) -> dict[str, Engagement]:
    """Those of the engagements that the actor may see, by id."""
    if not engagement_ids:
        return {}
    rows = session.scalars(_listed(actor).where(Engagement.id.in_(engagement_ids)))
    return {row.id: row for row in rows}


def copy_candidates(session: Session, engagement: Engagement, role: str) -> list[User]:
    """Whom the two sides may ask to be copied as `institution` or `broker`, by name; not those who take part already.

    An institution's manager is an owner of the capability's organisation, a broker writes for an intermediary.
    """
    statement = select(User).join(Membership, Membership.user_id == User.id).where(User.active)
    if role == "institution":
        statement = statement.where(
            Membership.organisation_id == engagement.capability_organisation_id, Membership.role == "owner"
        )
    elif role == "broker":
        statement = statement.join(Organisation, Organisation.id == Membership.organisation_id).where(
            Organisation.kind == "intermediary", Organisation.approved, Membership.role.in_(("owner", "editor"))
        )
    else:
        return []
    present = set(
        session.scalars(
            select(EngagementParticipant.user_id).where(
                EngagementParticipant.engagement_id == engagement.id, EngagementParticipant.left_at.is_(None)
            )
        )
    )
    for shared, organisation_id in (
        (engagement.need_shared, engagement.need_organisation_id),
        (engagement.capability_shared, engagement.capability_organisation_id),
    ):
        if shared:
            present |= set(writers_of(session, organisation_id))
    found = session.scalars(statement.order_by(User.name, User.id)).unique().all()
    return [user for user in found if user.id not in present]


def count_waiting(session: Session, actor: Actor) -> int:
    """Engagements in which it is the turn of the side that the actor is on."""
    return session.scalar(select(func.count()).select_from(Engagement).where(_own_turn(actor))) or 0


def _own_turn(actor: Actor) -> ColumnElement[bool]:
    if actor.user_id is None:
        return false()
    clauses = _role_clauses(actor, actor.user_id)
    return or_(*(and_(Engagement.waits_for == role, clause) for role, clause in clauses[:2]))

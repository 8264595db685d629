"""Those who take part in an engagement are told what happens in it, each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Engagement, EngagementParticipant, EngagementTask, User
from matching.notifying.interests import tell
from matching.queries.engagements import still_followed
from matching.queries.registration_clock import read_registration_times, unregistered
from matching.services.parties import writers_of
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

OPENED, STAGE, MESSAGE = "engagement_opened", "engagement_stage", "engagement_message"
COPY_PROPOSED, COPIED = "engagement_copy_proposed", "engagement_copied"
TASK_DUE, NEXT_DUE, REGISTER_DUE = "engagement_task_due", "engagement_next_due", "engagement_register_due"
KINDS = (OPENED, STAGE, MESSAGE, COPY_PROPOSED, COPIED, TASK_DUE, NEXT_DUE, REGISTER_DUE)
_LONGEST_CLOCK = timedelta(days=400)
"""A contract signed longer ago is overdue whatever the rules say: it stands on the desk, and is not reminded of."""


def participants_of(session: Session, engagement: Engagement) -> dict[str, str]:
    """Role by user id of all who take part now; staff, who look on, are not among them."""
    found: dict[str, str] = {}
    for role, shared, organisation_id in (
        ("need", engagement.need_shared, engagement.need_organisation_id),
        ("capability", engagement.capability_shared, engagement.capability_organisation_id),
    ):
        if shared:
            found |= dict.fromkeys(writers_of(session, organisation_id), role)
    rows = session.scalars(
        select(EngagementParticipant)
        .join(User, User.id == EngagementParticipant.user_id)
        .where(EngagementParticipant.engagement_id == engagement.id, User.active)
        .order_by(EngagementParticipant.user_id)
    )
    for row in rows:
        if row.takes_part:
            found.setdefault(row.user_id, row.role)
    return found


def tell_participants(
    session: Session,
    engagement: Engagement,
    kind: str,
    subject: str,
    now: datetime,
    *,
    roles: Sequence[str | None] = (),
    but: str | None = None,
    **details: Any,
) -> None:
    """Tell all who take part, or those in `roles`, but the one who did it."""
    people = [user_id for user_id, role in participants_of(session, engagement).items() if not roles or role in roles]
    tell(session, people, kind, subject, now, but=but, engagement_id=engagement.id, **details)


def remind_of_tasks(uow: UnitOfWork, now: datetime, *, days: int = 2, limit: int = 500) -> int:
    """Tell those who are to do it of each open task due within `days`; returns how many tasks that are."""
    session = uow.session
    due = session.execute(
        select(EngagementTask, Engagement)
        .join(Engagement, Engagement.id == EngagementTask.engagement_id)
        .where(
            EngagementTask.done_at.is_(None),
            EngagementTask.due_on <= shanghai_day(now) + timedelta(days=days),
            EngagementTask.due_on >= shanghai_day(now),
            Engagement.stage != "closed",
        )
        .order_by(EngagementTask.due_on, EngagementTask.id)
        .limit(limit)
    ).all()
    for task, engagement in due:
        tell_participants(
            session,
            engagement,
            TASK_DUE,
            f"{task.id}:{task.due_on}",
            now,
            roles=(task.role,),
            title=task.title,
            due_on=str(task.due_on),
        )
    uow.commit()
    return len(due)


def remind_of_next_steps(uow: UnitOfWork, now: datetime, *, days: int = 2, limit: int = 500) -> int:
    """Tell whose turn it is, or both sides, of a next step due within `days`, and both of an engagement that was put
    off until then; once for each day that was set. Returns how many engagements that are.
    """
    today = shanghai_day(now)
    due = uow.session.scalars(
        select(Engagement)
        .where(
            Engagement.next_step_on <= today + timedelta(days=days),
            Engagement.next_step_on >= today,
            still_followed(),
        )
        .order_by(Engagement.next_step_on, Engagement.id)
        .limit(limit)
    ).all()
    for engagement in due:
        whose = (engagement.waits_for,) if engagement.waits_for else ("need", "capability")
        subject = f"{engagement.id}:{engagement.next_step_on}"
        tell_participants(
            uow.session, engagement, NEXT_DUE, subject, now, roles=whose, due_on=str(engagement.next_step_on)
        )
    uow.commit()
    return len(due)


def remind_of_registrations(uow: UnitOfWork, now: datetime, settings: Settings, *, limit: int = 500) -> int:
    """Tell the seller of a signed contract that nobody has registered `register_reminder_days` working days before it
    should be, once: the seller registers it. Returns how many contracts that are.
    """
    times = read_registration_times(uow.session, settings, now)
    rows = uow.session.scalars(
        select(Engagement)
        .where(
            Engagement.signed_on > shanghai_day(now) - _LONGEST_CLOCK,
            unregistered(),
            or_(Engagement.stage == "contract", Engagement.outcome == "contract"),
        )
        .order_by(Engagement.signed_on, Engagement.id)
        .limit(limit)
    ).all()
    reminded = 0
    for engagement in rows:
        time = times.of(engagement)
        if time is None or not 0 <= time.left <= settings.register_reminder_days:
            continue
        subject = f"{engagement.id}:{time.due}"
        tell_participants(
            uow.session, engagement, REGISTER_DUE, subject, now, roles=("capability",), due_on=str(time.due)
        )
        reminded += 1
    uow.commit()
    return reminded

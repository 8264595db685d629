"""What the staff are told in their inbox of their own work: a thing of the desk that was given to them, a meeting that
they look after. How it reaches them outside follows their settings, as for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Event, Meeting
from matching.models.base import new_id
from matching.notifying.inboxes import put_in_inboxes
from matching.store.unit_of_work import UnitOfWork

ASSIGNED = "desk_assigned"
HOST = "event_host"
NEXT_STEP = "event_next_step"


def tell_assigned(
    session: Session, user_id: str, subjects: Mapping[str, str], kind: str, now: datetime, *, by: str | None
) -> None:
    """Tell a colleague of things of one kind that were given to them: title by id; not of what they gave themselves."""
    if user_id == by or not subjects:
        return
    first_id, title = next(iter(subjects.items()))
    details = {"kind": kind, "subject_id": first_id, "name": title, "count": len(subjects)}
    _tell(session, user_id, ASSIGNED, f"{kind}:{first_id}:{now.isoformat()}", details, now)


def tell_host(
    session: Session,
    event: Event,
    user_id: str,
    now: datetime,
    *,
    meetings: int,
    meeting_id: str | None = None,
    by: str | None = None,
) -> None:
    """Tell somebody of the staff of meetings that they look after, or that such meetings changed."""
    if user_id == by:
        return
    details = {"event_id": event.id, "name": event.title, "count": meetings, "meeting_id": meeting_id}
    _tell(session, user_id, HOST, f"{event.id}:{meeting_id or ''}:{now.isoformat()}", details, now)


def remind_of_meeting_steps(uow: UnitOfWork, now: datetime, *, days: int = 2, limit: int = 500) -> int:
    """Tell who looked after a meeting, else who made the event, of the step that was noted after it and is due within
    `days`, once for each day that was set. What led to an engagement is followed there. Returns how many that are.
    """
    today = shanghai_day(now)
    rows = uow.session.execute(
        select(Meeting, Event)
        .join(Event, Event.id == Meeting.event_id)
        .where(
            Meeting.next_step_on <= today + timedelta(days=days),
            Meeting.next_step_on >= today,
            Meeting.engagement_id.is_(None),
        )
        .order_by(Meeting.next_step_on, Meeting.id)
        .limit(limit)
    ).all()
    for meeting, event in rows:
        user_id = meeting.host_id or event.author_id
        if user_id is not None:
            details = {"event_id": event.id, "name": event.title, "count": 1, "meeting_id": meeting.id}
            _tell(uow.session, user_id, NEXT_STEP, f"{meeting.id}:{meeting.next_step_on}", details, now)
    uow.commit()
    return len(rows)


def _tell(session: Session, user_id: str, kind: str, occasion: str, details: Mapping[str, Any], now: datetime) -> None:
    put_in_inboxes(
        session,
        [
            {
                "id": new_id(),
                "user_id": user_id,
                "kind": kind,
                "once_key": f"{kind}:{user_id}:{occasion}"[:200],
                "suggestion_id": None,
                "post_id": None,
                "details": dict(details),
                "created_at": now,
                "read_at": None,
                "planned_at": None,
            }
        ],
    )

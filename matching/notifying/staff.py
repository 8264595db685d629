"""What the staff are told in their inbox of their own work: a thing of the desk that was given to them, a meeting that
they look after. How it reaches them outside follows their settings, as for everybody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from matching.models import Event
from matching.models.base import new_id
from matching.notifying.inboxes import put_in_inboxes

ASSIGNED = "desk_assigned"
HOST = "event_host"


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

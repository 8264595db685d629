"""The two sides of an interest are told what becomes of it, each thing once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import Interest, User
from matching.models.base import new_id
from matching.notifying.inboxes import put_in_inboxes
from matching.services.parties import experts_with_accounts, people_behind, writers_of
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

RECEIVED, REMINDER = "interest_received", "interest_reminder"
ACCEPTED, DECLINED = "interest_accepted", "interest_declined"
LAPSED, MISSED = "interest_lapsed", "interest_missed"
"""The asking side's message and that of the side that did not answer."""
KINDS = (RECEIVED, REMINDER, ACCEPTED, DECLINED, LAPSED, MISSED)


def tell(
    session: Session,
    user_ids: Iterable[str],
    kind: str,
    subject: str,
    now: datetime,
    *,
    but: str | None = None,
    **details: Any,
) -> None:
    """Put one message into the inbox of each of these people but the one who did it; `subject` makes it come once."""
    put_in_inboxes(
        session,
        [
            {
                "id": new_id(),
                "user_id": user_id,
                "kind": kind,
                "once_key": f"{kind}:{user_id}:{subject}",
                "suggestion_id": None,
                "post_id": None,
                "details": details,
                "created_at": now,
                "read_at": None,
            }
            for user_id in sorted(set(user_ids))
            if user_id != but
        ],
    )


def asking_people(session: Session, interest: Interest) -> list[str]:
    """User ids of the side that asks."""
    if interest.from_shared:
        people = set(writers_of(session, interest.from_organisation_id))
    else:
        own_id = interest.own_id
        people = set(experts_with_accounts(session, [own_id]).get(own_id, ()) if own_id else ())
    if interest.from_user_id is not None:
        people.add(interest.from_user_id)
    return sorted(
        session.scalars(select(User.id).where(User.id.in_(people), User.active)) if people else (),
    )


def asked_people(session: Session, interest: Interest) -> list[str]:
    """User ids of the side that is asked."""
    return people_behind(session, interest.target)


def remind_of_interests(uow: UnitOfWork, now: datetime, settings: Settings, *, limit: int = 500) -> int:
    """Remind those who have not answered, `settings.interest_reminder_days` before the time runs out; returns how many
    interests are in such a span. Each reminder comes once, and a late run sends only the latest that is due.
    """
    session = uow.session
    spans = sorted(int(days) for days in settings.interest_reminder_days.split(",") if days)
    if not spans:
        return 0
    due = session.scalars(
        select(Interest)
        .where(
            Interest.status == "open",
            Interest.expires_at > now,
            Interest.expires_at <= now + timedelta(days=spans[-1]),
        )
        .order_by(Interest.expires_at, Interest.id)
        .limit(limit)
    ).all()
    for interest in due:
        days = next(span for span in spans if interest.expires_at <= now + timedelta(days=span))
        tell(session, asked_people(session, interest), REMINDER, f"{interest.id}:{days}", now, interest_id=interest.id)
    uow.commit()
    return len(due)

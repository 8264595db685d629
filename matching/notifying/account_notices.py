"""Who is told in their inbox of registrations and members."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from matching.models import Membership, User
from matching.models.base import new_id
from matching.notifying.inboxes import put_in_inboxes
from matching.policy import region_prefix


def tell_staff(session: Session, region_code: str, kind: str, subject: str, now: datetime) -> None:
    """One message to each member of the staff whose region the code lies in, and to administrators."""
    staff = session.execute(
        select(User.id, User.role, User.region_code).where(
            User.active, or_(User.role == "staff", User.role == "administrator")
        )
    )
    told = [
        user_id
        for user_id, role, region in staff
        if role == "administrator" or (region and region_code.startswith(region_prefix(region)))
    ]
    _tell(session, told, kind, subject, now, {"registration_id": subject})


def tell_owners(
    session: Session, organisation_id: str, kind: str, subject: str, now: datetime, *, but: str | None, **details: Any
) -> None:
    """One message to each owner of the organisation but the one it is about."""
    owners = session.scalars(
        select(Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(Membership.organisation_id == organisation_id, Membership.role == "owner", User.active)
    ).all()
    _tell(
        session,
        [user_id for user_id in owners if user_id != but],
        kind,
        f"{organisation_id}:{subject}:{now.isoformat()}",
        now,
        {"organisation_id": organisation_id, **details},
    )


def _tell(
    session: Session, user_ids: Iterable[str], kind: str, subject: str, now: datetime, details: dict[str, Any]
) -> None:
    rows = [
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
        for user_id in sorted(user_ids)
    ]
    put_in_inboxes(session, rows)

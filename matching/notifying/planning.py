"""For each new notification: whether it is told outside the inbox, how, and when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Channel, Notification, NotificationPreference, User
from matching.notifying.notices import after_quiet_hours, group_of, next_digest
from matching.notifying.preferences import read_preferences
from matching.services.deliveries import owe_delivery

_AT_ONCE = 500


def is_planning_due(session: Session) -> bool:
    """Whether there is a notification that nobody decided on yet."""
    return session.scalar(select(Notification.id).where(Notification.planned_at.is_(None)).limit(1)) is not None


def plan_deliveries(session: Session, now: datetime, *, mail: bool, limit: int = _AT_ONCE) -> int:
    """Decide on notifications that nobody decided on yet; returns how many. The caller commits.

    With `mail` off only robots and webhooks are owed: who sets up a mail server later does not send the past.
    """
    rows = session.scalars(
        select(Notification)
        .where(Notification.planned_at.is_(None))
        .order_by(Notification.created_at, Notification.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()
    user_ids = sorted({row.user_id for row in rows})
    chosen = {
        row.user_id: row
        for row in session.scalars(select(NotificationPreference).where(NotificationPreference.user_id.in_(user_ids)))
    }
    active = set(session.scalars(select(User.id).where(User.id.in_(user_ids), User.active)))
    channels: dict[str, list[Channel]] = {}
    for channel in session.scalars(
        select(Channel).where(Channel.user_id.in_(user_ids), Channel.active).order_by(Channel.id)
    ):
        channels.setdefault(channel.user_id, []).append(channel)
    for row in rows:
        row.planned_at = now
        if row.read_at is not None or row.user_id not in active:
            continue
        if mail:
            row.delivery_id = _owe_mail(session, row, chosen.get(row.user_id), now)
        _owe_channels(session, row, channels.get(row.user_id, ()), now)
    return len(rows)


def _owe_mail(session: Session, row: Notification, chosen: NotificationPreference | None, now: datetime) -> str | None:
    wanted = read_preferences(chosen)
    way = wanted.way_of(row.kind)
    if way == "off":
        return None
    if way == "digest":
        due = next_digest(now)
        return owe_delivery(
            session,
            kind="digest",
            once_key=f"digest:{row.user_id}:{shanghai_day(due).isoformat()}",
            user_id=row.user_id,
            due_at=due,
            now=now,
        )
    return owe_delivery(
        session,
        kind="notification",
        once_key=f"notification:{row.id}",
        user_id=row.user_id,
        due_at=after_quiet_hours(now) if wanted.quiet_hours else now,
        now=now,
    )


def _owe_channels(session: Session, row: Notification, channels: Sequence[Channel], now: datetime) -> None:
    for channel in channels:
        if group_of(row.kind) in channel.groups:
            owe_delivery(
                session,
                channel="webhook" if channel.kind == "webhook" else "robot",
                kind="notification",
                once_key=f"channel:{channel.id}:{row.id}",
                user_id=row.user_id,
                payload={"channel_id": channel.id, "notification_id": row.id},
                now=now,
            )

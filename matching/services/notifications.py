"""What a person does with their inbox."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import update

from matching.errors import NotFound
from matching.models import Notification
from matching.notifying.inboxes import note_changed
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork


def mark_read(uow: UnitOfWork, actor: Actor, notification_id: str, now: datetime) -> Notification:
    """Note that a message was opened; the first time counts. Raises NotFound for another person's message."""
    row = uow.session.get(Notification, notification_id)
    if row is None or row.user_id != actor.user_id:
        raise NotFound("notification.not_found", "没有找到这条消息", message_en="There is no such message")
    if row.read_at is None:
        row.read_at = now
        note_changed(uow.session, [row.user_id])
        uow.commit()
    return row


def mark_all_read(uow: UnitOfWork, actor: Actor, now: datetime) -> None:
    """Note that everything in the actor's inbox was seen."""
    uow.session.execute(
        update(Notification)
        .where(Notification.user_id == actor.user_id, Notification.read_at.is_(None))
        .values(read_at=now)
    )
    note_changed(uow.session, [actor.user_id] if actor.user_id else [])
    uow.commit()

"""Owners are told before their posts expire, once for each lifetime."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from matching.models import Membership, Notification, Post, User
from matching.models.base import new_id
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork
from matching.store.upsert import insert_new

KIND = "post_expires"


def notify_expiry(uow: UnitOfWork, now: datetime, settings: Settings, *, limit: int = 500) -> int:
    """Put a message into the inbox of those who write for each post's organisation; returns the number of posts."""
    session = uow.session
    due = session.scalars(
        select(Post)
        .where(
            Post.status == "published",
            Post.expires_at <= now + timedelta(days=settings.expiry_notice_days),
            Post.expires_at > now,
            Post.expiry_notice_at.is_(None),
        )
        .order_by(Post.expires_at)
        .limit(limit)
    ).all()
    for post in due:
        writers = session.scalars(
            select(Membership.user_id)
            .join(User, User.id == Membership.user_id)
            .where(
                Membership.organisation_id == post.organisation_id,
                Membership.role.in_(("owner", "editor")),
                User.active,
            )
        ).all()
        assert post.expires_at is not None
        insert_new(
            session,
            Notification,
            [
                {
                    "id": new_id(),
                    "user_id": user_id,
                    "kind": KIND,
                    "once_key": f"{KIND}:{user_id}:{post.id}:{post.expires_at.isoformat()}",
                    "suggestion_id": None,
                    "post_id": post.id,
                    "details": {"expires_at": post.expires_at.isoformat()},
                    "created_at": now,
                    "read_at": None,
                }
                for user_id in writers
            ],
        )
        post.expiry_notice_at = now
        # The row's version grew, and the index must keep up with it.
        uow.owe("post.changed", post.id, now)
    uow.commit()
    return len(due)

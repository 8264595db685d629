"""Owners are told before their posts expire, once for each lifetime."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from matching.models import Post
from matching.notifying.posts import tell_writers
from matching.settings import Settings
from matching.store.outbox import POST_CHANGED
from matching.store.unit_of_work import UnitOfWork

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
        assert post.expires_at is not None
        moment = post.expires_at.isoformat()
        tell_writers(session, post, KIND, moment, now, expires_at=moment)
        post.expiry_notice_at = now
        # The row's version grew, and the index must keep up with it.
        uow.owe(POST_CHANGED, post.id, now)
    uow.commit()
    return len(due)

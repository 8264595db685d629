"""Those who write for an organisation are told what becomes of its posts."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import Membership, Post, User
from matching.models.base import new_id
from matching.notifying.inboxes import put_in_inboxes


def tell_writers(
    session: Session,
    post: Post,
    kind: str,
    occasion: str,
    now: datetime,
    *,
    actor_id: str | None = None,
    **details: Any,
) -> None:
    """Put one message about the post into the inbox of each writer but the actor; `occasion` makes it come once."""
    writers = session.scalars(
        select(Membership.user_id)
        .join(User, User.id == Membership.user_id)
        .where(
            Membership.organisation_id == post.organisation_id,
            Membership.role.in_(("owner", "editor")),
            User.active,
        )
    ).all()
    put_in_inboxes(
        session,
        [
            {
                "id": new_id(),
                "user_id": user_id,
                "kind": kind,
                "once_key": f"{kind}:{user_id}:{post.id}:{occasion}",
                "suggestion_id": None,
                "post_id": post.id,
                "details": details,
                "created_at": now,
                "read_at": None,
            }
            for user_id in writers
            if user_id != actor_id
        ],
    )

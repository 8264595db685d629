"""Text in a form that was not sent yet: kept while it is written, so that no accident loses it; its writer's only."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from matching.errors import NotAllowed
from matching.models import UnsentText
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork

MOST_KEPT = 30
"""Of one person; the oldest give way."""


def keep_text(
    uow: UnitOfWork,
    actor: Actor,
    text_id: str,
    side: str,
    fields: Iterable[tuple[str, str]],
    now: datetime,
    *,
    changes_post: bool = False,
    base_version: int | None = None,
) -> UnsentText:
    """Keep what stands in the form now, in place of what stood there before."""
    if actor.user_id is None:
        raise NotAllowed("unsent.sign_in", "请先登录", message_en="Please sign in")
    row = uow.session.get(UnsentText, (text_id, actor.user_id))
    if row is None:
        row = UnsentText(id=text_id, user_id=actor.user_id, side=side, changes_post=changes_post)
        uow.session.add(row)
    row.fields = [[name, value] for name, value in fields]
    row.base_version = base_version
    row.updated_at = now
    uow.session.flush()
    kept = uow.session.scalars(
        select(UnsentText.id)
        .where(UnsentText.user_id == actor.user_id)
        .order_by(UnsentText.updated_at.desc())
        .offset(MOST_KEPT)
    ).all()
    if kept:
        uow.session.execute(delete(UnsentText).where(UnsentText.user_id == actor.user_id, UnsentText.id.in_(kept)))
    uow.commit()
    return row


def find_text(session: Session, actor: Actor, text_id: str) -> UnsentText | None:
    """The actor's own text, None where there is none."""
    return session.get(UnsentText, (text_id, actor.user_id)) if actor.user_id else None


def list_texts(session: Session, actor: Actor, *, side: str | None = None) -> list[UnsentText]:
    """The actor's texts that are no posts yet, the latest first."""
    if actor.user_id is None:
        return []
    statement = select(UnsentText).where(UnsentText.user_id == actor.user_id, UnsentText.changes_post.is_(False))
    if side:
        statement = statement.where(UnsentText.side == side)
    return list(session.scalars(statement.order_by(UnsentText.updated_at.desc())))


def drop_text(uow: UnitOfWork, actor: Actor, text_id: str) -> None:
    """Forget a text: it was sent, or its writer does not want it."""
    if actor.user_id is None:
        return
    uow.session.execute(delete(UnsentText).where(UnsentText.user_id == actor.user_id, UnsentText.id == text_id))
    uow.commit()

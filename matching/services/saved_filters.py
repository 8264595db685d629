"""Searches that people keep to come back to."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import func, select

from matching.errors import InvalidInput, NotAllowed
from matching.models import SavedFilter
from matching.models.base import new_id
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork

LIBRARIES = ("organisations", "experts", "desk")
"""Lists whose restrictions are kept: two libraries, and the lists of the staff's desk."""
MOST_SAVED = 50
_NOT_KEPT = frozenset(("page", "cursor"))


def save_filter(uow: UnitOfWork, actor: Actor, library: str, name: str, query: str, now: datetime) -> SavedFilter:
    """Keep a query string under a name; the same name again replaces it."""
    if actor.user_id is None:
        raise NotAllowed("filter.sign_in", "请先登录", message_en="Please sign in")
    name = " ".join(name.split())[:80]
    if library not in LIBRARIES or not name:
        raise InvalidInput("filter.name", "请填写名称", where="name", message_en="Please give a name")
    kept = urlencode([(key, value) for key, value in parse_qsl(query[:2000]) if key not in _NOT_KEPT])[:1000]
    row = uow.session.scalar(
        select(SavedFilter).where(
            SavedFilter.user_id == actor.user_id, SavedFilter.library == library, SavedFilter.name == name
        )
    )
    if row is None:
        count = uow.session.scalar(select(func.count()).where(SavedFilter.user_id == actor.user_id)) or 0
        if count >= MOST_SAVED:
            raise InvalidInput(
                "filter.too_many",
                f"最多保存 {MOST_SAVED} 个",
                where="name",
                message_en=f"At most {MOST_SAVED} are kept",
            )
        row = SavedFilter(id=new_id(), user_id=actor.user_id, library=library, name=name, created_at=now)
        uow.session.add(row)
    row.query = kept
    uow.commit()
    return row


def delete_filter(uow: UnitOfWork, actor: Actor, filter_id: str) -> str | None:
    """Forget one of the actor's own; returns its library."""
    row = uow.session.get(SavedFilter, filter_id)
    if row is None or row.user_id != actor.user_id:
        return None
    library = row.library
    uow.session.delete(row)
    uow.commit()
    return library

"""A person says what they want to be suggested more or less of, and takes it back."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select

from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import Organisation, SuggestionVisit, SuggestionWish, VocabularyTerm
from matching.models.base import new_id
from matching.models.wish import WISH_DIRECTIONS, WISH_KINDS
from matching.services.actor import Actor
from matching.services.entered_text import check_text
from matching.store.unit_of_work import UnitOfWork

MOST_WISHES = 60
WORD_LENGTH = 40
VISIT_LASTS = timedelta(minutes=30)
"""Looking again within this time belongs to the same visit: what was new stays marked."""


def add_wish(uow: UnitOfWork, actor: Actor, direction: str, kind: str, value: str, now: datetime) -> SuggestionWish:
    """Note a wish; said again in the other direction it turns round. Raises InvalidInput for what is on no list."""
    user_id = _own_id(actor)
    if direction not in WISH_DIRECTIONS:
        raise InvalidInput("wish.direction", "请选择多看或少看", where="direction", message_en="Choose more or less")
    value = _checked_value(uow, kind, value)
    row = uow.session.scalar(
        select(SuggestionWish).where(
            SuggestionWish.user_id == user_id, SuggestionWish.kind == kind, SuggestionWish.value == value
        )
    )
    if row is None:
        count = uow.session.scalar(
            select(func.count()).select_from(SuggestionWish).where(SuggestionWish.user_id == user_id)
        )
        if (count or 0) >= MOST_WISHES:
            raise InvalidInput(
                "wish.too_many",
                f"最多 {MOST_WISHES} 条，请先删去一些",
                where="value",
                message_en=f"At most {MOST_WISHES}; please remove some first",
            )
        row = SuggestionWish(id=new_id(), user_id=user_id, kind=kind, value=value, created_at=now)
        uow.session.add(row)
    row.direction = direction
    uow.commit()
    return row


def drop_wish(uow: UnitOfWork, actor: Actor, wish_id: str) -> SuggestionWish:
    """Take back one of the actor's own; raises NotFound."""
    row = uow.session.get(SuggestionWish, wish_id)
    if row is None or row.user_id != _own_id(actor):
        raise NotFound("wish.not_found", "没有这一条", message_en="There is no such wish")
    uow.session.delete(row)
    uow.commit()
    return row


def note_visit(uow: UnitOfWork, actor: Actor, shown: list[str], now: datetime) -> SuggestionVisit:
    """Remember what stood there now; `former` is what the visit before saw."""
    user_id = _own_id(actor)
    row = uow.session.get(SuggestionVisit, user_id)
    if row is None:
        row = SuggestionVisit(user_id=user_id, seen_at=now, seen=shown, former_at=None, former=[])
        uow.session.add(row)
    elif now - row.seen_at > VISIT_LASTS:
        row.former_at, row.former = row.seen_at, row.seen
    row.seen_at, row.seen = now, shown
    uow.commit()
    return row


def _own_id(actor: Actor) -> str:
    if actor.user_id is None:
        raise NotAllowed("account.required", "请先登录", message_en="Please sign in")
    return actor.user_id


def _checked_value(uow: UnitOfWork, kind: str, value: str) -> str:
    value = " ".join(value.split())
    if kind not in WISH_KINDS or not value:
        raise InvalidInput("wish.value", "请填写或选择一项", where="value", message_en="Enter or choose something")
    if kind == "keyword":
        check_text(value, "value", WORD_LENGTH)
        return value
    if kind == "organisation":
        known = uow.session.get(Organisation, value) is not None
    else:
        known = uow.session.get(VocabularyTerm, (kind, value)) is not None
    if not known:
        raise InvalidInput("wish.value", "没有这一项", where="value", message_en="There is no such entry")
    return value

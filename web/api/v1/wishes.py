"""What the caller wants to be suggested more or less of."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.queries.wishes import list_wishes
from matching.services.wishes import add_wish, drop_wish
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.wishes import ShownWish, WishEntry, WishList
from web.reader import now, platform

wishes = Noun("wishes", "/wishes", "关注: what the caller wants to be suggested more or less of.")


@wishes.operation("GET", "", name="list_wishes", zh="我的关注", en="List wishes", access="read", answers=WishList)
def list_all() -> dict[str, Any]:
    """List wishes"""
    with platform().reading() as session:
        return {"items": list_wishes(session, caller().user_id)}


@wishes.operation(
    "POST",
    "",
    name="add_wish",
    zh="多看或少看",
    en="Add a wish",
    access="write",
    answers=ShownWish,
    status=201,
    body=WishEntry,
)
def add(entry: dict[str, Any]) -> tuple[Any, int]:
    """Add a wish

    What is wanted comes first in the caller's suggestions, what is not wanted last; the fit stays. Said again in the
    other direction a wish turns round.
    """
    with platform().unit_of_work() as uow:
        return add_wish(uow, caller().actor, entry["direction"], entry["kind"], entry["value"], now()), 201


@wishes.operation(
    "DELETE",
    "/<id:wish_id>",
    name="drop_wish",
    zh="撤销关注",
    en="Drop a wish",
    access="write",
    answers=None,
    status=204,
)
def drop(wish_id: str) -> Response:
    """Drop a wish"""
    with platform().unit_of_work() as uow:
        drop_wish(uow, caller().actor, wish_id)
    return nothing_more()

"""What is held of the caller: to read, hide, empty, and have deleted."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.errors import NotFound
from matching.models import Expert
from matching.services.experts import (
    agree_to_open_data,
    claim_expert,
    describe_person,
    empty_field,
    erase_expert,
    hide_fields,
    own_entry,
    want_suggestions,
)
from matching.services.privacy_erasure import keep_erasures
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.own_data import FieldEntry, OwnData, OwnDataChange
from web.reader import now, platform

own_data = Noun("own-data", "/me/data", "我的个人信息: what is held of the caller, and what becomes of it.")


@own_data.operation(
    "GET", "", name="read_own_data", zh="我的个人信息", en="Read own data", access="read", answers=OwnData
)
def read() -> dict[str, Any]:
    """Read own data

    Everything that is held of the caller, with where it came from.
    """
    with platform().reading() as session:
        return {"held": describe_person(session, caller().actor)}


@own_data.operation(
    "PATCH",
    "",
    name="change_own_data",
    zh="修改可见范围",
    en="Change who sees own data",
    access="write",
    answers=OwnData,
    body=OwnDataChange,
    problems=(404,),
)
def change(entry: dict[str, Any]) -> dict[str, Any]:
    """Change who sees own data

    Of the caller's entry in the library of experts; 404 where there is none.
    """
    me = caller()
    expert = _entry()
    if "hidden_fields" in entry or "listed" in entry:
        with platform().unit_of_work() as uow:
            hide_fields(
                uow,
                me.actor,
                expert.id,
                set(entry.get("hidden_fields", expert.hidden_fields)),
                now(),
                all_=not entry["listed"] if "listed" in entry else expert.hidden,
            )
    if "suggestions_wanted" in entry:
        with platform().unit_of_work() as uow:
            want_suggestions(uow, me.actor, expert.id, entry["suggestions_wanted"], now())
    if "open_data" in entry:
        with platform().unit_of_work() as uow:
            agree_to_open_data(uow, me.actor, expert.id, entry["open_data"], now())
    return read()


@own_data.operation(
    "POST",
    "/empty",
    name="empty_own_field",
    zh="删除某一项",
    en="Empty a field",
    access="write",
    answers=OwnData,
    body=FieldEntry,
    problems=(404,),
)
def empty(entry: dict[str, Any]) -> dict[str, Any]:
    """Empty a field

    No import fills it again.
    """
    with platform().unit_of_work() as uow:
        empty_field(uow, caller().actor, _entry().id, entry["field"], now())
    return read()


@own_data.operation(
    "POST",
    "/claim/<id:expert_id>",
    name="claim_expert",
    zh="认领专家资料",
    en="Claim an entry",
    access="write",
    answers=OwnData,
    problems=(422,),
)
def claim(expert_id: str) -> dict[str, Any]:
    """Claim an entry

    An entry that has the account's address and belongs to nobody yet.
    """
    with platform().unit_of_work() as uow:
        claim_expert(uow, caller().actor, expert_id, now())
    return read()


@own_data.operation(
    "DELETE",
    "/expert",
    name="erase_own_entry",
    zh="删除专家资料",
    en="Erase own entry",
    access="write",
    answers=None,
    status=204,
    problems=(404,),
)
def erase() -> Response:
    """Erase own entry

    With everything that hangs on it; it cannot be undone, and no import or restored backup brings it back.
    """
    with platform().unit_of_work() as uow:
        erase_expert(uow, caller().actor, _entry().id, now())
    keep_erasures(platform())
    return nothing_more()


def _entry() -> Expert:
    with platform().reading() as session:
        expert = own_entry(session, caller().actor)
    if expert is None:
        raise NotFound("expert.not_found", "没有找到这位专家", message_en="There is no such expert")
    return expert

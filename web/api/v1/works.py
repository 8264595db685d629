"""An expert's works."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.queries.profiles import find_expert
from matching.queries.works import list_works
from matching.services.experts import may_keep_expert
from matching.services.works import hide_work
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.wishes import ShownWork, WorkList, WorkVisibility
from web.reader import now, platform

works = Noun("works", "/experts/<id:expert_id>/works", "成果与著作: papers, patents and achievements of an expert.")

_SHOWN = tuple(name for name in ShownWork._declared_fields if name != "hidden")


@works.operation(
    "GET", "", name="list_works", zh="成果列表", en="List works", access="open", answers=WorkList, problems=(404,)
)
def list_all(expert_id: str) -> dict[str, Any]:
    """List works

    Hidden ones only for those who keep the entry.
    """
    me = caller()
    with platform().reading() as session:
        expert = find_expert(session, expert_id, me.audience, now()).expert
        keeper = may_keep_expert(session, me.actor, expert, now())
        return {
            "items": [
                {**{name: getattr(work, name) for name in _SHOWN}, "hidden": hidden}
                for work, hidden in list_works(session, expert.id, with_hidden=keeper)
            ]
        }


@works.operation(
    "POST",
    "/<id:work_id>/visibility",
    name="hide_work",
    zh="显示或隐藏成果",
    en="Show or hide a work",
    access="write",
    answers=None,
    status=204,
    body=WorkVisibility,
    problems=(404,),
)
def choose(entry: dict[str, Any], expert_id: str, work_id: str) -> Response:
    """Show or hide a work

    For those who keep the entry. A hidden work is neither shown nor used in matching.
    """
    with platform().unit_of_work() as uow:
        hide_work(uow, caller().actor, expert_id, work_id, entry["hidden"], now())
    return nothing_more()

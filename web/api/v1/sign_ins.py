"""Where the caller is signed in to the pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response

from matching.services.accounts import end_listed_session, end_other_sessions, list_sessions
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.accounts import SignInList
from web.reader import now, platform

sign_ins = Noun("sign-ins", "/sign-ins", "登录: the devices on which the caller is signed in to the pages.")


@sign_ins.operation(
    "GET", "", name="list_sign_ins", zh="登录列表", en="List sign-ins", access="read", answers=SignInList
)
def list_sign_ins() -> dict[str, Any]:
    """List sign-ins

    Those that work now, the last used first.
    """
    unused_for = timedelta(hours=platform().settings.session_hours)
    with platform().reading() as session:
        rows = list_sessions(session, caller().user_id, now(), unused_for=unused_for)
    return {
        "items": [
            {
                "id": row.token_hash,
                "device": row.device or None,
                "address": row.address,
                "created_at": row.created_at,
                "last_used_at": row.seen_at,
            }
            for row in rows
        ]
    }


@sign_ins.operation(
    "DELETE",
    "",
    name="end_sign_ins",
    zh="结束所有登录",
    en="End all sign-ins",
    access="write",
    answers=None,
    status=204,
)
def end_all() -> Response:
    """End all sign-ins

    On every device; tokens go on.
    """
    with platform().unit_of_work() as uow:
        end_other_sessions(uow, caller().actor, None, now())
    return nothing_more()


@sign_ins.operation(
    "DELETE",
    "/<id:sign_in_id>",
    name="end_sign_in",
    zh="结束登录",
    en="End a sign-in",
    access="write",
    answers=None,
    status=204,
)
def end_one(sign_in_id: str) -> Response:
    """End a sign-in"""
    with platform().unit_of_work() as uow:
        end_listed_session(uow, caller().actor, sign_in_id, now())
    return nothing_more()

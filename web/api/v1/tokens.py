"""Tokens of the caller's programs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Response, request

from matching.errors import NotAllowed
from matching.models import ApiToken
from matching.services.accounts import authenticate_user
from matching.services.actor import actor_of
from matching.services.api_tokens import list_api_tokens, make_api_token, revoke_api_token
from matching.services.two_factor import check_second_factor, is_enabled, is_required
from web.api.access import caller
from web.api.answers import nothing_more
from web.api.document import Noun
from web.api.schemas.people import NewToken, TokenEntry, TokenList
from web.reader import now, platform

tokens = Noun("tokens", "/tokens", "令牌: what programs present instead of a password.")


@tokens.operation(
    "POST",
    "",
    name="make_token",
    zh="创建令牌",
    en="Make a token",
    access="open",
    answers=NewToken,
    status=201,
    body=TokenEntry,
    problems=(429,),
)
def make_token(entry: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Make a token

    From e-mail and password, and a code where the account has two-step verification. The secret, `token`, is shown
    this once.
    """
    with platform().unit_of_work() as uow:
        user = authenticate_user(uow, entry["email"], entry["password"], now(), origin=request.remote_addr)
        actor = actor_of(user)
        second = is_enabled(uow.session, user.id)
    if second:
        with platform().unit_of_work() as uow:
            check_second_factor(uow, platform().settings, user.id, entry["code"], now())
    elif is_required(platform().settings, user.role):
        raise NotAllowed(
            "two_factor.required",
            "主管部门账号必须先在页面上开启两步验证",
            message_en="Accounts of the staff need two-step verification; please set it up on the pages first",
        )
    with platform().unit_of_work() as uow:
        row, secret = make_api_token(
            uow,
            actor,
            user.id,
            entry["name"],
            entry["scopes"],
            now() + timedelta(days=entry["expires_in_days"]),
            now(),
        )
    return {**_token(row), "token": secret}, 201


@tokens.operation("GET", "", name="list_tokens", zh="令牌列表", en="List tokens", access="read", answers=TokenList)
def list_tokens() -> dict[str, Any]:
    """List tokens

    Those of the caller that work now, without their secrets.
    """
    with platform().reading() as session:
        return {"items": [_token(row) for row in list_api_tokens(session, caller().user_id, now())]}


@tokens.operation(
    "DELETE",
    "/<id:token_id>",
    name="revoke_token",
    zh="撤销令牌",
    en="Revoke a token",
    access="any",
    answers=None,
    status=204,
)
def revoke_token(token_id: str) -> Response:
    """Revoke a token

    Takes effect at once. Any token may revoke itself; another one takes the scope `write`.
    """
    presented = caller().token
    assert presented is not None
    if token_id != presented.id and "write" not in presented.scopes:
        raise NotAllowed(
            "token.scope",
            "令牌缺少权限范围 write",
            where="Authorization",
            message_en="The token lacks the scope write",
        )
    with platform().unit_of_work() as uow:
        revoke_api_token(uow, caller().actor, token_id, now())
    return nothing_more()


def _token(row: ApiToken) -> dict[str, Any]:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": row.scopes,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.used_at,
    }

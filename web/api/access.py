"""Who calls: the token of the request, and what its owner may do and see. Sessions of the pages mean nothing here."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast

from flask import g, request

from matching.errors import DuijieError, NotAllowed, PartUnavailable
from matching.models import User
from matching.policy import Audience
from matching.queries.posts import audience_for
from matching.services.actor import Actor, actor_of
from matching.services.api_tokens import find_token_user, is_use_due, touch_api_token
from web.reader import now, platform

logger = logging.getLogger(__name__)

Access = Literal["open", "read", "write", "any"]
"""`open`: also without a token; `any`: with a token of any scope; else the scope that the token must have."""


class TokenRequired(DuijieError):
    """The request names no token, or one that does not work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose token it is."""

    id: str
    name: str
    email: str
    role: str
    locale: str
    region_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentedToken:
    """The token of the request."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. A visitor has neither person nor token."""

    actor: Actor
    person: Person | None = None
    token: PresentedToken | None = None

    @property
    def audience(self) -> Audience:
        """What the caller may see; asked of the database once a request, by those operations that show something."""
        if "api_audience" not in g:
            if self.person is None:
                g.api_audience = Audience()
            else:
                with platform().reading() as session:
                    g.api_audience = audience_for(session, self.actor)
        return cast(Audience, g.api_audience)

    @property
    def user_id(self) -> str:
        """The account; only where a token was required."""
        assert self.person is not None
        return self.person.id


def caller() -> Caller:
    """Who makes this request; raises TokenRequired for a token that does not work."""
    if "api_caller" not in g:
        g.api_caller = _identify()
    return cast(Caller, g.api_caller)


def require_access(access: Access) -> None:
    """Raises TokenRequired without a working token where one is needed, NotAllowed where it lacks the scope."""
    token = caller().token
    if token is None:
        if access == "open":
            return
        raise TokenRequired(
            "token.required",
            "请在 Authorization 标头里给出令牌：Bearer …",
            where="Authorization",
            message_en="Please give a token in the Authorization header: Bearer …",
        )
    needed = "read" if access == "open" else access
    if access != "any" and needed not in token.scopes:
        raise NotAllowed(
            "token.scope",
            f"令牌缺少权限范围 {needed}",
            where="Authorization",
            message_en=f"The token lacks the scope {needed}",
        )


def _identify() -> Caller:
    if "Authorization" not in request.headers:
        return Caller(actor=Actor(user_id=None))
    given = request.authorization
    secret = given.token if given is not None and given.type == "bearer" else None
    if secret:
        with platform().reading() as session:
            found = find_token_user(session, secret, now())
            if found is not None:
                token, user = found
                identified = Caller(
                    actor=actor_of(user),
                    person=_person(user),
                    token=PresentedToken(
                        id=token.id, name=token.name, scopes=tuple(token.scopes), expires_at=token.expires_at
                    ),
                )
                use_due = is_use_due(token, now())
        if found is not None:
            if use_due:
                _note_use(token.id)
            return identified
    raise TokenRequired(
        "token.invalid",
        "令牌无效、已过期或已撤销",
        where="Authorization",
        message_en="The token is invalid, expired or revoked",
    )


def _person(user: User) -> Person:
    return Person(
        id=user.id, name=user.name, email=user.email, role=user.role, locale=user.locale, region_code=user.region_code
    )


def _note_use(token_id: str) -> None:
    try:
        with platform().unit_of_work() as uow:
            touch_api_token(uow, token_id, now())
    except PartUnavailable:
        # The note is a convenience to the token's owner; a busy database is no reason to refuse a read.
        logger.warning("the use of a token was not noted: the database is busy")

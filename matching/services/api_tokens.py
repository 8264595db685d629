"""Tokens by which a member's programs use the API, and creations that are safe to repeat."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import ApiToken, IdempotencyKey, User
from matching.models.api_token import TOKEN_SCOPES
from matching.models.base import new_id
from matching.services.accounts import token_hash
from matching.services.actor import Actor
from matching.store.unit_of_work import UnitOfWork
from matching.store.upsert import insert_new

LONGEST_LIFE = timedelta(days=366)
MOST_TOKENS = 50
NAME_LENGTH = 80

REPEATABLE_FOR = timedelta(days=2)
"""How long a creation is remembered by its key."""

_PREFIX = "dj_"  # lets scanners of published code tell our tokens from random text
_TOUCH_EVERY = timedelta(minutes=1)


class KeyReused(InvalidInput):
    """An idempotency key came back with a different request."""


def make_api_token(
    uow: UnitOfWork,
    actor: Actor,
    user_id: str,
    name: str,
    scopes: Sequence[str],
    expires_at: datetime,
    now: datetime,
) -> tuple[ApiToken, str]:
    """A new token of the user and its secret, which is shown this once.

    People make their own, an administrator anybody's. Raises InvalidInput for an unknown scope, an expiry outside
    LONGEST_LIFE, an unusable name, or when the user has MOST_TOKENS already.
    """
    _require_owner(actor, user_id)
    user = uow.session.get(User, user_id)
    if user is None or not user.active:
        raise NotFound("user.not_found", "没有这个账号", message_en="No such account")
    called = " ".join(name.split())
    if not 1 <= len(called) <= NAME_LENGTH:
        raise InvalidInput(
            "token.name",
            f"请给令牌起一个名字（不超过 {NAME_LENGTH} 字）",
            where="name",
            message_en=f"Please name the token (at most {NAME_LENGTH} characters)",
        )
    if not scopes or set(scopes) - set(TOKEN_SCOPES):
        raise InvalidInput(
            "token.scopes",
            f"权限范围只能是 {'、'.join(TOKEN_SCOPES)}",
            where="scopes",
            message_en=f"Scopes are {' and '.join(TOKEN_SCOPES)}",
        )
    if not now < expires_at <= now + LONGEST_LIFE:
        raise InvalidInput(
            "token.expiry",
            f"有效期应在 {LONGEST_LIFE.days} 天以内",
            where="expires_at",
            message_en=f"A token lives at most {LONGEST_LIFE.days} days",
        )
    live = uow.session.scalar(
        select(func.count()).where(
            ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now
        )
    )
    if (live or 0) >= MOST_TOKENS:
        raise InvalidInput(
            "token.too_many",
            f"有效令牌已有 {MOST_TOKENS} 个，请先撤销不用的",
            message_en=f"There are {MOST_TOKENS} live tokens already; revoke those no longer used",
        )
    secret = _PREFIX + secrets.token_urlsafe(32)
    row = ApiToken(
        token_hash=token_hash(secret),
        user_id=user_id,
        name=called,
        scopes=[scope for scope in TOKEN_SCOPES if scope in scopes],
        created_at=now,
        expires_at=expires_at,
    )
    uow.session.add(row)
    uow.session.flush()
    uow.record(now, actor.user_id, "token.make", "api_token", row.id, user=user_id, scopes=row.scopes)
    uow.commit()
    return row, secret


def find_token_user(session: Session, secret: str, now: datetime) -> tuple[ApiToken, User] | None:
    """The token and whose it is; None for one that is unknown, revoked or expired, or of an account that is closed."""
    found = session.execute(
        select(ApiToken, User)
        .join(User, User.id == ApiToken.user_id)
        .where(
            ApiToken.token_hash == token_hash(secret),
            ApiToken.revoked_at.is_(None),
            ApiToken.expires_at > now,
            User.active,
        )
    ).one_or_none()
    return (found[0], found[1]) if found is not None else None


def is_use_due(token: ApiToken, now: datetime) -> bool:
    """Whether `touch_api_token` would write: once a minute, so that reading seldom waits for the write lock."""
    return token.used_at is None or token.used_at <= now - _TOUCH_EVERY


def touch_api_token(uow: UnitOfWork, token_id: str, now: datetime) -> None:
    """Note that a token was used."""
    row = uow.session.get(ApiToken, token_id)
    if row is not None and is_use_due(row, now):
        row.used_at = now
        uow.commit()


def list_api_tokens(session: Session, user_id: str, now: datetime) -> list[ApiToken]:
    """The user's tokens that work now, the newest first."""
    return list(
        session.scalars(
            select(ApiToken)
            .where(ApiToken.user_id == user_id, ApiToken.revoked_at.is_(None), ApiToken.expires_at > now)
            .order_by(ApiToken.created_at.desc(), ApiToken.id)
        )
    )


def revoke_api_token(uow: UnitOfWork, actor: Actor, token_id: str, now: datetime) -> None:
    """End a token at once; raises NotFound for one that is not the actor's, an administrator's reach excepted."""
    row = uow.session.get(ApiToken, token_id)
    if row is None or not (actor.is_administrator or row.user_id == actor.user_id):
        raise NotFound("token.not_found", "没有这个令牌", message_en="There is no such token")
    if row.revoked_at is None:
        row.revoked_at = now
        uow.record(now, actor.user_id, "token.revoke", "api_token", token_id, user=row.user_id)
        uow.commit()


def claim_key(uow: UnitOfWork, user_id: str, key: str, request_hash: str, subject_id: str, now: datetime) -> str | None:
    """Remember, in the coming commit, that this creation makes `subject_id`; or the id it made the first time.

    Raises KeyReused when the key belongs to a different request. Two equal requests at once: on PostgreSQL the
    second waits here for the first to commit, on SQLite it waits for the write lock.
    """
    uow.session.execute(
        delete(IdempotencyKey).where(
            IdempotencyKey.user_id == user_id, IdempotencyKey.created_at <= now - REPEATABLE_FOR
        )
    )
    row = {
        "user_id": user_id, "key": key, "request_hash": request_hash, "subject_id": subject_id, "created_at": now,
    }  # fmt: skip
    insert_new(uow.session, IdempotencyKey, [row])
    known = uow.session.get_one(IdempotencyKey, (user_id, key))
    if known.subject_id == subject_id:
        return None
    if known.request_hash != request_hash:
        raise KeyReused(
            "idempotency.key_reused",
            "这个 Idempotency-Key 已用于另一个请求",
            where="Idempotency-Key",
            message_en="This Idempotency-Key was used for a different request",
        )
    return known.subject_id


def claim_answer(uow: UnitOfWork, user_id: str, key: str, request_hash: str, now: datetime) -> str | None:
    """Claim the key, at once, for a request whose answer will be kept; or that answer, where it was made before.

    Raises KeyReused as `claim_key` does, and IllegalMove while the first request is under way, or where it was cut off
    and nobody can tell how far it came.
    """
    former_id = claim_key(uow, user_id, key, request_hash, new_id(), now)
    if former_id is None:
        uow.commit()
        return None
    answer = uow.session.get_one(IdempotencyKey, (user_id, key)).answer
    if answer is None:
        raise IllegalMove(
            "idempotency.under_way",
            "同一请求正在处理，或中途断开；请先查看结果，再用新的 Idempotency-Key",
            where="Idempotency-Key",
            message_en="The same request is under way, or was cut off: look what became of it, then use another key",
        )
    return answer


def keep_answer(uow: UnitOfWork, user_id: str, key: str, answer: str) -> None:
    """Remember what the request with the claimed key was answered."""
    uow.session.get_one(IdempotencyKey, (user_id, key)).answer = answer
    uow.commit()


def release_key(uow: UnitOfWork, user_id: str, key: str) -> None:
    """Give a claimed key back, since its request was refused and made nothing."""
    uow.session.execute(delete(IdempotencyKey).where(IdempotencyKey.user_id == user_id, IdempotencyKey.key == key))
    uow.commit()


def _require_owner(actor: Actor, user_id: str) -> None:
    if not actor.is_administrator and actor.user_id != user_id:
        raise NotAllowed(
            "token.not_yours", "只能为自己的账号创建令牌", message_en="You can make tokens for your own account only"
        )

"""How much one member or one address may ask for within a while: counted in Redis, the same for all web processes.

The window slides: what was asked in the last minute counts, not what the clock's minute says. Without Redis each
process counts for itself until Redis answers again; no request fails because of it. Guessing of passwords is slowed
down besides by `matching.services.attempts`, which counts failures by account and needs no Redis.
"""

from __future__ import annotations

import hashlib
import logging
import math
import time
from dataclasses import dataclass
from typing import Literal

from flask import Flask, Response, g, request
from flask_login import current_user
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from matching.errors import DuijieError, InvalidInput
from matching.services.attempts import TooManyAttempts, origin_of
from matching.settings import Settings
from web.api.access import caller

logger = logging.getLogger(__name__)

Kind = Literal["sign_in", "registration", "search", "api", "page"]
KINDS: tuple[Kind, ...] = ("sign_in", "registration", "search", "api", "page")

BY_ADDRESS: frozenset[Kind] = frozenset({"sign_in", "registration"})
"""Counted by address only: whoever asks for these is nobody yet."""
ADDRESS_FACTOR = 10
"""An address may be a whole campus: without a member it may ask so many times as much as one member."""
DEMONSTRATION_FACTOR = 20
"""Everybody who looks at a demonstration shares a few accounts, and reading is all they do."""
WITHOUT_REDIS_SECONDS = 10.0
"""So long a process counts for itself before it asks Redis again."""
_REDIS_SECONDS = 0.25

_SIGN_IN = frozenset(
    {"sessions.do_sign_in", "sessions.do_second_factor", "single_sign_on.finish", "api-tokens.make_token"}
)
_REGISTRATION = frozenset(
    {"registrations.enter", "registrations.confirm", "accounts.forgotten", "accounts.reset", "accounts.join"}
)
_SEARCH = frozenset(
    {"search.show_results", "api-search.search", "needs.preview", "capabilities.preview", "exports.send_list"}
)
_UNCOUNTED = ("assets.", "ops.")


class TooManyRequests(TooManyAttempts):
    """More was asked than is allowed within a while; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(
            "requests.too_many",
            f"请求过于频繁，请 {retry_after} 秒后再试",
            message_en=f"Too many requests; please try again in {retry_after} seconds",
        )
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Standing:
    """How much is left of a limit, and after how many seconds some of what was used counts no more."""

    kind: Kind
    limit: RateLimitItem
    remaining: int
    reset_seconds: int


class Counting:
    """Counts in Redis, or for the while that Redis does not answer in this process."""

    def __init__(self, redis_url: str) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = SlidingWindowCounterRateLimiter(
            RedisStorage(
                redis_url,
                key_prefix="duijie-limits",
                wrap_exceptions=True,
                socket_timeout=_REDIS_SECONDS,
                socket_connect_timeout=_REDIS_SECONDS,
            )
        )
        self._own_until = 0.0

    def take(self, limit: RateLimitItem, kind: Kind, who: str) -> tuple[bool, int, float]:
        """Whether one more is within the limit, how many are left, and when, in seconds since the epoch, more are."""
        if time.monotonic() >= self._own_until:
            try:
                return self._take(self._shared, limit, kind, who)
            except (StorageError, RedisError, OSError):
                self._own_until = time.monotonic() + WITHOUT_REDIS_SECONDS
                logger.warning("redis does not answer: requests are counted by each process for itself")
        return self._take(self._own, limit, kind, who)

    @staticmethod
    def _take(
        limiter: SlidingWindowCounterRateLimiter, limit: RateLimitItem, kind: Kind, who: str
    ) -> tuple[bool, int, float]:
        taken = limiter.hit(limit, kind, who)
        stats = limiter.get_window_stats(limit, kind, who)
        return taken, stats.remaining, stats.reset_time


def install_limits(app: Flask, settings: Settings) -> None:
    """Count every request, refuse those over a limit with 429 and Retry-After, and tell callers of the API where they
    stand."""
    if not settings.rate_limits:
        return
    limits = {kind: _read_limit(kind, getattr(settings, f"{kind}_limit")) for kind in KINDS}
    counting = Counting(settings.redis_url)
    reading_factor = DEMONSTRATION_FACTOR if settings.mode == "demonstration" else 1

    @app.before_request
    def _count() -> None:
        kind = kind_of(request.endpoint, request.method, request.path)
        if kind is None:
            return
        member = None if kind in BY_ADDRESS else _member()
        who = f"member:{member}" if member else f"address:{_hidden(origin_of(request.remote_addr))}"
        factor = 1 if kind in BY_ADDRESS else reading_factor * (1 if member else ADDRESS_FACTOR)
        limit = type(limits[kind])(limits[kind].amount * factor, limits[kind].multiples)
        taken, remaining, reset_at = counting.take(limit, kind, who)
        reset = max(1, math.ceil(reset_at - time.time()))
        g.standing = Standing(kind, limit, remaining if taken else 0, reset)
        if not taken:
            raise TooManyRequests(reset)

    @app.after_request
    def _tell(response: Response) -> Response:
        standing: Standing | None = g.get("standing")
        if standing is None:
            return response
        if response.status_code == 429:
            response.headers.setdefault("Retry-After", str(standing.reset_seconds))
        if request.path.startswith("/api/"):
            name = standing.kind
            response.headers["RateLimit-Policy"] = f'"{name}";q={standing.limit.amount};w={standing.limit.get_expiry()}'
            response.headers["RateLimit"] = f'"{name}";r={standing.remaining};t={standing.reset_seconds}'
        return response


def kind_of(endpoint: str | None, method: str, path: str) -> Kind | None:
    """Which limit a request counts against; None: none, as for files of the package and the probes of operators."""
    if endpoint is not None and endpoint.startswith(_UNCOUNTED):
        return None
    if endpoint in _SIGN_IN:
        return "sign_in"
    if endpoint in _REGISTRATION:
        # The empty form is a page; what is guessed or sent is not.
        only_opened = method == "GET" and endpoint in ("registrations.enter", "accounts.forgotten")
        return "page" if only_opened else "registration"
    if endpoint in _SEARCH:
        return "search"
    return "api" if path == "/api" or path.startswith("/api/") else "page"


def _member() -> str | None:
    """The account that asks, by token or by cookie; None for a visitor, a token that does not work, and while the
    database is away."""
    try:
        if request.path.startswith("/api/"):
            person = caller().person
            return person.id if person is not None else None
        return str(current_user.user_id) if current_user.is_authenticated else None
    except (DuijieError, SQLAlchemyError):
        return None


def _hidden(address: str) -> str:
    """Redis need not know whose address it was."""
    return hashlib.sha256(address.encode()).hexdigest()[:24]


def _read_limit(kind: Kind, text: str) -> RateLimitItem:
    try:
        return parse(text)
    except ValueError as error:
        variable = f"DUIJIE_{kind.upper()}_LIMIT"
        raise InvalidInput(
            f"settings.{kind}_limit",
            "限速写法有误，例如 30/minute",
            where=variable,
            message_en="Invalid limit; write for example 30/minute",
        ) from error

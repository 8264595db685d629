"""Counters that slow down guessing and flooding. What was counted is a hash; whose address it was is not kept."""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from matching.errors import DuijieError
from matching.models import AttemptCounter


class TooManyAttempts(DuijieError):
    """The same thing was tried too often within a while."""


def require_few(session: Session, what: str, who: str, now: datetime, *, most: int) -> None:
    """Raises TooManyAttempts where `who` did `what` that often already."""
    if count_attempts(session, what, who, now) >= most:
        raise TooManyAttempts(
            "attempts.too_many",
            "尝试次数过多，请过一会儿再试",
            message_en="Too many attempts; please try again in a while",
        )


def count_attempts(session: Session, what: str, who: str, now: datetime) -> int:
    """How often `who` did `what` within the present span."""
    row = session.execute(
        select(AttemptCounter.attempts).where(AttemptCounter.key == _key(what, who), AttemptCounter.ends_at > now)
    ).scalar()
    return row or 0


def note_attempt(session: Session, what: str, who: str, now: datetime, *, span: timedelta) -> None:
    """Count one more, within the caller's transaction; the first begins a span."""
    insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    over = AttemptCounter.ends_at <= now
    session.execute(
        insert(AttemptCounter)
        .values(key=_key(what, who), attempts=1, ends_at=now + span)
        .on_conflict_do_update(
            index_elements=["key"],
            set_={
                "attempts": case((over, 1), else_=AttemptCounter.attempts + 1),
                "ends_at": case((over, now + span), else_=AttemptCounter.ends_at),
            },
        )
    )


def forget_attempts(session: Session, what: str, who: str) -> None:
    """Begin anew, after something succeeded."""
    session.execute(delete(AttemptCounter).where(AttemptCounter.key == _key(what, who)))


def origin_of(address: str | None) -> str:
    """What counts as one place of the network: an IPv4 address, or the /64 that one household has of IPv6."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return address or "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _key(what: str, who: str) -> str:
    return hashlib.sha256(f"{what}\x00{who}".encode("utf-8", "surrogatepass")).hexdigest()

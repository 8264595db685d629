"""Counting attempts: per thing and person, within a span, without keeping whose."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import AttemptCounter
from matching.services.attempts import (
    TooManyAttempts,
    count_attempts,
    forget_attempts,
    note_attempt,
    origin_of,
    require_few,
)
from matching.services.retention import apply_retention

SPAN = timedelta(minutes=15)


def note(platform: Platform, who: str, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        note_attempt(uow.session, "sign_in", who, now, span=SPAN)
        uow.commit()


def test_the_span_begins_with_the_first_and_then_counts_anew(platform: Platform, now: datetime) -> None:
    for minutes in (0, 5, 14):
        note(platform, "a", now + timedelta(minutes=minutes))
    with platform.reading() as session:
        assert count_attempts(session, "sign_in", "a", now + timedelta(minutes=14)) == 3
        assert count_attempts(session, "sign_in", "a", now + SPAN) == 0
        assert count_attempts(session, "reset", "a", now) == 0
        assert count_attempts(session, "sign_in", "b", now) == 0
        require_few(session, "sign_in", "a", now, most=4)
        with pytest.raises(TooManyAttempts):
            require_few(session, "sign_in", "a", now, most=3)
    note(platform, "a", now + SPAN)
    with platform.reading() as session:
        assert count_attempts(session, "sign_in", "a", now + SPAN) == 1


def test_forgetting(platform: Platform, now: datetime) -> None:
    note(platform, "a", now)
    note(platform, "b", now)
    with platform.unit_of_work() as uow:
        forget_attempts(uow.session, "sign_in", "a")
        uow.commit()
    with platform.reading() as session:
        assert count_attempts(session, "sign_in", "a", now) == 0
        assert count_attempts(session, "sign_in", "b", now) == 1
    apply_retention(platform, now + SPAN)
    with platform.reading() as session:
        assert session.scalars(select(AttemptCounter)).all() == []


def test_the_table_does_not_say_who(platform: Platform, now: datetime) -> None:
    note(platform, "203.0.113.9", now)
    with platform.reading() as session:
        [row] = session.scalars(select(AttemptCounter)).all()
        assert "203" not in row.key
        assert len(row.key) == 64


@pytest.mark.parametrize(
    ("address", "origin"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        (None, "unknown"),
        ("", "unknown"),
        ("no address", "no address"),
    ],
)
def test_origins(address: str | None, origin: str) -> None:
    assert origin_of(address) == origin

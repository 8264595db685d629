"""Tokens and the keys of repeatable creations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from matching.bootstrap import Platform
from matching.errors import InvalidInput, NotAllowed, NotFound
from matching.models import ApiToken, IdempotencyKey
from matching.services.actor import SYSTEM
from matching.services.api_tokens import (
    LONGEST_LIFE,
    MOST_TOKENS,
    REPEATABLE_FOR,
    KeyReused,
    claim_key,
    find_token_user,
    list_api_tokens,
    make_api_token,
    revoke_api_token,
    touch_api_token,
)
from tests.factories.people import Member, make_member


@pytest.fixture
def member(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="a@example.cn")


def make(
    platform: Platform, member: Member, now: datetime, *, scopes: Sequence[str] = ("read",), life: timedelta
) -> tuple[ApiToken, str]:
    with platform.unit_of_work() as uow:
        return make_api_token(uow, member.actor, member.user_id, " ERP \n 接口 ", scopes, now + life, now)


def test_a_token_finds_its_user_until_it_expires(platform: Platform, member: Member, now: datetime) -> None:
    row, secret = make(platform, member, now, scopes=("write", "read", "read"), life=timedelta(days=1))
    assert (row.name, row.scopes) == ("ERP 接口", ["read", "write"])
    with platform.reading() as session:
        for moment, found in ((now, True), (now + timedelta(days=1), False)):
            owner = find_token_user(session, secret, moment)
            assert (owner is not None) is found
        assert find_token_user(session, secret[:-1], now) is None
        assert find_token_user(session, row.token_hash, now) is None


@pytest.mark.parametrize(
    ("scopes", "life", "where"),
    [
        ((), timedelta(days=1), "scopes"),
        (("read", "admin"), timedelta(days=1), "scopes"),
        (("read",), timedelta(0), "expires_at"),
        (("read",), LONGEST_LIFE + timedelta(seconds=1), "expires_at"),
    ],
)
def test_what_a_token_cannot_be(
    platform: Platform, member: Member, now: datetime, scopes: tuple[str, ...], life: timedelta, where: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        make(platform, member, now, scopes=scopes, life=life)
    assert refused.value.where == where


def test_nobody_makes_or_revokes_another_ones(platform: Platform, member: Member, now: datetime) -> None:
    other = make_member(platform, now, email="b@example.cn")
    row, secret = make(platform, member, now, life=timedelta(days=1))
    with platform.unit_of_work() as uow, pytest.raises(NotAllowed):
        make_api_token(uow, other.actor, member.user_id, "x", ["read"], now + timedelta(days=1), now)
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        revoke_api_token(uow, other.actor, row.id, now)
    with platform.unit_of_work() as uow:
        revoke_api_token(uow, SYSTEM, row.id, now)
    with platform.reading() as session:
        assert find_token_user(session, secret, now) is None


def test_there_is_an_end_to_tokens(platform: Platform, member: Member, now: datetime) -> None:
    rows = [make(platform, member, now, life=timedelta(days=1))[0] for _ in range(MOST_TOKENS)]
    with pytest.raises(InvalidInput) as refused:
        make(platform, member, now, life=timedelta(days=1))
    assert refused.value.code == "token.too_many"
    with platform.unit_of_work() as uow:
        revoke_api_token(uow, member.actor, rows[0].id, now)
    make(platform, member, now, life=timedelta(days=1))
    with platform.reading() as session:
        assert len(list_api_tokens(session, member.user_id, now)) == MOST_TOKENS
        assert list_api_tokens(session, member.user_id, now + timedelta(days=1)) == []


def test_use_is_noted_once_a_minute(platform: Platform, member: Member, now: datetime) -> None:
    row, _ = make(platform, member, now, life=timedelta(days=1))
    noted = []
    for seconds in (0, 59, 60):
        with platform.unit_of_work() as uow:
            touch_api_token(uow, row.id, now + timedelta(seconds=seconds))
        with platform.reading() as session:
            noted.append(session.get_one(ApiToken, row.id).used_at)
    assert noted == [now, now, now + timedelta(seconds=60)]


def test_a_key_stands_for_what_was_made_first(platform: Platform, member: Member, now: datetime) -> None:
    def claim(request_hash: str, subject_id: str, moment: datetime, *, commit: bool = True) -> str | None:
        with platform.unit_of_work() as uow:
            former = claim_key(uow, member.user_id, "k", request_hash, subject_id, moment)
            if commit:
                uow.commit()
            return former

    assert claim("h", "lost", now, commit=False) is None
    assert claim("h", "first", now) is None
    assert claim("h", "second", now + REPEATABLE_FOR - timedelta(seconds=1)) == "first"
    with pytest.raises(KeyReused):
        claim("other", "third", now)
    assert claim("other", "fourth", now + REPEATABLE_FOR) is None
    with platform.reading() as session:
        assert [row.subject_id for row in session.query(IdempotencyKey)] == ["fourth"]

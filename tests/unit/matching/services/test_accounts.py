"""Accounts: passwords, locks, sessions."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from matching.bootstrap import Platform
from matching.errors import InvalidInput
from matching.models import User
from matching.services.accounts import (
    FAILURES_BEFORE_LOCK,
    LOCK,
    SignInRefused,
    add_user,
    authenticate_user,
    end_session,
    find_session_user,
    forget_sessions,
    open_session,
    set_password,
    touch_session,
)
from matching.services.actor import SYSTEM
from tests.factories.people import PASSWORD, make_member

HOURS = timedelta(hours=12)


def sign_in(platform: Platform, password: str, now: datetime) -> User:
    with platform.unit_of_work() as uow:
        return authenticate_user(uow, "A@Example.CN ", password, now)


def test_sign_in_by_address_in_any_case(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    assert sign_in(platform, PASSWORD, now).id == member.user_id
    with pytest.raises(SignInRefused):
        sign_in(platform, PASSWORD + "x", now)


def test_the_password_is_nowhere_in_the_row(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    with platform.reading() as session:
        user = session.get(User, member.user_id)
        assert user is not None
        assert user.password_hash is not None
        assert user.password_hash.startswith("$argon2id$")
        assert PASSWORD not in user.password_hash


def test_many_failures_lock_for_a_while_even_with_the_right_password(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="a@example.cn")
    for _ in range(FAILURES_BEFORE_LOCK):
        with pytest.raises(SignInRefused):
            sign_in(platform, "wrong password", now)
    with pytest.raises(SignInRefused):
        sign_in(platform, PASSWORD, now)
    assert sign_in(platform, PASSWORD, now + LOCK + timedelta(seconds=1)).failed_sign_ins == 0


def test_unknown_address_and_wrong_password_say_the_same(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="a@example.cn")
    messages = set()
    for email in ("a@example.cn", "nobody@example.cn"):
        with pytest.raises(SignInRefused) as caught, platform.unit_of_work() as uow:
            authenticate_user(uow, email, "wrong password", now)
        messages.add(str(caught.value))
    assert len(messages) == 1


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaa", "b@example.cn"])
def test_weak_passwords_are_refused(platform: Platform, now: datetime, password: str) -> None:
    with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
        add_user(uow, SYSTEM, email="b@example.cn", name="b", password=password, now=now)
    assert caught.value.where == "password"


@pytest.mark.parametrize("email", ["", "no-at", "a@b@c", "a\r\nBcc: x@example.cn", "a@example.cn\n"])
def test_bad_addresses_are_refused_or_cleaned(platform: Platform, now: datetime, email: str) -> None:
    with platform.unit_of_work() as uow:
        if email.strip() == "a@example.cn":
            assert add_user(uow, SYSTEM, email=email, name="a", password=PASSWORD, now=now).email == "a@example.cn"
        else:
            with pytest.raises(InvalidInput) as caught:
                add_user(uow, SYSTEM, email=email, name="a", password=PASSWORD, now=now)
            assert caught.value.where == "email"


def test_an_address_is_taken_once(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="a@example.cn")
    with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
        add_user(uow, SYSTEM, email="A@EXAMPLE.cn", name="a", password=PASSWORD, now=now)
    assert caught.value.code == "user.email_taken"


def test_staff_need_a_known_region(platform: Platform, now: datetime) -> None:
    for region in (None, "999999"):
        with pytest.raises(InvalidInput) as caught, platform.unit_of_work() as uow:
            add_user(uow, SYSTEM, email="s@example.cn", name="s", password=PASSWORD, role="staff", region_code=region,
                     now=now)  # fmt: skip
        assert caught.value.where == "region_code"


def test_a_session_ends_by_sign_out_by_disuse_and_by_a_new_password(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")

    def opened() -> str:
        user = sign_in(platform, PASSWORD, now)
        with platform.unit_of_work() as uow:
            return open_session(uow, user, now)

    def found(token: str, moment: datetime) -> bool:
        with platform.reading() as session:
            return find_session_user(session, token, moment, unused_for=HOURS) is not None

    token = opened()
    assert found(token, now)
    assert not found(token + "x", now)
    assert not found(token, now + HOURS)
    with platform.unit_of_work() as uow:
        touch_session(uow, token, now + timedelta(hours=6))
    assert found(token, now + HOURS)
    with platform.unit_of_work() as uow:
        end_session(uow, token, now)
    assert not found(token, now)

    other = opened()
    with platform.unit_of_work() as uow:
        set_password(uow, SYSTEM, member.user_id, "another good password", now)
    assert not found(other, now)
    with platform.unit_of_work() as uow:
        forget_sessions(uow, now, unused_for=HOURS)

"""Accounts: passwords, locks, sessions."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import InvalidInput, NotFound
from matching.models import Delivery, User
from matching.services.accounts import (
    FAILURES_BEFORE_LOCK,
    FAILURES_OF_ONE_ORIGIN,
    LOCK,
    SignInRefused,
    add_user,
    ask_for_reset,
    authenticate_user,
    change_password,
    end_listed_session,
    end_other_sessions,
    end_session,
    find_session_user,
    list_sessions,
    open_session,
    reset_password,
    set_password,
    token_hash,
    touch_session,
)
from matching.services.actor import SYSTEM
from matching.services.attempts import TooManyAttempts, note_attempt
from matching.services.retention import apply_retention
from matching.services.signed_links import sign
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
    apply_retention(platform, now)


def test_one_place_of_the_network_cannot_try_a_list_of_accounts(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="a@example.cn")

    def attempt(email: str, password: str, origin: str, moment: datetime) -> str:
        try:
            with platform.unit_of_work() as uow:
                return authenticate_user(uow, email, password, moment, origin=origin).email
        except SignInRefused:
            return "refused"
        except TooManyAttempts:
            return "too many"

    with platform.unit_of_work() as uow:
        for _ in range(FAILURES_OF_ONE_ORIGIN - 1):
            note_attempt(uow.session, "sign_in", "203.0.113.9", now, span=LOCK)
        uow.commit()
    assert attempt("a@example.cn", PASSWORD, "203.0.113.9", now) == "a@example.cn"
    assert attempt("nobody@example.cn", "x", "203.0.113.9", now) == "refused"
    assert attempt("a@example.cn", PASSWORD, "203.0.113.9", now) == "too many"
    assert attempt("a@example.cn", PASSWORD, "203.0.113.10", now) == "a@example.cn"
    assert attempt("a@example.cn", PASSWORD, "203.0.113.9", now + LOCK) == "a@example.cn"


def open_for(platform: Platform, now: datetime, device: str = "Firefox") -> str:
    with platform.unit_of_work() as uow:
        user = authenticate_user(uow, "a@example.cn", PASSWORD, now)
        return open_session(uow, user, now, device=device, address="203.0.113.9")


def test_sign_ins_are_listed_and_ended_one_or_all(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    stranger = make_member(platform, now, email="b@example.cn")
    first, second, third = (open_for(platform, now + timedelta(minutes=n), f"device {n}") for n in range(3))

    def listed(moment: datetime = now) -> list[str | None]:
        with platform.reading() as session:
            return [row.device for row in list_sessions(session, member.user_id, moment, unused_for=HOURS)]

    assert listed() == ["device 2", "device 1", "device 0"]
    assert listed(now + HOURS) == ["device 2", "device 1"]
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        end_listed_session(uow, stranger.actor, token_hash(first), now)
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        end_listed_session(uow, member.actor, first, now)
    with platform.unit_of_work() as uow:
        end_listed_session(uow, member.actor, token_hash(first), now)
    assert listed() == ["device 2", "device 1"]
    with platform.unit_of_work() as uow:
        assert end_other_sessions(uow, member.actor, third, now) == 1
    assert listed() == ["device 2"]
    with platform.reading() as session:
        assert find_session_user(session, second, now, unused_for=HOURS) is None


def test_changing_the_password_takes_the_present_one_ends_sign_ins_and_tells(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    token = open_for(platform, now)

    def change(present: str, password: str) -> None:
        with platform.unit_of_work() as uow:
            change_password(uow, member.actor, present, password, now)

    with pytest.raises(InvalidInput) as caught:
        change("wrong", "another good password")
    assert caught.value.where == "present"
    with pytest.raises(InvalidInput) as caught:
        change(PASSWORD, "short")
    assert caught.value.where == "password"
    with platform.reading() as session:
        assert find_session_user(session, token, now, unused_for=HOURS) is not None
    change(PASSWORD, "another good password")
    with platform.reading() as session:
        assert find_session_user(session, token, now, unused_for=HOURS) is None
        [owed] = session.scalars(select(Delivery)).all()
        assert (owed.kind, owed.user_id) == ("password_changed", member.user_id)


def ask(platform: Platform, email: str, now: datetime, origin: str = "203.0.113.9") -> list[str]:
    """The tokens that are owed by mail afterwards."""
    with platform.unit_of_work() as uow:
        ask_for_reset(uow, email, now, origin=origin)
    with platform.reading() as session:
        owed = session.scalars(select(Delivery).where(Delivery.kind == "reset_password").order_by(Delivery.created_at))
        return [sign(platform.settings, "reset", row.payload["link_id"]) for row in owed]


def reset(platform: Platform, token: str, password: str, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        reset_password(uow, platform.settings, token, password, now)


def test_a_forgotten_password_is_replaced_by_a_link_that_works_once(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="a@example.cn")
    for _ in range(FAILURES_BEFORE_LOCK):
        with pytest.raises(SignInRefused):
            sign_in(platform, "wrong", now)
    [token] = ask(platform, " A@example.cn ", now)
    with pytest.raises(InvalidInput):
        reset(platform, token, "short", now)
    reset(platform, token, "another good password", now)
    with pytest.raises(SignInRefused):
        sign_in(platform, PASSWORD, now)
    assert sign_in(platform, "another good password", now).email == "a@example.cn"
    with pytest.raises(NotFound):
        reset(platform, token, "yet another password", now)


def test_only_the_last_link_works_for_an_hour_and_only_unchanged(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="a@example.cn")
    [first] = ask(platform, "a@example.cn", now)
    [_, second] = ask(platform, "a@example.cn", now + timedelta(minutes=1))
    forged = second[:-1] + ("A" if second[-1] != "A" else "B")
    other_purpose = sign(platform.settings, "confirm", second.rpartition(".")[0])
    for token in (first, forged, other_purpose, "", "x.y", second.partition(".")[0]):
        with pytest.raises(NotFound):
            reset(platform, token, "another good password", now)
    with pytest.raises(NotFound):
        reset(platform, second, "another good password", now + timedelta(minutes=62))
    reset(platform, second, "another good password", now + timedelta(minutes=60))


def test_asking_for_an_unknown_address_looks_the_same_and_owes_nothing(platform: Platform, now: datetime) -> None:
    assert ask(platform, "nobody@example.cn", now) == []


def test_a_mailbox_is_not_flooded(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="a@example.cn")
    for minute in range(10):
        tokens = ask(platform, "a@example.cn", now + timedelta(minutes=minute), origin=f"203.0.113.{minute}")
    assert len(tokens) == 3
    assert len(ask(platform, "a@example.cn", now + timedelta(minutes=61))) == 4


def test_one_place_does_not_ask_for_everybody(platform: Platform, now: datetime) -> None:
    for number in range(30):
        ask(platform, f"p{number}@example.cn", now)
    with pytest.raises(TooManyAttempts):
        ask(platform, "p31@example.cn", now)

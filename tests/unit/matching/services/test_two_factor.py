"""The second factor: the standard's codes, each taken once; recovery codes; who may turn it off."""

from __future__ import annotations

import base64
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, NotAllowed, NotFound
from matching.models import RecoveryCode, TwoFactor
from matching.services.actor import SYSTEM, Actor
from matching.services.attempts import TooManyAttempts
from matching.services.two_factor import (
    MOST_WRONG,
    RECOVERY_CODES,
    WrongCode,
    authenticator_address,
    begin_two_factor,
    check_second_factor,
    code_at,
    count_recovery_codes,
    disable_two_factor,
    enable_two_factor,
    is_enabled,
    renew_recovery_codes,
    reset_two_factor,
    step_at,
)
from tests.factories.people import make_member, make_staff
from tests.factories.platforms import make_platform

STEP = timedelta(seconds=30)


@pytest.fixture
def staff(platform: Platform, now: datetime) -> Actor:
    return make_staff(platform, now, email="staff@example.cn")


def begin(platform: Platform, actor: Actor, now: datetime) -> str:
    with platform.unit_of_work() as uow:
        return begin_two_factor(uow, actor, platform.settings, now)


def enable(platform: Platform, actor: Actor, now: datetime) -> tuple[str, list[str]]:
    key = begin(platform, actor, now)
    with platform.unit_of_work() as uow:
        return key, enable_two_factor(uow, actor, platform.settings, code_at(key, step_at(now)), now)


def check(platform: Platform, actor: Actor, code: str, now: datetime) -> bool:
    assert actor.user_id is not None
    try:
        with platform.unit_of_work() as uow:
            check_second_factor(uow, platform.settings, actor.user_id, code, now)
    except WrongCode:
        return False
    return True


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037"),
     (20000000000, "353130")],
)  # fmt: skip
def test_the_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    # RFC 6238, appendix B, SHA-1, the last six of its eight digits.
    key = base64.b32encode(b"12345678901234567890").decode()
    assert code_at(key, step_at(datetime.fromtimestamp(seconds, UTC))) == code


def test_an_account_needs_it_once_a_first_code_was_given(platform: Platform, now: datetime, staff: Actor) -> None:
    key = begin(platform, staff, now)
    assert begin(platform, staff, now) == key
    with platform.reading() as session:
        assert not is_enabled(session, str(staff.user_id))
    with pytest.raises(WrongCode), platform.unit_of_work() as uow:
        enable_two_factor(uow, staff, platform.settings, "000000", now)
    _, codes = enable(platform, staff, now)
    assert len(set(codes)) == RECOVERY_CODES
    with platform.reading() as session:
        assert is_enabled(session, str(staff.user_id))
    with pytest.raises(IllegalMove):
        begin(platform, staff, now)


def test_the_key_and_the_recovery_codes_are_nowhere_in_the_tables(
    platform: Platform, now: datetime, staff: Actor
) -> None:
    key, codes = enable(platform, staff, now)
    with platform.reading() as session:
        row = session.scalars(select(TwoFactor)).one()
        kept = f"{row.nonce} " + " ".join(session.scalars(select(RecoveryCode.code_hash)))
    assert key not in kept
    assert not any(code.replace("-", "") in kept for code in codes)


def test_a_code_is_taken_once_and_not_after_a_later_one(platform: Platform, now: datetime, staff: Actor) -> None:
    key, _ = enable(platform, staff, now)
    assert not check(platform, staff, code_at(key, step_at(now)), now)
    later = now + 3 * STEP
    assert check(platform, staff, code_at(key, step_at(later)), later)
    assert not check(platform, staff, code_at(key, step_at(later)), later)
    assert not check(platform, staff, code_at(key, step_at(later) - 1), later)
    assert check(platform, staff, code_at(key, step_at(later) + 1), later)


def test_clocks_may_be_off_by_one_step(platform: Platform, now: datetime, staff: Actor) -> None:
    key, _ = enable(platform, staff, now)
    later = now + 10 * STEP
    assert not check(platform, staff, code_at(key, step_at(later) - 2), later)
    assert not check(platform, staff, code_at(key, step_at(later) + 2), later)
    assert check(platform, staff, code_at(key, step_at(later) - 1), later)


def test_codes_may_be_typed_with_blanks_and_full_width(platform: Platform, now: datetime, staff: Actor) -> None:
    key, _ = enable(platform, staff, now)
    later = now + 3 * STEP
    code = code_at(key, step_at(later))
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    assert check(platform, staff, f" {wide[:3]} {wide[3:]} ", later)


def test_of_many_requests_with_one_code_one_passes(platform: Platform, now: datetime, staff: Actor) -> None:
    key, _ = enable(platform, staff, now)
    later = now + 3 * STEP
    code = code_at(key, step_at(later))
    passed: list[bool] = []
    requests = [threading.Thread(target=lambda: passed.append(check(platform, staff, code, later))) for _ in range(5)]
    for request in requests:
        request.start()
    for request in requests:
        request.join()
    assert sorted(passed) == [False, False, False, False, True]


def test_guessing_is_slowed_down(platform: Platform, now: datetime, staff: Actor) -> None:
    key, codes = enable(platform, staff, now)
    later = now + 3 * STEP
    for _ in range(MOST_WRONG):
        assert not check(platform, staff, "000000", later)
    for code in (code_at(key, step_at(later)), codes[0]):
        with pytest.raises(TooManyAttempts):
            check(platform, staff, code, later)
    after = later + timedelta(minutes=16)
    assert check(platform, staff, code_at(key, step_at(after)), after)


def test_a_recovery_code_opens_once(platform: Platform, now: datetime, staff: Actor) -> None:
    _, codes = enable(platform, staff, now)
    assert check(platform, staff, codes[3].upper(), now)
    assert not check(platform, staff, codes[3], now)
    with platform.reading() as session:
        assert count_recovery_codes(session, str(staff.user_id)) == RECOVERY_CODES - 1
    other = make_staff(platform, now, email="other@example.cn")
    enable(platform, other, now)
    assert not check(platform, other, codes[4], now)


def test_recovery_codes_are_renewed_with_a_code_and_the_old_ones_end(
    platform: Platform, now: datetime, staff: Actor
) -> None:
    key, old = enable(platform, staff, now)
    later = now + 3 * STEP
    with pytest.raises(WrongCode), platform.unit_of_work() as uow:
        renew_recovery_codes(uow, staff, platform.settings, old[0], later)
    with platform.unit_of_work() as uow:
        new = renew_recovery_codes(uow, staff, platform.settings, code_at(key, step_at(later)), later)
    assert not check(platform, staff, old[0], later)
    assert check(platform, staff, new[0], later)


def test_turning_it_off(platform: Platform, now: datetime, staff: Actor) -> None:
    key, _ = enable(platform, staff, now)
    later = now + 3 * STEP
    with pytest.raises(WrongCode), platform.unit_of_work() as uow:
        disable_two_factor(uow, staff, platform.settings, "000000", later)
    with platform.unit_of_work() as uow:
        disable_two_factor(uow, staff, platform.settings, code_at(key, step_at(later)), later)
    with platform.reading() as session:
        assert not is_enabled(session, str(staff.user_id))
        assert count_recovery_codes(session, str(staff.user_id)) == 0
    assert begin(platform, staff, later) != key
    with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
        disable_two_factor(uow, staff, platform.settings, "000000", later)


def test_staff_cannot_turn_off_what_they_must_have(tmp_path: Path, now: datetime) -> None:
    strict = make_platform(tmp_path / "strict", require_two_factor_for_staff=True)
    staff = make_staff(strict, now, email="staff@example.cn")
    key, _ = enable(strict, staff, now)
    later = now + 3 * STEP
    with pytest.raises(NotAllowed), strict.unit_of_work() as uow:
        disable_two_factor(uow, staff, strict.settings, code_at(key, step_at(later)), later)
    member = make_member(strict, now, email="m@example.cn").actor
    key, _ = enable(strict, member, now)
    with strict.unit_of_work() as uow:
        disable_two_factor(uow, member, strict.settings, code_at(key, step_at(later)), later)
    strict.close()


def test_an_administrator_helps_who_lost_everything(platform: Platform, now: datetime, staff: Actor) -> None:
    enable(platform, staff, now)
    with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
        reset_two_factor(uow, staff, str(staff.user_id), now)
    with platform.unit_of_work() as uow:
        reset_two_factor(uow, SYSTEM, str(staff.user_id), now)
    with platform.reading() as session:
        assert not is_enabled(session, str(staff.user_id))
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        reset_two_factor(uow, SYSTEM, "nobody", now)


def test_a_code_before_anything_was_begun_is_wrong(platform: Platform, now: datetime, staff: Actor) -> None:
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        enable_two_factor(uow, staff, platform.settings, "123456", now)
    assert not check(platform, staff, "123456", now)


def test_the_address_to_scan_names_account_and_installation() -> None:
    address = authenticator_address("ABC", "li@example.cn", "对接")
    assert address.startswith("otpauth://totp/%E5%AF%B9%E6%8E%A5:li%40example.cn?secret=ABC&issuer=%E5%AF%B9%E6%8E%A5&")

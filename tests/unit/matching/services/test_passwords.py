"""Which passwords are refused, and that what is kept fits the right one only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.services.passwords import LONGEST_PASSWORD, check_password, hash_password, password_fits
from tests.factories.passwords import PRODUCT_HASHER


def code_of(password: str) -> str:
    try:
        check_password(password, "li.xiaogong@example.cn", "林晓工程师和他的同事")
    except InvalidInput as error:
        return error.code if error.where == "password" and password not in error.message + error.message_en else "told"
    return ""


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "user.password_short"),
        ("九个汉字的密码不够", "user.password_short"),
        ("x" * (LONGEST_PASSWORD + 1), "user.password_long"),
        ("li.xiaogong@example.cn", "user.password_own"),
        ("LI.XIAOGONG@example.cn", "user.password_own"),
        ("xiaogong123", "user.password_own"),
        ("林晓工程师和他的同事", "user.password_own"),
        ("aaaaaaaaaaaa", "user.password_weak"),
        ("abcabcabcabc", "user.password_weak"),
        ("1234567890", "user.password_weak"),
        ("0987654321", "user.password_weak"),
        ("qwertyuiop", "user.password_weak"),
        ("qwertyuiop123", "user.password_weak"),
        ("Password123!", "user.password_weak"),
        ("P@ssw0rd2026", "user.password_weak"),
        ("!!iloveyou!!", "user.password_weak"),
        ("woaini1314", "user.password_weak"),
        ("duijie2026", "user.password_weak"),
        ("1qaz2wsx3edc", "user.password_weak"),
        ("Heshan@12345", "user.password_weak"),
    ],
)
def test_guessable_passwords_are_refused(password: str, code: str) -> None:
    assert code_of(password) == code


@pytest.mark.parametrize(
    "password",
    ["correct horse 电池", "duijie-demo", "电池订书机马正确的一句话", "4f9c-72ab-kd31", "passwords are hard to choose"],
)
def test_others_are_not(password: str) -> None:
    assert code_of(password) == ""


@hypothesis_settings(deadline=None)
@given(st.text(min_size=10, max_size=30))
def test_any_text_is_judged_without_an_error_of_ours(password: str) -> None:
    assert code_of(password) in ("", "user.password_weak", "user.password_own")


@hypothesis_settings(max_examples=5, deadline=None)
@given(st.text(max_size=30).filter(lambda text: text.isprintable()), st.text(max_size=5))
def test_only_the_right_password_fits(password: str, more: str) -> None:
    kept = hash_password(password)
    assert password_fits(kept, password)
    assert password_fits(kept, password + more) is (more == "")
    assert not password_fits("no hash", password)


def test_what_is_kept_is_argon2id_with_the_work_that_rfc_9106_asks_for() -> None:
    kept = PRODUCT_HASHER.hash("correct horse 电池")
    assert kept.startswith("$argon2id$")
    assert PRODUCT_HASHER.memory_cost >= 64 * 1024
    assert PRODUCT_HASHER.time_cost >= 3
    # The tests' own hashes would be made anew at the next sign-in.
    assert PRODUCT_HASHER.check_needs_rehash(hash_password("correct horse 电池"))

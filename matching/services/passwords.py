"""Passwords: how they are kept, and which are too easy to guess."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from matching.errors import InvalidInput

SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200

_hasher = PasswordHasher()
DUMMY_HASH = _hasher.hash("no account has this password")
"""Compared with where there is no account, so that both cases take the same time."""

_ROWS = ("1234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "abcdefghijklmnopqrstuvwxyz", "1qaz2wsx3edc4rfv5tgb6yhn")
_LETTERS_FOR_DIGITS = str.maketrans("013457@$", "oleastas")


def hash_password(password: str) -> str:
    """What is kept of a password."""
    return _hasher.hash(password)


def password_fits(password_hash: str, password: str) -> bool:
    """Whether it is the password; takes the same long time either way."""
    try:
        return _hasher.verify(password_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def needs_new_hash(password_hash: str) -> bool:
    """Whether it was kept with weaker parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


def check_password(password: str, email: str, name: str = "") -> None:
    """Raises InvalidInput for a password that is short, common, a run of keys, or made of the address or the name."""
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInput(
            "user.password_short",
            f"密码至少 {SHORTEST_PASSWORD} 位",
            where="password",
            message_en=f"A password has at least {SHORTEST_PASSWORD} characters",
        )
    if len(password) > LONGEST_PASSWORD:
        raise InvalidInput(
            "user.password_long",
            f"密码不超过 {LONGEST_PASSWORD} 位",
            where="password",
            message_en=f"A password has at most {LONGEST_PASSWORD} characters",
        )
    lowered = password.lower()
    own = {part for part in (email.lower(), *re.split(r"[@._+-]", email.lower()), name.lower()) if len(part) >= 3}
    if lowered in own or _stem(lowered) in own:
        raise InvalidInput(
            "user.password_own",
            "密码不能是邮箱或姓名",
            where="password",
            message_en="A password must not be the address or the name",
        )
    if len(set(password)) < 4 or _is_repeated(lowered) or _is_run(lowered) or _is_common(lowered):
        raise InvalidInput(
            "user.password_weak",
            "这个密码太常见，容易被猜到；可以用几个不相关的词连起来",
            where="password",
            message_en="This password is too common; try a few words that have nothing to do with each other",
        )


@cache
def _common() -> frozenset[str]:
    text = (files("matching.services") / "common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


def _stem(lowered: str) -> str:
    """Without the digits and signs that people put around a word to satisfy a rule."""
    return re.sub(r"^[\d\W_]+|[\d\W_]+$", "", lowered)


def _is_common(lowered: str) -> bool:
    forms = {lowered, re.sub(r"[\W_]+", "", lowered), _stem(lowered)}
    forms |= {form.translate(_LETTERS_FOR_DIGITS) for form in forms}
    forms |= {_stem(form) for form in forms}
    return bool(forms & _common())


def _is_repeated(lowered: str) -> bool:
    """The same few characters again and again: abcabcabcabc."""
    return any((lowered[:size] * (len(lowered) // size + 1))[: len(lowered)] == lowered for size in range(1, 5))


def _is_run(lowered: str) -> bool:
    """Neighbouring keys, letters or digits, forwards or backwards, perhaps two such runs: 1234567890, qwertyuiop123."""
    rest = lowered
    for _ in range(2):
        longest = 0
        for row in _ROWS:
            for line in (row + row, (row + row)[::-1]):
                while longest < len(rest) and rest[: longest + 1] in line:
                    longest += 1
        if longest < 3:
            return False
        rest = rest[longest:]
        if not rest:
            return True
    return len(rest) <= 1

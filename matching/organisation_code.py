"""统一社会信用代码 (GB 32100): the 18-character code of an organisation in China.

Source of the algorithm: GB 32100-2015. Characters are 0-9 and A-Z without I, O, S, V, Z, valued 0–30 in that order;
position i (from 0) of the first 17 weighs 3^i mod 31, and the last is the value that brings the weighted sum to a
multiple of 31.

What the check digit finds: every wrong single character, and every swap of two different characters except one:
the first and the last character weigh the same, so swapping those two goes unseen.
"""

from __future__ import annotations

import re
import unicodedata

from matching.errors import InvalidInput

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
WEIGHTS = tuple(pow(3, position, 31) for position in range(17))
_VALUES = {character: value for value, character in enumerate(ALPHABET)}
_SPACING = re.compile(r"[\s\-‐-―]+")


def check_digit(first_17: str) -> str:
    """The check character that belongs to 17 valid characters. Raises KeyError for a character outside the alphabet."""
    total = sum(weight * _VALUES[character] for weight, character in zip(WEIGHTS, first_17, strict=True))
    return ALPHABET[-total % 31]


def check_uscc(code: str) -> str:
    """The code in its canonical form: half-width capitals, no spaces or hyphens.

    Raises InvalidInput with `organisation_code.length`, `organisation_code.character` or
    `organisation_code.check_digit`.
    """
    canonical = _SPACING.sub("", unicodedata.normalize("NFKC", code)).upper()
    if len(canonical) != 18:
        raise InvalidInput(
            "organisation_code.length",
            f"统一社会信用代码应为 18 位，现在是 {len(canonical)} 位：{code}",
            message_en=f"a unified social credit code has 18 characters, this has {len(canonical)}: {code}",
        )
    for position, character in enumerate(canonical, start=1):
        if character not in _VALUES:
            raise InvalidInput(
                "organisation_code.character",
                f"统一社会信用代码第 {position} 位“{character}”不在允许的字符中（不用 I、O、S、V、Z）：{code}",
                message_en=f"character {position} ({character}) cannot occur in a unified social credit code: {code}",
            )
    if check_digit(canonical[:17]) != canonical[17]:
        raise InvalidInput(
            "organisation_code.check_digit",
            f"统一社会信用代码的校验位不符，请核对：{code}",
            message_en=f"the check digit of this unified social credit code does not fit: {code}",
        )
    return canonical

"""统一社会信用代码: what the check digit finds and what it cannot."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.organisation_code import ALPHABET, check_digit, check_uscc

CODES = st.text(st.sampled_from(ALPHABET), min_size=17, max_size=17).map(lambda first: first + check_digit(first))


def test_a_published_code_is_right() -> None:
    # The example of GB 32100-2015's users: the code of a well-known internet company.
    assert check_uscc("91330106673959654P") == "91330106673959654P"


@pytest.mark.parametrize(
    "written",
    ["９１３３０１０６６７３９５９６５４Ｐ", "91330106673959654p", " 9133 0106 6739 5965 4P ", "91330106-673959654-P"],
)
def test_ways_of_writing_are_brought_to_one(written: str) -> None:
    assert check_uscc(written) == "91330106673959654P"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("9133010667395965", "organisation_code.length"),
        ("", "organisation_code.length"),
        ("91330106673959654O", "organisation_code.character"),
        ("91330106673959654Q", "organisation_code.check_digit"),
    ],
)
def test_wrong_codes_are_refused(written: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_uscc(written)

    assert caught.value.code == code


def _is_right(code: str) -> bool:
    try:
        return check_uscc(code) == code
    except InvalidInput:
        return False


@given(CODES)
def test_every_made_code_is_right(code: str) -> None:
    assert _is_right(code)


@given(CODES, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_every_single_wrong_character_is_found(code: str, position: int, character: str) -> None:
    wrong = code[:position] + character + code[position + 1 :]

    assert _is_right(wrong) == (wrong == code)


@given(CODES, st.integers(0, 17), st.integers(0, 17))
def test_every_swap_is_found_but_that_of_the_two_ends(code: str, first: int, second: int) -> None:
    characters = list(code)
    characters[first], characters[second] = characters[second], characters[first]
    swapped = "".join(characters)

    assert _is_right(swapped) == (swapped == code or {first, second} == {0, 17})

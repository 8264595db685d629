"""The kinds of value in bodies and addresses."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import ValidationError

from web.api.body import parse_json
from web.api.fields import Amount, BodyFlag, Flag, Text, Whole


@pytest.mark.parametrize(("text", "value"), [("3", 3), ("3.0", 3), ("1e0", 1), ("9", 9)])
def test_whole_numbers(text: str, value: int) -> None:
    assert Whole(least=1, most=9).deserialize(parse_json(text.encode())) == value


@pytest.mark.parametrize("text", ["0", "10", "3.5", '"3"', "true", "1e-999999", "1e999999999999", "-0.5", "[]", "{}"])
def test_what_is_no_whole_number_between_one_and_nine(text: str) -> None:
    with pytest.raises(ValidationError):
        Whole(least=1, most=9).deserialize(parse_json(text.encode()))


@pytest.mark.parametrize(
    "text", ["-0.01", "1e999999999999", "1e-999999", "10000000.1", "0.0000001", '"5"', "true", "[1]"]
)
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(ValidationError):
        Amount().deserialize(parse_json(text.encode()))


@given(st.integers(0, 10_000_000 * 1_000_000))
def test_amounts_come_back_exactly(fen: int) -> None:
    amount = Decimal(fen) / 1_000_000
    sent = Amount().serialize("amount", {"amount": amount})
    assert Decimal(repr(sent)) == amount
    assert Amount().deserialize(parse_json(repr(sent).encode())) == amount


def test_flags() -> None:
    assert [Flag().deserialize(value) for value in (True, False, "true", "false")] == [True, False, True, False]
    assert BodyFlag().deserialize(True) is True
    for wrong in (1, 0, "yes", "1", "True", None, []):
        with pytest.raises(ValidationError):
            Flag().deserialize(wrong)
    with pytest.raises(ValidationError):
        BodyFlag().deserialize("true")


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_text_is_kept(text: str) -> None:
    assert Text(most=20, least=1).deserialize(text) == text


@pytest.mark.parametrize("text", ["", "x" * 21, "a\x00b", "a\udc80b"])
def test_text_that_cannot_be_kept(text: str) -> None:
    with pytest.raises(ValidationError):
        Text(most=20, least=1).deserialize(text)

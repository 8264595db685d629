"""Cells that are safe and whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.exporting.cells import CELL_LIMIT, cell_text, fit, neutralise, restore, starts_formula


@pytest.mark.parametrize(
    "text",
    [
        "=1+1", "=cmd|'/C calc'!A0", "＝HYPERLINK(\"http://example.org\")", "@SUM(1+1)", "＠SUM(A1)",
        "+cmd|'/C calc'!A0",
        "-cmd|'/C calc'!A0", "-2+3+cmd|'/C calc'!A0", "+SUM(A1:A2)", "-A1", "+1+1", "-1*2", "\t=1+1", "\r=1+1",
        " =1+1",
        "\n=1", "－2＋3", "-5!A1", "- sum(1)",
    ],
)  # fmt: skip
def test_what_a_spreadsheet_program_would_calculate_gets_an_apostrophe(text: str) -> None:
    assert starts_formula(text)
    assert neutralise(text) == f"'{text}"
    assert restore(f"'{text}") == text


@pytest.mark.parametrize(
    "text",
    [
        "-5℃", "−5℃", "-5", "-", "--", "-5℃～40℃ 老化 30 天后回弹由 68% 降至 55%", "+86 138 0013 8000",
        "+86-750-8888888", "-0.1/+0.2 mm",
        "+5 V", "-40～+85℃", "＋86 138", "1=1", "a@example.org", "'引号'", "—无", "-60 dB 以下", "空洞率≤0.5%", "",
    ],
)  # fmt: skip
def test_values_and_phones_stay_as_they_are(text: str) -> None:
    assert not starts_formula(text)
    assert cell_text(text) == text


@given(st.text(st.sampled_from("'=+-@＝ \t1aA(|!℃"), max_size=12))
def test_neutralised_texts_start_no_formula_and_can_be_restored(text: str) -> None:
    assert not starts_formula(neutralise(text))
    assert restore(neutralise(text)) == text


@given(st.text(max_size=40))
def test_cells_hold_only_what_xml_allows(text: str) -> None:
    written = cell_text(text)

    assert not any(character < " " and character not in "\t\n\r" for character in written)
    assert "\ufffe" not in written
    assert "\uffff" not in written


def test_texts_beyond_the_limit_are_cut_with_a_note() -> None:
    text = "需" * 40_000
    written = fit(text)

    assert len(written) == CELL_LIMIT
    assert written.startswith("需" * 30_000)
    assert written.endswith("……（已截断，全文 40000 字 / cut, 40000 characters in all）")
    assert fit("需" * CELL_LIMIT) == "需" * CELL_LIMIT


@given(st.integers(CELL_LIMIT // 2 - 20, CELL_LIMIT // 2 + 20))
def test_characters_of_the_higher_planes_count_twice(count: int) -> None:
    assert len(fit("😀" * count).encode("utf-16-le")) // 2 <= CELL_LIMIT

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.search.bm25 import inverse_document_frequency, length_factors, round_lengths, select_query_words


def lucene_length(length: int) -> int:
    """SmallFloat.byte4ToInt(SmallFloat.intToByte4(length)), bit by bit."""
    if length < 24:
        return length
    beyond = length - 24
    bits = beyond.bit_length()
    if bits < 4:
        return 24 + beyond
    shift = bits - 4
    return 24 + ((beyond >> shift) << shift)


@given(st.lists(st.integers(0, 2_000_000), max_size=50))
def test_lengths_are_rounded_as_lucene_stores_them(lengths: list[int]) -> None:
    assert round_lengths(np.array(lengths, dtype=np.int64)).tolist() == [lucene_length(length) for length in lengths]


@pytest.mark.parametrize(
    ("length", "stored"), [(0, 0), (23, 23), (24, 24), (39, 39), (40, 40), (41, 40), (120, 120), (300, 280)]
)
def test_known_stored_lengths(length: int, stored: int) -> None:
    assert round_lengths(np.array([length])).tolist() == [stored]


def test_idf_falls_with_frequency_and_is_never_negative() -> None:
    values = [inverse_document_frequency(count, 100) for count in range(1, 101)]
    assert values == sorted(values, reverse=True)
    assert values[-1] > 0
    assert values[0] == math.log(1 + 99.5 / 1.5)


def test_a_field_of_average_length_has_factor_k1() -> None:
    assert length_factors(np.array([10, 20]), 10.0).tolist() == pytest.approx([1.2, 1.2 * 1.75])
    assert length_factors(np.array([0]), 0.0).tolist() == [1.2]


def test_rare_words_are_selected_in_the_order_of_the_text() -> None:
    frequency = {"提高": 900, "酱油": 3, "发酵": 10, "效率": 500, "珠江桥": 1}
    words = ("提高", "酱油", "发酵", "效率", "珠江桥", "没有")
    assert select_query_words(words, frequency, 1000, limit=3) == ("酱油", "发酵", "珠江桥")
    assert select_query_words(words, frequency, 1000, limit=5) == ("提高", "酱油", "发酵", "效率", "珠江桥")


def test_a_word_said_often_tells_more_but_only_up_to_three_times() -> None:
    frequency = {"清洗": 100, "钻孔": 60}
    assert select_query_words(("清洗", "清洗", "钻孔"), frequency, 1000, limit=1) == ("清洗",)
    assert select_query_words(("提高",) * 30 + ("钻孔",), {"提高": 990, "钻孔": 60}, 1000, limit=1) == ("钻孔",)


@given(
    st.lists(st.sampled_from("甲乙丙丁戊己庚辛"), max_size=30),
    st.dictionaries(st.sampled_from("甲乙丙丁戊己庚辛"), st.integers(0, 100)),
    st.integers(1, 8),
)
def test_selection_keeps_known_words_once_and_within_the_limit(
    words: list[str], frequency: dict[str, int], limit: int
) -> None:
    known = [word for word in dict.fromkeys(words) if frequency.get(word)]
    selected = select_query_words(words, frequency, 100, limit=limit)
    assert len(selected) == min(limit, len(known))
    assert list(selected) == [word for word in known if word in selected]

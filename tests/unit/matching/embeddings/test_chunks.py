"""Cutting long texts."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.embeddings.chunks import average_chunks, cut_text, plan_chunks


def test_plan_chunks_keeps_a_short_text_whole() -> None:
    assert plan_chunks(10, 10) == [(0, 10)]
    assert plan_chunks(0, 10) == [(0, 0)]


def test_plan_chunks_spreads_a_long_text_evenly() -> None:
    assert plan_chunks(20, 8) == [(0, 8), (6, 14), (12, 20)]


def test_plan_chunks_refuses_an_empty_window() -> None:
    with pytest.raises(ValueError, match="at least one token"):
        plan_chunks(3, 0)


@given(st.integers(0, 3000), st.integers(1, 512))
def test_plan_chunks_covers_every_token_within_the_window(count: int, window: int) -> None:
    spans = plan_chunks(count, window)
    assert spans[0][0] == 0
    assert spans[-1][1] == count
    assert all(end - start <= window for start, end in spans)
    assert all(later[0] <= earlier[1] for earlier, later in pairwise(spans))


@given(st.text(min_size=1, max_size=300), st.integers(1, 40))
def test_cut_text_loses_no_character(text: str, window: int) -> None:
    offsets = [(place, place + 1) for place in range(len(text))]
    pieces = cut_text(text, offsets, window)
    rebuilt = ""
    for piece, (start, _) in zip(pieces, plan_chunks(len(offsets), window), strict=True):
        rebuilt = rebuilt[:start] + piece
    assert rebuilt == text


def test_average_chunks_weighs_by_length_and_leaves_blank_texts_zero() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    joined = average_chunks(vectors, [5, 30, 10], [0, 1, 1, 3])
    expected = np.array([[1, 0], [0, 0], np.array([3, 1]) / np.sqrt(10)], dtype=np.float32)
    assert np.allclose(joined, expected)

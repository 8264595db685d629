from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.text.statistics import TermStatistics

DOCUMENTS = st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=4), max_size=6), max_size=6)


def test_counts_documents_not_occurrences() -> None:
    statistics = TermStatistics.of_documents([["电镀", "电镀", "废水"], ["电镀"]])
    assert statistics.document_frequency("电镀") == 2
    assert statistics.document_frequency("废水") == 1
    assert statistics.document_count == 2
    assert statistics.average_length == 2.0


def test_rare_terms_weigh_more_and_unknown_ones_as_much_as_the_rarest() -> None:
    statistics = TermStatistics.of_documents([["a", "b"], ["a"], ["a"]])
    assert statistics.idf("a") == pytest.approx(math.log(1 + 0.5 / 3.5))
    assert statistics.idf("b") == pytest.approx(math.log(1 + 2.5 / 1.5))
    assert statistics.idf("never seen") == statistics.idf("b")


def test_empty_statistics_divide_by_nothing() -> None:
    assert TermStatistics().average_length == 1.0
    assert TermStatistics().idf("x") > 0


@given(DOCUMENTS, DOCUMENTS)
def test_merging_is_counting_all(first: list[list[str]], second: list[list[str]]) -> None:
    merged = TermStatistics.of_documents(first)
    merged.merge(TermStatistics.of_documents(second))
    assert merged == TermStatistics.of_documents(first + second)


@given(DOCUMENTS)
def test_bytes_read_back_equal(documents: list[list[str]]) -> None:
    statistics = TermStatistics.of_documents(documents)
    assert TermStatistics.from_bytes(statistics.to_bytes()) == statistics


def test_damaged_bytes_are_refused() -> None:
    with pytest.raises(InvalidInput):
        TermStatistics.from_bytes(b"nothing of ours")

from __future__ import annotations

from collections.abc import Sequence

from matching.search.filling import fill_up_by_words
from matching.search.port import Hit, WordQuery
from tests.unit.matching.search.index_entries import direction, vector_query


def test_only_short_lists_are_filled_and_never_beyond_the_limit() -> None:
    asked: list[WordQuery] = []

    def find(queries: Sequence[WordQuery]) -> list[list[Hit]]:
        asked.extend(queries)
        return [[Hit("a", 9.0), Hit("x", 8.0), Hit("y", 7.0)] for _ in queries]

    queries = [
        vector_query(direction(1), limit=1, fill_words="酱油"),
        vector_query(direction(1), limit=2, fill_words="酱油 发酵", towns=frozenset({"沙坪"})),
        vector_query(direction(1), limit=9),
    ]
    nearest = [[Hit("a", 0.9)], [Hit("a", 0.9)], []]
    assert fill_up_by_words(queries, nearest, find) == [
        [Hit("a", 0.9)],
        [Hit("a", 0.9), Hit("x", 8.0, by_words=True)],
        [],
    ]
    assert [(query.words, query.filters, query.limit) for query in asked] == [(("酱油", "发酵"), queries[1].filters, 2)]


def test_nothing_is_asked_when_nothing_is_short() -> None:
    def find(queries: Sequence[WordQuery]) -> list[list[Hit]]:
        raise AssertionError("no list is short")

    assert fill_up_by_words([vector_query(direction(1), limit=1)], [[Hit("a", 1.0)]], find) == [[Hit("a", 1.0)]]

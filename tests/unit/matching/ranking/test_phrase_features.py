"""Features of phrases: what counts as one, and what two posts that share some are worth."""

from __future__ import annotations

import numpy as np
import pytest

from matching.documents import PostDocument
from matching.ranking.features import RANKER_FEATURES, compute_phrase_features
from matching.ranking.pool import PoolStatistics
from matching.ranking.terms import phrase_terms
from tests.unit.matching.ranking.posts import pool_of


def need(text: str, title: str = "需求") -> PostDocument:
    return PostDocument(id="n", side="need", title=title, text=text)


def capability(number: int, text: str) -> PostDocument:
    return PostDocument(id=f"c{number}", side="capability", title=text, text="")


def features_of(posts: list[PostDocument]) -> np.ndarray:
    pool, vectors = pool_of(posts)
    return compute_phrase_features(pool.prepare(posts[:1], vectors), pool.prepare(posts[1:], vectors))[0]


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("铝合金压铸件", {("铝合金", "压铸件"): 1}),
        ("铝合金的压铸件", {("铝合金", "压铸件"): 1}),
        ("铝合金，压铸件。微弧氧化", {}),
        ("铝合金 ≥1000h 压铸件", {}),
        ("waste water. Copper foil; waste water", {("waste", "water"): 2, ("copper", "foil"): 1}),
        ("", {}),
        ("。，！", {}),
    ],
)
def test_phrases_are_content_words_next_to_each_other(text: str, phrases: dict[tuple[str, str], int]) -> None:
    assert phrase_terms(text) == phrases


def test_words_next_to_each_other_in_both_texts_count_and_the_same_words_apart_do_not() -> None:
    together, apart = features_of(
        [need("铝合金压铸件的生产"), capability(1, "铝合金压铸件"), capability(2, "压铸件，铝合金")]
    )
    assert together[1] > 0.2
    assert list(apart) == [0, 0]


def test_rarer_words_make_a_phrase_worth_more() -> None:
    common = [capability(number, f"铝合金，压铸件，{number}") for number in range(3, 40)]
    rare, usual, *_ = features_of(
        [
            need("铝合金压铸件，石墨烯导电浆料"),
            capability(1, "石墨烯导电，其他"),
            capability(2, "铝合金压铸件，其他"),
            *common,
        ]
    )
    assert rare[1] > usual[1] > 0


def test_the_title_of_the_need_is_looked_for_in_the_whole_capability() -> None:
    posts = [
        need("要求很多", title="铝合金压铸件"),
        PostDocument(id="c", side="capability", title="方案", text="用于铝合金压铸件"),
    ]
    title, full = features_of(posts)[0]
    assert title > 0.5
    assert full > 0.5


def test_posts_without_phrases_have_zeros() -> None:
    assert not features_of([need("。", title="。"), capability(1, "铝合金压铸件"), capability(2, "。")]).any()


def test_a_phrase_has_the_same_column_in_every_pool() -> None:
    posts = [need("铝合金压铸件"), capability(1, "铝合金压铸件")]
    pool, vectors = pool_of(posts)
    other = PoolStatistics.of_posts([capability(9, "石墨烯导电浆料"), *posts], vectors)
    for prepared in (pool, other):
        prepared.prepare([capability(8, "茶叶自动加工")], {})
    assert list(pool.prepare(posts[:1], vectors).full_phrases.indices) == list(
        other.prepare(posts[:1], vectors).full_phrases.indices
    )


def test_the_ranker_sees_both_last() -> None:
    assert RANKER_FEATURES[-2:] == ("phrases_title_raw", "phrases_full_raw")

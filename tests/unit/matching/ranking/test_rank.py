from __future__ import annotations

import math

import numpy as np
import pytest

from matching.errors import InvalidInput
from matching.ranking import features
from matching.ranking import pool as pool_module
from matching.ranking.learned import fusion_ranker
from matching.ranking.pool import PoolStatistics
from matching.ranking.pool_storage import read_pool, write_pool
from matching.ranking.rank import rank_candidates, score_pairs
from tests.unit.matching.ranking.posts import CAPABILITIES, NEEDS, embed_all, make_capability, make_need, pool_of


def test_each_need_finds_its_capability_first() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    first = {need.id: rank_candidates(need, CAPABILITIES, vectors, pool)[0].capability_id for need in NEEDS}
    assert first == {"n1": "c1", "n2": "c2", "n3": "c3", "n4": "c4"}


def test_each_capability_finds_its_need_first() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    first = {post.id: rank_candidates(post, NEEDS, vectors, pool)[0].candidate_id for post in CAPABILITIES[:4]}
    assert first == {"c1": "n1", "c2": "n2", "c3": "n3", "c4": "n4"}


def test_a_pair_scores_the_same_from_both_sides_and_among_any_candidates() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    table = score_pairs(pool.prepare(NEEDS, vectors), pool.prepare(CAPABILITIES, vectors), pool).scores
    for row, need in enumerate(NEEDS):
        for column, capability in enumerate(CAPABILITIES):
            alone = rank_candidates(need, [capability], vectors, pool)[0].score
            back = rank_candidates(capability, [*NEEDS[:1], need] if row else [need], vectors, pool)
            from_capability = next(pair.score for pair in back if pair.need_id == need.id)
            assert alone == pytest.approx(float(table[row, column]), abs=1e-5)
            assert from_capability == pytest.approx(alone, abs=1e-5)


def test_stored_statistics_score_as_before() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    again = read_pool(write_pool(pool))
    for need in NEEDS:
        before = rank_candidates(need, CAPABILITIES, vectors, pool)
        after = rank_candidates(need, CAPABILITIES, vectors, again)
        assert [pair.capability_id for pair in after] == [pair.capability_id for pair in before]
        assert np.allclose([pair.score for pair in after], [pair.score for pair in before], atol=1e-5)


def test_what_a_pool_remembers_of_a_post_holds_for_its_texts_and_vectors_only() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    before = rank_candidates(NEEDS[0], CAPABILITIES, vectors, pool)
    assert [pair.score for pair in rank_candidates(NEEDS[0], CAPABILITIES, vectors, pool)] == [p.score for p in before]
    changed = vectors | {"c2": vectors["c1"]}
    other = make_capability("c3", "微弧氧化", text="铝合金压铸件")
    candidates = [CAPABILITIES[0], CAPABILITIES[1], other]
    fresh, _ = pool_of([*NEEDS, *CAPABILITIES])
    again = rank_candidates(NEEDS[0], candidates, changed, pool)
    expected = rank_candidates(NEEDS[0], candidates, changed, fresh)
    assert [pair.candidate_id for pair in again] == [pair.candidate_id for pair in expected]
    assert [pair.score for pair in again] == pytest.approx([pair.score for pair in expected], abs=1e-5)
    assert next(p.score for p in again if p.candidate_id == "c2") != next(
        p.score for p in before if p.candidate_id == "c2"
    )


@pytest.mark.parametrize("most", [0, 3])
def test_a_pool_that_may_remember_little_gives_the_same_scores(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    before = [rank_candidates(need, CAPABILITIES, vectors, pool) for need in NEEDS]
    for limit in ("_MOST_REMEMBERED", "_MOST_REMEMBERED_AT_ONCE", "_MEASURED_AT_ONCE"):
        monkeypatch.setattr(features, limit, max(most, 1) if limit == "_MEASURED_AT_ONCE" else most)
    fresh, _ = pool_of([*NEEDS, *CAPABILITIES])
    for pairs, need in zip(before, NEEDS, strict=True):
        again = rank_candidates(need, CAPABILITIES, vectors, fresh)
        assert [pair.candidate_id for pair in again] == [pair.candidate_id for pair in pairs]
        assert [pair.score for pair in again] == pytest.approx([pair.score for pair in pairs], abs=1e-5)
    assert len(fresh.measured) <= max(most, 1) * 2


def test_what_was_weighed_before_is_found_done_and_no_text_is_kept() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    for post in (*NEEDS, *CAPABILITIES):
        pool.weigh(post)
    weighed = dict(pool.rows)
    pool.prepare(NEEDS, vectors)
    pool.prepare(CAPABILITIES, vectors)
    assert list(pool.rows) == list(weighed)
    assert {type(key) for key in pool.rows} == {bytes}


def test_the_oldest_rows_are_forgotten_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_ROWS_KEPT", 5)
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    scores = [pair.score for pair in rank_candidates(NEEDS[0], CAPABILITIES, vectors, pool)]
    assert len(pool.rows) == 5
    monkeypatch.undo()
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    assert [pair.score for pair in rank_candidates(NEEDS[0], CAPABILITIES, vectors, pool)] == scores
    assert len(pool.rows) > 5


def test_top_and_order() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    pairs = rank_candidates(NEEDS[0], CAPABILITIES, vectors, pool, top=3)
    assert [pair.rank for pair in pairs] == [1, 2, 3]
    assert [pair.score for pair in pairs] == sorted((pair.score for pair in pairs), reverse=True)
    assert all(pair.probability is None for pair in pairs)


def test_equal_candidates_come_in_order_of_their_ids() -> None:
    twins = [make_capability(post_id, "微弧氧化") for post_id in ("b", "a", "c")]
    pool, vectors = pool_of([*NEEDS, *twins])
    assert [pair.candidate_id for pair in rank_candidates(NEEDS[0], twins, vectors, pool)] == ["a", "b", "c"]


def test_post_without_vector_is_ranked_by_its_words() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    del vectors["n3"]
    pair = rank_candidates(NEEDS[2], CAPABILITIES, vectors, pool)[0]
    assert pair.capability_id == "c3"
    assert math.isnan(pair.features["dense_title_title"])
    assert math.isfinite(pair.score)


def test_pair_in_two_scripts_is_ranked_by_vectors_only() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    pair = next(p for p in rank_candidates(NEEDS[2], CAPABILITIES, vectors, pool) if p.capability_id == "c8")
    assert math.isnan(pair.features["characters_full_full"])
    assert math.isfinite(pair.score)


def test_blank_and_single_posts_are_ranked_without_failing() -> None:
    blank, only = make_need("n", " "), make_capability("c", "微弧氧化")
    pool, vectors = pool_of([only])
    pairs = rank_candidates(blank, [only], vectors, pool)
    assert [pair.candidate_id for pair in pairs] == ["c"]
    assert math.isfinite(pairs[0].score)
    assert rank_candidates(blank, [], vectors, PoolStatistics()) == []


def test_meeting_fields_and_indicators_lift_a_pair() -> None:
    need = make_need("n", "锌合金表面处理", industry_codes=("C339",), indicators=("盐雾 ≥ 1000 h",), maturity=6)
    good = make_capability("c1", "表面处理", industry_codes=("C33",), indicators=("盐雾 ≥ 1200 h",), maturity=8)
    bare = make_capability("c2", "表面处理")
    poor = make_capability("c3", "表面处理", industry_codes=("A01",), indicators=("盐雾 ≥ 200 h",), maturity=3)
    documents = [need, good, bare, poor]
    pool, vectors = pool_of(documents)
    same_text = dict.fromkeys(("c1", "c2", "c3"), vectors["c2"])
    ranked = rank_candidates(need, [poor, bare, good], {**vectors, **same_text}, pool)
    scores = {pair.candidate_id: pair.score for pair in ranked}
    assert scores["c1"] > scores["c3"]
    assert next(pair.candidate_id for pair in ranked) == "c1"


def test_candidates_of_the_own_side_are_refused() -> None:
    pool, vectors = pool_of(NEEDS)
    with pytest.raises(InvalidInput) as caught:
        rank_candidates(NEEDS[0], NEEDS[1:], vectors, pool)
    assert caught.value.where == "n2"


def test_fusion_ranker_names_the_encoder() -> None:
    assert fusion_ranker("e5-1").revision == "fusion-2+e5-1"


def test_statistics_do_not_depend_on_the_order_of_posts() -> None:
    documents = [*NEEDS, *CAPABILITIES]
    vectors = embed_all(documents)
    first, second = PoolStatistics.of_posts(documents, vectors), PoolStatistics.of_posts(documents[::-1], vectors)
    one = rank_candidates(NEEDS[0], CAPABILITIES, vectors, first)
    other = rank_candidates(NEEDS[0], CAPABILITIES, vectors, second)
    assert np.allclose([pair.score for pair in one], [pair.score for pair in other], atol=1e-5)


def test_remembered_rows_are_those_made_anew() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    fresh, _ = pool_of([*NEEDS, *CAPABILITIES])
    for posts in (NEEDS, CAPABILITIES):
        first, again = pool.prepare(posts, vectors), pool.prepare(posts[::-1], vectors)
        anew = fresh.prepare(posts, vectors)
        for name in ("title_characters", "full_characters", "title_words", "full_words"):
            rows = getattr(first, name).toarray()
            width = max(rows.shape[1], getattr(again, name).shape[1])
            reverse = getattr(again, name).toarray()[::-1]
            assert np.array_equal(rows, reverse[:, : rows.shape[1]])
            assert not reverse[:, rows.shape[1] : width].any()
            assert np.allclose((rows @ rows.T), (getattr(anew, name) @ getattr(anew, name).T).toarray())

from __future__ import annotations

import pytest

from matching.ranking.offline import match_documents
from matching.ranking.rank import rank_candidates
from tests.unit.matching.ranking.posts import (
    CAPABILITIES,
    NEEDS,
    HashedEmbedder,
    make_capability,
    make_need,
    pool_of,
)


def test_pairs_come_need_by_need_best_first() -> None:
    pairs = list(match_documents(NEEDS, CAPABILITIES, HashedEmbedder(), top=2, explain=False))
    assert [(pair.need.id, pair.rank) for pair in pairs] == [(need.id, rank) for need in NEEDS for rank in (1, 2)]
    assert [pair.capability.id for pair in pairs if pair.rank == 1] == ["c1", "c2", "c3", "c4"]


def test_top_0_ranks_every_capability() -> None:
    pairs = list(match_documents(NEEDS, CAPABILITIES, HashedEmbedder(), top=0, explain=False))
    assert len(pairs) == len(NEEDS) * len(CAPABILITIES)
    assert all(pair.reasons == [] for pair in pairs)


def test_both_ways_to_score_agree() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    for need in NEEDS:
        online = {pair.candidate_id: pair.score for pair in rank_candidates(need, CAPABILITIES, vectors, pool)}
        offline = {
            pair.capability.id: pair.score
            for pair in match_documents(NEEDS, CAPABILITIES, HashedEmbedder(), top=0, explain=False)
            if pair.need.id == need.id
        }
        assert offline == pytest.approx(online, abs=1e-4)


def test_reasons_point_into_the_posts_as_given() -> None:
    pair = next(match_documents(NEEDS, CAPABILITIES, HashedEmbedder(), top=1))
    phrase = next(reason for reason in pair.reasons if reason.kind == "phrase")
    assert phrase.need_span is not None
    assert phrase.capability_span is not None
    assert pair.need.full_text[slice(*phrase.need_span)] == pair.capability.full_text[slice(*phrase.capability_span)]


def test_ids_may_be_the_same_on_both_sides() -> None:
    needs = [make_need("R2", NEEDS[0].title), make_need("R3", NEEDS[1].title)]
    capabilities = [make_capability("R2", CAPABILITIES[1].title), make_capability("R3", CAPABILITIES[0].title)]
    pairs = match_documents(needs, capabilities, HashedEmbedder(), top=1, explain=False)
    assert [(pair.need.id, pair.capability.id) for pair in pairs] == [("R2", "R3"), ("R3", "R2")]


def test_progress_reaches_its_total() -> None:
    seen: list[tuple[int, int | None]] = []
    list(
        match_documents(
            NEEDS, CAPABILITIES, HashedEmbedder(), on_progress=lambda done, total: seen.append((done, total))
        )
    )
    assert seen[-1] == (16, 16)
    assert seen == sorted(seen)


def test_nothing_to_match_gives_nothing() -> None:
    assert list(match_documents([], CAPABILITIES, HashedEmbedder())) == []
    assert list(match_documents(NEEDS, [], HashedEmbedder())) == []

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from matching.ranking import features, offline
from matching.ranking.offline import match_documents
from matching.ranking.promising import choose_promising
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


def test_of_very_many_pairs_the_promising_are_scored_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = [make_capability(f"x{number}", f"{number} 号养殖场的饲料配方") for number in range(30)]
    capabilities = [*extra, *CAPABILITIES]
    embedder = HashedEmbedder()
    everything = {
        (pair.need.id, pair.capability.id): pair.score
        for pair in match_documents(NEEDS, capabilities, embedder, top=0, explain=False)
    }
    best = list(match_documents(NEEDS, capabilities, embedder, top=2, explain=False))
    monkeypatch.setattr(offline, "MOST_PAIRS_SCORED", 10)
    monkeypatch.setattr(offline, "PROMISING_PER_RANK", 4)
    monkeypatch.setattr(offline, "PROMISING_AT_LEAST", 2)
    few = list(match_documents(NEEDS, capabilities, embedder, top=2))
    assert [(pair.need.id, pair.rank) for pair in few] == [(pair.need.id, pair.rank) for pair in best]
    # What stands out is found either way; which of the others comes second is chance here.
    assert [pair.capability.id for pair in few if pair.rank == 1] == [
        pair.capability.id for pair in best if pair.rank == 1
    ]
    for pair in few:
        assert pair.score == pytest.approx(everything[pair.need.id, pair.capability.id], abs=1e-4)
        assert pair.reasons
    assert len(list(match_documents(NEEDS, capabilities, embedder, top=0, explain=False))) == len(everything)


def test_capabilities_are_measured_once_for_all_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring 60,000 of them takes as long as scoring them with 400 needs."""
    whole = list(match_documents(NEEDS, CAPABILITIES, HashedEmbedder(), top=0, explain=False))
    calls: list[int] = []
    measure = features.measure_capabilities

    def count(*given: Any) -> Any:
        calls.append(1)
        return measure(*given)

    monkeypatch.setattr(offline, "measure_capabilities", count)
    monkeypatch.setattr(offline, "_PAIRS_PER_STEP", 1)
    monkeypatch.setattr(features, "_MEASURED_AT_ONCE", 3)
    parts = list(match_documents(NEEDS, CAPABILITIES, HashedEmbedder(), top=0, explain=False))
    assert len(calls) == 1
    assert [pair.capability.id for pair in parts] == [pair.capability.id for pair in whole]
    assert [pair.score for pair in parts] == pytest.approx([pair.score for pair in whole], abs=1e-4)


def test_promising_are_the_nearest_and_those_with_the_rarest_words() -> None:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    needs, capabilities = pool.prepare(NEEDS, vectors), pool.prepare(CAPABILITIES, vectors)
    for limit in (1, 3, len(CAPABILITIES), 50):
        chosen = list(choose_promising(needs, capabilities, limit))
        assert [len(rows) for rows in chosen] == [min(limit, len(CAPABILITIES))] * len(NEEDS)
        assert all(np.array_equal(rows, np.unique(rows)) for rows in chosen)
    first = [CAPABILITIES[int(rows[0])].id for rows in choose_promising(needs, capabilities, 1)]
    assert first[:4] == ["c1", "c2", "c3", "c4"]

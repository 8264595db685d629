"""Reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009): several rankings into one."""

from __future__ import annotations

from collections.abc import Sequence

RANK_OFFSET = 60
"""The paper's k: how little the difference between the first ranks weighs."""


def fuse_by_rank(rankings: Sequence[Sequence[str]]) -> list[str]:
    """All ids, best first: each ranking gives 1 / (RANK_OFFSET + rank), ranks from 1; ties by id."""
    scores: dict[str, float] = {}
    for ranking in rankings:
        for rank, post_id in enumerate(ranking, start=1):
            scores[post_id] = scores.get(post_id, 0.0) + 1.0 / (RANK_OFFSET + rank)
    return sorted(scores, key=lambda post_id: (-scores[post_id], post_id))

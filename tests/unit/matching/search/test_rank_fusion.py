"""Fusion of rows is fusion of ids."""

from __future__ import annotations

import numpy as np

from matching.search.rank_fusion import RowFusion, fuse_by_rank


def test_rows_are_fused_as_their_ids_are() -> None:
    draws = np.random.default_rng(1)
    ids = [f"p{number:03}" for number in draws.permutation(300)]
    id_places = np.argsort(np.argsort(ids))
    fusion = RowFusion(id_places)
    for limit in (1, 10, 500):
        for _ in range(20):
            rankings = [
                draws.choice(300, size=draws.integers(0, 80), replace=False) for _ in range(draws.integers(0, 5))
            ]
            expected = fuse_by_rank([[ids[row] for row in ranking] for ranking in rankings])[:limit]
            assert [ids[row] for row in fusion.fuse(rankings, limit)] == expected

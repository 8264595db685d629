"""Which rows meet in a batch: there the negatives come from, so the order decides what is learned."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np

from matching.embeddings.port import Vectors


def plan_mixed_batches(rows: int, size: int, seed: int) -> list[list[int]]:
    """Rows of all needs at random: what is judged high for one need must also lie nearer than what is low for another.

    Beside batches that compare within needs alone it gives .750 for .736 nDCG@10 on needs not seen (one fold).
    """
    order = list(range(rows))
    random.Random(seed).shuffle(order)  # noqa: S311 - repeatable on purpose
    return [order[start : start + size] for start in range(0, rows, size)]


def plan_neighbour_batches(rows: Sequence[tuple[str, str]], vectors: Vectors, size: int, seed: int) -> list[list[int]]:
    """Batches of rows whose texts resemble one another, so that each row's negatives are hard.

    `vectors` (rows, dimension) are of norm 1. Half a batch gathers around one random row, the other half around
    another, so that there are easy negatives too. A text never meets itself as a negative.
    """
    picker = random.Random(seed)  # noqa: S311 - repeatable on purpose
    free = np.ones(len(rows), dtype=bool)
    order = list(range(len(rows)))
    picker.shuffle(order)
    half = max(1, size // 2)
    pieces: list[list[int]] = []
    for centre in order:
        if not free[centre]:
            continue
        likeness = np.where(free, vectors @ vectors[centre], -np.inf)
        likeness[centre] = np.inf
        piece: list[int] = []
        used: set[str] = set()
        for place in np.argsort(-likeness, kind="stable"):
            if len(piece) == half or not free[place]:
                break
            if used.isdisjoint(rows[place]):
                used.update(rows[place])
                piece.append(int(place))
        free[piece] = False
        pieces.append(piece)
    picker.shuffle(pieces)
    return _join_pieces(pieces, rows, size)


def _join_pieces(pieces: list[list[int]], rows: Sequence[tuple[str, str]], size: int) -> list[list[int]]:
    batches: list[list[int]] = []
    used: set[str] = set()
    for piece in pieces:
        texts = {text for place in piece for text in rows[place]}
        if batches and len(batches[-1]) + len(piece) <= size and used.isdisjoint(texts):
            batches[-1].extend(piece)
            used |= texts
        else:
            batches.append(list(piece))
            used = texts
    # A batch of one row has no negative, hence no gradient.
    return [batch for batch in batches if len(batch) > 1]

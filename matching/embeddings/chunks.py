"""Texts longer than a model's window, cut into overlapping chunks so that no part is dropped."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from matching.embeddings.port import Vectors

OVERLAP_SHARE = 8
"""An eighth of the window is repeated in the next chunk, so that a phrase on the border is whole in one of them."""


def plan_chunks(token_count: int, window: int) -> list[tuple[int, int]]:
    """Token spans (start, end) that cover 0…token_count, each at most `window` long, neighbours overlapping.

    Chunks are of about equal length: a full window followed by three words would give the three words a vector of
    their own made from almost nothing.
    """
    if window < 1:
        raise ValueError(f"a window must hold at least one token, not {window}")
    if token_count <= window:
        return [(0, token_count)]
    overlap = window // OVERLAP_SHARE
    count = -(-(token_count - overlap) // (window - overlap))
    last_start = token_count - window
    starts = [round(last_start * place / (count - 1)) for place in range(count)]
    return [(start, start + window) for start in starts]


def cut_text(text: str, offsets: Sequence[tuple[int, int]], window: int) -> list[str]:
    """The pieces of `text` for `plan_chunks`; `offsets` are the character spans of its tokens, in order.

    Characters between tokens (which the tokenizer dropped) stay with the piece before them.
    """
    pieces = []
    for start, end in plan_chunks(len(offsets), window):
        first = offsets[start][0] if start else 0
        last = offsets[end][0] if end < len(offsets) else len(text)
        pieces.append(text[first:last])
    return pieces


def average_chunks(vectors: Vectors, weights: Sequence[int], bounds: Sequence[int]) -> Vectors:
    """Join chunk vectors to text vectors.

    `vectors` (chunks, dimension) of norm 1; `weights` their token counts; `bounds` (texts + 1) where each text's
    chunks begin and the last end. Returns (texts, dimension) of norm 1; a text without chunks gets a zero row.
    """
    joined = np.zeros((len(bounds) - 1, vectors.shape[1]), dtype=np.float32)
    for place, (start, end) in enumerate(pairwise(bounds)):
        if end == start + 1:
            joined[place] = vectors[start]
        elif end > start:
            mean = np.average(vectors[start:end], axis=0, weights=weights[start:end])
            joined[place] = mean / max(float(np.linalg.norm(mean)), 1e-12)
    return joined

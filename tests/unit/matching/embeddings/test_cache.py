"""One vector a text, whichever of two processes computed it first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matching.bootstrap import Platform
from matching.embeddings.cache import CachingEmbedder
from matching.embeddings.port import Prompt, Vectors
from tests.factories.embedder import WordEmbedder


class SlowEmbedder(WordEmbedder):
    """Another process computes and keeps the same texts while this one computes, a little differently."""

    def __init__(self, quicker: CachingEmbedder | None = None) -> None:
        super().__init__()
        self.quicker = quicker

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """As the port says, with other vectors than WordEmbedder's."""
        if self.quicker is not None:
            self.quicker.embed(texts[:1], prompt=prompt)
        return -super().embed(texts, prompt=prompt)


def test_the_vector_that_was_kept_first_is_the_texts_vector(platform: Platform) -> None:
    quicker = CachingEmbedder(WordEmbedder(), platform.engine)
    slower = CachingEmbedder(SlowEmbedder(quicker), platform.engine)
    found = slower.embed(["高频线路板", "红茶发酵"], prompt="passage")
    first, second = WordEmbedder().embed(["高频线路板", "红茶发酵"], prompt="passage")
    assert np.array_equal(found, np.stack([first, -second]))
    assert np.array_equal(quicker.embed(["高频线路板", "红茶发酵"], prompt="passage"), found)

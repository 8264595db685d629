"""An Embedder for tests: words hashed to random directions, so texts that share words are near. No model is loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from matching.embeddings.port import Prompt, Vectors
from matching.text.words import query_words

DIMENSION = 64


class WordEmbedder:
    """Deterministic; the sum of one random direction per word, of norm 1."""

    def __init__(self, model_revision: str = "words-1") -> None:
        self.model_revision = model_revision
        self.dimension = DIMENSION
        self.texts_seen = 0

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """As the port says."""
        self.texts_seen += len(texts)
        rows = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in query_words(text):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:8])
                rows[row] += np.random.default_rng(seed).standard_normal(DIMENSION).astype(np.float32)
            norm = float(np.linalg.norm(rows[row]))
            if norm:
                rows[row] /= norm
        return rows

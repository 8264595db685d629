"""An Embedder that remembers: by text, model revision and prompt kind, in the database all processes share."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Engine, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from matching.clock import utc_now
from matching.embeddings.port import Embedder, Prompt, Vectors
from matching.models import CachedVector

logger = logging.getLogger(__name__)

_LOOKUP_SIZE = 500
_NOTED_EVERY = timedelta(days=7)
"""That a vector was used is written down so seldom: a look-up should cost no write."""


def text_hash(text: str) -> str:
    """SHA-256 of the text, hexadecimal."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class CachingEmbedder:
    """Wraps an embedder; equal texts are computed once, in one call and over the years.

    The cache never stands in the way: when it cannot be read or written the vectors are computed.
    """

    def __init__(self, embedder: Embedder, engine: Engine, clock: Callable[[], datetime] = utc_now) -> None:
        self._embedder = embedder
        self._engine = engine
        self._clock = clock

    @property
    def model_revision(self) -> str:
        """Of the wrapped embedder."""
        return self._embedder.model_revision

    @property
    def dimension(self) -> int:
        """Of the wrapped embedder."""
        return self._embedder.dimension

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """As the port says."""
        hashes = [text_hash(text) for text in texts]
        known = self._look_up(set(hashes), prompt)
        missing = {digest: text for digest, text in zip(hashes, texts, strict=True) if digest not in known}
        if missing:
            computed = self._embedder.embed(list(missing.values()), prompt=prompt)
            fresh = dict(zip(missing, computed, strict=True))
            self._remember(fresh, prompt)
            # Vectors of a text differ a little with what it is computed beside. Where another process was quicker, its
            # vector is the text's: what the index holds and what is ranked with must be the same.
            known |= fresh | self._look_up(set(missing), prompt)
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, digest in enumerate(hashes):
            vectors[row] = known[digest]
        return vectors

    def _look_up(self, hashes: set[str], prompt: Prompt) -> dict[str, Vectors]:
        wanted = sorted(hashes)
        found: dict[str, Vectors] = {}
        stale: list[str] = []
        today = self._clock().date()
        try:
            with self._engine.connect() as connection:
                for start in range(0, len(wanted), _LOOKUP_SIZE):
                    rows = connection.execute(
                        select(CachedVector.text_hash, CachedVector.vector, CachedVector.used_on).where(
                            CachedVector.text_hash.in_(wanted[start : start + _LOOKUP_SIZE]),
                            CachedVector.model_revision == self.model_revision,
                            CachedVector.prompt == prompt,
                        )
                    )
                    for digest, blob, used_on in rows:
                        if used_on <= today - _NOTED_EVERY:
                            stale.append(digest)
                        vector = np.frombuffer(blob, dtype="<f4")
                        if vector.shape == (self.dimension,):
                            found[digest] = vector
            if stale:
                with self._engine.begin() as connection:
                    for start in range(0, len(stale), _LOOKUP_SIZE):
                        connection.execute(
                            update(CachedVector)
                            .where(CachedVector.text_hash.in_(stale[start : start + _LOOKUP_SIZE]))
                            .values(used_on=today)
                        )
        except DBAPIError:
            logger.warning("embedding cache unreadable; computing")
        return found

    def _remember(self, fresh: dict[str, Vectors], prompt: Prompt) -> None:
        rows = [
            {
                "text_hash": digest,
                "model_revision": self.model_revision,
                "prompt": prompt,
                "vector": np.asarray(vector, dtype="<f4").tobytes(),
                "used_on": self._clock().date(),
            }
            for digest, vector in fresh.items()
        ]
        insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
        try:
            with self._engine.begin() as connection:
                connection.execute(insert(CachedVector).on_conflict_do_nothing(), rows)
        except DBAPIError:
            logger.warning("embedding cache not written")

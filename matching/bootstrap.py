"""Puts the product together from its settings: engine, index, encoder. The one place that knows implementations."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from matching.embeddings.cache import CachingEmbedder
from matching.embeddings.port import Embedder
from matching.ranking.learned import Ranker, load_ranker
from matching.search.factory import open_index
from matching.search.port import SearchIndex
from matching.settings import Settings, packaged_encoder
from matching.store.engine import open_engine, reading_sessions, writing_sessions
from matching.store.unit_of_work import Nudge, UnitOfWork, no_nudge
from matching.text.words import use_extra_dictionary


def open_embedder(settings: Settings) -> Embedder:
    """The encoder the settings name; its model is loaded at first use, not here.

    The fast form serves the models that have one beside them; any other model, or one whose fast form was not
    made, is served by sentence-transformers.
    """
    from pathlib import Path

    from matching.embeddings.onnx_embedder import OnnxEmbedder
    from matching.embeddings.sentence_transformer_embedder import SentenceTransformerEmbedder

    if settings.encoder == "onnx":
        folder = Path(settings.encoder_model)
        if (folder / "model_int8.onnx").is_file():
            return OnnxEmbedder(folder)
    return SentenceTransformerEmbedder(settings.encoder_model)


class Platform:
    """The parts of a running product, each made when first used.

    One per process. A process that forks (the web server, the worker pool) makes it after the fork.
    """

    def __init__(self, settings: Settings, nudge: Nudge = no_nudge) -> None:
        self.settings = settings
        self.nudge = nudge
        self._lock = threading.Lock()
        use_extra_dictionary(settings.domain_dictionary)

    @cached_property
    def engine(self) -> Engine:
        """The database engine."""
        return open_engine(self.settings.database_url)

    @property
    def embedder(self) -> Embedder:
        """The encoder behind its cache."""
        with self._lock:
            return self._embedder

    @property
    def index(self) -> SearchIndex:
        """The search index."""
        with self._lock:
            return self._index

    @property
    def ranker(self) -> Ranker:
        """What orders candidates; its revision names encoder and ranker together."""
        with self._lock:
            return self._ranker

    @cached_property
    def _embedder(self) -> Embedder:
        return CachingEmbedder(open_embedder(self.settings), self.engine)

    @cached_property
    def _index(self) -> SearchIndex:
        return open_index(
            self.settings.index_url, prefix=self.settings.index_prefix, dimension=self._embedder.dimension
        )

    @cached_property
    def _ranker(self) -> Ranker:
        return load_ranker(self.settings.ranker_model, encoder_revision=self._embedder.model_revision)

    def unit_of_work(self) -> UnitOfWork:
        """A fresh unit of work; used with `with`."""
        return UnitOfWork(writing_sessions(self.engine), self.nudge)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads."""
        session = reading_sessions(self.engine)()
        try:
            yield session
        finally:
            session.close()

    def close(self) -> None:
        """Give connections back; used by tests and command lines."""
        if "engine" in self.__dict__:
            self.engine.dispose()


def build_platform(settings: Settings, nudge: Nudge = no_nudge) -> Platform:
    """Put a platform together; nothing is loaded or connected yet."""
    return Platform(settings, nudge)


__all__ = ["Platform", "build_platform", "open_embedder", "packaged_encoder"]

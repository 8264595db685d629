"""Puts the product together from its settings: engine, index, encoder. The one place that knows implementations."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from matching.embeddings.cache import CachingEmbedder
from matching.embeddings.port import Embedder
from matching.errors import InvalidInput, PartUnavailable
from matching.notifying.mail_smtp import open_mailer
from matching.notifying.mailer import Mailer
from matching.queries.model_revisions import active_revision_id, revision_content
from matching.queries.rules import read_rules, rules_revision
from matching.ranking.learned import Ranker, load_ranker, parse_ranker
from matching.rulebook import Rules
from matching.search.factory import open_index
from matching.search.port import SearchIndex
from matching.settings import Settings
from matching.store.engine import open_engine, reading_sessions, writing_sessions
from matching.store.unit_of_work import Announce, Nudge, UnitOfWork, announce_nothing, no_nudge
from matching.text.words import use_extra_dictionary

logger = logging.getLogger(__name__)

_ASK_FOR_RANKER_EVERY = 10.0
"""Seconds for which a process may go on with a ranker that is no longer the active one."""


def open_embedder(settings: Settings) -> Embedder:
    """The encoder the settings name; its model is loaded at first use, not here.

    The fast form serves BERT-like models in a folder; any other model, by name or folder, is served by
    sentence-transformers.
    """
    folder = Path(settings.encoder_model)
    if settings.encoder == "onnx" and folder.is_dir():
        from matching.embeddings.model_folder import read_model_folder
        from matching.embeddings.onnx_embedder import OnnxEmbedder

        try:
            read_model_folder(folder)
        except InvalidInput:
            logger.info("%s has no fast form; sentence-transformers serves it", folder.name)
        else:
            return OnnxEmbedder(folder, cache=settings.data_dir / "encoders")
    from matching.embeddings.sentence_transformer_embedder import SentenceTransformerEmbedder

    return SentenceTransformerEmbedder(settings.encoder_model)


class Platform:
    """The parts of a running product, each made when first used.

    One per process. A process that forks makes it after the fork (the worker pool), or makes it before and uses none of
    its parts but by `prepare_to_fork` (the web server).
    """

    def __init__(self, settings: Settings, nudge: Nudge = no_nudge) -> None:
        self.settings = settings
        self.nudge = nudge
        self.announce: Announce = announce_nothing
        """What is told after a commit that changed inboxes; web and workers put their own here."""
        self._lock = threading.RLock()
        self._active: tuple[str, Ranker] | None = None
        self._ranker_asked = -_ASK_FOR_RANKER_EVERY
        self._rules: Rules | None = None
        use_extra_dictionary(settings.domain_dictionary)

    @cached_property
    def engine(self) -> Engine:
        """The database engine."""
        return open_engine(self.settings.database_url, self.settings.database_password.get_secret_value())

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
        """What orders candidates; its revision names encoder and ranker together.

        The file of the settings, else the active revision that was trained on this platform, else the shipped one. That
        another was activated is noticed after some seconds; `confirm_ranker` tells at once.
        """
        with self._lock:
            if self.settings.ranker_model is not None:
                return self._ranker
            if time.monotonic() - self._ranker_asked >= _ASK_FOR_RANKER_EVERY:
                with self.reading() as session:
                    self._take_active(session)
            return self._active[1] if self._active is not None else self._ranker

    def confirm_ranker(self, session: Session, revision: str) -> bool:
        """Whether the ranker of this revision is the present one, as the transaction sees it."""
        with self._lock:
            if self.settings.ranker_model is None:
                self._take_active(session)
        return self.ranker.revision == revision

    def forget_ranker(self) -> None:
        """Ask for the active revision when a ranker is next wanted; called after another one was activated."""
        with self._lock:
            self._ranker_asked = -_ASK_FOR_RANKER_EVERY

    def _take_active(self, session: Session) -> None:
        self._ranker_asked = time.monotonic()
        revision_id = active_revision_id(session)
        if revision_id is None:
            self._active = None
        elif self._active is None or self._active[0] != revision_id:
            content = revision_content(session, revision_id)
            encoder_revision = self._embedder.model_revision
            try:
                ranker = parse_ranker(content, encoder_revision=encoder_revision, name=revision_id)
            except InvalidInput as error:  # of a former version, with other features
                logger.warning("the active ranker cannot be used, the shipped one is: %s", error)
                ranker = self._ranker
            self._active = (revision_id, ranker)

    @cached_property
    def _encoder(self) -> Embedder:
        return open_embedder(self.settings)

    @cached_property
    def _embedder(self) -> Embedder:
        return CachingEmbedder(self._encoder, self.engine)

    def prepare_to_fork(self) -> None:
        """Load what processes that will be forked from this one can share: the fast encoder, where it is used.

        Makes no thread and no connection. What cannot be loaded now is said and left to the processes.
        """
        from matching.embeddings.onnx_embedder import OnnxEmbedder

        with self._lock:
            if isinstance(self._encoder, OnnxEmbedder):
                try:
                    self._encoder.open_without_threads()
                except PartUnavailable as error:
                    logger.warning("the encoder is not shared: %s", error)

    @cached_property
    def _index(self) -> SearchIndex:
        return open_index(
            self.settings.index_url, prefix=self.settings.index_prefix, dimension=self._embedder.dimension
        )

    @cached_property
    def _ranker(self) -> Ranker:
        return load_ranker(self.settings.ranker_model, encoder_revision=self._embedder.model_revision)

    def rules(self, session: Session) -> Rules:
        """What is in force now: the settings with what the bureau decided in their place, and its texts.

        One short question tells whether anything was changed since this process last read them, by whichever process.
        """
        revision = rules_revision(session)
        kept = self._rules
        if kept is None or kept.revision != revision:
            kept = read_rules(session, self.settings)
            # Several threads may read them at once; what they read is the same, or newer.
            self._rules = kept
        return kept

    @cached_property
    def mailer(self) -> Mailer:
        """What hands mails to a mail server; see its `available`."""
        return open_mailer(self.settings)

    def unit_of_work(self) -> UnitOfWork:
        """A fresh unit of work; used with `with`."""
        return UnitOfWork(writing_sessions(self.engine), self.nudge, self.announce)

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

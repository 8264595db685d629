"""What becomes of the vectors that are kept of texts (`cached_vectors`) when a text is nobody's any more.

A row is known by the hash of its text only, so nobody can say of which post, search or clause it is. What is certain is
the other way round: the texts of posts that live. Before anything is deleted these are marked as used today; whatever
else was not asked for in `vector_days` goes, and on the night after somebody was erased everything else goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.embeddings.cache import text_hash
from matching.models import CachedVector, ErasedPerson, Post
from matching.queries.posts import is_live
from matching.queries.works import load_documents
from matching.ranking.vectors import embedding_texts
from matching.ranking.works import works_as_documents

_AT_ONCE = 500


def forget_vectors(platform: Platform, now: datetime) -> int:
    """Delete what nobody asked for in `vector_days`, and after an erasure what is of no living post; returns how many.

    Doing it again changes nothing. What a living post needs again is computed again.
    """
    today = now.date()
    with platform.reading() as session:
        oldest = today - timedelta(days=platform.settings.vector_days)
        erased = session.scalar(select(func.max(ErasedPerson.erased_at)))
        if erased is not None:
            # Of the day itself too: what was used in the morning may be of whom was erased in the afternoon.
            oldest = max(oldest, min(erased.date() + timedelta(days=1), today))
        over = CachedVector.used_on < oldest
        if not session.scalar(select(exists().where(over))):
            return 0
        post_ids = list(session.scalars(select(Post.id).where(is_live(now)).order_by(Post.id)))
    for start in range(0, len(post_ids), _AT_ONCE):
        with platform.unit_of_work() as uow:
            posts = uow.session.scalars(select(Post).where(Post.id.in_(post_ids[start : start + _AT_ONCE]))).all()
            hashes = hashes_of(load_documents(uow.session, posts, now).values())
            _mark(uow.session, hashes, today)
            uow.commit()
    with platform.unit_of_work() as uow:
        count = uow.session.scalar(select(func.count()).select_from(CachedVector).where(over)) or 0
        uow.session.execute(delete(CachedVector).where(over))
        uow.commit()
    return count


def hashes_of(documents: Iterable[PostDocument]) -> list[str]:
    """By what the vectors of these posts and of the works behind them are kept."""
    texts = [
        text
        for document in documents
        for one in (document, *works_as_documents(document))
        for text in embedding_texts(one)
    ]
    return sorted({text_hash(text) for text in texts})


def drop_vectors(session: Session, hashes: Sequence[str]) -> None:
    """Delete kept vectors of texts that are to be forgotten, within a use case that commits."""
    for start in range(0, len(hashes), _AT_ONCE):
        session.execute(delete(CachedVector).where(CachedVector.text_hash.in_(hashes[start : start + _AT_ONCE])))


def _mark(session: Session, hashes: Sequence[str], today: date) -> None:
    for start in range(0, len(hashes), _AT_ONCE):
        session.execute(
            update(CachedVector)
            .where(CachedVector.text_hash.in_(hashes[start : start + _AT_ONCE]), CachedVector.used_on < today)
            .values(used_on=today)
        )

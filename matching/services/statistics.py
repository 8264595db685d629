"""The pool's statistics that ranking stands on: counted now and then, shared by all processes through the database.

Scores compare only when they were made with the same statistics. So a new count owes every live post a ranking, in
the same transaction, and lists are stored only while the count they were made with is the present one.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.models import Post, StoredBlob
from matching.queries.works import load_documents
from matching.ranking.pool import PoolStatistics
from matching.ranking.pool_storage import read_pool, write_pool
from matching.ranking.vectors import PostVectors
from matching.services.indexing import says_too_little
from matching.store.outbox import RANKING, owe_all
from matching.store.upsert import insert_new

MOST_POSTS = 4000
"""Posts that stand for any number."""
_COUNTED = (Post.status == "published", Post.visibility.in_(("public", "members")))
"""What every reader of scores may read: no score moves by posts that are hidden from somebody who sees it."""
LOOK_EVERY_SECONDS = 60.0
"""How old the statistics of a preview may be."""
_ASK_EVERY_SECONDS = 10.0
"""How often a process asks whether the pool has doubled."""
_BATCH = 500


@dataclass(frozen=True, slots=True)
class CountedPool:
    """Statistics and the moment they were counted; None where no process has shared any."""

    pool: PoolStatistics
    counted_at: datetime | None


@dataclass(slots=True)
class _Kept:
    counted: CountedPool
    looked_at: float
    """When it was last compared with what is shared; as `time.monotonic` gives it."""
    asked_at: float
    """When the posts were last counted."""


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()


def current_pool(platform: Platform, now: datetime) -> PoolStatistics:
    """The statistics for a preview: those shared, at most LOOK_EVERY_SECONDS old, else a count of its own."""
    with _lock:
        kept = _kept.get(_key(platform))
        if kept is not None and time.monotonic() - kept.looked_at < LOOK_EVERY_SECONDS:
            return kept.counted.pool
        return (_read_shared(platform) or CountedPool(count_pool(platform, now), None)).pool


def share_pool(platform: Platform, now: datetime) -> CountedPool:
    """The statistics for ranking, the same in all processes. Counts them where there are none, or where the pool has
    doubled since: while a platform is young, its first posts must not stand for all."""
    with _lock:
        counted = _read_shared(platform)
        if counted is None or _has_doubled(platform, _kept[_key(platform)]):
            _count_and_share(platform, now)
            counted = _read_shared(platform)
        if counted is None:
            raise RuntimeError("statistics were stored and are not there")
        return counted


def refresh_statistics(platform: Platform, now: datetime) -> None:
    """Count anew and share. Run by the beat, and after imports and rebuilds."""
    _count_and_share(platform, now)


def counted_at(session: Session, platform: Platform) -> datetime | None:
    """When the present statistics were counted."""
    return session.scalar(select(StoredBlob.updated_at).where(StoredBlob.name == _name(platform)))


def _read_shared(platform: Platform) -> CountedPool | None:
    """The shared statistics, from memory while they are the present ones."""
    kept = _kept.get(_key(platform))
    with platform.reading() as session:
        moment = counted_at(session, platform)
        if moment is None:
            return None
        if kept is not None and kept.counted.counted_at == moment:
            kept.looked_at = time.monotonic()
            return kept.counted
        blob = session.execute(
            select(StoredBlob.updated_at, StoredBlob.data).where(StoredBlob.name == _name(platform))
        ).one()
    counted = CountedPool(read_pool(blob.data), blob.updated_at)
    _kept[_key(platform)] = _Kept(counted, time.monotonic(), time.monotonic())
    return counted


def _count_and_share(platform: Platform, now: datetime) -> None:
    """Count and store, and owe every live post a ranking; nothing when the count is as it was, or another process
    counted meanwhile."""
    with platform.reading() as session:
        before = counted_at(session, platform)
    data = write_pool(count_pool(platform, now))
    with platform.unit_of_work() as uow:
        name = _name(platform)
        insert_new(uow.session, StoredBlob, [{"name": name, "updated_at": now, "data": b""}])
        row = uow.session.get(StoredBlob, name, with_for_update=True)
        if row is None:
            raise RuntimeError(f"{name} was deleted")
        if row.data and (row.data == data or row.updated_at != before):
            return
        row.data = data
        # Later than any count before, whatever the clocks of two machines say: lists tell counts apart by it.
        row.updated_at = max(now, before + timedelta(microseconds=1)) if before else now
        # No list can have been ranked with other statistics before the first ones.
        if before is not None and owe_all(uow.session, RANKING, _live_ids(uow.session), now):
            uow.expect_nudge()
        uow.commit()


def _live_ids(session: Session) -> list[str]:
    return list(session.scalars(select(Post.id).where(Post.status == "published").order_by(Post.id)))


def _has_doubled(platform: Platform, kept: _Kept) -> bool:
    """Whether there are twice as many posts as were counted with their vectors; False when asked a moment ago."""
    if time.monotonic() - kept.asked_at < _ASK_EVERY_SECONDS:
        return False
    kept.asked_at = time.monotonic()
    with platform.reading() as session:
        posts = session.scalar(select(func.count()).select_from(Post).where(*_COUNTED)) or 0
    return 2 * max(kept.counted.pool.embedded, 1) <= min(posts, MOST_POSTS)


def count_pool(platform: Platform, now: datetime) -> PoolStatistics:
    """Over up to MOST_POSTS published posts that all members may read, evenly chosen; vectors are those in the
    index."""
    documents: list[PostDocument] = []
    vectors: dict[str, PostVectors] = {}
    with platform.reading() as session:
        for start in range(0, len(ids := _sample_ids(session)), _BATCH):
            batch = ids[start : start + _BATCH]
            rows = session.scalars(select(Post).where(Post.id.in_(batch)).order_by(Post.id)).all()
            documents += load_documents(session, rows, now).values()
            stored = platform.index.fetch_vectors(batch)
            vectors |= {post_id: PostVectors(*pair) for post_id, pair in stored.items()}
            session.expunge_all()
    pool = PoolStatistics.of_posts([document for document in documents if not says_too_little(document)], vectors)
    # Where nothing was embedded yet, posts that come later must still be comparable.
    pool.dimension = platform.embedder.dimension
    return pool


def _sample_ids(session: Session) -> list[str]:
    ids = list(session.scalars(select(Post.id).where(*_COUNTED).order_by(Post.id)))
    step = max(1, -(-len(ids) // MOST_POSTS))
    return ids[::step]


def _name(platform: Platform) -> str:
    return f"pool:{platform.embedder.model_revision}"[:60]


def _key(platform: Platform) -> str:
    return _name(platform) + str(platform.settings.database_url)

"""The pool's statistics that ranking stands on: counted now and then, shared by all processes through the database.

A process reads them when they changed, at most once a minute; where none were counted yet it counts for itself.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.models import Post, StoredBlob
from matching.ranking.pool import PoolStatistics
from matching.ranking.pool_storage import read_pool, write_pool
from matching.ranking.vectors import PostVectors
from matching.services.indexing import says_too_little
from matching.store.upsert import insert_new

MOST_POSTS = 4000
"""Posts that stand for any number."""
LOOK_EVERY_SECONDS = 60.0
_BATCH = 500


@dataclass
class _Kept:
    pool: PoolStatistics
    counted_at: datetime | None
    looked_at: float
    posts: int


_kept: dict[str, _Kept] = {}
_lock = threading.Lock()


def current_pool(platform: Platform, now: datetime) -> PoolStatistics:
    """The statistics for ranking now. Counts them itself while the platform is young and grows fast."""
    key = _name(platform) + str(platform.settings.database_url)
    with _lock:
        kept = _kept.get(key)
        if kept is not None and time.monotonic() - kept.looked_at < LOOK_EVERY_SECONDS:
            return kept.pool
        with platform.reading() as session:
            counted_at = session.scalar(select(StoredBlob.updated_at).where(StoredBlob.name == _name(platform)))
            if kept is not None and counted_at == kept.counted_at and counted_at is not None:
                kept.looked_at = time.monotonic()
                return kept.pool
            blob = session.get(StoredBlob, _name(platform)) if counted_at is not None else None
            posts = session.scalar(select(func.count()).select_from(Post).where(Post.status == "published")) or 0
        if blob is not None:
            pool = read_pool(blob.data)
        elif kept is not None and posts < 2 * kept.posts:
            kept.looked_at = time.monotonic()
            return kept.pool
        else:
            pool = count_pool(platform, now)
        _kept[key] = _Kept(pool, counted_at, time.monotonic(), posts)
        return pool


def refresh_statistics(platform: Platform, now: datetime) -> None:
    """Count anew and share. Run by the beat, and after imports and rebuilds."""
    data = write_pool(count_pool(platform, now))
    with platform.unit_of_work() as uow:
        insert_new(uow.session, StoredBlob, [{"name": _name(platform), "updated_at": now, "data": data}])
        row = uow.session.get(StoredBlob, _name(platform))
        if row is not None:
            row.data = data
            row.updated_at = now
        uow.commit()


def count_pool(platform: Platform, now: datetime) -> PoolStatistics:
    """Over up to MOST_POSTS published posts, evenly chosen; vectors are those in the index."""
    documents: list[PostDocument] = []
    vectors: dict[str, PostVectors] = {}
    with platform.reading() as session:
        for start in range(0, len(ids := _sample_ids(session)), _BATCH):
            batch = ids[start : start + _BATCH]
            rows = session.scalars(select(Post).where(Post.id.in_(batch)).order_by(Post.id))
            documents += [post.to_document() for post in rows]
            stored = platform.index.fetch_vectors(batch)
            vectors |= {post_id: PostVectors(*pair) for post_id, pair in stored.items()}
            session.expunge_all()
    return PoolStatistics.of_posts([document for document in documents if not says_too_little(document)], vectors)


def _sample_ids(session: Session) -> list[str]:
    ids = list(session.scalars(select(Post.id).where(Post.status == "published").order_by(Post.id)))
    step = max(1, -(-len(ids) // MOST_POSTS))
    return ids[::step]


def _name(platform: Platform) -> str:
    return f"pool:{platform.embedder.model_revision}"[:60]

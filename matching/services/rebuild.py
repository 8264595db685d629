"""A new index beside the present one, filled from the database and swapped in; searches and writes go on meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.embeddings.port import Embedder
from matching.models import Post
from matching.queries.posts import is_live
from matching.queries.works import load_documents
from matching.search.port import Rebuild, WriteReport
from matching.services.indexing import build_entries
from matching.services.statistics import refresh_statistics

POSTS_AT_ONCE = 200

OnProgress = Callable[[int, int | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RebuildReport:
    """`written` entries of live posts; `superseded` met a newer version that arrived meanwhile, which is right."""

    written: int = 0
    superseded: int = 0


def rebuild_index(
    platform: Platform, clock: Callable[[], datetime], *, on_progress: OnProgress | None = None
) -> RebuildReport:
    """Rebuild for the present encoder. Raises what the parts raise; then the old index still answers.

    A post that changes while it is loaded is written to both indexes by whoever changes it, with a higher version.
    """
    embedder = platform.embedder
    rebuild = platform.index.begin_rebuild(model_revision=embedder.model_revision, dimension=embedder.dimension)
    written = superseded = 0
    try:
        ids = _live_ids(platform, clock())
        for done, report in _load(platform, rebuild, embedder, ids, clock):
            written += report.written
            superseded += report.superseded
            if on_progress:
                on_progress(done, len(ids))
        while late := rebuild.catch_up():
            for _, report in _load(platform, rebuild, embedder, list(late), clock):
                written += report.written
                superseded += report.superseded
        rebuild.activate()
    except BaseException:
        rebuild.abort()
        raise
    refresh_statistics(platform, clock())
    return RebuildReport(written=written, superseded=superseded)


def _live_ids(platform: Platform, now: datetime) -> list[str]:
    with platform.reading() as session:
        return list(session.scalars(select(Post.id).where(is_live(now)).order_by(Post.id)))


def _load(
    platform: Platform, rebuild: Rebuild, embedder: Embedder, ids: Sequence[str], clock: Callable[[], datetime]
) -> Iterator[tuple[int, WriteReport]]:
    for start in range(0, len(ids), POSTS_AT_ONCE):
        batch = ids[start : start + POSTS_AT_ONCE]
        # A fresh session each time: the rows must be as they are now, not as they were when the rebuild began.
        with platform.reading() as session:
            now = clock()
            posts = session.scalars(select(Post).where(Post.id.in_(batch), is_live(now))).all()
            report = rebuild.write(build_entries(posts, embedder, load_documents(session, posts, now)))
        if report.failed:
            raise RuntimeError(
                "the index refused " + "; ".join(f"{post_id}: {why}" for post_id, why in report.failed[:5])
            )
        yield start + len(batch), report

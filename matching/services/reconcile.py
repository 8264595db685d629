"""Finds posts whose index entry or suggestions do not match the database, and owes them anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, or_, select

from matching.bootstrap import Platform
from matching.models import OutboxEntry, Post, Suggestion
from matching.store.outbox import POST_CHANGED, RANKING, owe_all


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconcileReport:
    """How many posts differed: `missing` from the index, `stale` there (older version or encoder), `extra` there though
    not live, `unranked` by the present ranker though live. Posts that an open outbox row is about are not counted."""

    missing: int = 0
    stale: int = 0
    extra: int = 0
    unranked: int = 0

    @property
    def healed(self) -> int:
        """Posts that are owed anew."""
        return self.missing + self.stale + self.extra + self.unranked


def reconcile(platform: Platform, now: datetime) -> ReconcileReport:
    """Compare and heal. Work that is on its way is left alone."""
    revision = platform.embedder.model_revision
    indexed = {
        post_id: (version, entry_revision) for post_id, version, entry_revision in platform.index.entry_versions()
    }
    with platform.reading() as session:
        underway = set(session.scalars(select(OutboxEntry.subject_id).where(OutboxEntry.done_at.is_(None))))
        live = dict(
            session.execute(
                select(Post.id, Post.version).where(
                    Post.status == "published", or_(Post.expires_at.is_(None), Post.expires_at > now)
                )
            )
            .tuples()
            .all()
        )
        unranked = set(
            session.scalars(
                select(Post.id).where(
                    Post.id.in_(
                        select(Suggestion.need_id)
                        .where(Suggestion.status == "active", Suggestion.model_revision != platform.ranker.revision)
                        .union(
                            select(Suggestion.capability_id).where(
                                Suggestion.status == "active", Suggestion.model_revision != platform.ranker.revision
                            )
                        )
                    )
                )
            )
        )
        # A post that was never settled since its last change, though no row is open, was lost by hand-work.
        never = set(
            session.scalars(
                select(Post.id).where(
                    Post.status == "published",
                    ~exists().where(OutboxEntry.subject_id == Post.id, OutboxEntry.topic == POST_CHANGED),
                    ~exists().where(Suggestion.need_id == Post.id),
                    ~exists().where(Suggestion.capability_id == Post.id),
                )
            )
        )
    missing = {post_id for post_id in live if post_id not in indexed} - underway
    stale = {
        post_id
        for post_id, version in live.items()
        if post_id in indexed and (indexed[post_id][0] < version or indexed[post_id][1] != revision)
    } - underway
    extra = {post_id for post_id in indexed if post_id not in live} - underway
    rank_again = (unranked | never) & set(live) - missing - stale - underway
    with platform.unit_of_work() as uow:
        if owe_all(uow.session, POST_CHANGED, sorted(missing | stale | extra), now):
            uow.expect_nudge()
        if owe_all(uow.session, RANKING, sorted(rank_again), now):
            uow.expect_nudge()
        uow.commit()
    return ReconcileReport(missing=len(missing), stale=len(stale), extra=len(extra), unranked=len(rank_again))

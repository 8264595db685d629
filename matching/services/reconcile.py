"""Finds posts whose index entry or suggestions do not match the database, and owes them anew."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from matching.bootstrap import Platform
from matching.models import OutboxEntry, Post, Suggestion
from matching.queries.posts import is_live
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
        live = dict(session.execute(select(Post.id, Post.version).where(is_live(now))).tuples().all())
        unranked = _ranked_by_others(session, platform.ranker.revision) | _ranked_before_changes(session)
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
    rank_again = (unranked | never) & live.keys() - missing - stale - underway
    with platform.unit_of_work() as uow:
        if owe_all(uow.session, POST_CHANGED, sorted(missing | stale | extra), now):
            uow.expect_nudge()
        if owe_all(uow.session, RANKING, sorted(rank_again), now):
            uow.expect_nudge()
        uow.commit()
    return ReconcileReport(missing=len(missing), stale=len(stale), extra=len(extra), unranked=len(rank_again))


def _ranked_by_others(session: Session, revision: str) -> set[str]:
    """Posts whose list is that of another model revision."""
    other = Suggestion.model_revision != revision
    return set(
        session.scalars(
            select(Suggestion.need_id)
            .where(Suggestion.need_rank.is_not(None), other)
            .union(select(Suggestion.capability_id).where(Suggestion.capability_rank.is_not(None), other))
        )
    )


def _ranked_before_changes(session: Session) -> set[str]:
    """Posts in whose list a pair stands that is of an earlier version, or whose other post is no longer published, and
    posts whose list has a gap or two of one rank."""
    need, capability = aliased(Post.__table__), aliased(Post.__table__)
    outdated = (
        select(Suggestion.need_id, Suggestion.capability_id)
        .join(need, need.c.id == Suggestion.need_id)
        .join(capability, capability.c.id == Suggestion.capability_id)
        .where(
            Suggestion.status == "active",
            or_(
                need.c.version != Suggestion.need_version,
                capability.c.version != Suggestion.capability_version,
                need.c.status != "published",
                capability.c.status != "published",
            ),
        )
    )
    found = {post_id for pair in session.execute(outdated) for post_id in pair}
    for post_id, rank in (
        (Suggestion.need_id, Suggestion.need_rank),
        (Suggestion.capability_id, Suggestion.capability_rank),
    ):
        found |= set(
            session.scalars(
                select(post_id)
                .where(rank.is_not(None), Suggestion.status == "active")
                .group_by(post_id)
                .having(or_(func.count() != func.max(rank), func.count() != func.count(rank.distinct())))
            )
        )
    return found

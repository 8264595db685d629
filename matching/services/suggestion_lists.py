"""Stored lists: each post keeps its best few suggestions, and a pair may stand in the list of either side.

When a post changes, its own list is replaced, and it is put into or taken out of the lists of those it was scored with:
scores depend on the pair and the pool alone, so the other list needs no new ranking for that. Only where a post
leaves a list and its place may belong to somebody else, a ranking of that list is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from matching.documents import PostDocument, Side
from matching.models import Post, Suggestion
from matching.models.base import new_id
from matching.store.upsert import insert_new


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPair:
    """A pair ready to be stored or shown. `reasons` are JSON objects as the contract says."""

    other: PostDocument
    score: float
    probability: float | None
    reasons: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of one side's list in `Suggestion`."""

    post_id: InstrumentedAttribute[str]
    rank: InstrumentedAttribute[int | None]
    score: InstrumentedAttribute[float | None]


_OF_NEED = _Columns(Suggestion.need_id, Suggestion.need_rank, Suggestion.need_score)
_OF_CAPABILITY = _Columns(Suggestion.capability_id, Suggestion.capability_rank, Suggestion.capability_score)


def _columns(side: str) -> tuple[_Columns, _Columns]:
    """(own, other) for a post of that side."""
    return (_OF_NEED, _OF_CAPABILITY) if side == "need" else (_OF_CAPABILITY, _OF_NEED)


def least_scores(session: Session, side: Side, post_ids: Sequence[str], revision: str, length: int) -> dict[str, float]:
    """For posts of `side` whose list is full: the score to beat. Those with room are not in the result."""
    own, _ = _columns(side)
    found: dict[str, float] = {}
    for start in range(0, len(post_ids), 500):
        rows = session.execute(
            select(own.post_id, func.count(), func.min(own.score))
            .where(
                own.post_id.in_(post_ids[start : start + 500]),
                own.rank.is_not(None),
                Suggestion.status == "active",
                Suggestion.model_revision == revision,
            )
            .group_by(own.post_id)
        )
        found |= {post_id: least for post_id, count, least in rows if count >= length and least is not None}
    return found


def replace_list(
    session: Session,
    post: Post,
    pairs: Sequence[ListedPair],
    revision: str,
    now: datetime,
    *,
    length: int,
    others_too: bool,
) -> list[str]:
    """Store the post's list: the first `length` of `pairs`, which are sorted best first.

    With `others_too` all `pairs` also enter the lists of the other side as far as they are good enough there. Returns
    the posts whose lists lost a place and must be ranked anew. Posts that are no longer published are left out; the
    posts' rows are locked until the transaction ends, so that two tasks cannot change one list at once.
    """
    own, other = _columns(post.side)
    former = {
        row.other_id: (row.other_score, row.other_rank)
        for row in session.execute(
            select(
                other.post_id.label("other_id"), other.score.label("other_score"), other.rank.label("other_rank")
            ).where(own.post_id == post.id, Suggestion.status == "active")
        )
    }
    versions = _lock_live(session, [post.id, *former, *(pair.other.id for pair in pairs)])
    kept = [pair for pair in pairs if pair.other.id in versions] if post.id in versions else []

    insert_new(session, Suggestion, [_new_row(post, pair, revision, now) for pair in kept])
    session.execute(update(Suggestion).where(own.post_id == post.id).values({own.rank: None}))
    for rank, pair in enumerate(kept, start=1):
        session.execute(
            update(Suggestion)
            .where(own.post_id == post.id, other.post_id == pair.other.id, Suggestion.model_revision == revision)
            .values(
                {
                    own.rank: rank if rank <= length else None,
                    own.score: pair.score,
                    "probability": pair.probability,
                    "reasons": pair.reasons,
                    **_versions(post, pair),
                    "updated_at": now,
                }
            )
        )
    owed: list[str] = []
    if others_too:
        owed = _update_other_lists(session, post, kept, former, revision, length=length)
    _tell_status(session, own.post_id == post.id, revision)
    return [post_id for post_id in owed if post_id in versions]


def _update_other_lists(
    session: Session,
    post: Post,
    kept: Sequence[ListedPair],
    former: dict[str, tuple[float | None, int | None]],
    revision: str,
    *,
    length: int,
) -> list[str]:
    own, other = _columns(post.side)
    owed = []
    entering = {pair.other.id: pair.score for pair in kept}
    for other_id, (score, rank) in former.items():
        if rank is not None and (other_id not in entering or entering[other_id] < (score or 0.0)):
            owed.append(other_id)
    gone = [other_id for other_id in former if other_id not in entering]
    if gone:
        session.execute(
            update(Suggestion)
            .where(own.post_id == post.id, other.post_id.in_(gone))
            .values({own.rank: None, other.rank: None})
        )
    for other_id, score in entering.items():
        _enter_list(session, other, other_id, own.post_id == post.id, score, revision, length)
    return owed


def _enter_list(
    session: Session,
    columns: _Columns,
    list_of: str,
    the_pair: ColumnElement[bool],
    score: float,
    revision: str,
    length: int,
) -> None:
    """Put a pair into the list of `list_of` by its score, and renumber it."""
    in_list = (columns.post_id == list_of) & (Suggestion.model_revision == revision)
    session.execute(update(Suggestion).where(in_list, the_pair).values({columns.score: score}))
    rows = session.execute(
        select(Suggestion.id, columns.rank)
        .where(in_list, columns.rank.is_not(None) | the_pair)
        .order_by(columns.score.desc(), Suggestion.id)
    ).all()
    dropped = []
    for rank, (row_id, present) in enumerate(rows, start=1):
        wanted = rank if rank <= length else None
        if wanted != present:
            session.execute(update(Suggestion).where(Suggestion.id == row_id).values({columns.rank: wanted}))
        if wanted is None:
            dropped.append(row_id)
    if dropped:
        _tell_status(session, Suggestion.id.in_(dropped), revision)


def _tell_status(session: Session, which: ColumnElement[bool], revision: str) -> None:
    """A pair is active while it stands in a list of the present revision."""
    out = (Suggestion.need_rank.is_(None) & Suggestion.capability_rank.is_(None)) | (
        Suggestion.model_revision != revision
    )
    session.execute(update(Suggestion).where(which).values(status=case((out, "withdrawn"), else_="active")))


def _lock_live(session: Session, post_ids: Iterable[str]) -> dict[str, int]:
    """Versions of those of the posts that are published now; locked, in one order, until the transaction ends.

    On SQLite the whole transaction holds the write lock already.
    """
    wanted = sorted(set(post_ids))
    found: dict[str, int] = {}
    for start in range(0, len(wanted), 500):
        rows = session.execute(
            select(Post.__table__.c.id, Post.__table__.c.version)
            .where(Post.__table__.c.id.in_(wanted[start : start + 500]), Post.__table__.c.status == "published")
            .order_by(Post.__table__.c.id)
            .with_for_update(key_share=True)
        )
        found |= {row.id: row.version for row in rows}
    return found


def _versions(post: Post, pair: ListedPair) -> dict[str, int]:
    if post.side == "need":
        return {"need_version": post.version, "capability_version": pair.other.version}
    return {"need_version": pair.other.version, "capability_version": post.version}


def _new_row(post: Post, pair: ListedPair, revision: str, now: datetime) -> dict[str, Any]:
    need_id, capability_id = (post.id, pair.other.id) if post.side == "need" else (pair.other.id, post.id)
    return {
        "id": new_id(),
        "need_id": need_id,
        "capability_id": capability_id,
        "model_revision": revision,
        "status": "withdrawn",
        "need_rank": None,
        "need_score": None,
        "capability_rank": None,
        "capability_score": None,
        "probability": pair.probability,
        "reasons": pair.reasons,
        **_versions(post, pair),
        "created_at": now,
        "updated_at": now,
    }

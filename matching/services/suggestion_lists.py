"""Stored lists: each post keeps its best few suggestions, and a pair may stand in the list of either side.

When a post changes, its own list is replaced, and it is put into or taken out of the lists of those it was scored with:
scores depend on the pair and the pool alone, so the other list needs no new ranking for that. Only where a post
leaves a list and its place may belong to somebody else, a ranking of that list is owed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from matching.documents import PostDocument, Side
from matching.models import Post, Suggestion
from matching.models.base import new_id
from matching.store.upsert import insert_new

_ROUNDING = 1e-6
"""Scores of a pair seen from its two sides may differ by so much."""


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


@dataclass(frozen=True, slots=True)
class PresentLists:
    """The active pairs of a post. `seen` says for each row what a ranking would change; rows that only move do not
    differ. `standing`: posts of the other side in whose list the post stands."""

    seen: Mapping[str, object]
    standing: frozenset[str]


def read_lists(session: Session, post: Post) -> PresentLists:
    """Where the post stands now."""
    own, other = _columns(post.side)
    rows = session.execute(
        select(
            Suggestion.id,
            other.post_id.label("other_id"),
            other.rank.label("other_rank"),
            Suggestion.need_score,
            Suggestion.capability_score,
            Suggestion.need_version,
            Suggestion.capability_version,
        ).where(own.post_id == post.id, Suggestion.status == "active")
    ).all()
    return PresentLists(
        {row.id: (row.need_score, row.capability_score, row.need_version, row.capability_version) for row in rows},
        frozenset(row.other_id for row in rows if row.other_rank is not None),
    )


def replace_list(
    session: Session,
    post: Post,
    pairs: Sequence[ListedPair],
    revision: str,
    now: datetime,
    *,
    length: int,
    others_too: bool,
    seen: Mapping[str, object],
) -> list[str] | None:
    """Store the post's list: the first `length` of `pairs`, which are sorted best first.

    With `others_too` all `pairs` also enter the lists of the other side as far as they are good enough there. Returns
    the posts whose lists lost a place and must be ranked anew. The posts' rows are locked until the transaction ends,
    so that two tasks cannot change one list at once.

    None, and nothing is stored, when the ranking no longer holds: the post or one of `pairs` has another version or is
    no longer published, or the lists differ from what `read_lists` gave as `seen` before the ranking.
    """
    own, other = _columns(post.side)
    former_ids = session.scalars(select(other.post_id).where(own.post_id == post.id, Suggestion.status == "active"))
    states = _lock_posts(session, [post.id, *former_ids, *(pair.other.id for pair in pairs)])
    if states.get(post.id, ("", 0))[1] != post.version or read_lists(session, post).seen != seen:
        return None
    if any(states.get(pair.other.id) != ("published", pair.other.version) for pair in pairs):
        return None
    if pairs and states[post.id][0] != "published":
        return None

    insert_new(session, Suggestion, [_new_row(post, pair, revision, now) for pair in pairs])
    rows = {row.id: row for row in _own_rows(session, own, other, post, [pair.other.id for pair in pairs], revision)}
    changes: dict[str, dict[str, Any]] = {}
    places = {pair.other.id: (rank, pair) for rank, pair in enumerate(pairs, start=1)}
    owed = []
    for row in rows.values():
        if row.model_revision == revision and row.other_id in places:
            rank, pair = places[row.other_id]
            changes[row.id] = {
                own.rank.key: rank if rank <= length else None,
                own.score.key: pair.score,
                "probability": pair.probability,
                "reasons": pair.reasons,
                **_versions(post, pair),
                "updated_at": now,
            }
            lost = others_too and row.other_rank is not None and pair.score < (row.other_score or 0.0) - _ROUNDING
        else:
            changes[row.id] = {own.rank.key: None}
            if others_too:
                changes[row.id][other.rank.key] = None
            lost = others_too and row.other_rank is not None
        if lost and states[row.other_id][0] == "published":
            owed.append(row.other_id)
    if others_too and pairs:
        scores = {pair.other.id: pair.score for pair in pairs}
        for row_id, columns in _enter_lists(session, other, own.post_id == post.id, scores, revision, length).items():
            changes.setdefault(row_id, {}).update(columns)
    _apply(session, changes, revision)
    return list(dict.fromkeys(owed))


def _own_rows(
    session: Session, own: _Columns, other: _Columns, post: Post, other_ids: Sequence[str], revision: str
) -> list[Row[Any]]:
    """Rows of the post that are active, hold a rank, or are about `other_ids` in this revision."""
    wanted = (Suggestion.status == "active") | own.rank.is_not(None)
    if other_ids:
        wanted |= other.post_id.in_(other_ids) & (Suggestion.model_revision == revision)
    return list(
        session.execute(
            select(
                Suggestion.id,
                Suggestion.model_revision,
                other.post_id.label("other_id"),
                other.rank.label("other_rank"),
                other.score.label("other_score"),
            ).where(own.post_id == post.id, wanted)
        )
    )


def _enter_lists(
    session: Session,
    columns: _Columns,
    the_post: ColumnElement[bool],
    scores: Mapping[str, float],
    revision: str,
    length: int,
) -> dict[str, dict[str, Any]]:
    """What changes by row id when the post enters the lists of the posts in `scores` by its scores there."""
    lists: dict[str, list[tuple[float, str, int | None]]] = {}
    changes: dict[str, dict[str, Any]] = {}
    wanted = list(scores)
    for start in range(0, len(wanted), 500):
        for row in session.execute(
            select(
                Suggestion.id,
                columns.post_id.label("list_of"),
                columns.rank.label("rank"),
                columns.score.label("score"),
                the_post.label("entering"),
            ).where(
                columns.post_id.in_(wanted[start : start + 500]),
                Suggestion.model_revision == revision,
                columns.rank.is_not(None) | the_post,
            )
        ):
            score = row.score or 0.0
            if row.entering:
                score = scores[row.list_of]
                changes[row.id] = {columns.score.key: score}
            lists.setdefault(row.list_of, []).append((-score, row.id, row.rank))
    for places in lists.values():
        for rank, (_, row_id, present) in enumerate(sorted(places, key=lambda place: place[:2]), start=1):
            if (rank if rank <= length else None) != present:
                changes.setdefault(row_id, {})[columns.rank.key] = rank if rank <= length else None
    return changes


def _apply(session: Session, changes: Mapping[str, dict[str, Any]], revision: str) -> None:
    """Write the changes and what status follows from them. Rows are locked in one order first: two tasks that hold
    different posts may still meet in the rows of pairs between them."""
    ids = sorted(changes)
    for start in range(0, len(ids), 500):
        part = ids[start : start + 500]
        session.execute(select(Suggestion.id).where(Suggestion.id.in_(part)).order_by(Suggestion.id).with_for_update())
    by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row_id in ids:
        by_columns.setdefault(tuple(changes[row_id]), []).append({"id": row_id, **changes[row_id]})
    for rows in by_columns.values():
        session.execute(update(Suggestion), rows)
    # A pair is active while it stands in a list of the present revision.
    out = (Suggestion.need_rank.is_(None) & Suggestion.capability_rank.is_(None)) | (
        Suggestion.model_revision != revision
    )
    for start in range(0, len(ids), 500):
        session.execute(
            update(Suggestion)
            .where(Suggestion.id.in_(ids[start : start + 500]))
            .values(status=case((out, "withdrawn"), else_="active"))
            .execution_options(synchronize_session=False)
        )


def _lock_posts(session: Session, post_ids: Iterable[str]) -> dict[str, tuple[str, int]]:
    """Status and version of the posts as they are now; locked, in one order, until the transaction ends.

    On SQLite the whole transaction holds the write lock already.
    """
    table = Post.__table__
    wanted = sorted(set(post_ids))
    found: dict[str, tuple[str, int]] = {}
    for start in range(0, len(wanted), 500):
        rows = session.execute(
            select(table.c.id, table.c.status, table.c.version)
            .where(table.c.id.in_(wanted[start : start + 500]))
            .order_by(table.c.id)
            .with_for_update(key_share=True)
        )
        found |= {row.id: (row.status, row.version) for row in rows}
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


def lock_pair(session: Session, *post_ids: str | None) -> None:
    """Make others who answer, ask about or rank the same posts wait until the transaction ends.

    Whoever will change an interest, too, takes this lock first: two who take them in different orders would wait for
    each other.
    """
    _lock_posts(session, [post_id for post_id in post_ids if post_id is not None])


def withdraw_pair(session: Session, need_id: str, capability_id: str, now: datetime) -> None:
    """Take a pair out of both lists at once, before the rankings that are owed for it close the gaps."""
    _lock_posts(session, [need_id, capability_id])
    session.execute(
        update(Suggestion)
        .where(Suggestion.need_id == need_id, Suggestion.capability_id == capability_id)
        .values(need_rank=None, capability_rank=None, status="withdrawn", updated_at=now)
        .execution_options(synchronize_session=False)
    )

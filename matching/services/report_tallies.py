"""Counts beforehand what reports show, so that a page over twenty thousand posts opens at once. Run by the beat; only
rows that differ are written.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, func, insert, inspect, select, true, tuple_
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.clock import shanghai_day
from matching.models import Base, NeedPartner, NeedProgress, Post, ReportTally, Suggestion, SuggestionTally
from matching.queries.reports import read_partners, read_progress

LEAST_NEEDS = 1500
"""Fewer published needs are counted when the page is asked for, so that small installations always see the moment."""
_AT_ONCE = 400


def count_reports(platform: Platform, now: datetime, *, least: int = LEAST_NEEDS) -> int:
    """Bring what is counted in line with the rows; returns how many rows differed. With fewer published needs than
    `least` nothing is kept beforehand.

    It is read first and written afterwards in short transactions: on SQLite nobody else could write meanwhile.
    """
    with platform.reading() as session:
        published = (
            select(func.count()).select_from(Post.__table__).where(Post.side == "need", Post.published_at.is_not(None))
        )
        few = (session.scalar(published) or 0) < least
    if few:
        with platform.unit_of_work() as uow:
            uow.session.execute(delete(ReportTally))
            uow.commit()
        return 0
    with platform.reading() as session:
        progress = {
            (row.need_id,): (row.published_at, row.month, row.region_code, row.town, row.industries, row.reached)
            for row in read_progress(session, true()).values()
        }
        partners = {tuple(key): (reached,) for key, reached in read_partners(session, true()).items()}
        made: dict[tuple[Any, ...], tuple[Any, ...]] = {
            key: (count,) for key, count in _suggestions_by_day(session).items()
        }
        changes = [
            _differences(session, NeedProgress, 1, progress),
            _differences(session, NeedPartner, 4, partners),
            _differences(session, SuggestionTally, 3, made),
        ]
    changed = 0
    for table, gone, new in changes:
        changed += len(gone | set(new))
        _write(platform, table, gone, new)
    with platform.unit_of_work() as uow:
        row = uow.session.get(ReportTally, 1)
        if row is None:
            uow.session.add(ReportTally(id=1, counted_at=now))
        else:
            row.counted_at = now
        uow.commit()
    return changed


def _suggestions_by_day(session: Session) -> dict[tuple[Any, ...], int]:
    post = Post.__table__
    counted: dict[tuple[Any, ...], int] = {}
    for created_at, region_code, revision in session.execute(
        select(Suggestion.created_at, post.c.region_code, Suggestion.model_revision)
        .join(post, post.c.id == Suggestion.need_id)
        .where(post.c.status != "draft")
    ):
        key = (shanghai_day(created_at), region_code, revision)
        counted[key] = counted.get(key, 0) + 1
    return counted


Change = tuple[type[Base], set[tuple[Any, ...]], dict[tuple[Any, ...], tuple[Any, ...]]]
"""A table, keys to delete, rows to write."""


def _differences(
    session: Session, table: type[Base], keys: int, wanted: dict[tuple[Any, ...], tuple[Any, ...]]
) -> Change:
    statement: Select[Any] = select(*table.__table__.columns)
    present = {tuple(row[:keys]): tuple(row[keys:]) for row in session.execute(statement)}
    gone = {key for key in present if wanted.get(key) != present[key]}
    new = {key: values for key, values in wanted.items() if present.get(key) != values}
    return table, gone, new


def _write(
    platform: Platform, table: type[Base], gone: set[tuple[Any, ...]], new: dict[tuple[Any, ...], tuple[Any, ...]]
) -> None:
    columns = [column.name for column in table.__table__.columns]
    key_columns = list(inspect(table).primary_key)
    # A changed row is deleted and written anew, in one transaction with those that come with it.
    keys = sorted(gone | set(new), key=repr)
    for start in range(0, len(keys), _AT_ONCE):
        part = keys[start : start + _AT_ONCE]
        with platform.unit_of_work() as uow:
            old = [key for key in part if key in gone]
            if old:
                uow.session.execute(delete(table).where(tuple_(*key_columns).in_(old)))
            rows = [dict(zip(columns, (*key, *new[key]), strict=True)) for key in part if key in new]
            if table is not SuggestionTally:
                rows = _still_there(uow.session, rows)
            if rows:
                uow.session.execute(insert(table), rows)
            uow.commit()


def _still_there(session: Session, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without those whose need was deleted since it was read."""
    ids = sorted({str(row["need_id"]) for row in rows})
    known = set(session.scalars(select(Post.__table__.c.id).where(Post.__table__.c.id.in_(ids)))) if ids else set()
    return [row for row in rows if row["need_id"] in known]

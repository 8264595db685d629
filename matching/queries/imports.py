"""Reads of uploaded files for the pages of their owner."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.models import ImportJob, ImportRow

ROWS_PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class RowPage:
    """Some rows of a file; `pages` is at least 1."""

    rows: list[ImportRow]
    counts: dict[str, int]
    page: int
    pages: int


def list_imports(session: Session, user_id: str, *, limit: int = 30) -> list[ImportJob]:
    """A person's files, the latest first."""
    return list(
        session.scalars(
            select(ImportJob)
            .where(ImportJob.user_id == user_id)
            .order_by(ImportJob.created_at.desc(), ImportJob.id)
            .limit(limit)
        )
    )


def list_rows(session: Session, job_id: str, *, status: str | None = None, page: int = 1) -> RowPage:
    """Rows of a file in its order, of one status or all; a page beyond the last is the last."""
    counts = dict(
        session.execute(
            select(ImportRow.status, func.count()).where(ImportRow.job_id == job_id).group_by(ImportRow.status)
        )
        .tuples()
        .all()
    )
    total = counts.get(status, 0) if status else sum(counts.values())
    pages = max(1, -(-total // ROWS_PER_PAGE))
    page = min(max(1, page), pages)
    statement = select(ImportRow).where(ImportRow.job_id == job_id).order_by(ImportRow.number)
    if status:
        statement = statement.where(ImportRow.status == status)
    rows = session.scalars(statement.offset((page - 1) * ROWS_PER_PAGE).limit(ROWS_PER_PAGE))
    return RowPage(list(rows), counts, page, pages)

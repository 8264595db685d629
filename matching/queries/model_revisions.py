"""Reads of the rankers that were trained on this platform."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import ModelRevision


def active_revision_id(session: Session) -> str | None:
    """The revision in use; None: the shipped ranker."""
    return session.scalar(
        select(ModelRevision.id)
        .where(ModelRevision.state == "active")
        .order_by(ModelRevision.activated_at.desc(), ModelRevision.id)
        .limit(1)
    )


def revision_content(session: Session, revision_id: str) -> bytes:
    """The ranker's file."""
    return session.scalars(select(ModelRevision.data).where(ModelRevision.id == revision_id)).one()


def list_revisions(session: Session, *, limit: int = 100) -> list[ModelRevision]:
    """All revisions with their figures, the latest first."""
    return list(
        session.scalars(select(ModelRevision).order_by(ModelRevision.created_at.desc(), ModelRevision.id).limit(limit))
    )

"""Reads of works: for an expert's page, and as what an expertise is ranked by."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.documents import PostDocument, WorkText
from matching.models import CapabilityExpert, Expert, ExpertWork, Post, Work
from matching.ranking.works import MOST_WORKS

logger = logging.getLogger(__name__)


def list_works(
    session: Session, expert_id: str, *, with_hidden: bool = False, limit: int = 500
) -> list[tuple[Work, bool]]:
    """(work, hidden) of an expert, the latest first; hidden ones are for those who keep the entry only."""
    statement = (
        select(Work, ExpertWork.hidden)
        .join(ExpertWork, ExpertWork.work_id == Work.id)
        .where(ExpertWork.expert_id == expert_id)
        .order_by(Work.year.is_(None), Work.year.desc(), Work.title, Work.id)
        .limit(limit)
    )
    if not with_hidden:
        statement = statement.where(~ExpertWork.hidden)
    return list(session.execute(statement).tuples())


def load_documents(session: Session, posts: Sequence[Post], now: datetime) -> dict[str, PostDocument]:
    """The posts as matching sees them, each `expertise` with the works of its experts; by id.

    A profile that cannot be made a document is left out with a line in the log, and stops no other.
    """
    documents: dict[str, PostDocument] = {}
    for post in posts:
        try:
            documents[post.id] = post.to_document()
        except Exception:
            logger.exception("post %s cannot be matched", post.id)
    offers = [post_id for post_id, document in documents.items() if document.kind == "expertise"]
    for post_id, works in _works_of(session, offers, now).items():
        documents[post_id] = replace(documents[post_id], works=works)
    return documents


def _works_of(session: Session, capability_ids: Sequence[str], now: datetime) -> dict[str, tuple[WorkText, ...]]:
    """The latest works of the experts behind each capability; one that two of them wrote counts once."""
    found: dict[str, dict[str, WorkText]] = {}
    for start in range(0, len(capability_ids), 500):
        rows = session.execute(
            select(CapabilityExpert.capability_id, Work.id, Work.title, Work.abstract, Work.keywords, Work.year)
            .join(ExpertWork, ExpertWork.expert_id == CapabilityExpert.expert_id)
            .join(Work, Work.id == ExpertWork.work_id)
            .join(Expert, Expert.id == ExpertWork.expert_id)
            .where(
                CapabilityExpert.capability_id.in_(capability_ids[start : start + 500]),
                ~ExpertWork.hidden,
                ~Expert.hidden,
            )
            .order_by(Work.year.is_(None), Work.year.desc(), Work.id)
        ).tuples()
        for capability_id, work_id, title, abstract, keywords, year in rows:
            works = found.setdefault(capability_id, {})
            if len(works) < MOST_WORKS:
                text = "\n".join(part for part in ("，".join(keywords or ()), abstract) if part)
                age = None if year is None else max(0.0, float(now.year - year))
                works[work_id] = WorkText(id=work_id, title=title, text=text, year=year, age=age)
    return {capability_id: tuple(works.values()) for capability_id, works in found.items()}

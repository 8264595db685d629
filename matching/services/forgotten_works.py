"""What becomes of works when an expert's entry goes."""

from __future__ import annotations

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import Session

from matching.models import ExpertWork, Work


def forget_works(session: Session, expert_id: str) -> None:
    """Take an expert's works away, and those that are nobody else's altogether; within a use case that commits."""
    own = list(session.scalars(select(ExpertWork.work_id).where(ExpertWork.expert_id == expert_id)))
    session.execute(delete(ExpertWork).where(ExpertWork.expert_id == expert_id))
    for start in range(0, len(own), 500):
        session.execute(
            delete(Work)
            .where(Work.id.in_(own[start : start + 500]), ~exists().where(ExpertWork.work_id == Work.id))
            .execution_options(synchronize_session=False)
        )

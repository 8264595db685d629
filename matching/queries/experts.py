"""Reads of experts for pages and forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from matching.clock import shanghai_day
from matching.models import Affiliation, Expert


def list_experts_of(session: Session, organisation_ids: Sequence[str], now: datetime) -> list[Expert]:
    """The experts whom the organisations employ or retain today, by name."""
    if not organisation_ids:
        return []
    today = shanghai_day(now)
    return list(
        session.scalars(
            select(Expert)
            .where(
                Expert.id.in_(
                    select(Affiliation.expert_id).where(
                        Affiliation.organisation_id.in_(organisation_ids),
                        or_(Affiliation.starts_on.is_(None), Affiliation.starts_on <= today),
                        or_(Affiliation.ends_on.is_(None), Affiliation.ends_on >= today),
                    )
                )
            )
            .order_by(Expert.name, Expert.id)
        )
    )

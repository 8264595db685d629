"""The numbers of the start page: counted, never rounded up, and only over what everybody may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from matching.models import Post
from matching.policy import Audience
from matching.queries.posts import visible_posts

RECENT = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeFigures:
    """Public posts of each side, the organisations behind them, and how many were published within RECENT."""

    needs: int
    capabilities: int
    organisations: int
    published_recently: int


def home_figures(session: Session, now: datetime) -> HomeFigures:
    """The figures as a visitor may know them, whoever reads."""
    public = visible_posts(Audience(), now)
    by_side = dict(session.execute(select(Post.side, func.count()).where(public).group_by(Post.side)).tuples().all())
    organisations, recent = session.execute(
        select(
            func.count(Post.organisation_id.distinct()),
            func.count().filter(Post.published_at > now - RECENT),
        ).where(public)
    ).one()
    return HomeFigures(
        needs=by_side.get("need", 0),
        capabilities=by_side.get("capability", 0),
        organisations=organisations,
        published_recently=recent,
    )

"""The numbers of the start page: counted, never rounded up, and only over what everybody may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, func, select
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


KEPT = timedelta(seconds=30)
MANY = 1000
"""From so many posts on, counting takes longer than the page, and nobody sees what half a minute adds."""
_kept: WeakKeyDictionary[Engine, tuple[datetime, HomeFigures]] = WeakKeyDictionary()


def home_figures(session: Session, now: datetime) -> HomeFigures:
    """The figures as a visitor may know them, whoever reads; of MANY posts, as they were within the last KEPT."""
    engine = session.get_bind().engine
    kept = _kept.get(engine)
    if kept is not None and timedelta() <= now - kept[0] < KEPT:
        return kept[1]
    figures = _count(session, now)
    if figures.needs + figures.capabilities >= MANY:
        _kept[engine] = (now, figures)
    return figures


def _count(session: Session, now: datetime) -> HomeFigures:
    public = visible_posts(Audience(), now)
    counted = func.count(), func.count().filter(Post.published_at > now - RECENT)
    rows = session.execute(select(Post.side, *counted).where(public).group_by(Post.side)).tuples()
    by_side = {side: (count, recent) for side, count, recent in rows}
    organisations = session.scalar(select(func.count(Post.organisation_id.distinct())).where(public)) or 0
    return HomeFigures(
        needs=by_side.get("need", (0, 0))[0],
        capabilities=by_side.get("capability", (0, 0))[0],
        organisations=organisations,
        published_recently=sum(recent for _, recent in by_side.values()),
    )

"""What people said and did about pairs, as graded judgements to learn from.

| what happened | level |
|---|---|
| visit, terms or contract of an engagement | 4 |
| engagement begun, suggestion accepted, "already in contact" | 3 |
| declined: same field, another problem; not mature; too vague | 2 |
| declined: not my field | 1 |

Declined for want of time, money or capacity, or because of a conflict, says nothing about whether the texts fit, and is
left out. The highest thing that happened counts; of two answers the lower one, since both must find it fits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.documents import PostDocument
from matching.models import Engagement, Post, SuggestionAnswer
from matching.policy import is_live
from matching.queries.works import load_documents
from matching.ranking.evaluate import JudgedSet

PLATFORM_SET = "platform"
MOST_OTHERS = 3000
"""Live capabilities that nobody judged, for recall among all."""

_DECLINED = {"not_my_field": 1, "wrong_problem": 2, "not_mature": 2, "too_vague": 2, "already_known": 3}
_STAGES = {"contact": 3, "talk": 3, "visit": 4, "terms": 4, "contract": 4, "closed": 3}


def judged_levels(session: Session) -> dict[str, dict[str, int]]:
    """need id → capability id → 1–4, from present answers and from engagements."""
    answered: dict[tuple[str, str], int] = {}
    for need_id, capability_id, kind, reason in session.execute(
        select(
            SuggestionAnswer.need_id,
            SuggestionAnswer.capability_id,
            SuggestionAnswer.kind,
            SuggestionAnswer.reason_code,
        ).where(SuggestionAnswer.withdrawn_at.is_(None))
    ).tuples():
        level = 3 if kind == "accept" else _DECLINED.get(reason or "") if kind == "decline" else None
        if level is not None:
            pair = (need_id, capability_id)
            answered[pair] = min(level, answered.get(pair, level))
    for need, capability, stage, outcome in session.execute(
        select(Engagement.need_id, Engagement.capability_id, Engagement.stage, Engagement.outcome).where(
            Engagement.need_id.is_not(None), Engagement.capability_id.is_not(None)
        )
    ).tuples():
        level = 4 if outcome == "contract" else _STAGES.get(stage, 3)
        answered[str(need), str(capability)] = max(level, answered.get((str(need), str(capability)), level))
    levels: dict[str, dict[str, int]] = {}
    for (need_id, capability_id), level in sorted(answered.items()):
        levels.setdefault(need_id, {})[capability_id] = level
    return levels


def load_platform_judgements(session: Session, now: datetime) -> JudgedSet:
    """The judged posts as they read now, and other live capabilities beside them."""
    levels = judged_levels(session)
    judged = {capability_id for of_need in levels.values() for capability_id in of_need}
    others = session.scalars(
        select(Post.id)
        .where(Post.side == "capability", Post.status == "published", Post.visibility != "staff")
        .order_by(Post.published_at.desc(), Post.id)
        .limit(MOST_OTHERS)
    ).all()
    needs: list[PostDocument] = []
    capabilities: list[PostDocument] = []
    for side, ids in (("need", sorted(levels)), ("capability", sorted(judged | set(others)))):
        for start in range(0, len(ids), 500):
            posts = session.scalars(select(Post).where(Post.id.in_(ids[start : start + 500])).order_by(Post.id)).all()
            found = load_documents(
                session, [p for p in posts if p.id in judged or side == "need" or is_live(p, now)], now
            )
            (needs if side == "need" else capabilities).extend(found.values())
    known = {capability.id for capability in capabilities}
    kept = {need.id: {key: level for key, level in levels[need.id].items() if key in known} for need in needs}
    return JudgedSet(
        name=PLATFORM_SET,
        needs=[need for need in needs if kept[need.id]],
        capabilities=capabilities,
        levels={need_id: of_need for need_id, of_need in kept.items() if of_need},
    )

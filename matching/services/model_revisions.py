"""Rankers that learn from use: trained from what people did with suggestions, compared, activated, taken back.

A revision is activated only where it is no worse on the judged sets. Suggestions keep the revision that made them;
activating another one owes every live post a new ranking.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import ModelRevision, Post
from matching.queries.judgements import PLATFORM_SET, load_platform_judgements
from matching.ranking.evaluate import load_judged_set
from matching.ranking.learned import digest_of, parse_ranker
from matching.services.actor import Actor
from matching.store.outbox import RANKING, owe_all
from matching.store.unit_of_work import UnitOfWork
from matching.training.further import MEASURES, OnProgress, is_no_worse, teach_further
from matching.training.judged_folder import require_distinct_names

SHIPPED = "shipped"


def train_from_platform(
    platform: Platform,
    actor: Actor,
    folders: Sequence[Path],
    now: datetime,
    *,
    on_progress: OnProgress | None = None,
) -> ModelRevision:
    """Teach the present ranker further and keep the result as a candidate, with its figures beside the present ones.

    `folders` are judged sets: they teach too, and decide whether the candidate may be activated. Nothing changes for
    anybody yet. Raises InvalidInput where there is too little to learn from, or sets have the same name.
    """
    _require_administrator(actor)
    require_distinct_names(folders, taken=(PLATFORM_SET,))
    present = platform.ranker
    with platform.reading() as session:
        used = load_platform_judgements(session, now)
    if not used.levels:
        raise InvalidInput(
            "training.nothing_said",
            "平台上还没有可以学习的答复或对接",
            message_en="Nobody has answered a suggestion or begun an engagement yet",
        )
    judged = [load_judged_set(folder) for folder in folders]
    learned = teach_further([used, *judged], present, platform.embedder, on_progress=on_progress)
    figures = {
        "sets": {
            name: {"new": learned.new[name].to_json(), "old": learned.old[name].to_json()} for name in learned.new
        },
        "needs": learned.needs,
        "pairs": learned.pairs,
        "platform_pairs": sum(len(of_need) for of_need in used.levels.values()),
        "taught_on": [PLATFORM_SET, *(one.name for one in judged)],
    }
    revision_id = f"ranker-{digest_of(learned.content)}"
    with platform.unit_of_work() as uow:
        revision = uow.session.get(ModelRevision, revision_id)
        if revision is None:
            revision = ModelRevision(
                id=revision_id,
                state="candidate",
                encoder_revision=platform.embedder.model_revision,
                compared_with=present.revision,
                figures=figures,
                data=learned.content,
                created_at=now,
                created_by=actor.user_id,
            )
            uow.session.add(revision)
            uow.record(now, actor.user_id, "model.train", "model", revision_id, pairs=learned.pairs)
            uow.commit()
    return revision


def may_activate(figures: Mapping[str, Any]) -> bool:
    """Whether the figures allow it: on every judged set no measure fell. Without one nothing was shown."""
    sets = {name: pair for name, pair in figures.get("sets", {}).items() if name != PLATFORM_SET}
    return bool(sets) and all(is_no_worse(pair["new"], pair["old"]) for pair in sets.values())


def activate_revision(platform: Platform, actor: Actor, revision_id: str, now: datetime) -> ModelRevision:
    """Rank with a trained revision from now on. Raises IllegalMove where its figures or the encoder forbid it."""
    _require_administrator(actor)
    with platform.unit_of_work() as uow:
        revision = uow.session.get(ModelRevision, revision_id, with_for_update=True)
        if revision is None:
            raise NotFound("model.not_found", "没有这个模型版本", message_en="There is no such revision")
        if revision.state == "active":
            raise IllegalMove("model.active", "这个版本正在使用", message_en="This revision is in use")
        if not may_activate(revision.figures):
            raise IllegalMove(
                "model.worse",
                "在评判集上的指标比现用版本差，不能启用",
                message_en="Its figures on the judged sets are worse than those of the present revision",
            )
        ranker = parse_ranker(revision.data, encoder_revision=platform.embedder.model_revision, name=revision_id)
        if ranker.linear is None:
            raise IllegalMove(
                "model.encoder", "这个版本是为另一个编码器训练的", message_en="It was taught on another encoder"
            )
        _retire_active(uow.session, now)
        revision.state, revision.activated_at, revision.retired_at = "active", now, None
        _finish(uow, actor, "model.activate", revision_id, now)
    platform.forget_ranker()
    return revision


def roll_back(platform: Platform, actor: Actor, now: datetime) -> str:
    """Go back to what the active revision was compared with; returns its id, SHIPPED for the shipped ranker."""
    _require_administrator(actor)
    with platform.unit_of_work() as uow:
        active = uow.session.scalars(select(ModelRevision).where(ModelRevision.state == "active")).first()
        if active is None:
            raise IllegalMove(
                "model.none_active",
                "正在使用随产品发布的版本，没有可以撤回的",
                message_en="The shipped ranker is in use",
            )
        before = uow.session.get(ModelRevision, active.compared_with.split("+")[0])
        _retire_active(uow.session, now)
        if before is not None:
            before.state, before.activated_at, before.retired_at = "active", now, None
        target = before.id if before is not None else SHIPPED
        _finish(uow, actor, "model.rollback", active.id, now, to=target)
    platform.forget_ranker()
    return target


def compare_figures(figures: Mapping[str, Any]) -> list[tuple[str, str, float | None, float | None]]:
    """(set, measure, new, old) for showing."""
    return [
        (name, measure, pair["new"].get(measure), pair["old"].get(measure))
        for name, pair in sorted(figures.get("sets", {}).items())
        for measure in MEASURES
    ]


def _retire_active(session: Session, now: datetime) -> None:
    for revision in session.scalars(select(ModelRevision).where(ModelRevision.state == "active").with_for_update()):
        revision.state, revision.retired_at = "retired", now
    session.flush()


def _finish(uow: UnitOfWork, actor: Actor, action: str, revision_id: str, now: datetime, **details: str) -> None:
    live = uow.session.scalars(select(Post.id).where(Post.status == "published").order_by(Post.id)).all()
    if owe_all(uow.session, RANKING, live, now):
        uow.expect_nudge()
    uow.record(now, actor.user_id, action, "model", revision_id, **details)
    uow.commit()


def _require_administrator(actor: Actor) -> None:
    if not actor.is_administrator:
        raise NotAllowed(
            "model.administrator_only", "只有系统管理员可以更换模型", message_en="Only an administrator may do this"
        )

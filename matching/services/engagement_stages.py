"""The stages of an engagement, as an explicit table of moves. What is not in it is an IllegalMove."""

from __future__ import annotations

from typing import Literal

from matching.errors import IllegalMove

Stage = Literal["contact", "talk", "visit", "terms", "contract", "closed"]

STAGE_MOVES: dict[Stage, tuple[Stage, ...]] = {
    # Forward first; a visit may be left out, and talks that fall back go back one step.
    "contact": ("talk", "closed"),
    "talk": ("visit", "terms", "closed"),
    "visit": ("terms", "talk", "closed"),
    "terms": ("contract", "talk", "closed"),
    "contract": ("closed", "terms"),
    # What was closed for the time being can be taken up again.
    "closed": ("talk",),
}

STAGE_LABELS: dict[str, tuple[str, str]] = {
    "contact": ("建立联系", "First contact"),
    "talk": ("沟通交流", "Talks"),
    "visit": ("实地考察", "Visit"),
    "terms": ("商谈条款", "Terms"),
    "contract": ("签订合同", "Contract"),
    "closed": ("已结束", "Closed"),
}


def moves_from_stage(stage: str) -> tuple[Stage, ...]:
    """The stages that may follow, the likeliest first."""
    for source, targets in STAGE_MOVES.items():
        if source == stage:
            return targets
    return ()


def require_stage_move(stage: str, target: str) -> None:
    """Raises IllegalMove, naming both, unless the move is in the table."""
    if target in moves_from_stage(stage):
        return
    from_zh, from_en = STAGE_LABELS.get(stage, (stage, stage))
    to_zh, to_en = STAGE_LABELS.get(target, (target, target))
    raise IllegalMove(
        "engagement.illegal_move",
        f"当前阶段为「{from_zh}」，不能直接进入「{to_zh}」",
        message_en=f"An engagement at the stage {from_en.lower()} cannot go on to {to_en.lower()}",
    )

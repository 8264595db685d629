"""The life of a post, as an explicit table of moves. What is not in it is an IllegalMove."""

from __future__ import annotations

from typing import Literal

from matching.errors import IllegalMove

Status = Literal["draft", "submitted", "returned", "published", "paused", "expired", "closed", "archived"]
Move = Literal["submit", "withdraw", "publish", "return", "pause", "resume", "renew", "expire", "close", "archive"]

STATUSES: tuple[Status, ...] = (
    "draft",
    "submitted",
    "returned",
    "published",
    "paused",
    "expired",
    "closed",
    "archived",
)

MOVES: dict[tuple[Status, Move], Status] = {
    ("draft", "submit"): "submitted",
    ("draft", "publish"): "published",
    ("draft", "archive"): "archived",
    ("submitted", "withdraw"): "draft",
    ("submitted", "publish"): "published",
    ("submitted", "return"): "returned",
    ("returned", "submit"): "submitted",
    ("returned", "publish"): "published",
    ("returned", "archive"): "archived",
    ("published", "pause"): "paused",
    ("published", "renew"): "published",
    ("published", "expire"): "expired",
    ("published", "close"): "closed",
    ("paused", "resume"): "published",
    ("paused", "expire"): "expired",
    ("paused", "close"): "closed",
    ("expired", "renew"): "published",
    ("expired", "close"): "closed",
    ("expired", "archive"): "archived",
    ("closed", "archive"): "archived",
}

EDITABLE: frozenset[Status] = frozenset({"draft", "submitted", "returned", "published", "paused"})

STATUS_LABELS: dict[str, tuple[str, str]] = {
    "draft": ("草稿", "Draft"),
    "submitted": ("待审核", "Submitted"),
    "returned": ("已退回", "Returned"),
    "published": ("已发布", "Published"),
    "paused": ("已暂停", "Paused"),
    "expired": ("已过期", "Expired"),
    "closed": ("已关闭", "Closed"),
    "archived": ("已归档", "Archived"),
}


def next_status(status: str, move: Move) -> Status:
    """The state a move leads to; raises IllegalMove naming both."""
    for (source, name), target in MOVES.items():
        if source == status and name == move:
            return target
    label_zh, label_en = STATUS_LABELS.get(status, (status, status))
    raise IllegalMove(
        "post.illegal_move",
        f"当前状态为「{label_zh}」，不能进行此操作（{move}）",
        message_en=f"A post that is {label_en.lower()} cannot take the move {move}",
    )


def moves_from(status: str) -> tuple[Move, ...]:
    """The moves a post in this state can take."""
    return tuple(name for (source, name) in MOVES if source == status)

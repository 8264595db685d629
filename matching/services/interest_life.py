"""The life of an interest, as an explicit table of moves, and the change of the row that each of them is."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from matching.errors import IllegalMove
from matching.models import Interest
from matching.store.unit_of_work import UnitOfWork

InterestStatus = Literal["open", "accepted", "declined", "lapsed", "withdrawn"]
InterestMove = Literal["accept", "decline", "withdraw", "lapse", "reopen"]

INTEREST_MOVES: dict[tuple[InterestStatus, InterestMove], InterestStatus] = {
    ("open", "accept"): "accepted",
    ("open", "decline"): "declined",
    ("open", "withdraw"): "withdrawn",
    ("open", "lapse"): "lapsed",
    # Undoing a decline, as long as the time to answer has not run out.
    ("declined", "reopen"): "open",
}

_SAID: dict[str, tuple[str, str]] = {
    "open": ("等待答复", "is waiting for an answer"),
    "accepted": ("已达成意向", "was accepted"),
    "declined": ("已婉拒", "was declined"),
    "lapsed": ("已过期失效", "has lapsed"),
    "withdrawn": ("已撤回", "was withdrawn"),
}


def next_interest_status(status: str, move: InterestMove) -> InterestStatus:
    """The state a move leads to; raises IllegalMove naming the present one."""
    for (source, name), target in INTEREST_MOVES.items():
        if source == status and name == move:
            return target
    said_zh, said_en = _SAID.get(status, (status, status))
    raise IllegalMove(
        "interest.illegal_move",
        f"这条意向{said_zh}，不能再这样做",
        message_en=f"This interest {said_en}; that can no longer be done",
    )


def require_in_time(interest: Interest, now: datetime) -> None:
    """Raises IllegalMove once the time to answer has run out, whether or not the calendar has noticed."""
    if interest.expires_at <= now:
        next_interest_status("lapsed", "accept")


def move_interest(
    uow: UnitOfWork,
    interest: Interest,
    move: InterestMove,
    user_id: str | None,
    now: datetime,
    *,
    reason_code: str | None = None,
    reason_text: str = "",
) -> None:
    """Change the row and write the audit line, within a use case that has checked the actor and commits."""
    before = interest.status
    interest.status = next_interest_status(before, move)
    interest.ended_at = None if move == "reopen" else now
    interest.answered_by_id = user_id if move in ("accept", "decline") else None
    interest.reason_code = reason_code
    interest.reason_text = reason_text
    if move == "withdraw":
        interest.from_contact = {}  # given to be revealed, which will not happen
    uow.record(now, user_id, f"interest.{move}", "interest", interest.id, before=before)

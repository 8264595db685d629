"""Moves of a post: the whole table, and nothing besides it."""

from __future__ import annotations

from typing import get_args

import pytest

from matching.errors import IllegalMove
from matching.services.lifecycle import MOVES, STATUSES, Move, Status, moves_from, next_status

ALL_MOVES: tuple[Move, ...] = get_args(Move)


@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("move", ALL_MOVES)
def test_every_move_is_in_the_table_or_illegal(status: Status, move: Move) -> None:
    if (status, move) in MOVES:
        assert next_status(status, move) == MOVES[status, move]
        assert move in moves_from(status)
    else:
        with pytest.raises(IllegalMove) as caught:
            next_status(status, move)
        assert caught.value.code == "post.illegal_move"
        assert move not in moves_from(status)


def test_the_ordinary_life() -> None:
    status: Status = "draft"
    for move, expected in (
        ("submit", "submitted"),
        ("return", "returned"),
        ("submit", "submitted"),
        ("publish", "published"),
        ("pause", "paused"),
        ("resume", "published"),
        ("expire", "expired"),
        ("renew", "published"),
        ("close", "closed"),
        ("archive", "archived"),
    ):
        status = next_status(status, move)  # type: ignore[arg-type]
        assert status == expected


def test_archived_is_the_end() -> None:
    assert moves_from("archived") == ()


def test_every_status_can_be_reached_from_a_draft() -> None:
    reached: set[str] = {"draft"}
    while True:
        more = {target for (source, _), target in MOVES.items() if source in reached} - reached
        if not more:
            break
        reached |= more
    assert reached == set(STATUSES)

"""Seating: which table each meeting of a timetable gets, so that people change tables rarely.

Any at most `tables` meetings of a slot can be seated, so seating never changes when meetings are held.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from matching.scheduling.event import Event

_SWEEPS = 12
_KEPT = 1000.0
_DECIDED = 1.0e6


def seat_meetings(
    event: Event,
    slot_of: Mapping[int, int],
    *,
    decided: Mapping[int, int] | None = None,
    preferred: Mapping[int, int] | None = None,
) -> dict[int, int | None]:
    """Return the table (1..tables, None where none is needed) by meeting number.

    `slot_of` is the slot number by meeting number. Meetings in `decided` keep exactly that table; those in
    `preferred` keep theirs before anything else. Then few changes of table between a participant's consecutive
    meetings are sought by assigning one slot at a time, optimally given the others, until a sweep over the day
    improves nothing.
    """
    decided = decided or {}
    preferred = preferred or {}
    result: dict[int, int | None] = dict.fromkeys(slot_of)
    in_slot: dict[int, list[int]] = {}
    for m in sorted(slot_of):
        if event.meetings[m].needs_table:
            in_slot.setdefault(slot_of[m], []).append(m)
    neighbours: dict[int, list[int]] = {m: [] for members in in_slot.values() for m in members}
    for participant in event.participants:
        theirs = sorted(
            (m for m in neighbours if participant.id in event.meetings[m].participants), key=lambda m: slot_of[m]
        )
        for earlier, later in itertools.pairwise(theirs):
            neighbours[earlier].append(later)
            neighbours[later].append(earlier)

    def assign(members: list[int]) -> float:
        cost = np.zeros((len(members), event.tables))
        for row, m in enumerate(members):
            # A slight slope makes the answer unique and fills low table numbers first.
            cost[row] += np.arange(event.tables) * 1e-4
            for other in neighbours[m]:
                table = result[other]
                if table is not None:
                    cost[row, table - 1] -= 1.0
            if m in preferred and 1 <= preferred[m] <= event.tables:
                cost[row, preferred[m] - 1] -= _KEPT
            if m in decided:
                cost[row, decided[m] - 1] -= _DECIDED
        from scipy.optimize import linear_sum_assignment  # only where a timetable is made: 30 MB

        rows, columns = linear_sum_assignment(cost)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            result[members[row]] = column + 1
        return float(cost[rows, columns].sum())

    before: float | None = None
    order = sorted(in_slot)
    for sweep in range(_SWEEPS):
        total = sum(assign(in_slot[s]) for s in (order if sweep % 2 == 0 else reversed(order)))
        if before is not None and sweep > 2 and total >= before - 1e-9:
            break
        before = total
    return result


def count_table_changes(event: Event, slot_of: Mapping[int, int], table_of: Mapping[int, int | None]) -> int:
    """Return how often participants change tables between two consecutive meetings that need one."""
    changes = 0
    for participant in event.participants:
        theirs = sorted(
            (m for m in slot_of if participant.id in event.meetings[m].participants and table_of[m] is not None),
            key=lambda m: slot_of[m],
        )
        changes += sum(table_of[a] != table_of[b] for a, b in itertools.pairwise(theirs))
    return changes

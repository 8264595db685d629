"""Counting arguments: groups of meetings that are more than the places they can have.

They bound from below what must be dropped (a small integer program instead of a pigeonhole proof, which resolution is
bad at), and they are the reasons people understand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matching.scheduling.encoding import list_allowed_slots
from matching.scheduling.event import Event

_MOST_UNIONS = 64


@dataclass(frozen=True, slots=True)
class Shortage:
    """Of `meetings` (numbers) at most `places` can be held, since they have only the slots `slots` (numbers).

    `kind` says of what there are too few: slots of the participant numbered `participant`, tables, or people to fill
    them.
    """

    kind: Literal["person", "tables", "people"]
    participant: int | None
    meetings: tuple[int, ...]
    slots: tuple[int, ...]
    places: int


def _unions(sets: Sequence[frozenset[int]]) -> list[frozenset[int]]:
    found = dict.fromkeys(sets)
    for one in list(found):
        for other in list(found):
            if len(found) >= _MOST_UNIONS:
                return list(found)
            found[one | other] = None
    return list(found)


def list_shortages(event: Event) -> list[Shortage]:
    """Return the groups of meetings with fewer places than meetings: of one participant, or of all within sessions."""
    allowed = [frozenset(slots) for slots in list_allowed_slots(event)]
    number_of = {p.id: index for index, p in enumerate(event.participants)}
    of_person: list[list[int]] = [[] for _ in event.participants]
    for m, meeting in enumerate(event.meetings):
        for identifier in meeting.participants:
            of_person[number_of[identifier]].append(m)
    found: list[Shortage] = []
    for p, members in enumerate(of_person):
        for slots in _unions([allowed[m] for m in members]):
            within = tuple(m for m in members if allowed[m] <= slots)
            if len(within) > len(slots):
                found.append(Shortage("person", p, within, tuple(sorted(slots)), len(slots)))
    whole = frozenset(range(len(event.slots)))
    sessions = [
        frozenset(s for s, slot in enumerate(event.slots) if slot.session == name)
        for name in dict.fromkeys(slot.session for slot in event.slots)
    ]
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    present = [0] * len(event.slots)
    for participant, members in zip(event.participants, of_person, strict=True):
        if members:
            for s in whole - {position[s] for s in participant.unavailable}:
                present[s] += 1
    for slots in dict.fromkeys([*sessions, whole]):
        within = tuple(m for m in range(len(event.meetings)) if allowed[m] <= slots)
        seated = tuple(m for m in within if event.meetings[m].needs_table)
        if len(seated) > event.tables * len(slots):
            found.append(Shortage("tables", None, seated, tuple(sorted(slots)), event.tables * len(slots)))
        pairs = sum(present[s] // 2 for s in slots)
        if len(within) > pairs:
            found.append(Shortage("people", None, within, tuple(sorted(slots)), pairs))
    return found


def bound_dropped_cost(event: Event, shortages: Sequence[Shortage], costs: Sequence[int], seconds: float) -> int:
    """Return a lower bound of the cost of what must be dropped, 0 where no group is too large.

    `costs[m]` is the cost of dropping meeting m. Fixed meetings, which are never dropped, are left out of account.
    """
    if not shortages:
        return 0
    from ortools.sat.python import cp_model

    model = cp_model.CpModel()
    dropped = {m: model.new_bool_var("") for shortage in shortages for m in shortage.meetings}
    for shortage in shortages:
        model.add(sum(dropped[m] for m in shortage.meetings) >= len(shortage.meetings) - shortage.places)
    model.minimize(sum(costs[m] * variable for m, variable in dropped.items()))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = max(0.1, seconds)
    solver.solve(model)
    return max(0, int(-(-(solver.best_objective_bound - 1e-6) // 1)))

"""Counting arguments: groups of meetings that are more than the places they can have.

They bound from below what must be dropped (a small integer program instead of a pigeonhole proof, which resolution is
bad at), and they are the reasons people understand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
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
    attending = {p.id for p in event.participants if p.attends}
    # Where every meeting has two guests, a free host fills no place; a host who is a side of a meeting counts.
    guests_alone = all(len(set(meeting.participants) - attending) >= 2 for meeting in event.meetings)
    for participant, members in zip(event.participants, of_person, strict=True):
        if members and not (participant.attends and guests_alone):
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


@dataclass(frozen=True, slots=True)
class LeastDropped:
    """`bound`: no timetable drops less cost. `meetings`: a choice that leaves no shortage; the rest may not fit."""

    bound: int
    meetings: frozenset[int]


def choose_least_dropped(
    event: Event,
    shortages: Sequence[Shortage],
    costs: Sequence[int],
    seconds: float,
    *,
    keep: Collection[int] = (),
) -> LeastDropped | None:
    """Return which meetings to drop, at least cost, so that no group is too large for its places.

    `costs[m]` is the cost of dropping meeting m. Among equally cheap choices those are preferred that leave the
    meetings `keep` alone, then those that relieve the busiest participants. None when the fixed meetings, which are
    never dropped, are a shortage by themselves.
    """
    if not shortages:
        return LeastDropped(0, frozenset())
    from ortools.sat.python import cp_model

    busy = Counter(p for meeting in event.meetings for p in meeting.participants)
    relief = [sum(busy[p] for p in meeting.participants) for meeting in event.meetings]
    standing = max(relief, default=0) * len(relief) + 1
    relief = [value - standing if m in keep else value for m, value in enumerate(relief)]
    model = cp_model.CpModel()
    dropped = {
        m: model.new_bool_var("")
        for m in sorted({m for shortage in shortages for m in shortage.meetings})
        if event.meetings[m].fixed_slot is None
    }
    for shortage in shortages:
        missing = len(shortage.meetings) - shortage.places
        model.add(sum(dropped[m] for m in shortage.meetings if m in dropped) >= missing)
    cost = sum(costs[m] * variable for m, variable in dropped.items())
    model.minimize(cost)
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = max(0.1, seconds / 2)
    status = solver.solve(model)
    if status == cp_model.INFEASIBLE:
        return None
    bound = max(0, int(-(-(solver.best_objective_bound - 1e-6) // 1)))
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return LeastDropped(bound, frozenset(dropped))
    chosen = frozenset(m for m, variable in dropped.items() if solver.boolean_value(variable))
    model.add(cost <= round(solver.objective_value))
    model.maximize(sum(relief[m] * variable for m, variable in dropped.items()))
    if solver.solve(model) in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        chosen = frozenset(m for m, variable in dropped.items() if solver.boolean_value(variable))
    return LeastDropped(bound, chosen)

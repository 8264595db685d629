"""An event as a propositional formula.

Variables: a meeting is held in a slot; a participant is busy in a slot; a participant has begun at least k runs of
meetings by a slot. Breaks are runs less one. What makes it fast, beyond the bare rules, are constraints that follow
from them:

* a participant's busy slots are exactly as many as their meetings (a counter that propagates both ways);
* with no break, the busy slots are the window that opens with the first meeting and is as long as their number of
  meetings;
* a run is counted as begun from the slot on in which it begins, so that "no further run" is closed under unit
  propagation;
* tables are counted over a greedy vertex cover of the participants, who are busy at most once a slot, instead of over
  the meetings: fewer inputs and far fewer clauses.

Tables themselves are given out afterwards: any set of at most `tables` meetings in a slot can be seated.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matching.scheduling.event import ANY_SESSION, Event
from matching.scheduling.formula import Formula


@dataclass(slots=True)
class Encoding:
    """The formula of an event and how to read a model of it.

    `held_in[m, s]` is the literal "meeting number m is held in slot number s". `dropped[m]` is the literal that m is
    not held, for meetings that may be dropped. `breaks` lists literals, each true when a participant has at least k
    breaks, so that their number is the objective.
    """

    event: Event
    formula: Formula
    held_in: dict[tuple[int, int], int] = field(default_factory=dict)
    dropped: dict[int, int] = field(default_factory=dict)
    breaks: list[int] = field(default_factory=list)

    def read(self, model: Sequence[int]) -> dict[int, int]:
        """Return slot number by meeting number of the held meetings, from a model (variable v at index v - 1)."""
        return {m: s for (m, s), literal in self.held_in.items() if model[literal - 1] > 0}


def list_allowed_slots(event: Event) -> list[list[int]]:
    """Return, for each meeting, the numbers of the slots that its session, fixing and participants allow, in order."""
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    unavailable = {p.id: {position[s] for s in p.unavailable} for p in event.participants}
    allowed: list[list[int]] = []
    for meeting in event.meetings:
        blocked: set[int] = set().union(*(unavailable[p] for p in meeting.participants))
        allowed.append(
            [
                number
                for number, slot in enumerate(event.slots)
                if number not in blocked
                and meeting.session in (ANY_SESSION, slot.session)
                and meeting.fixed_slot in (None, slot.id)
            ]
        )
    return allowed


def encode_event(event: Event, may_drop: frozenset[int] = frozenset()) -> Encoding:
    """Return the formula of all timetables that hold every meeting except those (by number) that may be dropped."""
    formula = Formula()
    encoding = Encoding(event, formula)
    allowed = list_allowed_slots(event)
    number_of = {p.id: index for index, p in enumerate(event.participants)}
    people = [[number_of[p] for p in meeting.participants] for meeting in event.meetings]
    with_person: list[list[int]] = [[] for _ in event.participants]
    for m in range(len(event.meetings)):
        for s in allowed[m]:
            encoding.held_in[m, s] = formula.new_variable()
        for p in people[m]:
            with_person[p].append(m)
    for m in range(len(event.meetings)):
        places = [encoding.held_in[m, s] for s in allowed[m]]
        if m in may_drop:
            encoding.dropped[m] = formula.new_variable()
            places.append(encoding.dropped[m])
        formula.add(*places)
        formula.at_most_one(places)
    busy = _encode_busy(encoding, with_person)
    _encode_order(encoding)
    _encode_tables(encoding, people, with_person, busy)
    _encode_breaks(encoding, with_person, busy, allowed)
    return encoding


def _encode_busy(encoding: Encoding, with_person: Sequence[Sequence[int]]) -> dict[tuple[int, int], int]:
    """Return the literal "p is busy in slot s" for each slot in which p can be, and allow one meeting at a time."""
    formula = encoding.formula
    busy: dict[tuple[int, int], int] = {}
    for p, meetings in enumerate(with_person):
        for s in range(len(encoding.event.slots)):
            literals = [encoding.held_in[m, s] for m in meetings if (m, s) in encoding.held_in]
            if not literals:
                continue
            if len(literals) == 1:
                busy[p, s] = literals[0]
                continue
            busy[p, s] = formula.new_variable()
            formula.at_most_one(literals)
            for literal in literals:
                formula.add(-literal, busy[p, s])
            formula.add(-busy[p, s], *literals)
    return busy


def _encode_order(encoding: Encoding) -> None:
    """A meeting after another is held in a later slot, where both are held."""
    event, formula = encoding.event, encoding.formula
    number_of = {meeting.id: index for index, meeting in enumerate(event.meetings)}
    from_slot: dict[int, list[int]] = {}
    for m, meeting in enumerate(event.meetings):
        for earlier in meeting.after:
            e = number_of[earlier]
            if e not in from_slot:
                # from_slot[e][s]: e is held in slot s or later.
                chain = [formula.new_variable() for _ in event.slots]
                for s in range(len(event.slots)):
                    if (e, s) in encoding.held_in:
                        formula.add(-encoding.held_in[e, s], chain[s])
                    if s:
                        formula.add(-chain[s], chain[s - 1])
                from_slot[e] = chain
            for s in range(len(event.slots)):
                if (m, s) in encoding.held_in:
                    formula.add(-encoding.held_in[m, s], -from_slot[e][s])


def _encode_tables(
    encoding: Encoding,
    people: Sequence[Sequence[int]],
    with_person: Sequence[Sequence[int]],
    busy: Mapping[tuple[int, int], int],
) -> None:
    """At most as many meetings as tables in a slot, counted over a cover of the meetings by participants."""
    event, formula = encoding.event, encoding.formula
    waiting = {m for m, meeting in enumerate(event.meetings) if meeting.needs_table}
    groups: list[tuple[int, list[int]]] = []
    while waiting:
        degree = Counter(p for m in waiting for p in people[m])
        best = min(degree, key=lambda p: (-degree[p], p))
        members = [m for m in with_person[best] if m in waiting]
        groups.append((best, members))
        waiting.difference_update(members)
    for s in range(len(event.slots)):
        inputs: list[int] = []
        for p, members in groups:
            literals = [encoding.held_in[m, s] for m in members if (m, s) in encoding.held_in]
            everyone = [m for m in with_person[p] if (m, s) in encoding.held_in]
            if not literals:
                continue
            if len(literals) == 1:
                inputs.append(literals[0])
            elif len(literals) == len(everyone):
                inputs.append(busy[p, s])
            else:
                any_of_group = formula.new_variable()
                for literal in literals:
                    formula.add(-literal, any_of_group)
                inputs.append(any_of_group)
        if event.tables < len({p for (p, t) in busy if t == s}) // 2 or not event.tables:
            formula.at_most(inputs, event.tables)


def _bound_prefixes(
    meetings: Sequence[int], places: Sequence[int], allowed: Sequence[Sequence[int]]
) -> list[tuple[int, int]]:
    """Return for each of a participant's possible slots how many meetings they have by then, at least and at most.

    Meetings that have no later slot are held by then; meetings that have no slot so early are not.
    """
    total = len(meetings)
    return [
        (
            sum(not allowed[m] or allowed[m][-1] <= s for m in meetings),
            total - sum(not allowed[m] or allowed[m][0] > s for m in meetings),
        )
        for s in places
    ]


def _encode_breaks(
    encoding: Encoding,
    with_person: Sequence[Sequence[int]],
    busy: Mapping[tuple[int, int], int],
    allowed: Sequence[Sequence[int]],
) -> None:
    event, formula = encoding.event, encoding.formula
    slots = len(event.slots)
    fixed_degree: dict[int, int] = {}
    most: dict[int, int] = {}
    counted = [(p, meetings) for p, meetings in enumerate(with_person) if not event.participants[p].attends]
    for p, meetings in counted:
        usable = sum((p, s) in busy for s in range(slots))
        degree = min(len(meetings), usable)
        most[p] = (
            max(0, min(degree - 1, slots - degree))
            if not encoding.dropped
            else max(0, min(degree - 1, (slots - 1) // 2))
        )
        if not any(m in encoding.dropped for m in meetings):
            fixed_degree[p] = len(meetings)
            places = [s for s in range(slots) if (p, s) in busy]
            formula.exactly([busy[p, s] for s in places], len(meetings), _bound_prefixes(meetings, places, allowed))
    difference = event.max_break_difference
    somebody_has_none = any(count == 0 for count in most.values())
    if difference is not None and somebody_has_none:
        most = {p: min(count, difference) for p, count in most.items()}
    at_least: dict[int, list[int]] = {}
    for p, meetings in counted:
        if len(meetings) < 2:
            continue
        row = [busy.get((p, s)) for s in range(slots)]
        at_least[p] = _count_breaks(formula, row, most[p], fixed_degree.get(p), both_ways=not somebody_has_none)
    if difference is not None and not somebody_has_none:
        _bound_difference(formula, list(at_least.values()), difference)
    encoding.breaks = [literal for literals in at_least.values() for literal in literals]


def _count_breaks(
    formula: Formula, busy: Sequence[int | None], most: int, degree: int | None, *, both_ways: bool
) -> list[int]:
    """Return literals b where b[k] holds when the participant has k + 1 breaks or more; allow at most `most` breaks.

    `busy[s]` is None where the participant cannot be busy. `degree` is their number of meetings where it is certain.
    With `both_ways` b[k] holds only when there are so many breaks.
    """
    slots = len(busy)
    # begun[s][k]: by the end of slot s, at least k + 1 runs have begun.
    begun: list[list[int]] = []
    for s in range(slots):
        row = [formula.new_variable() for _ in range(most + 1)]
        here = busy[s]
        before = begun[s - 1] if s else None
        previous = busy[s - 1] if s else None
        for k in range(most + 1):
            literal = row[k]
            if k:
                formula.add(-literal, row[k - 1])
            if before is not None:
                formula.add(-before[k], literal)
            earlier = [before[k]] if before is not None else []
            if here is None:
                formula.add(-literal, *earlier)
                continue
            begins = [previous] if previous is not None else []
            if k == 0:
                formula.add(-here, literal)
                formula.add(-literal, *earlier, here)
                continue
            if before is None:
                formula.add(-literal)
                continue
            formula.add(-here, *begins, -before[k - 1], literal)
            formula.add(-literal, before[k], here)
            formula.add(-literal, before[k], before[k - 1])
            if previous is not None:
                formula.add(-literal, before[k], -previous)
        if here is not None and before is not None:
            # One run more than allowed.
            formula.add(-here, *([previous] if previous is not None else []), -before[most])
        begun.append(row)
    first = [row[0] for row in begun]
    if degree is not None and degree <= slots:
        formula.add(first[slots - degree])
        unless = [begun[slots - 1][1]] if most >= 1 else []
        for s in range(slots):
            opened_before = [first[s - degree]] if s >= degree else []
            here = busy[s]
            if here is None:
                formula.add(*unless, -first[s], *opened_before)
                continue
            formula.add(*unless, -first[s], here, *opened_before)
            for literal in opened_before:
                formula.add(*unless, -here, -literal)
    return begun[slots - 1][1:] if both_ways or most else []


def _bound_difference(formula: Formula, at_least: Sequence[Sequence[int]], difference: int) -> None:
    """Whenever somebody has k + difference breaks, everybody has k."""
    longest = max((len(literals) for literals in at_least), default=0)
    for k in range(1, longest - difference + 1):
        everybody = formula.new_variable()
        for literals in at_least:
            if len(literals) >= k:
                formula.add(-everybody, literals[k - 1])
            else:
                formula.add(-everybody)
            if len(literals) >= k + difference:
                formula.add(-literals[k + difference - 1], everybody)

"""An oracle for small events: tries every placing of every meeting, knowing nothing of the engine's encoding."""

from __future__ import annotations

from itertools import product

from matching.scheduling import Event


def list_placings(event: Event) -> list[dict[int, int]]:
    """Return every placing (slot number by meeting number) that keeps all rules; meetings left out are dropped."""
    slots = range(len(event.slots))
    choices = [[*slots] if m.fixed_slot is not None else [None, *slots] for m in event.meetings]
    found = []
    for choice in product(*choices):
        placing = {m: s for m, s in enumerate(choice) if s is not None}
        if is_allowed(event, placing):
            found.append(placing)
    return found


def is_allowed(event: Event, placing: dict[int, int]) -> bool:
    """Return whether a placing keeps every rule."""
    ids = {meeting.id: m for m, meeting in enumerate(event.meetings)}
    taken = set()
    tables = [event.tables] * len(event.slots)
    for m, s in placing.items():
        meeting, slot = event.meetings[m], event.slots[s]
        if meeting.fixed_slot not in (None, slot.id) or meeting.session not in ("any", slot.session):
            return False
        if any(ids[e] in placing and placing[ids[e]] >= s for e in meeting.after):
            return False
        for person in meeting.participants:
            if (person, s) in taken:
                return False
            taken.add((person, s))
        tables[s] -= meeting.needs_table
    for person in event.participants:
        if any((person.id, s) in taken for s, slot in enumerate(event.slots) if slot.id in person.unavailable):
            return False
    if min(tables, default=0) < 0:
        return False
    breaks = count_breaks_of_all(event, placing)
    limit = event.max_break_difference
    return limit is None or not breaks or max(breaks) - min(breaks) <= limit


def count_breaks_of_all(event: Event, placing: dict[int, int]) -> list[int]:
    """Return each participant's number of breaks by reading a line of busy and idle slots; hosts have none."""
    breaks = []
    for person in event.participants:
        if person.attends:
            continue
        busy = {s for m, s in placing.items() if person.id in event.meetings[m].participants}
        line = "".join("x" if s in busy else " " for s in range(len(event.slots)))
        breaks.append(max(0, len(line.split()) - 1))
    return breaks


def weigh_dropped(event: Event, placing: dict[int, int]) -> tuple[float, int]:
    """Return weight and number of the meetings that a placing drops."""
    dropped = [m for m in range(len(event.meetings)) if m not in placing]
    return sum(event.meetings[m].weight for m in dropped), len(dropped)

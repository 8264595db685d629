"""An independent check of timetables: reads the rules off the event and shares nothing with the solver."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from matching.scheduling.event import ANY_SESSION, Event, Timetable


def check_timetable(event: Event, timetable: Timetable) -> list[str]:
    """Return every rule of the event that the timetable breaks, one line each; empty when it breaks none.

    An infeasible timetable must hold nothing and name a conflict; its meetings are not checked further.
    """
    if timetable.status == "infeasible":
        problems = []
        if timetable.meetings:
            problems.append("an infeasible timetable holds meetings")
        if not timetable.conflict:
            problems.append("an infeasible timetable names no conflict")
        return problems
    problems = _check_completeness(event, timetable)
    wanted = {meeting.id: meeting for meeting in event.meetings}
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    held = {m.id: m for m in timetable.meetings if m.id in wanted and m.slot in position}

    for identifier, place in held.items():
        meeting = wanted[identifier]
        slot = event.slots[position[place.slot]]
        if meeting.session != ANY_SESSION and meeting.session != slot.session:
            problems.append(f"meeting {identifier} is in session {slot.session}, not {meeting.session}")
        if meeting.fixed_slot is not None and meeting.fixed_slot != place.slot:
            problems.append(f"meeting {identifier} is in slot {place.slot}, not in its fixed slot {meeting.fixed_slot}")
        for earlier in meeting.after:
            if earlier in held and position[held[earlier].slot] >= position[place.slot]:
                problems.append(f"meeting {identifier} is not after {earlier}")
        if meeting.needs_table and not (place.table is not None and 1 <= place.table <= event.tables):
            problems.append(f"meeting {identifier} has no table of the event: {place.table}")
        if not meeting.needs_table and place.table is not None:
            problems.append(f"meeting {identifier} has a table it does not need")

    seats = Counter((place.slot, place.table) for place in held.values() if place.table is not None)
    problems += [f"table {table} is taken {n} times in slot {slot}" for (slot, table), n in seats.items() if n > 1]

    breaks: dict[str, int] = {}
    for participant in event.participants:
        slots = sorted(position[p.slot] for i, p in held.items() if participant.id in wanted[i].participants)
        for slot_number in slots:
            if event.slots[slot_number].id in participant.unavailable:
                problems.append(f"participant {participant.id} is unavailable in slot {event.slots[slot_number].id}")
        if len(set(slots)) != len(slots):
            problems.append(f"participant {participant.id} has two meetings at once")
        if not participant.attends:
            breaks[participant.id] = sum(later - earlier > 1 for earlier, later in pairwise(slots))
    if sum(breaks.values()) != timetable.breaks:
        problems.append(f"there are {sum(breaks.values())} breaks, not {timetable.breaks}")
    if event.max_break_difference is not None and breaks:
        difference = max(breaks.values()) - min(breaks.values())
        if difference > event.max_break_difference:
            problems.append(f"break counts differ by {difference}, more than {event.max_break_difference}")
    if timetable.bound > timetable.breaks:
        problems.append(f"the bound {timetable.bound} is above the {timetable.breaks} breaks")
    if timetable.status == "optimal" and timetable.bound != timetable.breaks:
        problems.append(f"called optimal, but the bound is {timetable.bound} and there are {timetable.breaks} breaks")
    return problems


def _check_completeness(event: Event, timetable: Timetable) -> list[str]:
    problems: list[str] = []
    wanted = {meeting.id: meeting for meeting in event.meetings}
    slots = {slot.id for slot in event.slots}
    named = Counter([m.id for m in timetable.meetings] + [d.id for d in timetable.dropped])
    for identifier in wanted:
        if named[identifier] == 0:
            problems.append(f"meeting {identifier} is neither held nor dropped")
        elif named[identifier] > 1:
            problems.append(f"meeting {identifier} is named {named[identifier]} times")
    problems += [f"there is no meeting {identifier}" for identifier in named if identifier not in wanted]
    problems += [f"there is no slot {m.slot}" for m in timetable.meetings if m.slot not in slots]
    for dropped in timetable.dropped:
        if dropped.id in wanted and wanted[dropped.id].fixed_slot is not None:
            problems.append(f"meeting {dropped.id} is fixed but dropped")
        if not dropped.reason or not dropped.reason_en:
            problems.append(f"meeting {dropped.id} is dropped without a reason")
    return problems

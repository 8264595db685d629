"""Why something cannot be: smallest sets of requirements that cannot hold together, in words.

Requirements are taken away from the event one group at a time and what is left is solved again, so that an
explanation rests on nothing but the rules themselves. A set is smallest when no set with fewer requirements
conflicts; it is found by alternating between minimum hitting sets and what each of them leaves satisfiable (Ignatiev
et al. 2015).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from matching.scheduling.capacity import Shortage
from matching.scheduling.encoding import encode_event
from matching.scheduling.event import ANY_SESSION, ConflictPart, DroppedMeeting, Event, Meeting, Participant
from matching.scheduling.search import is_satisfiable

_SECONDS_PER_TEST = 10.0
_MOST_NAMED = 12


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing asked for that could be given up; `ids` are those of the meetings or participants it is about."""

    kind: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Conflict:
    """Requirements that cannot hold together; `smallest` when it is proven that no fewer conflict."""

    requirements: tuple[Requirement, ...]
    smallest: bool


def list_requirements(event: Event, must_hold: Iterable[int]) -> list[Requirement]:
    """Return what is asked for: that these meetings (by number) are held where fixed, and all rules of the event."""
    requirements: list[Requirement] = []
    for m in must_hold:
        meeting = event.meetings[m]
        requirements.append(Requirement("held" if meeting.fixed_slot is None else "fixed", (meeting.id,)))
        if meeting.session != ANY_SESSION:
            requirements.append(Requirement("session", (meeting.id,)))
        requirements += [Requirement("after", (meeting.id, earlier)) for earlier in meeting.after]
    requirements += [Requirement("unavailable", (p.id,)) for p in event.participants if p.unavailable]
    requirements.append(Requirement("tables"))
    if event.max_break_difference is not None:
        requirements.append(Requirement("fairness"))
    return requirements


def relax_event(event: Event, kept: Iterable[Requirement], asked: Iterable[Requirement]) -> Event:
    """Return the event without the requirements that were asked for and are not kept (meetings stay wished for)."""
    gone = set(asked) - set(kept)
    if not gone:
        return event
    return replace(
        event,
        tables=max(event.tables, len(event.meetings)) if Requirement("tables") in gone else event.tables,
        max_break_difference=None if Requirement("fairness") in gone else event.max_break_difference,
        participants=tuple(
            replace(p, unavailable=()) if Requirement("unavailable", (p.id,)) in gone else p for p in event.participants
        ),
        meetings=tuple(
            replace(
                m,
                fixed_slot=None if Requirement("fixed", (m.id,)) in gone else m.fixed_slot,
                session=ANY_SESSION if Requirement("session", (m.id,)) in gone else m.session,
                after=tuple(earlier for earlier in m.after if Requirement("after", (m.id, earlier)) not in gone),
            )
            for m in event.meetings
        ),
    )


def _is_possible(
    event: Event, kept: Sequence[Requirement], asked: Sequence[Requirement], deadline: float
) -> bool | None:
    """Return whether the event has a timetable when only the kept ones of all requirements asked for are kept."""
    relaxed = relax_event(event, kept, asked)
    held = {r.ids[0] for r in kept if r.kind in ("held", "fixed")}
    may_drop = frozenset(m for m, meeting in enumerate(event.meetings) if meeting.id not in held)
    seconds = min(_SECONDS_PER_TEST, deadline - time.monotonic())
    if seconds <= 0:
        return None
    return is_satisfiable(encode_event(relaxed, may_drop).formula, seconds)


def find_conflict(event: Event, must_hold: Sequence[int], seconds: float) -> Conflict | None:
    """Return requirements that cannot hold together when the meetings `must_hold` have to be held.

    None when there is a timetable or none was disproved in the time. First an irreducible set is made by taking away
    ever smaller pieces; then, while time lasts, a smallest one is sought.
    """
    deadline = time.monotonic() + seconds
    direct = _find_direct_conflict(event, must_hold)
    if direct is not None:
        return direct
    asked = list_requirements(event, must_hold)
    if _is_possible(event, asked, asked, deadline) is not False:
        return None
    kept = list(asked)
    # The cheapest to solve come first: pieces taken from the front are meetings, of which there are most.
    piece = max(1, len(kept) // 2)
    while True:
        start = 0
        while start < len(kept):
            fewer = kept[:start] + kept[start + piece :]
            if _is_possible(event, fewer, asked, deadline) is False:
                kept = fewer
            else:
                start += piece
        if piece == 1:
            break
        piece //= 2
    if len(kept) <= 2:
        return Conflict(tuple(kept), smallest=time.monotonic() < deadline)
    smallest = _find_smallest(event, asked, len(kept), deadline)
    if smallest is None:
        return Conflict(tuple(kept), smallest=False)
    return Conflict(tuple(smallest) or tuple(kept), smallest=True)


def _find_smallest(event: Event, asked: Sequence[Requirement], known: int, deadline: float) -> list[Requirement] | None:
    """Return a smallest conflicting subset; an empty list when none is below the known size; None without proof."""
    must_hit: list[list[int]] = []
    while time.monotonic() < deadline:
        chosen = _hit(must_hit, len(asked), deadline)
        if chosen is None:
            return None
        if len(chosen) >= known:
            return []
        possible = _is_possible(event, [asked[i] for i in chosen], asked, deadline)
        if possible is None:
            return None
        if not possible:
            return [asked[i] for i in chosen]
        kept = set(chosen)
        for i in range(len(asked)):
            if i not in kept:
                possible = _is_possible(event, [asked[k] for k in sorted(kept | {i})], asked, deadline)
                if possible is None:
                    return None
                if possible:
                    kept.add(i)
        must_hit.append([i for i in range(len(asked)) if i not in kept])
    return None


def _hit(sets: Sequence[Sequence[int]], size: int, deadline: float) -> list[int] | None:
    from ortools.sat.python import cp_model

    if not sets:
        return []
    model = cp_model.CpModel()
    chosen = [model.new_bool_var("") for _ in range(size)]
    for members in sets:
        model.add_bool_or([chosen[i] for i in members])
    model.minimize(sum(chosen))
    solver = cp_model.CpSolver()
    solver.parameters.num_workers = 1
    solver.parameters.max_time_in_seconds = max(0.01, deadline - time.monotonic())
    if solver.solve(model) != cp_model.OPTIMAL:
        return None
    return [i for i in range(size) if solver.boolean_value(chosen[i])]


def _find_direct_conflict(event: Event, must_hold: Sequence[int]) -> Conflict | None:
    """Return a conflict among fixed meetings that is seen without solving, the smallest of them."""
    unavailable = {p.id: set(p.unavailable) for p in event.participants}
    session_of = {slot.id: slot.session for slot in event.slots}
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    fixed = [event.meetings[m] for m in must_hold if event.meetings[m].fixed_slot is not None]
    slot_of = {m.id: m.fixed_slot for m in fixed if m.fixed_slot is not None}

    def pin(meeting: Meeting) -> Requirement:
        return Requirement("fixed", (meeting.id,))

    for meeting in fixed:
        slot = slot_of[meeting.id]
        for person in meeting.participants:
            if slot in unavailable[person]:
                return Conflict((pin(meeting), Requirement("unavailable", (person,))), smallest=True)
        if meeting.session not in (ANY_SESSION, session_of[slot]):
            return Conflict((pin(meeting), Requirement("session", (meeting.id,))), smallest=True)
        if event.tables == 0 and meeting.needs_table:
            return Conflict((pin(meeting), Requirement("tables")), smallest=True)
    taken: dict[tuple[str, str], Meeting] = {}
    for meeting in fixed:
        for person in meeting.participants:
            other = taken.setdefault((slot_of[meeting.id], person), meeting)
            if other is not meeting:
                return Conflict((pin(other), pin(meeting), Requirement("person", (person,))), smallest=True)
    by_id = {meeting.id: meeting for meeting in fixed}
    for meeting in fixed:
        for earlier in meeting.after:
            if earlier in by_id and position[slot_of[earlier]] >= position[slot_of[meeting.id]]:
                after = Requirement("after", (meeting.id, earlier))
                return Conflict((pin(by_id[earlier]), pin(meeting), after), smallest=True)
    for slot_item in event.slots:
        here = [meeting for meeting in fixed if meeting.needs_table and slot_of[meeting.id] == slot_item.id]
        if len(here) > event.tables:
            crowd = tuple(pin(meeting) for meeting in here[: event.tables + 1])
            # A conflict with the fairness bound could still be smaller than a large crowd.
            return Conflict(
                (*crowd, Requirement("tables")), smallest=event.max_break_difference is None or len(crowd) <= 2
            )
    return None


def describe_conflict(event: Event, conflict: Conflict) -> tuple[ConflictPart, ...]:
    """Return the requirements of a conflict in Chinese and in English."""
    meetings = {meeting.id: meeting for meeting in event.meetings}
    people = {participant.id: participant for participant in event.participants}
    parts: list[ConflictPart] = []
    for requirement in conflict.requirements:
        kind, ids = requirement.kind, requirement.ids
        if kind == "fixed":
            slot = meetings[ids[0]].fixed_slot
            who = "、".join(meetings[ids[0]].participants)
            text = f"洽谈 {ids[0]}（{who}）固定在时段 {slot}"
            english = f"meeting {ids[0]} ({', '.join(meetings[ids[0]].participants)}) is fixed in slot {slot}"
        elif kind == "held":
            who = "、".join(meetings[ids[0]].participants)
            text = f"洽谈 {ids[0]}（{who}）必须举行"
            english = f"meeting {ids[0]} ({', '.join(meetings[ids[0]].participants)}) must be held"
        elif kind == "session":
            session = meetings[ids[0]].session
            text = f"洽谈 {ids[0]} 只能在 {session} 场次"
            english = f"meeting {ids[0]} must be in session {session}"
        elif kind == "after":
            text = f"洽谈 {ids[0]} 必须在 {ids[1]} 之后"
            english = f"meeting {ids[0]} must come after {ids[1]}"
        elif kind == "unavailable":
            slots = people[ids[0]].unavailable
            who, who_en = _role(people[ids[0]])
            text = f"{who} {ids[0]} 在时段 {'、'.join(slots)} 没有空"
            english = f"{who_en} {ids[0]} is unavailable in {', '.join(slots)}"
        elif kind == "person":
            who, who_en = _role(people[ids[0]])
            text = f"{who} {ids[0]} 同一时段只能参加一场洽谈"
            english = f"{who_en} {ids[0]} can be in one meeting at a time"
        elif kind == "tables":
            text = f"每个时段只有 {event.tables} 张桌子"
            english = f"there are {event.tables} tables in a slot"
        else:
            text = f"任意两位参会者的空档次数最多相差 {event.max_break_difference}"
            english = f"any two participants' numbers of breaks differ by at most {event.max_break_difference}"
        parts.append(ConflictPart(kind, ids, text, english))
    return tuple(parts)


def _role(participant: Participant) -> tuple[str, str]:
    return ("联络员", "host") if participant.attends else ("参会者", "participant")


def explain_dropped(
    event: Event, dropped: Sequence[int], held: Sequence[int], shortages: Sequence[Shortage], seconds: float
) -> tuple[DroppedMeeting, ...]:
    """Return for each dropped meeting why it cannot be held besides the held ones."""
    deadline = time.monotonic() + seconds
    holding = set(held)
    result: list[DroppedMeeting] = []
    for index, m in enumerate(dropped):
        identifier = event.meetings[m].id
        words = _describe_shortage(event, m, holding, shortages)
        if words is None:
            share = (deadline - time.monotonic()) / (len(dropped) - index)
            conflict = find_conflict(event, [*sorted(holding), m], share) if share > 0.05 else None
            words = _describe_in_one_line(event, identifier, conflict)
        result.append(DroppedMeeting(identifier, *words))
    return tuple(result)


def _names(values: Sequence[str], separator: str) -> str:
    shown = separator.join(values[:_MOST_NAMED])
    return shown + ("…" if len(values) > _MOST_NAMED else "")


def _describe_shortage(
    event: Event, m: int, holding: set[int], shortages: Sequence[Shortage]
) -> tuple[str, str] | None:
    """Return the words of the smallest group that is full without meeting m."""
    full = [s for s in shortages if m in s.meetings and len(holding.intersection(s.meetings)) >= s.places]
    if not full:
        return None
    shortage = min(full, key=lambda s: len(s.meetings))
    slots = [event.slots[s].id for s in shortage.slots]
    wanted, places = len(shortage.meetings), shortage.places
    if not slots:
        return (
            "没有任何时段同时满足参会者的空闲时间和场次要求",
            "no slot agrees with the participants' availability and the session",
        )
    if shortage.kind == "person" and shortage.participant is not None:
        who, who_en = _role(event.participants[shortage.participant])
        person = event.participants[shortage.participant].id
        return (
            f"{who} {person} 有 {wanted} 场洽谈只能安排在 {places} 个时段（{_names(slots, '、')}），时段不够",
            f"{who_en} {person} is wanted in {wanted} meetings with only {places} slots ({_names(slots, ', ')})",
        )
    if shortage.kind == "tables":
        return (
            f"{wanted} 场洽谈只有 {len(slots)} 个时段，每时段 {event.tables} 张桌子，共 {places} 个席位，桌子不够",
            f"{wanted} meetings have only {len(slots)} slots with {event.tables} tables each, {places} places in all",
        )
    return (
        f"{wanted} 场洽谈只能安排在 {len(slots)} 个时段，在场人数最多同时举行共 {places} 场",
        f"{wanted} meetings have only {len(slots)} slots, in which those present can hold {places} at most",
    )


def _describe_in_one_line(event: Event, identifier: str, conflict: Conflict | None) -> tuple[str, str]:
    if conflict is None:
        return (
            "在已安排的洽谈之外没有找到可行的时段",
            "no slot was found for it besides the meetings that are held",
        )
    own = [r for r in conflict.requirements if r.kind in ("held", "fixed") and r.ids == (identifier,)]
    rest = [r for r in conflict.requirements if r not in own]
    parts = describe_conflict(event, Conflict(tuple(rest), conflict.smallest))
    return (
        "与以下要求不能同时满足：" + _names([part.text for part in parts], "；"),
        "it cannot be held together with: " + _names([part.text_en for part in parts], "; "),
    )

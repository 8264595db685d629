"""What a timetable is made from and what it is: events, meetings, timetables, and their JSON.

The JSON is the contract of `duijie schedule`. Everything here is immutable and knows nothing of solvers.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, cast

from matching.errors import InvalidInput

ANY_SESSION = "any"
LARGEST_WEIGHT = 1_000_000

Status = Literal["optimal", "feasible", "infeasible"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One period of the event's day; slots follow each other in the order of `Event.slots`."""

    id: str
    session: str


@dataclass(frozen=True, slots=True)
class Participant:
    """Somebody who meets others; `unavailable` are ids of slots in which they cannot.

    One who `attends` looks after meetings (a host of the bureau): in one meeting at a time like everybody, but they do
    not wait between meetings as guests do, so their breaks count for nothing.
    """

    id: str
    unavailable: tuple[str, ...] = ()
    attends: bool = False


@dataclass(frozen=True, slots=True)
class Meeting:
    """A wished-for meeting of two or more participants.

    `session` is a session's name or "any". `weight` is what dropping it costs (0 to LARGEST_WEIGHT). `fixed_slot` is a
    slot it must be held in; such a meeting is never dropped. `after` are meetings that, where they are held, are held
    in an earlier slot. `score` is how good the pair is (mutual interest, match score); it only decides between
    timetables that are otherwise equally good. A meeting that does not need a table (online) counts for no table.
    """

    id: str
    participants: tuple[str, ...]
    session: str = ANY_SESSION
    weight: float = 1.0
    fixed_slot: str | None = None
    after: tuple[str, ...] = ()
    score: float = 0.0
    needs_table: bool = True


@dataclass(frozen=True, slots=True)
class Event:
    """An event: so many tables, slots in order, participants, and the meetings wanted.

    `max_break_difference` bounds the difference between any two participants' numbers of breaks; None means no bound.
    """

    name: str
    tables: int
    max_break_difference: int | None
    slots: tuple[Slot, ...]
    participants: tuple[Participant, ...]
    meetings: tuple[Meeting, ...]


@dataclass(frozen=True, slots=True)
class ScheduledMeeting:
    """A meeting's place: the slot's id and the table's number (1..tables, None where no table is needed)."""

    id: str
    slot: str
    table: int | None


@dataclass(frozen=True, slots=True)
class DroppedMeeting:
    """A meeting that is not held and why, in Chinese and in English."""

    id: str
    reason: str
    reason_en: str


@dataclass(frozen=True, slots=True)
class ConflictPart:
    """One of the requirements that cannot hold together.

    `kind` is fixed, held, person, unavailable, session, tables, after or fairness; `ids` the ids it is about.
    """

    kind: str
    ids: tuple[str, ...]
    text: str
    text_en: str


@dataclass(frozen=True, slots=True)
class Timetable:
    """An answer to an event.

    `breaks` is the sum over participants; `bound` a proven lower bound of it among timetables that drop as little.
    `drop_bound` is a proven lower bound of the weight that must be dropped. `conflict` is a smallest set of
    requirements that cannot hold together (`conflict_is_smallest` is False where the time only sufficed for an
    irreducible one); it is empty unless `status` is "infeasible". An infeasible timetable holds no meetings.
    """

    status: Status
    breaks: int
    bound: int
    meetings: tuple[ScheduledMeeting, ...]
    dropped: tuple[DroppedMeeting, ...] = ()
    drop_bound: float = 0.0
    table_changes: int = 0
    conflict: tuple[ConflictPart, ...] = ()
    conflict_is_smallest: bool = False


def _refuse(code: str, where: str, chinese: str, english: str) -> NoReturn:
    raise InvalidInput(f"event.{code}", chinese, where=where, message_en=english)


def _mapping(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        _refuse("not_an_object", where, "应为 JSON 对象", "must be a JSON object")
    return cast("Mapping[str, Any]", value)


def _sequence(data: Mapping[str, Any], key: str, where: str, *, required: bool = True) -> Sequence[object]:
    path = f"{where}.{key}" if where else key
    value = data.get(key)
    if value is None and not required:
        return ()
    if value is None:
        _refuse("missing", path, "缺少此项", "is missing")
    if not isinstance(value, list | tuple):
        _refuse("not_a_list", path, "应为数组", "must be an array")
    return cast("Sequence[object]", value)


def _identifier(value: object, where: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or str(value).strip() == "":
        _refuse("not_an_id", where, "应为非空字符串编号", "must be a non-empty string id")
    return str(value)


def _number(value: object, where: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        _refuse("not_a_number", where, "应为数字", "must be a finite number")
    return float(value)


def _count(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        _refuse("not_a_count", where, "应为不小于 0 的整数", "must be a whole number of 0 or more")
    return value


def _references(
    values: Sequence[object], known: Mapping[str, object], where: str, what: str, what_en: str
) -> tuple[str, ...]:
    found: list[str] = []
    for index, value in enumerate(values):
        identifier = _identifier(value, f"{where}[{index}]")
        if identifier not in known:
            _refuse(
                "unknown_id",
                f"{where}[{index}]",
                f"没有编号为“{identifier}”的{what}",
                f"no {what_en} has the id {identifier!r}",
            )
        if identifier not in found:
            found.append(identifier)
    return tuple(found)


def _unique(identifier: str, seen: Mapping[str, object], where: str) -> None:
    if identifier in seen:
        _refuse("duplicate_id", f"{where}.id", f"编号“{identifier}”重复", f"the id {identifier!r} is used twice")


def parse_event(data: object) -> Event:
    """Build an event from decoded JSON (the input of `duijie schedule`).

    Unknown keys are ignored. Raises `InvalidInput` whose `where` is the JSON path of the first thing wrong,
    such as `meetings[3].participants[1]`.
    """
    top = _mapping(data, "$")
    if "tables" not in top:
        _refuse("missing", "tables", "缺少此项", "is missing")
    tables = _count(top["tables"], "tables")
    difference = top.get("max_break_difference")
    max_break_difference = None if difference is None else _count(difference, "max_break_difference")

    slots: dict[str, Slot] = {}
    for index, item in enumerate(_sequence(top, "slots", "")):
        where = f"slots[{index}]"
        entry = _mapping(item, where)
        identifier = _identifier(entry.get("id"), f"{where}.id")
        _unique(identifier, slots, where)
        session = _identifier(entry.get("session", ANY_SESSION), f"{where}.session")
        slots[identifier] = Slot(identifier, session)
    sessions = {slot.session for slot in slots.values()} | {ANY_SESSION}

    participants: dict[str, Participant] = {}
    for index, item in enumerate(_sequence(top, "participants", "")):
        where = f"participants[{index}]"
        entry = _mapping(item, where)
        identifier = _identifier(entry.get("id"), f"{where}.id")
        _unique(identifier, participants, where)
        unavailable = _sequence(entry, "unavailable", where, required=False)
        attends = entry.get("attends", False)
        if not isinstance(attends, bool):
            _refuse("not_a_boolean", f"{where}.attends", "应为 true 或 false", "must be true or false")
        participants[identifier] = Participant(
            identifier, _references(unavailable, slots, f"{where}.unavailable", "时段", "slot"), attends
        )

    items = _sequence(top, "meetings", "")
    known: dict[str, object] = {}
    for index, item in enumerate(items):
        entry = _mapping(item, f"meetings[{index}]")
        identifier = _identifier(entry.get("id"), f"meetings[{index}].id")
        _unique(identifier, known, f"meetings[{index}]")
        known[identifier] = None
    meetings = tuple(
        _parse_meeting(_mapping(item, f"meetings[{index}]"), f"meetings[{index}]", slots, sessions, participants, known)
        for index, item in enumerate(items)
    )
    return Event(
        name=str(top.get("name") or ""),
        tables=tables,
        max_break_difference=max_break_difference,
        slots=tuple(slots.values()),
        participants=tuple(participants.values()),
        meetings=meetings,
    )


def _parse_meeting(
    entry: Mapping[str, Any],
    where: str,
    slots: Mapping[str, Slot],
    sessions: set[str],
    participants: Mapping[str, Participant],
    known: Mapping[str, object],
) -> Meeting:
    identifier = str(entry["id"])
    listed = _sequence(entry, "participants", where)
    people = _references(listed, participants, f"{where}.participants", "参会者", "participant")
    if len(people) != len(listed):
        _refuse("participant_twice", f"{where}.participants", "同一参会者出现两次", "names a participant twice")
    if len(people) < 2:
        _refuse("too_few_participants", f"{where}.participants", "至少需要两位参会者", "needs two participants or more")
    session = _identifier(entry.get("session", ANY_SESSION), f"{where}.session")
    if session not in sessions:
        _refuse(
            "unknown_session",
            f"{where}.session",
            f"没有名为“{session}”的场次",
            f"no slot belongs to a session {session!r}",
        )
    weight = _number(entry["weight"], f"{where}.weight") if entry.get("weight") is not None else 1.0
    if not 0 <= weight <= LARGEST_WEIGHT:
        _refuse(
            "bad_weight",
            f"{where}.weight",
            f"权重应在 0 和 {LARGEST_WEIGHT} 之间",
            f"must be from 0 to {LARGEST_WEIGHT}",
        )
    fixed_slot = entry.get("fixed_slot")
    if fixed_slot is not None:
        fixed_slot = _identifier(fixed_slot, f"{where}.fixed_slot")
        if fixed_slot not in slots:
            _refuse(
                "unknown_id",
                f"{where}.fixed_slot",
                f"没有编号为“{fixed_slot}”的时段",
                f"no slot has the id {fixed_slot!r}",
            )
    after = _references(_sequence(entry, "after", where, required=False), known, f"{where}.after", "洽谈", "meeting")
    if identifier in after:
        _refuse("after_itself", f"{where}.after", "洽谈不能排在自己之后", "a meeting cannot come after itself")
    needs_table = entry.get("needs_table", True)
    if not isinstance(needs_table, bool):
        _refuse("not_a_boolean", f"{where}.needs_table", "应为 true 或 false", "must be true or false")
    return Meeting(
        id=identifier,
        participants=people,
        session=session,
        weight=weight,
        fixed_slot=fixed_slot,
        after=after,
        score=_number(entry["score"], f"{where}.score") if entry.get("score") is not None else 0.0,
        needs_table=needs_table,
    )


def timetable_to_json(timetable: Timetable) -> dict[str, Any]:
    """Return the timetable as JSON-ready data (the output of `duijie schedule`; `conflict` only where infeasible)."""
    result: dict[str, Any] = {
        "status": timetable.status,
        "breaks": timetable.breaks,
        "bound": timetable.bound,
        "meetings": [{"id": m.id, "slot": m.slot, "table": m.table} for m in timetable.meetings],
        "dropped": [{"id": d.id, "reason": d.reason, "reason_en": d.reason_en} for d in timetable.dropped],
        "drop_bound": timetable.drop_bound,
        "table_changes": timetable.table_changes,
    }
    if timetable.status == "infeasible":
        result["conflict"] = [
            {"kind": part.kind, "ids": list(part.ids), "text": part.text, "text_en": part.text_en}
            for part in timetable.conflict
        ]
        result["conflict_is_smallest"] = timetable.conflict_is_smallest
    return result


def count_runs(used: Sequence[bool]) -> int:
    """Return the number of maximal runs of True."""
    return sum(1 for index, value in enumerate(used) if value and (index == 0 or not used[index - 1]))


def count_breaks(event: Event, slot_of: Mapping[str, str]) -> dict[str, int]:
    """Return each participant's number of breaks, given the slot id of every held meeting; not of those who attend."""
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    used = {participant.id: [False] * len(event.slots) for participant in event.participants if not participant.attends}
    for meeting in event.meetings:
        if meeting.id in slot_of:
            for participant in meeting.participants:
                if participant in used:
                    used[participant][position[slot_of[meeting.id]]] = True
    return {identifier: max(0, count_runs(row) - 1) for identifier, row in used.items()}


def count_meetings(event: Event) -> Counter[str]:
    """Return how many meetings each participant is wanted in."""
    return Counter(participant for meeting in event.meetings for participant in meeting.participants)

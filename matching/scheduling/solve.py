"""Proposing and re-planning the timetable of an event.

Objectives come one after the other, each within the optimum of those before: as little weight dropped as possible; when
re-planning, as few meetings moved as possible; as few breaks as possible; then high scores among what is held. Tables
are given out last.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from matching.errors import DuijieError, InvalidInput
from matching.scheduling.capacity import Shortage, choose_least_dropped, list_shortages
from matching.scheduling.conflicts import describe_conflict, explain_dropped, find_conflict
from matching.scheduling.encoding import Encoding, encode_event, list_allowed_slots
from matching.scheduling.event import DroppedMeeting, Event, ScheduledMeeting, Timetable, count_breaks
from matching.scheduling.repair import Placing, keep_places
from matching.scheduling.search import Cap, Found, Terms, complete_model, minimise
from matching.scheduling.tables import count_table_changes, seat_meetings

_WEIGHT_DECIMALS = 10_000
_SCORE_DECIMALS = 1_000
_POLISH_SECONDS = 5.0
_EXPLAIN_SHARE = 0.25


class NoTimetableInTime(DuijieError):
    """The time was over before any timetable that keeps all rules was found; nothing is known to be impossible."""

    def __init__(self) -> None:
        super().__init__(
            "schedule.no_timetable_in_time",
            "在给定时间内没有找到满足全部规则的日程，请延长时间或放宽要求",
            message_en="no timetable that keeps all rules was found in time; allow more time or relax the rules",
        )


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a search is.

    `phase` is drop (which meetings fit), move (re-planning), breaks or score. `slot_of` is the best timetable so far
    (slot id by meeting id), None before there is one; `breaks` counts its breaks. `bound` is the lower bound of
    breaks proven so far, 0 before the phase breaks.
    """

    phase: str
    seconds: float
    breaks: int | None
    bound: int
    slot_of: Mapping[str, str] | None


@dataclass(slots=True)
class _Run:
    """One call's clock and listeners, and the best placing so far (slot number by meeting number)."""

    event: Event
    started: float
    deadline: float
    on_progress: Callable[[Progress], None] | None
    should_stop: Callable[[], bool] | None
    best: dict[int, int] | None = None

    def remaining(self) -> float:
        return max(0.0, self.deadline - time.monotonic())

    def is_over(self) -> bool:
        return self.remaining() <= 0 or (self.should_stop is not None and self.should_stop())

    def may_have_to_drop(self) -> bool:
        """Return whether something could be dropped if not all fitted."""
        return any(meeting.fixed_slot is None for meeting in self.event.meetings)

    def search(
        self,
        phase: str,
        encoding: Encoding,
        objective: Terms,
        *,
        caps: Sequence[Cap] = (),
        bound: int = 0,
        start: tuple[int, ...] | None = None,
        seconds: float | None = None,
    ) -> Found:
        def report(_value: int | None, low: int, model: tuple[int, ...] | None) -> None:
            if self.on_progress is None:
                return
            slot_of = None if model is None else name_slots(self.event, encoding.read(model))
            breaks = None if slot_of is None else sum(count_breaks(self.event, slot_of).values())
            bound_of_breaks = low if phase == "breaks" else 0
            self.on_progress(Progress(phase, time.monotonic() - self.started, breaks, bound_of_breaks, slot_of))

        limit = self.remaining() if seconds is None else min(seconds, self.remaining())
        found = minimise(
            encoding.formula,
            objective,
            seconds=limit,
            caps=caps,
            bound=bound,
            start=start,
            on_progress=report,
            should_stop=self.should_stop,
        )
        if found.model is not None:
            self.best = encoding.read(found.model)
        return found


def name_slots(event: Event, placing: Mapping[int, int]) -> dict[str, str]:
    """Return slot id by meeting id from slot number by meeting number."""
    return {event.meetings[m].id: event.slots[s].id for m, s in placing.items()}


def propose_timetable(
    event: Event,
    *,
    time_limit_seconds: float,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Timetable:
    """Return the best timetable of an event found in the time (wall-clock seconds), with a proven bound.

    `on_progress` is called from the calling thread; `should_stop` is asked several times a second, and once it is
    true the best timetable so far is returned. Status "optimal": dropped weight and breaks are proven smallest.
    "infeasible": fixed meetings and rules contradict each other whatever is dropped; `conflict` says which. Raises
    `InvalidInput` for a time limit that is not positive and `NoTimetableInTime` when it knows neither.
    """
    return _plan(event, time_limit_seconds, on_progress, should_stop, {}, {}, {})


def replan(
    event: Event,
    previous: Timetable,
    frozen_meeting_ids: Collection[str] = (),
    *,
    time_limit_seconds: float = 30.0,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Timetable:
    """Return a timetable of the changed event that moves as few meetings as possible away from the previous one.

    The event is the one that is wanted now: cancelled meetings are gone from it, new ones are in it. As little weight
    as possible is dropped, then as few meetings as possible change their slot, then breaks are fewest (so `bound`
    holds among timetables that move no more). Frozen meetings keep slot and table and are never dropped; the others
    keep their table where they keep their slot, if it is free. Raises `InvalidInput` where a frozen meeting is not in
    both event and previous timetable.
    """
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    number_of = {meeting.id: index for index, meeting in enumerate(event.meetings)}
    places = {place.id: place for place in previous.meetings}
    for identifier in frozen_meeting_ids:
        if identifier not in number_of or identifier not in places or places[identifier].slot not in position:
            raise InvalidInput(
                "schedule.frozen_meeting_unknown",
                f"锁定的洽谈“{identifier}”不在活动或原日程中",
                where="frozen_meeting_ids",
                message_en=f"the frozen meeting {identifier!r} is not in both the event and the previous timetable",
            )
    frozen = frozenset(frozen_meeting_ids)
    pinned = replace(
        event,
        meetings=tuple(replace(m, fixed_slot=places[m.id].slot) if m.id in frozen else m for m in event.meetings),
    )
    kept = {number_of[i]: p for i, p in places.items() if i in number_of and p.slot in position}
    stays = {m: position[place.slot] for m, place in kept.items()}
    table_of = {m: place.table for m, place in kept.items() if place.table is not None and place.table <= event.tables}
    decided = {m: table for m, table in table_of.items() if event.meetings[m].id in frozen}
    return _plan(pinned, time_limit_seconds, on_progress, should_stop, stays, table_of, decided)


@dataclass(frozen=True, slots=True)
class _DropCosts:
    """Integer costs that order sets of dropped meetings by weight first and number second."""

    of: tuple[int, ...]
    scale: int
    equal_weight: float | None

    @classmethod
    def of_event(cls, event: Event) -> _DropCosts:
        weights = {m.weight for m in event.meetings}
        count = len(event.meetings)
        if len(weights) == 1:
            # The number alone decides, and small costs are easier to search.
            return cls((1,) * count, 1, weights.pop())
        scale = 1 if all(weight.is_integer() for weight in weights) else _WEIGHT_DECIMALS
        return cls(tuple(round(m.weight * scale) * (count + 1) + 1 for m in event.meetings), scale, None)

    def weight_of(self, cost: int) -> float:
        """Return the least total weight that a cost of at least `cost` can mean."""
        if self.equal_weight is not None:
            return cost * self.equal_weight
        count = len(self.of)
        return max(0, -(-(cost - count) // (count + 1))) / self.scale


def _plan(
    event: Event,
    time_limit_seconds: float,
    on_progress: Callable[[Progress], None] | None,
    should_stop: Callable[[], bool] | None,
    stays: Mapping[int, int],
    preferred_tables: Mapping[int, int],
    decided_tables: Mapping[int, int],
) -> Timetable:
    if not time_limit_seconds > 0:
        raise InvalidInput(
            "schedule.time_limit",
            "时间限制必须大于 0 秒",
            where="time_limit_seconds",
            message_en="must be more than 0 seconds",
        )
    started = time.monotonic()
    run = _Run(event, started, started + time_limit_seconds, on_progress, should_stop)
    shortages = list_shortages(event)
    costs = _DropCosts.of_event(event)
    least = choose_least_dropped(event, shortages, costs.of, run.remaining() / 8, keep=stays)
    if least is None:
        return _name_conflict(run)
    bound = least.bound
    kept = keep_places(event, stays, run.remaining() / 8) if stays else None
    if kept is not None and sum(c for m, c in enumerate(costs.of) if m not in kept) <= bound:
        # As little dropped as can be, and next to nobody moved: only breaks are left to be made fewer.
        repaired = _keep(run, kept, stays, shortages, costs, preferred_tables, decided_tables)
        if repaired is not None:
            return repaired

    # First without any choice of what to drop: degrees are known then, which is what makes the search fast.
    settled = event if not least.meetings else _without(event, least.meetings)
    staying = _renumber(stays, least.meetings)
    encoding = encode_event(settled)
    first: Terms = _moves(encoding, staying) if staying else [(literal, 1) for literal in encoding.breaks]
    inner = run if not least.meetings else replace(run, event=settled)
    share = run.remaining() * (0.5 if least.meetings else 0.7 if run.may_have_to_drop() else 1.0)
    found = inner.search("move" if staying else "breaks", encoding, first, seconds=share)
    if found.model is not None and not least.meetings:
        # Everything fits, so nothing is dropped.
        return _finish(run, encoding, found, stays, preferred_tables, decided_tables, shortages, True, 0.0, first=True)
    placing: dict[int, int] | None = None
    if found.model is not None:
        numbers = [m for m in range(len(event.meetings)) if m not in least.meetings]
        placing = {numbers[m]: s for m, s in encoding.read(found.model).items()}
        run.best = placing
    elif found.outcome == "infeasible" and not least.meetings:
        bound = min((c for m, c in enumerate(costs.of) if event.meetings[m].fixed_slot is None), default=1)
    elif run.is_over():
        return _fall_back(run, costs.weight_of(bound), preferred_tables, decided_tables)

    may_drop = frozenset(m for m, meeting in enumerate(event.meetings) if meeting.fixed_slot is None)
    encoding = encode_event(event, may_drop)
    drops = [(literal, costs.of[m]) for m, literal in encoding.dropped.items()]
    rows = [
        Cap(
            [(encoding.dropped[m], 1) for m in shortage.meetings if m in encoding.dropped],
            least=len(shortage.meetings) - shortage.places,
        )
        for shortage in shortages
    ]
    start = None
    if placing is None:
        placing = kept if kept is not None else place_greedily(event)
    if placing is not None:
        held = [encoding.held_in[m, s] for m, s in placing.items()]
        left_out = [literal for m, literal in encoding.dropped.items() if m not in placing]
        start = complete_model(encoding.formula, [*held, *left_out], max(10.0, run.remaining()))
    found = run.search("drop", encoding, drops, caps=rows, bound=bound, start=start, seconds=run.remaining() * 0.6)
    if found.outcome == "infeasible":
        return _name_conflict(run)
    if found.model is None:
        return _fall_back(run, costs.weight_of(bound), preferred_tables, decided_tables)
    drop_is_optimal = found.outcome == "optimal"
    drop_caps = [*rows, Cap(drops, most=found.value, least=found.bound)]
    held_now = encoding.read(found.model)
    drop_bound = (
        sum(event.meetings[m].weight for m in encoding.dropped if m not in held_now)
        if drop_is_optimal
        else costs.weight_of(found.bound)
    )
    return _finish(
        run,
        encoding,
        found,
        stays,
        preferred_tables,
        decided_tables,
        shortages,
        drop_is_optimal,
        drop_bound,
        caps=drop_caps,
    )


def _keep(
    run: _Run,
    kept: Mapping[int, int],
    stays: Mapping[int, int],
    shortages: Sequence[Shortage],
    costs: _DropCosts,
    preferred_tables: Mapping[int, int],
    decided_tables: Mapping[int, int],
) -> Timetable | None:
    """Go on from places that drop no more than must be; None where the time did not suffice to take them over."""
    event = run.event
    gone = [m for m in range(len(event.meetings)) if m not in kept]
    may_drop = frozenset(m for m, meeting in enumerate(event.meetings) if meeting.fixed_slot is None)
    encoding = encode_event(event, may_drop if gone else frozenset())
    literals = [encoding.held_in[m, s] for m, s in kept.items()] + [encoding.dropped[m] for m in gone]
    model = complete_model(encoding.formula, literals, max(5.0, run.remaining() / 2))
    if model is None:
        return None
    run.best = dict(kept)
    moved = sum(kept[m] != s for m, s in stays.items() if m in kept)
    found = Found("optimal" if not moved else "feasible", moved, 0, model)
    drops = [(literal, costs.of[m]) for m, literal in encoding.dropped.items()]
    caps = [Cap(drops, most=sum(costs.of[m] for m in gone))] if gone else []
    weight = sum(event.meetings[m].weight for m in gone)
    return _finish(
        run, encoding, found, stays, preferred_tables, decided_tables, shortages, True, weight,
        caps=caps, first=not moved,
    )  # fmt: skip


def _with_fewer_moves(run: _Run, encoding: Encoding, found: Found, stays: Mapping[int, int]) -> Found:
    """The same meetings with fewer of them moved, where that is seen without searching; else what was found."""

    def count_moved(placing: Mapping[int, int]) -> int:
        return sum(placing[m] != s for m, s in stays.items() if m in placing)

    held = encoding.read(found.model) if found.model is not None else {}
    moved = count_moved(held)
    if not moved:
        return found
    kept = keep_places(run.event, stays, run.remaining() / 8, only=held)
    if kept is None or set(kept) != set(held) or count_moved(kept) >= moved:
        return found
    literals = [encoding.held_in[m, s] for m, s in kept.items()]
    literals += [literal for m, literal in encoding.dropped.items() if m not in kept]
    model = complete_model(encoding.formula, literals, max(2.0, run.remaining() / 4))
    if model is None:
        return found
    run.best = dict(kept)
    return Found(found.outcome, count_moved(kept), found.bound, model)


def _without(event: Event, meetings: Collection[int]) -> Event:
    """Return the event without some meetings (by number) and without mention of them in others' order."""
    gone = {event.meetings[m].id for m in meetings}
    return replace(
        event,
        meetings=tuple(
            replace(meeting, after=tuple(e for e in meeting.after if e not in gone))
            for m, meeting in enumerate(event.meetings)
            if m not in meetings
        ),
    )


def _renumber(by_meeting: Mapping[int, int], gone: Collection[int]) -> dict[int, int]:
    """Return a mapping by meeting number as it is when the meetings `gone` are taken out."""
    return {m - sum(g < m for g in gone): value for m, value in by_meeting.items() if m not in gone}


def _moves(encoding: Encoding, stays: Mapping[int, int]) -> Terms:
    return [(literal, 1) for (m, s), literal in encoding.held_in.items() if m in stays and s != stays[m]]


def _finish(
    run: _Run,
    encoding: Encoding,
    found: Found,
    stays: Mapping[int, int],
    preferred_tables: Mapping[int, int],
    decided_tables: Mapping[int, int],
    shortages: Sequence[Shortage],
    proven: bool,
    drop_bound: float,
    *,
    caps: Sequence[Cap] = (),
    first: bool = False,
) -> Timetable:
    """Go through the objectives after dropping. With `first` the first of them has been searched and gave `found`."""
    breaks: Terms = [(literal, 1) for literal in encoding.breaks]
    held_back = _EXPLAIN_SHARE if caps else 0.0
    held_caps = list(caps)
    if stays:
        moves = _moves(encoding, stays)
        found = _with_fewer_moves(run, encoding, found, stays)
        if not first:
            found = run.search(
                "move",
                encoding,
                moves,
                caps=held_caps,
                start=found.model,
                seconds=run.remaining() * (1 - held_back) / 2,
            )
        proven = proven and found.outcome == "optimal"
        held_caps.append(Cap(moves, most=found.value))
    if stays or not first:
        found = run.search(
            "breaks", encoding, breaks, caps=held_caps, start=found.model, seconds=run.remaining() * (1 - held_back)
        )
    optimal = proven and found.outcome == "optimal"
    bound = found.bound if proven else 0
    scores = _scores(encoding)
    if optimal and scores and not run.is_over():
        run.search(
            "score",
            encoding,
            scores,
            caps=[*held_caps, Cap(breaks, most=found.value)],
            start=found.model,
            seconds=min(_POLISH_SECONDS, run.remaining() / 2),
        )
    placing = run.best or {}
    if scores and not optimal:
        placing = prefer_scores(run.event, placing, stays)
    dropped = [m for m in range(len(run.event.meetings)) if m not in placing]
    reasons = explain_dropped(run.event, dropped, sorted(placing), shortages, run.remaining())
    return _seat(run.event, placing, reasons, optimal, bound, drop_bound, preferred_tables, decided_tables, stays)


def _scores(encoding: Encoding) -> Terms:
    """Return the lost scores of dropped meetings as an objective; empty where they are all the same."""
    event = encoding.event
    if len({event.meetings[m].score for m in encoding.dropped}) <= 1:
        return []
    lowest = min(event.meetings[m].score for m in encoding.dropped)
    highest = max(event.meetings[m].score for m in encoding.dropped)
    lost = {
        m: round((event.meetings[m].score - lowest) / (highest - lowest) * _SCORE_DECIMALS) for m in encoding.dropped
    }
    return [(encoding.dropped[m], value) for m, value in lost.items() if value > 0]


def prefer_scores(event: Event, placing: Mapping[int, int], stays: Mapping[int, int]) -> dict[int, int]:
    """Let dropped meetings take the places of held ones of the same weight and a lower score, where that costs nobody
    anything: for when there was no time to search for it.

    Fixed meetings, those that stood before and those with an order are left alone; breaks do not become more, and
    differ no more than they may.
    """
    result = dict(placing)
    allowed = list_allowed_slots(event)
    ordered = {m.id for m in event.meetings if m.after} | {earlier for m in event.meetings for earlier in m.after}
    counted = [p.id for p in event.participants if not p.attends]
    busy: dict[str, set[int]] = {p.id: set() for p in event.participants}
    for m, s in result.items():
        for person in event.meetings[m].participants:
            busy[person].add(s)
    breaks = {person: _runs(busy[person]) for person in counted}

    def may_swap(m: int) -> bool:
        return event.meetings[m].fixed_slot is None and event.meetings[m].id not in ordered

    dropped = sorted(
        (m for m in range(len(event.meetings)) if m not in result and may_swap(m)),
        key=lambda m: (-event.meetings[m].score, m),
    )
    for m in dropped:
        better = event.meetings[m]
        weaker = sorted(
            (
                h
                for h, s in result.items()
                if may_swap(h)
                and h not in stays
                and s in allowed[m]
                and event.meetings[h].weight == better.weight
                and event.meetings[h].score < better.score
                and event.meetings[h].needs_table == better.needs_table
            ),
            key=lambda h: (event.meetings[h].score, h),
        )
        for h in weaker:
            slot, leaving = result[h], event.meetings[h].participants
            if any(slot in busy[person] and person not in leaving for person in better.participants):
                continue
            after = {person: busy[person] - {slot} for person in leaving}
            after |= {person: after.get(person, busy[person]) | {slot} for person in better.participants}
            changed = {person: _runs(after[person]) for person in after if person in breaks}
            if sum(changed.values()) > sum(breaks[person] for person in changed):
                continue
            spread = (breaks | changed).values()
            if event.max_break_difference is not None and max(spread) - min(spread) > event.max_break_difference:
                continue
            del result[h]
            result[m] = slot
            busy.update(after)
            breaks.update(changed)
            break
    return result


def _runs(slots: Collection[int]) -> int:
    """Breaks of somebody who is busy in these slots."""
    return max(0, sum(s - 1 not in slots for s in slots) - 1)


def _seat(
    event: Event,
    placing: Mapping[int, int],
    dropped: tuple[DroppedMeeting, ...],
    optimal: bool,
    bound: int,
    drop_bound: float,
    preferred_tables: Mapping[int, int],
    decided_tables: Mapping[int, int],
    stays: Mapping[int, int],
) -> Timetable:
    preferred = {m: t for m, t in preferred_tables.items() if m in placing and placing[m] == stays.get(m)}
    decided = {m: t for m, t in decided_tables.items() if m in placing and placing[m] == stays.get(m)}
    table_of = seat_meetings(event, placing, decided=decided, preferred=preferred)
    breaks = sum(count_breaks(event, name_slots(event, placing)).values())
    return Timetable(
        status="optimal" if optimal else "feasible",
        breaks=breaks,
        bound=breaks if optimal else min(bound, breaks),
        meetings=tuple(
            ScheduledMeeting(event.meetings[m].id, event.slots[s].id, table_of[m]) for m, s in sorted(placing.items())
        ),
        dropped=dropped,
        drop_bound=drop_bound,
        table_changes=count_table_changes(event, placing, table_of),
    )


def _name_conflict(run: _Run) -> Timetable:
    event = run.event
    fixed = [m for m, meeting in enumerate(event.meetings) if meeting.fixed_slot is not None]
    # Explaining may take as long again as solving was allowed to: an answer without its reason is of no use.
    conflict = find_conflict(event, fixed, max(run.remaining(), (run.deadline - run.started) / 2))
    if conflict is None:
        raise NoTimetableInTime
    return Timetable(
        status="infeasible",
        breaks=0,
        bound=0,
        meetings=(),
        conflict=describe_conflict(event, conflict),
        conflict_is_smallest=conflict.smallest,
    )


def _fall_back(
    run: _Run, drop_bound: float, preferred_tables: Mapping[int, int], decided_tables: Mapping[int, int]
) -> Timetable:
    """Return a timetable made by placing one meeting after the other, for when the search had no time to find one.

    Raises `NoTimetableInTime` when the fixed meetings alone do not make one.
    """
    event = run.event
    placing = place_greedily(event)
    if placing is None:
        raise NoTimetableInTime
    words = ("时间已到，还没有为它找到位置", "the time was over before a place for it was found")
    dropped = tuple(DroppedMeeting(meeting.id, *words) for m, meeting in enumerate(event.meetings) if m not in placing)
    return _seat(event, placing, dropped, False, 0, drop_bound, preferred_tables, decided_tables, placing)


def place_greedily(event: Event) -> dict[int, int] | None:
    """Return slot number by meeting number: the fixed, then the heaviest that fit; None when the fixed do not fit."""
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    placing = Placing(event)
    for m, meeting in enumerate(event.meetings):
        if meeting.fixed_slot is not None:
            s = position[meeting.fixed_slot]
            if s not in placing.allowed(m) or not placing.fits(m, s):
                return None
            placing.put(m, s)
    if not placing.is_fair([p.id for p in event.participants]):
        return None
    order = sorted(
        (m for m in range(len(event.meetings)) if m not in placing.slot_of),
        key=lambda m: (-event.meetings[m].weight, -event.meetings[m].score, m),
    )
    for m in order:
        placing.insert(m, 0)
    return placing.slot_of

"""Keeping a timetable when the event changes: what stands stays, the rest is fitted in, moving a few where it must be.

No proof and no solver: a start for the search, so that a cancellation on the day moves nobody even where there is no
time to prove that nobody has to move.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping

from matching.scheduling.encoding import list_allowed_slots
from matching.scheduling.event import Event, count_breaks

_MOST_MOVES = 3
_MOST_TRIES = 20_000


class Placing:
    """Slot number by meeting number, with what is needed to say quickly what fits."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.slot_of: dict[int, int] = {}
        self._allowed = list_allowed_slots(event)
        self._at: dict[tuple[str, int], int] = {}
        self._free = [event.tables] * len(event.slots)
        number_of = {meeting.id: index for index, meeting in enumerate(event.meetings)}
        self._earlier = [[number_of[e] for e in meeting.after] for meeting in event.meetings]
        self._later: list[list[int]] = [[] for _ in event.meetings]
        for m, before in enumerate(self._earlier):
            for e in before:
                self._later[e].append(m)
        self._tries = _MOST_TRIES

    def allowed(self, m: int) -> list[int]:
        """The slots that session, fixing and participants allow."""
        return self._allowed[m]

    def fits(self, m: int, s: int) -> bool:
        """Whether a meeting can be held there besides the others."""
        return not self._in_the_way(m, s) and self._has_table(m, s) and self._keeps_order(m, s)

    def put(self, m: int, s: int) -> None:
        """Hold it there."""
        self.slot_of[m] = s
        for person in self.event.meetings[m].participants:
            self._at[person, s] = m
        self._free[s] -= self.event.meetings[m].needs_table

    def take(self, m: int) -> int:
        """No longer hold it; returns where it was."""
        s = self.slot_of.pop(m)
        for person in self.event.meetings[m].participants:
            del self._at[person, s]
        self._free[s] += self.event.meetings[m].needs_table
        return s

    def is_fair(self, people: Iterable[str]) -> bool:
        """Sufficient, not necessary: nobody of these has more breaks than may lie between two participants."""
        most = self.event.max_break_difference
        if most is None:
            return True
        names = {self.event.meetings[m].id: self.event.slots[s].id for m, s in self.slot_of.items()}
        breaks = count_breaks(self.event, names)
        return all(breaks.get(person, 0) <= most for person in people)

    def insert(self, m: int, moves: int, settled: frozenset[int] = frozenset()) -> bool:
        """Hold a meeting besides all others, moving at most so many of them to other slots; else change nothing."""
        for s in self._allowed[m]:
            if self.fits(m, s):
                self.put(m, s)
                if self.is_fair(self.event.meetings[m].participants):
                    return True
                self.take(m)
        if moves == 0:
            return False
        for s in self._allowed[m]:
            self._tries -= 1
            if self._tries < 0:
                return False
            if self._keeps_order(m, s) and self._make_room(m, s, moves, settled):
                return True
        return False

    def _make_room(self, m: int, s: int, moves: int, settled: frozenset[int]) -> bool:
        blockers = self._in_the_way(m, s)
        if not blockers and not self._has_table(m, s):
            # Any of those at the tables could go; the first that finds another place does.
            here = [o for o, slot in self.slot_of.items() if slot == s and self.event.meetings[o].needs_table]
            return any(self._push_out(m, s, [other], moves, settled) for other in here)
        return 0 < len(blockers) <= moves and self._push_out(m, s, sorted(blockers), moves, settled)

    def _push_out(self, m: int, s: int, blockers: list[int], moves: int, settled: frozenset[int]) -> bool:
        if any(o in settled or self.event.meetings[o].fixed_slot is not None for o in blockers):
            return False
        before = dict(self.slot_of)
        for other in blockers:
            self.take(other)
        if self.fits(m, s):
            self.put(m, s)
            done = settled | {m}
            left = moves - len(blockers)
            if self.is_fair(self.event.meetings[m].participants) and all(
                self._insert_elsewhere(other, s, left, done) for other in blockers
            ):
                return True
        self._restore(before)
        return False

    def _insert_elsewhere(self, m: int, left_slot: int, moves: int, settled: frozenset[int]) -> bool:
        return self.insert(m, moves, settled) and self.slot_of[m] != left_slot

    def _restore(self, before: Mapping[int, int]) -> None:
        for m in [m for m, s in self.slot_of.items() if before.get(m) != s]:
            self.take(m)
        for m, s in before.items():
            if m not in self.slot_of:
                self.put(m, s)

    def _in_the_way(self, m: int, s: int) -> set[int]:
        found = {self._at.get((person, s)) for person in self.event.meetings[m].participants}
        return {other for other in found if other is not None and other != m}

    def _has_table(self, m: int, s: int) -> bool:
        return self._free[s] > 0 or not self.event.meetings[m].needs_table

    def _keeps_order(self, m: int, s: int) -> bool:
        return all(self.slot_of.get(e, -1) < s for e in self._earlier[m]) and all(
            self.slot_of.get(one, len(self.event.slots)) > s for one in self._later[m]
        )


def keep_places(
    event: Event, stays: Mapping[int, int], seconds: float, *, only: Collection[int] | None = None
) -> dict[int, int] | None:
    """Return slot number by meeting number: the fixed where they must be, those that stand where they stood, then the
    heaviest that fit, with up to three others moved for one that does not; None when the fixed do not fit.

    With `only` no other meetings are held.
    """
    deadline = time.monotonic() + seconds
    position = {slot.id: index for index, slot in enumerate(event.slots)}
    placing = Placing(event)
    for m, meeting in enumerate(event.meetings):
        if meeting.fixed_slot is not None:
            s = position[meeting.fixed_slot]
            if s not in placing.allowed(m) or not placing.fits(m, s):
                return None
            placing.put(m, s)
    wanted = range(len(event.meetings)) if only is None else sorted(only)
    for m, s in sorted(stays.items()):
        if m in wanted and m not in placing.slot_of and s in placing.allowed(m) and placing.fits(m, s):
            placing.put(m, s)
    if not placing.is_fair([p.id for p in event.participants]):
        return None
    order = sorted(
        (m for m in wanted if m not in placing.slot_of),
        key=lambda m: (-event.meetings[m].weight, -event.meetings[m].score, m),
    )
    for moves in range(_MOST_MOVES + 1):
        for m in order:
            if m not in placing.slot_of and time.monotonic() < deadline:
                placing.insert(m, moves)
    return placing.slot_of

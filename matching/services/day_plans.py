"""The day of an event: from sessions, breaks and the length of a meeting to slots, and from rooms to tables.

Everything here is pure: wall-clock times of the day in China, no rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import time
from itertools import pairwise

from matching.errors import InvalidInput

MOST_SLOTS = 120
MOST_TABLES = 200
_SPAN = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|—|~|至|到)\s*(\d{1,2}):(\d{2})")
_ROOM = re.compile(r"(.*?)[\s,，;；×x*:：]*(\d{1,3})\s*(?:张|桌|个|tables?)?\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class NamedSpan:
    """A session or a break: minutes after midnight, end exclusive."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class PlannedSlot:
    """One slot of the day: its session, start and end on the wall clock."""

    session: str
    start: time
    end: time


def parse_spans(text: str, *, where: str, default_names: Sequence[str] = ()) -> tuple[NamedSpan, ...]:
    """One span a line, `上午 09:00-12:00`; the name may be missing. In order of time.

    Full-width digits and colons are understood. Raises InvalidInput naming the line, also for spans that overlap.
    """
    spans: list[NamedSpan] = []
    lines = [line for line in re.split(r"[\n;；]+", unicodedata.normalize("NFKC", text)) if line.strip()]
    for number, line in enumerate(lines, 1):
        found = _SPAN.search(line)
        if found is None:
            raise InvalidInput(
                "event.span",
                f"第 {number} 行“{line.strip()}”看不懂，请写成“上午 09:00-12:00”",
                where=where,
                message_en=f"Line {number} ({line.strip()!r}) should look like: morning 09:00-12:00",
            )
        start, end = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
        if int(found[2]) > 59 or int(found[4]) > 59 or end > 24 * 60 - 1 or start >= end:
            raise InvalidInput(
                "event.span_order",
                f"第 {number} 行的结束时间应晚于开始时间，且在当天之内",
                where=where,
                message_en=f"Line {number} must end after it begins, on the same day",
            )
        name = " ".join((line[: found.start()] + line[found.end() :]).split())
        fallback = default_names[number - 1] if number <= len(default_names) else str(number)
        spans.append(NamedSpan((name or fallback)[:40], start, end))
    spans.sort(key=lambda span: span.start)
    for earlier, later in pairwise(spans):
        if later.start < earlier.end:
            raise InvalidInput(
                "event.spans_overlap",
                f"“{earlier.name}”和“{later.name}”的时间重叠",
                where=where,
                message_en=f"{earlier.name!r} and {later.name!r} overlap",
            )
    return tuple(spans)


def make_slots(
    sessions: Sequence[NamedSpan], breaks: Sequence[NamedSpan], *, slot_minutes: int, gap_minutes: int = 0
) -> tuple[PlannedSlot, ...]:
    """As many slots as fit into the sessions one after the other, none across a break, `gap_minutes` between two.

    Raises InvalidInput where none or more than MOST_SLOTS fit, or where a number is out of range.
    """
    if not 5 <= slot_minutes <= 240:
        raise InvalidInput(
            "event.slot_minutes",
            "每场洽谈应为 5 到 240 分钟",
            where="slot_minutes",
            message_en="A meeting lasts between 5 and 240 minutes",
        )
    if not 0 <= gap_minutes <= 60:
        raise InvalidInput(
            "event.gap_minutes",
            "间隔应为 0 到 60 分钟",
            where="gap_minutes",
            message_en="The gap is between 0 and 60 minutes",
        )
    slots: list[PlannedSlot] = []
    for session in sessions:
        start = session.start
        while start + slot_minutes <= session.end:
            end = start + slot_minutes
            crossing = [pause for pause in breaks if pause.start < end and start < pause.end]
            if crossing:
                # After a break the next meeting begins with its end, whatever was left before it.
                start = max(pause.end for pause in crossing)
                continue
            slots.append(PlannedSlot(session.name, _clock(start), _clock(end)))
            start = end + gap_minutes
    if not slots:
        raise InvalidInput(
            "event.no_slots", "这样安排没有一个完整的时段", where="sessions", message_en="No slot fits into this day"
        )
    if len(slots) > MOST_SLOTS:
        raise InvalidInput(
            "event.too_many_slots",
            f"时段太多（{len(slots)}），最多 {MOST_SLOTS} 个",
            where="slot_minutes",
            message_en=f"Too many slots ({len(slots)}); at most {MOST_SLOTS}",
        )
    return tuple(slots)


def parse_tables(text: str, *, where: str = "rooms") -> tuple[str, ...]:
    """Names of tables from rooms, one a line: `一号厅 8` has eight tables; a number alone is one room without a name.

    A line without a number is a single table of that name. Raises InvalidInput for none, too many, or a name twice.
    """
    tables: list[str] = []
    for line in re.split(r"[\n;；]+", unicodedata.normalize("NFKC", text)):
        if not line.strip():
            continue
        found = _ROOM.fullmatch(line.strip())
        if found is None:
            tables.append(" ".join(line.split())[:60])
            continue
        room = " ".join(found[1].split())[:50]
        tables += [f"{room} {number} 号桌".strip() for number in range(1, int(found[2]) + 1)]
    if not tables:
        raise InvalidInput(
            "event.no_tables", "请至少安排一张桌子", where=where, message_en="At least one table is needed"
        )
    if len(tables) > MOST_TABLES:
        raise InvalidInput(
            "event.too_many_tables",
            f"桌子太多（{len(tables)}），最多 {MOST_TABLES} 张",
            where=where,
            message_en=f"Too many tables ({len(tables)}); at most {MOST_TABLES}",
        )
    if len(set(tables)) < len(tables):
        raise InvalidInput("event.tables_twice", "有桌子重名", where=where, message_en="Two tables have the same name")
    return tuple(tables)


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)

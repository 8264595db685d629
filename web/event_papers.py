"""The papers of an event as PDF: the timetable, everybody's agenda, badges with a code for the door, table cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from flask_babel import gettext as _

from matching.clock import to_shanghai
from matching.exporting.paper import BETWEEN, Paper, code_matrix, dark_runs
from matching.models import Event, EventParticipant, EventSlot, Meeting
from matching.queries.agendas import AgendaEntry, table_in, table_name
from matching.queries.events import EventBoard
from web.languages import format_day, page_language

_BADGE_WIDTH, _BADGE_HEIGHT, _BADGES_ACROSS, _BADGES_DOWN = 90.0, 54.0, 2, 5
_BADGE_LEFT, _BADGE_TOP = 15.0, 13.5
_CODE_SIDE = 30.0
_CARD_SIZE = 15.0
"""Points of a table card's text, where it has room for so much."""


def table_words(event: Event, number: int | None) -> str:
    """A table's name in the reader's language; empty where there is none."""
    return table_in(table_name(event, number), page_language())


def time_of(slot: EventSlot) -> str:
    """09:00–09:20 on the clock of China."""
    return f"{to_shanghai(slot.starts_at):%H:%M}–{to_shanghai(slot.ends_at):%H:%M}"


def write_timetable(board: EventBoard) -> bytes:
    """All meetings in order of time."""
    event = board.event
    slots = {slot.id: slot for slot in event.slots}
    paper = Paper(event.title)
    paper.new_page()
    _head(paper, event)
    rows = [
        (
            time_of(slots[one.slot_id or ""]),
            table_words(event, one.table_number) or _("线上"),
            _both(board, one),
            board.needs.get(one.need_id or "", ""),
            board.hosts.get(one.host_id or "", ""),
        )
        for one in board.placed()
    ]
    if rows:
        _table(paper, _("双方"), rows, 10)
    else:
        paper.line(_("还没有日程。"), 11)
    return _finish(paper, numbered=True)


def write_agendas(board: EventBoard, people: Sequence[EventParticipant]) -> bytes:
    """A page for everybody who comes."""
    event, mine = board.event, board.by_person()
    paper = Paper(f"{event.title} {_('个人日程')}")
    for who in people:
        paper.new_page()
        paper.line(who.name, 18)
        _head(paper, event, size=11)
        rows = [
            (
                time_of(slot),
                table_words(event, one.table_number) or _("线上"),
                board.participants[one.second_id if one.first_id == who.id else one.first_id].name,
                board.needs.get(one.need_id or "", ""),
                board.hosts.get(one.host_id or "", ""),
            )
            for slot in event.slots
            for one in mine.get((who.id, slot.id), ())
        ]
        if rows:
            _table(paper, _("对方"), rows, 11)
        else:
            paper.line(_("没有安排洽谈。"), 11)
    return _finish(_never_empty(paper, event))


def write_own_agenda(event: Event, who: EventParticipant, agenda: Sequence[AgendaEntry]) -> bytes:
    """A participant's own agenda, as they were told it."""
    paper = Paper(f"{event.title} {who.name}")
    paper.new_page()
    paper.line(who.name, 18)
    _head(paper, event, size=11)
    rows = [
        (time_of(one.slot), table_in(one.table, page_language()) or _("线上"), one.other.name, one.topic, one.host)
        for one in agenda
    ]
    if rows:
        _table(paper, _("对方"), rows, 11)
    else:
        paper.line(_("没有安排洽谈。"), 11)
    return _finish(paper)


def write_badges(event: Event, people: Sequence[EventParticipant], codes: Mapping[str, str]) -> bytes:
    """Ten badges of 90 × 54 mm a page, with lines to cut along; `codes` are the addresses for the door, by id."""
    paper = Paper(f"{event.title} {_('胸卡')}")
    pdf = paper.pdf
    pdf.set_auto_page_break(False)
    for place, who in enumerate(people):
        across, down = place % _BADGES_ACROSS, place // _BADGES_ACROSS % _BADGES_DOWN
        if across == down == 0:
            paper.new_page()
        x, y = _BADGE_LEFT + across * _BADGE_WIDTH, _BADGE_TOP + down * _BADGE_HEIGHT
        pdf.set_draw_color(190, 196, 204)
        pdf.set_line_width(0.1)
        pdf.rect(x, y, _BADGE_WIDTH, _BADGE_HEIGHT)
        room = _BADGE_WIDTH - _CODE_SIDE - 8
        below = paper.fitted(event.title, x + 4, y + 4, _BADGE_WIDTH - 8, 9, least=7)
        person = who.contact_name if who.contact_name and who.contact_name != who.name else ""
        below = paper.fitted(person or who.name, x + 4, max(below, y + 12) + 2, room, 20, least=11)
        if person:
            paper.fitted(who.name, x + 4, below + 2, room, 11, least=8)
        paper.code(codes[who.id], x + _BADGE_WIDTH - _CODE_SIDE - 3, y + _BADGE_HEIGHT - _CODE_SIDE - 3, _CODE_SIDE)
    return _finish(_never_empty(paper, event))


def write_cards(board: EventBoard) -> bytes:
    """A page for each table: its name large, and who meets there when."""
    event, grid = board.event, board.grid()
    paper = Paper(f"{event.title} {_('桌卡')}", landscape=True)
    for number, name in enumerate(event.tables, start=1):
        paper.new_page()
        paper.line(f"{event.title} · {format_day(event.held_on)}", 11, soft=True, centred=True)
        paper.line(table_in(name, page_language()), 64 if len(event.slots) <= 12 else 44, centred=True, gap=6)
        rows = [
            (
                time_of(slot),
                "；".join(_both(board, one) for one in grid.get((slot.id, number), ())),
            )
            for slot in event.slots
        ]
        if rows:
            # One sheet a table, however many slots the day has and however long the names are.
            room = paper.pdf.page_break_trigger - paper.pdf.get_y()
            first = paper.width_of(rows[0][0], _CARD_SIZE) + 2
            widths = (first, paper.pdf.epw - first)
            paper.table((_("时段"), _("双方")), rows, widths, size=_CARD_SIZE, room=room)
    return _finish(_never_empty(paper, event))


def write_paper(
    what: str, board: EventBoard, people: Sequence[EventParticipant], code_of: Callable[[EventParticipant], str]
) -> bytes:
    """The paper of that name: agenda, agendas, badges or cards."""
    if what == "agenda":
        return write_timetable(board)
    if what == "agendas":
        return write_agendas(board, people)
    if what == "cards":
        return write_cards(board)
    return write_badges(board.event, people, {one.id: code_of(one) for one in people})


@lru_cache(maxsize=512)
def draw_code(text: str) -> str:
    """A QR code as SVG without declaration and without style: it stands in pages, which allow neither. Kept, as the
    badges of an event are opened, corrected and opened again.
    """
    quiet, matrix = 2, code_matrix(text)
    side = len(matrix) + 2 * quiet
    path = "".join(
        f"M{start + quiet} {down + quiet}.5h{length}"
        for down, line in enumerate(matrix)
        for start, length in dark_runs(line)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dj-code" viewBox="0 0 {side} {side}" aria-hidden="true" '
        f'shape-rendering="crispEdges"><path stroke="#000" d="{path}"/></svg>'
    )


def _both(board: EventBoard, meeting: Meeting) -> str:
    return f"{board.participants[meeting.first_id].name}{BETWEEN}{board.participants[meeting.second_id].name}"


def _table(paper: Paper, who: str, rows: Sequence[tuple[str, ...]], size: float) -> None:
    """Slot, table, who, topic and host. Columns in which nothing stands are left out, and short ones are as wide as
    what is in them, so that names have the room.
    """
    heads = (_("时段"), _("桌子"), who, _("议题"), _("联络员"))
    kept = [column for column in range(len(heads)) if column < 3 or any(row[column] for row in rows)]
    needed = {column: max(paper.width_of(row[column], size) for row in (heads, *rows)) for column in kept}
    short = {column: min(needed[column], 42.0) for column in kept if column not in (2, 3)}
    left = paper.pdf.epw - sum(short.values())
    long = {2: left} if 3 not in kept else {2: left * 0.54, 3: left * 0.46}
    widths = [(short | long)[column] for column in kept]
    paper.table(
        [heads[column] for column in kept], [[row[column] for column in kept] for row in rows], widths, size=size
    )


def _head(paper: Paper, event: Event, *, size: float = 16) -> None:
    paper.line(event.title, size)
    paper.line(" · ".join(part for part in (format_day(event.held_on), event.venue) if part), 10, soft=True, gap=3)


def _never_empty(paper: Paper, event: Event) -> Paper:
    if paper.pdf.page == 0:
        paper.new_page()
        paper.line(event.title, 16)
        paper.line(_("还没有参会者。"), 11)
    return paper


def _finish(paper: Paper, *, numbered: bool = False) -> bytes:
    if numbered:
        paper.number_pages()
    if paper.missing:
        paper.pdf.set_auto_page_break(True, 10)
        paper.new_page()
    return paper.finish(_("服务器的字体里没有这些字，已用编码代替："))

"""The papers of an event as PDF: the timetable, everybody's agenda, badges with a code for the door, table cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from flask_babel import gettext as _

from matching.clock import to_shanghai
from matching.exporting.paper import Paper
from matching.models import Event, EventParticipant, EventSlot
from matching.queries.agendas import AgendaEntry, table_name
from matching.queries.events import EventBoard
from web.languages import format_day

_BADGE_WIDTH, _BADGE_HEIGHT, _BADGES_ACROSS, _BADGES_DOWN = 90.0, 54.0, 2, 5
_BADGE_LEFT, _BADGE_TOP = 15.0, 13.5
_CODE_SIDE = 30.0
_CARD_ROOM = 128.0
"""Millimetres of a table card below its name."""


def time_of(slot: EventSlot) -> str:
    """09:00–09:20 on the clock of China."""
    return f"{to_shanghai(slot.starts_at):%H:%M}–{to_shanghai(slot.ends_at):%H:%M}"


def write_timetable(board: EventBoard) -> bytes:
    """All meetings in order of time."""
    event = board.event
    paper = Paper(event.title)
    paper.new_page()
    _head(paper, event)
    rows = [
        (
            time_of(slot),
            table_name(event, one.table_number) or _("线上"),
            f"{board.participants[one.first_id].name} × {board.participants[one.second_id].name}",
            board.needs.get(one.need_id or "", ""),
            *_host(board.hosts, one.host_id),
        )
        for slot in event.slots
        for one in board.placed()
        if one.slot_id == slot.id
    ]
    if rows:
        paper.table(*_columns(_("双方"), rows, hosted=bool(board.hosts)))
    else:
        paper.line(_("还没有日程。"), 11)
    return _finish(paper)


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
                table_name(event, one.table_number) or _("线上"),
                board.participants[one.second_id if one.first_id == who.id else one.first_id].name,
                board.needs.get(one.need_id or "", ""),
                *_host(board.hosts, one.host_id),
            )
            for slot in event.slots
            for one in mine.get((who.id, slot.id), ())
        ]
        if rows:
            paper.table(*_columns(_("对方"), rows, hosted=bool(board.hosts)), size=11)
        else:
            paper.line(_("没有安排洽谈。"), 11)
    return _finish(_never_empty(paper, event))


def write_own_agenda(event: Event, who: EventParticipant, agenda: Sequence[AgendaEntry]) -> bytes:
    """A participant's own agenda, as they were told it."""
    paper = Paper(f"{event.title} {who.name}")
    paper.new_page()
    paper.line(who.name, 18)
    _head(paper, event, size=11)
    hosted = any(one.host for one in agenda)
    rows = [
        (time_of(one.slot), one.table or _("线上"), one.other.name, one.topic, *([one.host] if hosted else []))
        for one in agenda
    ]
    if rows:
        paper.table(*_columns(_("对方"), rows, hosted=hosted), size=11)
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
        paper.line(name, 64 if len(event.slots) <= 12 else 44, centred=True, gap=6)
        rows = [
            (
                time_of(slot),
                "；".join(
                    f"{board.participants[one.first_id].name} × {board.participants[one.second_id].name}"
                    for one in grid.get((slot.id, number), ())
                ),
            )
            for slot in event.slots
        ]
        if rows:
            # One sheet a table, however many slots the day has.
            height = (_CARD_ROOM if len(event.slots) <= 12 else _CARD_ROOM + 8) / (len(rows) + 1)
            paper.table((_("时段"), _("双方")), rows, (20, 80), size=max(6.5, min(12, (height - 2) / 0.62)))
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


def _host(hosts: Mapping[str, str], host_id: str | None) -> tuple[str, ...]:
    return (hosts.get(host_id or "", ""),) if hosts else ()


def _columns(
    who: str, rows: Sequence[tuple[str, ...]], *, hosted: bool
) -> tuple[tuple[str, ...], Sequence[tuple[str, ...]], tuple[int, ...]]:
    """Headings, rows and widths; the host's column only where there are hosts."""
    heads = (_("时段"), _("桌子"), who, _("议题"))
    if hosted:
        return (*heads, _("联络员")), rows, (15, 12, 31, 30, 12)
    return heads, rows, (16, 12, 36, 36)


def _head(paper: Paper, event: Event, *, size: float = 16) -> None:
    paper.line(event.title, size)
    paper.line(" · ".join(part for part in (format_day(event.held_on), event.venue) if part), 10, soft=True, gap=3)


def _never_empty(paper: Paper, event: Event) -> Paper:
    if paper.pdf.page == 0:
        paper.new_page()
        paper.line(event.title, 16)
        paper.line(_("还没有参会者。"), 11)
    return paper


def _finish(paper: Paper) -> bytes:
    if paper.missing:
        paper.pdf.set_auto_page_break(True, 10)
        paper.new_page()
    return paper.finish(_("服务器的字体里没有这些字，已用编码代替："))

"""The papers of an event as files: who meets whom and when, a badge for everybody with a code that the door reads."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
import segno
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.exporting.paper import code_matrix, first_font
from matching.models import EventParticipant, EventSlot, Meeting
from matching.services.event_publication import agenda_token, publish_timetable
from matching.services.meetings import move_meeting
from tests.factories.events import MadeEvent, make_event
from tests.factories.people import make_member
from tests.unit.web.conftest import Browser, Clock
from web.event_papers import draw_code

pytestmark = pytest.mark.skipif(first_font() is None, reason="no Chinese font is installed")

STAFF, LONG = "staff@example.cn", "乙照明" * 20


@pytest.fixture
def made(app: Flask, platform: Platform, clock: Clock) -> MadeEvent:
    made = make_event(
        platform, clock.moment, firms=("甲电路", LONG), experts=("张䶮", "李𬭎"), pairs=(("甲电路", "张䶮"),)
    )
    with platform.reading() as reading:
        slot = reading.scalars(select(EventSlot).where(EventSlot.event_id == made.id, EventSlot.position == 1)).one()
    with platform.unit_of_work() as uow:
        move_meeting(uow, made.staff, made.meetings["甲电路", "张䶮"], slot.id, 1, clock.moment)
    return made


def pages(content: bytes) -> list[str]:
    """The text of each page, blanks left out."""
    return [re.sub(r"\s", "", page.extract_text()) for page in PdfReader(io.BytesIO(content)).pages]


def send(browser: Browser, made: MadeEvent, what: str) -> list[str]:
    answer = browser.get(f"/events/{made.id}/print/{what}.pdf")
    assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
    assert "no-store" in answer.headers["Cache-Control"]
    return pages(answer.data)


def test_the_timetable_and_the_agendas_say_who_meets_when(
    made: MadeEvent, open_browser: Callable[..., Browser]
) -> None:
    staff = open_browser(STAFF)
    [timetable] = send(staff, made, "agenda")
    assert "09:30–10:00" in timetable
    assert "甲电路×张䶮" in timetable
    agendas = send(staff, made, "agendas")
    assert len(agendas) == 4
    assert sum("09:30–10:00" in page for page in agendas) == 2
    assert sum("没有安排洽谈" in page for page in agendas) == 2


def test_everybody_has_a_badge_and_every_table_a_card(made: MadeEvent, open_browser: Callable[..., Browser]) -> None:
    staff = open_browser(STAFF)
    [badges] = send(staff, made, "badges")
    for name in ("甲电路", "张䶮", "李𬭎"):
        assert name in badges
    assert badges.count("线路板对接会") == 4
    assert badges.count("…") == 1  # the name that fits no badge
    cards = send(staff, made, "cards")
    assert len(cards) == 2
    assert "甲电路×张䶮" in cards[0]
    assert "甲电路×张䶮" not in cards[1]
    assert 'href="/events/' + made.id + '/print/badges.pdf"' in staff.get(f"/events/{made.id}/print/badges").text


def test_a_full_day_with_long_names_has_numbered_pages_and_one_sheet_a_table(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    names = [f"{LONG}{number}号有限公司" for number in range(20)]
    made = make_event(
        platform, clock.moment, firms=names, experts=("张老师",), pairs=[(name, "张老师") for name in names],
        rooms="1", sessions="全天 08:00-20:00", slot_minutes=30,
    )  # fmt: skip
    with platform.unit_of_work() as uow:
        slots = uow.session.scalars(
            select(EventSlot).where(EventSlot.event_id == made.id).order_by(EventSlot.position)
        ).all()
        for meeting, slot in zip(uow.session.scalars(select(Meeting)), slots, strict=False):
            meeting.slot_id, meeting.table_number = slot.id, 1
        uow.commit()
    staff = open_browser(STAFF)
    [card] = send(staff, made, "cards")
    for name in names:
        assert f"{name}×张老师" in card
    timetable = send(staff, made, "agenda")
    assert len(timetable) > 1
    assert [page[-3:] for page in timetable] == [
        f"{number}/{len(timetable)}" for number in range(1, len(timetable) + 1)
    ]
    assert "议题" not in timetable[0], "no meeting has one"


def test_a_code_on_the_page_has_the_squares_of_the_code_on_paper() -> None:
    matrix = code_matrix("https://example.cn/events/door/1")
    drawn = {
        (int(across) - 2 + step, int(down) - 2)
        for across, down, length in re.findall(r"M(\d+) (\d+)\.5h(\d+)", draw_code("https://example.cn/events/door/1"))
        for step in range(int(length))
    }
    dark = {(across, down) for down, line in enumerate(matrix) for across, one in enumerate(line) if one}
    assert drawn == dark
    assert len(matrix) == len(segno.make("https://example.cn/events/door/1", error="m").matrix)


def test_an_event_without_anything_still_makes_its_papers(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    empty = make_event(platform, clock.moment, firms=(), experts=(), pairs=())
    staff = open_browser(STAFF)
    for what in ("agenda", "agendas", "badges", "cards"):
        assert len(send(staff, empty, what)) >= 1


def test_only_the_staff_prints_and_a_participant_their_own(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email="firm@example.cn")
    assert open_browser("firm@example.cn").get(f"/events/{made.id}/print/badges.pdf").status_code == 403
    assert open_browser().get(f"/events/{made.id}/print/badges.pdf").status_code == 302
    assert open_browser(STAFF).get(f"/events/{made.id}/print/nix.pdf").status_code == 404
    with platform.reading() as reading:
        token = agenda_token(reading.get_one(EventParticipant, made.participants["张䶮"]), platform.settings)
    visitor = open_browser()
    assert visitor.get(f"/agenda/{token}/agenda.pdf").status_code == 404  # not published yet
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, clock.moment, platform.settings)
    [own] = pages(visitor.get(f"/agenda/{token}/agenda.pdf").data)
    assert "甲电路" in own
    assert "李𬭎" not in own
    assert visitor.get("/agenda/forged/agenda.pdf").status_code == 404

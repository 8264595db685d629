"""联络员: what one looks after, on the own page, on the desk and in a calendar whose address can be replaced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
import vobject
from flask import Flask
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.clock import to_shanghai
from matching.models import AuditEntry, EventParticipant, EventSlot, Meeting, User
from matching.services.event_participants import ParticipantFields, cancel_participant, edit_participant
from matching.services.event_publication import publish_timetable
from matching.services.host_calendars import host_calendar_path
from matching.services.meeting_hosts import give_host
from matching.services.meetings import move_meeting, record_result
from tests.factories.events import DAY, MadeEvent, make_event
from tests.factories.people import make_member, make_staff
from tests.unit.web.conftest import Browser, Clock

STAFF, HOST, FIRM = "staff@example.cn", "li@example.cn", "firm@example.cn"
FIRST, SECOND = ("甲电路", "张老师"), ("乙照明", "张老师")


@pytest.fixture
def made(app: Flask, platform: Platform, clock: Clock) -> MadeEvent:
    """Two placed meetings; 李科 looks after both, only the first is published."""
    now = clock.moment
    made = make_event(platform, now)
    host = str(make_staff(platform, now, email=HOST, name="李科").user_id)
    place(platform, made, FIRST, 1, now)
    with platform.unit_of_work() as uow:
        give_host(uow, made.staff, made.meetings[FIRST], host, now)
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, now, platform.settings)
    place(platform, made, SECOND, 3, now)
    with platform.unit_of_work() as uow:
        give_host(uow, made.staff, made.meetings[SECOND], host, now)
    return made


def place(platform: Platform, made: MadeEvent, pair: tuple[str, str], position: int, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        slots = select(EventSlot).where(EventSlot.event_id == made.id, EventSlot.position == position)
        move_meeting(uow, made.staff, made.meetings[pair], uow.session.scalars(slots).one().id, 1, now)


def calendar_path(platform: Platform, email: str) -> str:
    with platform.reading() as reading:
        user = reading.scalars(select(User).where(User.email == email)).one()
        return host_calendar_path(user, platform.settings)


def entries(browser: Browser, path: str) -> list[vobject.base.Component]:
    """What an independent reader makes of the feed."""
    answer = browser.get(path)
    assert (answer.status_code, answer.mimetype) == (200, "text/calendar")
    return list(vobject.readOne(answer.text).contents.get("vevent", []))


def test_the_page_and_the_desk_say_what_is_mine_and_what_nobody_was_told_of(
    made: MadeEvent, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    host = open_browser(HOST)
    page = host.get("/hosting/").text
    assert page.index("甲电路 × 张老师") < page.index("乙照明 × 张老师")
    assert page.count("还没有发布") == 1
    desk = host.get("/desk/").text
    assert "我跟的洽谈" in desk.partition("<h1>")[2]
    assert "09:30–10:00" in desk
    other = open_browser(STAFF)
    assert "接下来没有您跟的洽谈" in other.get("/hosting/").text
    assert 'id="hosting"' not in other.get("/desk/").text


def test_after_the_day_what_is_not_written_down_comes_first(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    clock.moment += timedelta(days=(DAY - to_shanghai(clock.moment).date()).days + 2)
    with platform.unit_of_work() as uow:
        record_result(uow, made.staff, made.meetings[FIRST], clock.moment, result="held")
    page = open_browser(HOST).get("/hosting/").text
    unwritten, written = page.index("还没有记录结果"), page.index("最近三十天已记录的")
    assert unwritten < page.index("乙照明 × 张老师") < written < page.index("甲电路 × 张老师")
    clock.moment += timedelta(days=40)
    assert "甲电路 × 张老师" not in open_browser(HOST).get("/hosting/").text


def test_the_calendar_has_what_was_published_and_neither_contacts_nor_minutes(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    with platform.unit_of_work() as uow:
        fields = ParticipantFields(status="confirmed", contact_email="lin@example.cn", contact_phone="0750-1234567")
        edit_participant(uow, made.staff, made.participants["甲电路"], fields, clock.moment)
    with platform.unit_of_work() as uow:
        record_result(uow, made.staff, made.meetings[FIRST], clock.moment, result="held", minutes="价格谈到一半")
    program, path = open_browser(), calendar_path(platform, HOST)
    text = program.get(path).text
    assert not any(secret in text for secret in ("lin@example.cn", "0750-1234567", "价格谈到一半"))
    [entry] = entries(program, path)
    assert entry.summary.value == "甲电路 × 张老师（线路板对接会）"
    assert f"{to_shanghai(entry.dtstart.value):%Y-%m-%d %H:%M}" == f"{DAY} 09:30"
    assert (int(entry.sequence.value), entry.location.value) == (0, "鹤山国际会议中心 1 号桌")
    place(platform, made, FIRST, 2, clock.moment)
    assert [one.sequence.value for one in entries(program, path)] == ["0"], "what is not published is in no calendar"
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, clock.moment, platform.settings)
    first, second = entries(program, path)
    assert first.uid.value == entry.uid.value
    assert int(first.sequence.value) > 0
    assert second.summary.value == "乙照明 × 张老师（线路板对接会）"


def test_a_cancelled_participant_takes_the_meeting_out_of_the_calendar(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    with platform.unit_of_work() as uow:
        cancel_participant(uow, made.staff, made.participants["甲电路"], clock.moment)
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, clock.moment, platform.settings)
    with platform.reading() as reading:
        assert reading.get_one(EventParticipant, made.participants["甲电路"]).status == "cancelled"
        assert reading.get_one(Meeting, made.meetings[FIRST]).told_host_id is None
    names = [one.summary.value for one in entries(open_browser(), calendar_path(platform, HOST))]
    assert names == ["乙照明 × 张老师（线路板对接会）"]


def test_a_replaced_address_opens_nothing_and_the_replacement_is_logged(
    made: MadeEvent, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    former, host = calendar_path(platform, HOST), open_browser(HOST)
    assert former in host.get("/hosting/").text
    assert host.post("/hosting/calendar", {}).status_code == 302
    present = calendar_path(platform, HOST)
    assert present != former
    assert open_browser().get(former).status_code == 404
    assert len(entries(open_browser(), present)) == 1
    with platform.reading() as reading:
        logged = reading.scalars(select(AuditEntry).where(AuditEntry.action == "host_calendar.renew")).one()
        user = reading.scalars(select(User).where(User.email == HOST)).one()
    assert logged.actor_id == logged.subject_id == user.id


@pytest.mark.parametrize("fall", ["inactive", "member", "elsewhere"])
def test_who_is_no_longer_staff_has_no_calendar(
    made: MadeEvent, platform: Platform, open_browser: Callable[..., Browser], fall: str
) -> None:
    path = calendar_path(platform, HOST)
    with platform.unit_of_work() as uow:
        user = uow.session.scalars(select(User).where(User.email == HOST)).one()
        if fall == "inactive":
            user.active = False
        elif fall == "member":
            user.role = "member"
        else:
            user.region_code = "440600"
        uow.commit()
    visitor = open_browser()
    if fall == "elsewhere":
        assert entries(visitor, path) == [], "they may no longer know of the event"
    else:
        assert visitor.get(path).status_code == 404


def test_only_the_staff_have_the_page_and_forged_addresses_open_nothing(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=FIRM)
    assert open_browser(FIRM).get("/hosting/").status_code == 403
    assert open_browser(FIRM).post("/hosting/calendar", {}).status_code == 403
    assert open_browser().get("/hosting/").status_code == 302
    assert open_browser().get("/hosting/forged/calendar.ics").status_code == 404


def test_questions_do_not_grow_with_the_meetings(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    asked: list[str] = []
    host = open_browser(HOST)
    host.get("/hosting/")
    sqlalchemy_event.listen(platform.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    host.get("/hosting/")
    two = len(asked)
    third = ("甲电路", "李老师")
    place(platform, made, third, 5, clock.moment)
    with platform.unit_of_work() as uow:
        user = uow.session.scalars(select(User).where(User.email == HOST)).one()
        give_host(uow, made.staff, made.meetings[third], user.id, clock.moment)
    asked.clear()
    assert "甲电路 × 李老师" in host.get("/hosting/").text
    assert len(asked) == two

"""The day of an event as the staff at its door live it: one cancels, the rest is planned again around what stands,
those concerned are told, people sign in, somebody does not come, and two agree on the spot to meet.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import vobject
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.clock import SHANGHAI
from matching.models import Delivery, EventParticipant, EventSlot, Meeting
from matching.services.event_participants import ParticipantFields, edit_participant
from matching.services.event_publication import agenda_token, publish_timetable
from matching.services.timetables import request_timetable
from tests.factories.events import DAY, MadeEvent, make_event
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

STAFF = "staff@example.cn"
FIRMS, EXPERTS = ("甲电路", "乙照明", "丙涂料", "丁卫浴"), ("张老师", "李老师", "王老师")
PAIRS = [(firm, expert) for number, firm in enumerate(FIRMS) for expert in EXPERTS[: 3 - number % 2]]


@pytest.fixture
def made(app: Flask, platform: Platform, clock: Clock) -> MadeEvent:
    """Ten meetings at two tables, computed and published; everybody has an address. With ten slots any two have one
    left in which a table is free too, whichever of the best timetables is found."""
    now = clock.moment
    made = make_event(
        platform, now, firms=FIRMS, experts=EXPERTS, pairs=PAIRS, sessions="上午 09:00-12:00\n下午 14:00-16:00"
    )
    for number, (name, participant) in enumerate(made.participants.items()):
        with platform.unit_of_work() as uow:
            fields = ParticipantFields(status="confirmed", contact_name=name, contact_email=f"p{number}@example.cn")
            edit_participant(uow, made.staff, participant, fields, now)
    with platform.unit_of_work() as uow:
        request_timetable(uow, made.staff, made.id, now, seconds=10)
    settle_everything(platform, now)
    with platform.unit_of_work() as uow:
        publish_timetable(uow, made.staff, made.id, now, platform.settings)
    clock.moment = datetime(DAY.year, DAY.month, DAY.day, 8, 30, tzinfo=SHANGHAI)
    return made


def places(platform: Platform) -> dict[str, tuple[str | None, int | None]]:
    with platform.reading() as reading:
        return {one.id: (one.slot_id, one.table_number) for one in reading.scalars(select(Meeting))}


def calendar_mails(platform: Platform) -> list[tuple[str, str, Any]]:
    """(address, METHOD, VEVENT) of every calendar mail owed so far."""
    with platform.reading() as reading:
        rows = [row for row in reading.scalars(select(Delivery)) if row.payload.get("calendar")]
        return [
            (
                row.address or "",
                row.payload["calendar"]["method"],
                vobject.readOne(row.payload["calendar"]["text"]).vevent,
            )
            for row in rows
        ]


def test_a_cancellation_on_the_day_moves_nobody_and_tells_those_concerned(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    before, mails = places(platform), calendar_mails(platform)
    assert len(mails) == 2 * len(PAIRS)
    gone = made.participants["甲电路"]
    lost = {made.meetings[pair] for pair in PAIRS if pair[0] == "甲电路"}
    with platform.reading() as reading:
        token = agenda_token(reading.get_one(EventParticipant, gone), platform.settings)
    phone = open_browser()
    assert phone.get(f"/agenda/{token}").status_code == 200
    assert phone.post(f"/agenda/{token}/answer", {"comes": "n"}).status_code == 302
    staff = open_browser(STAFF)
    assert staff.post(f"/events/{made.id}/timetable/compute", {"seconds": "10"}).status_code == 302
    settle_everything(platform, clock.moment)
    after = places(platform)
    assert {key: place for key, place in after.items() if key not in lost} == {
        key: place for key, place in before.items() if key not in lost
    }, "nobody else moves"
    clock.moment += timedelta(minutes=5)
    page = staff.post(f"/events/{made.id}/publish", {}, follow_redirects=True).text
    assert "发出 6 封" in page
    sent = calendar_mails(platform)
    new = [one for one in sent if one[2].sequence.value != "0"]
    assert len(sent) == len(mails) + 6
    assert {method for _, method, _ in new} == {"CANCEL"}
    assert {entry.sequence.value for _, _, entry in new} == {"1"}
    former = {entry.uid.value for _, _, entry in mails}
    assert {entry.uid.value for _, _, entry in new} < former
    number = {name: f"p{place}@example.cn" for place, name in enumerate(made.participants)}
    assert {address for address, _, _ in new} == {number[name] for name in ("甲电路", *EXPERTS)}
    assert staff.post(f"/events/{made.id}/publish", {}, follow_redirects=True).text.count("发出 0 封") == 1


def test_the_door_an_absence_and_a_meeting_agreed_on_the_spot(
    made: MadeEvent, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    staff = open_browser(STAFF)
    who = made.participants["乙照明"]
    with platform.reading() as reading:
        token = agenda_token(reading.get_one(EventParticipant, who), platform.settings)
    door = staff.get(f"/events/door/{token}")
    action = re.search(r'action="([^"]+/sign-in)"', door.text)
    assert action is not None
    assert "乙照明 已签到" in staff.post(action[1], {"door": "y"}, follow_redirects=True).text
    assert open_browser().get(f"/events/door/{token}").status_code == 302, "for the staff only"

    absent = made.meetings["甲电路", "张老师"]
    path = f"/events/{made.id}/meetings/{absent}"
    assert staff.post(f"{path}/result", {"quick": "y", "result": "first_absent"}).status_code == 302
    assert "前者缺席" in staff.get(f"/events/{made.id}/day").text

    one, other = "乙照明", "王老师"  # the two who had no meeting with each other
    answer = staff.post(
        f"/events/{made.id}/meetings",
        {"one_id": made.participants[one], "other_id": made.participants[other], "walk_in": "y"},
    )
    place = answer.headers["Location"]
    free = re.findall(r'<option value="([^"]+)"[^>]*>[^<]*双方有空', staff.get(place).text)
    assert free
    with platform.reading() as reading:
        slot = reading.get_one(EventSlot, free[-1])
    answer = staff.post(f"{place}/place", {"slot_id": slot.id, "table_number": ""}, follow_redirects=True)
    assert "已移动并锁定" in answer.text
    before = len(calendar_mails(platform))
    assert "发出 2 封" in staff.post(f"/events/{made.id}/publish", {}, follow_redirects=True).text
    new = calendar_mails(platform)[before:]
    assert len(calendar_mails(platform)) == before + 2, new
    with platform.reading() as reading:
        met = reading.scalars(select(Meeting).where(Meeting.origin == "walk_in")).one()
    assert (met.slot_id, met.told_slot_id) == (slot.id, slot.id)

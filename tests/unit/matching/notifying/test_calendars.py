"""Calendar texts, read back by another library than the one that wrote them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import vobject
from hypothesis import given
from hypothesis import strategies as st

from matching.notifying.calendars import CalendarEntry, calendar_uid, write_calendar
from matching.settings import Settings

SETTINGS = Settings(mode="demonstration", mail_reply_to="office@heshan.example.cn", mail_from_name="鹤山对接")
ENTRY = CalendarEntry(
    uid="one@heshan.example.cn",
    sequence=0,
    stamp=datetime(2026, 12, 1, 3, 4, 5, tzinfo=UTC),
    starts_at=datetime(2026, 12, 10, 1, 0, tzinfo=UTC),
    ends_at=datetime(2026, 12, 10, 1, 30, tzinfo=UTC),
    summary="与 张老师 洽谈（线路板对接会）",
    location="鹤山国际会议中心；一号厅 3 号桌, 二楼",
    description="议题：高频线路板翘曲控制\n\n日程：https://heshan.example.cn/agenda/x",
    url="https://heshan.example.cn/agenda/x",
    attendee_name="林晓工, 甲电路",
    attendee_email="lin@example.cn",
)


def read(text: str) -> Any:
    return vobject.readOne(text)


def unfold(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def test_an_invitation_reads_back_as_it_was_meant() -> None:
    text = write_calendar([ENTRY], "REQUEST", SETTINGS)
    calendar = read(text)
    event = calendar.vevent
    assert calendar.method.value == "REQUEST"
    assert event.uid.value == "one@heshan.example.cn"
    assert event.sequence.value == "0"
    assert event.status.value == "CONFIRMED"
    assert event.summary.value == ENTRY.summary
    assert event.location.value == ENTRY.location
    assert event.description.value == ENTRY.description
    assert event.dtstart.value == ENTRY.starts_at
    assert event.dtstart.value.utcoffset() == timedelta(hours=8)
    assert event.dtstart.value.hour == 9, "nine o'clock in China"
    assert event.dtend.value == ENTRY.ends_at
    assert event.organizer.value == "mailto:office@heshan.example.cn"
    assert event.attendee.value == "mailto:lin@example.cn"
    assert event.attendee.params["RSVP"] == ["TRUE"]
    assert event.attendee.params["PARTSTAT"] == ["NEEDS-ACTION"]
    assert event.attendee.params["CN"] == ["林晓工, 甲电路"]
    assert [zone.tzid.value for zone in calendar.components() if zone.name == "VTIMEZONE"] == ["Asia/Shanghai"]
    lines = unfold(text)
    assert "DTSTART;TZID=Asia/Shanghai:20261210T090000" in lines
    assert "DTSTAMP:20261201T030405Z" in lines


def test_a_cancellation_has_the_uid_a_higher_sequence_and_says_so_twice() -> None:
    event = read(write_calendar([replace(ENTRY, sequence=3, cancelled=True)], "CANCEL", SETTINGS)).vevent
    assert (event.uid.value, event.sequence.value, event.status.value) == ("one@heshan.example.cn", "3", "CANCELLED")


def test_a_feed_has_all_entries_and_asks_for_no_answer() -> None:
    later = replace(ENTRY, uid="two@heshan.example.cn", answer="accepted")
    calendar = read(write_calendar([ENTRY, later], "PUBLISH", SETTINGS, name="线路板对接会"))
    assert calendar.contents["x-wr-calname"][0].value == "线路板对接会"
    assert [event.attendee.params["PARTSTAT"] for event in calendar.vevent_list] == [["NEEDS-ACTION"], ["ACCEPTED"]]
    assert {event.attendee.params["RSVP"][0] for event in calendar.vevent_list} == {"FALSE"}


def test_an_invitation_is_about_one_meeting() -> None:
    with pytest.raises(ValueError, match="one meeting"):
        write_calendar([ENTRY, ENTRY], "REQUEST", SETTINGS)


def test_the_uid_is_of_the_office_and_falls_back_to_the_pages_host() -> None:
    assert calendar_uid("x", SETTINGS) == "x@heshan.example.cn"
    assert calendar_uid("x", Settings(mode="demonstration", public_url="https://dj.example.cn/a")) == "x@dj.example.cn"


@given(
    summary=st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=300),
    description=st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n"), max_size=600),
    name=st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=80),
)
def test_no_line_is_longer_than_75_octets_and_no_character_is_split(summary: str, description: str, name: str) -> None:
    entry = replace(ENTRY, summary=summary, description=description, attendee_name=name)
    text = write_calendar([entry], "REQUEST", SETTINGS)
    for line in text.encode().split(b"\r\n"):
        assert len(line) <= 75
        line.decode()
    found = [line for line in unfold(text) if line.startswith("SUMMARY")]
    assert len(found) == 1, "a text cannot begin a line of its own"
    assert [line for line in unfold(text) if line.startswith("METHOD")] == ["METHOD:REQUEST"]

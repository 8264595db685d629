"""No text that people entered begins a line of its own in a calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from icalendar import Calendar

from matching.notifying.calendars import CalendarEntry, write_calendar
from matching.settings import Settings

START = datetime(2026, 12, 10, 1, 0, tzinfo=UTC)
BREAKS = '\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029;:,"\\ aX'


@settings(max_examples=60, deadline=None)
@given(text=st.text(alphabet=BREAKS, max_size=12))
def test_line_ends_of_every_kind(text: str) -> None:
    hostile = f"会{text}ATTENDEE:mailto:evil@example.cn"
    entry = CalendarEntry(
        uid="1@example.cn", sequence=0, stamp=START, starts_at=START, ends_at=START + timedelta(hours=1),
        summary=hostile, location=hostile, description=hostile, attendee_name=hostile, attendee_email="a@example.cn",
    )  # fmt: skip
    written = write_calendar(
        [entry], "PUBLISH", Settings(mode="demonstration", data_dir=Path("/nowhere")), name=hostile
    )
    assert written.count("\nATTENDEE") == 1
    [event] = [one for one in Calendar.from_ical(written).walk() if one.name == "VEVENT"]
    assert str(event["attendee"]) == "mailto:a@example.cn"

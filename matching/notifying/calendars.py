"""Calendar texts (RFC 5545, RFC 5546) that Outlook, QQ, 163 and Google accept: invitations, cancellations and feeds.

Times are on the clock of China with the zone written out, lines are folded at 75 octets between characters, and the
METHOD in the text is the one that the mail's part names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from icalendar import Calendar, Event, Timezone, TimezoneStandard, vCalAddress, vText, vUri

from matching.clock import SHANGHAI
from matching.notifying.mailer import one_line
from matching.settings import Settings

Method = Literal["REQUEST", "CANCEL", "PUBLISH"]

_ZONE = "Asia/Shanghai"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarEntry:
    """One meeting in one person's calendar. `uid` never changes, `sequence` grows with each change."""

    uid: str
    sequence: int
    stamp: datetime
    starts_at: datetime
    ends_at: datetime
    summary: str
    location: str = ""
    description: str = ""
    url: str = ""
    attendee_name: str = ""
    attendee_email: str | None = None
    answer: str | None = None
    """accepted, declined or None."""
    cancelled: bool = False


def write_calendar(
    entries: Sequence[CalendarEntry], method: Method, settings: Settings, *, name: str = "", language: str = "zh"
) -> str:
    """The text of an .ics; an invitation or cancellation holds exactly one entry, a feed any number."""
    if method != "PUBLISH" and len(entries) != 1:
        raise ValueError("an invitation is about one meeting")
    calendar = Calendar()
    calendar.add("prodid", "-//Duijie//Duijie//ZH" if language == "zh" else "-//Duijie//Duijie//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", method)
    if name:
        calendar.add("x-wr-calname", one_line(name))
        calendar.add("x-wr-timezone", _ZONE)
        calendar.add("refresh-interval", timedelta(hours=1), parameters={"VALUE": "DURATION"})
    calendar.add_component(_zone())
    for entry in entries:
        calendar.add_component(_event(entry, method, settings))
    text: bytes = calendar.to_ical()
    return text.decode()


def organiser_address(settings: Settings) -> str:
    """Who calls the meetings: the office, as far as the settings name it."""
    named = settings.mail_reply_to or settings.mail_from or settings.smtp_user
    if named:
        return named
    host = settings.public_url.partition("://")[2].partition("/")[0].partition(":")[0]
    return f"duijie@{host or 'localhost'}"


def calendar_uid(invitation_id: str, settings: Settings) -> str:
    """An invitation's UID: unique in the world, the same for ever."""
    return f"{invitation_id}@{organiser_address(settings).rpartition('@')[2]}"


def _zone() -> Timezone:
    """China has had one zone without summer time since 1991; no meeting here is older."""
    zone = Timezone()
    zone.add("tzid", _ZONE)
    standard = TimezoneStandard()
    standard.add("dtstart", datetime(1991, 9, 15, 1, 0))  # noqa: DTZ001 - a local time by definition
    standard.add("tzoffsetfrom", timedelta(hours=8))
    standard.add("tzoffsetto", timedelta(hours=8))
    standard.add("tzname", "CST")
    zone.add_component(standard)
    return zone


def _event(entry: CalendarEntry, method: Method, settings: Settings) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("sequence", entry.sequence)
    event.add("dtstamp", entry.stamp)
    event.add("dtstart", entry.starts_at.astimezone(SHANGHAI))
    event.add("dtend", entry.ends_at.astimezone(SHANGHAI))
    event.add("summary", one_line(entry.summary))
    if entry.location:
        event.add("location", one_line(entry.location))
    if entry.description:
        # Only \n is escaped for a calendar; any other end of a line would begin one of its own.
        event.add("description", "\n".join(entry.description.splitlines()))
    if entry.url:
        event.add("url", vUri(entry.url))
    event.add("status", "CANCELLED" if entry.cancelled or method == "CANCEL" else "CONFIRMED")
    event.add("transp", "OPAQUE")
    organiser = vCalAddress(f"mailto:{organiser_address(settings)}")
    organiser.params["CN"] = vText(settings.mail_from_name)
    event["organizer"] = organiser
    if entry.attendee_email:
        attendee = vCalAddress(f"mailto:{entry.attendee_email}")
        # A quotation mark cannot stand in a parameter, however it is written.
        attendee.params["CN"] = vText(one_line(entry.attendee_name or entry.attendee_email).replace('"', ""))
        attendee.params["CUTYPE"] = vText("INDIVIDUAL")
        attendee.params["ROLE"] = vText("REQ-PARTICIPANT")
        attendee.params["PARTSTAT"] = vText(
            {"accepted": "ACCEPTED", "declined": "DECLINED"}.get(entry.answer or "", "NEEDS-ACTION")
        )
        attendee.params["RSVP"] = vText("FALSE" if method == "PUBLISH" or entry.answer else "TRUE")
        event["attendee"] = attendee
    return event

"""Answers to invitations that come by mail: whose they are, which time they are about, and what is no answer at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import EventSlot, MeetingInvitation
from matching.notifying.calendars import calendar_uid
from matching.services.event_publication import publish_timetable
from matching.services.mail_replies import take_reply
from matching.services.meetings import move_meeting
from tests.factories.events import MadeEvent, make_event
from tests.servers.imap import start_imap


@pytest.fixture
def made(platform: Platform, now: datetime) -> MadeEvent:
    event = make_event(platform, now, pairs=(("甲电路", "张老师"),))
    place(platform, event, 0, now)
    return event


def place(platform: Platform, event: MadeEvent, position: int, now: datetime) -> None:
    """Put the one meeting there and tell everybody."""
    with platform.reading() as reading:
        slot = reading.scalars(
            select(EventSlot).where(EventSlot.event_id == event.id, EventSlot.position == position)
        ).one()
    with platform.unit_of_work() as uow:
        move_meeting(uow, event.staff, event.meetings["甲电路", "张老师"], slot.id, 1, now)
    with platform.unit_of_work() as uow:
        publish_timetable(uow, event.staff, event.id, now, platform.settings)


def invitation(platform: Platform, event: MadeEvent, name: str = "张老师") -> MeetingInvitation:
    with platform.reading() as reading:
        return reading.scalars(
            select(MeetingInvitation).where(MeetingInvitation.participant_id == event.participants[name])
        ).one()


def write_reply(
    uid: str, state: str, stamp: datetime, *, sequence: int = 0, method: str = "REPLY", sender: str = "zhang@example.cn"
) -> bytes:
    """As calendar programs write it: folded lines, quoted names, the part in a multipart."""
    text = "\r\n".join(
        (
            "BEGIN:VCALENDAR",
            "VERSION:2.0",
            "PRODID:-//Example//Calendar//EN",
            f"METHOD:{method}",
            "BEGIN:VEVENT",
            f"UID:{uid}",
            f"SEQUENCE:{sequence}",
            f"DTSTAMP:{stamp:%Y%m%dT%H%M%SZ}",
            f'ATTENDEE;CN="张, 老师";PARTSTAT={state}:mailto:{sender}',
            "END:VEVENT",
            "END:VCALENDAR",
            "",
        )
    )
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, "office@example.cn", "已接受: 洽谈"
    mail.set_content("已接受")
    mail.add_alternative(text, subtype="calendar", params={"method": method})
    return mail.as_bytes()


def take(platform: Platform, content: bytes, now: datetime) -> str:
    with platform.unit_of_work() as uow:
        return take_reply(uow, content, now)


def test_an_answer_is_taken_once_and_a_later_one_counts(platform: Platform, made: MadeEvent, now: datetime) -> None:
    uid = calendar_uid(invitation(platform, made).id, platform.settings)
    first = write_reply(uid, "ACCEPTED", now + timedelta(minutes=1))
    later = now + timedelta(hours=1)
    assert take(platform, first, later) == "answered"
    assert invitation(platform, made).answer == "accepted"
    assert invitation(platform, made, "甲电路").answer is None
    assert take(platform, first, later) == "outdated"  # the same mail again
    assert take(platform, write_reply(uid, "DECLINED", now + timedelta(minutes=5)), later) == "answered"
    assert take(platform, write_reply(uid, "ACCEPTED", now + timedelta(minutes=3)), later) == "outdated"
    assert invitation(platform, made).answer == "declined"


def test_an_answer_to_the_former_time_does_not_count(platform: Platform, made: MadeEvent, now: datetime) -> None:
    uid = calendar_uid(invitation(platform, made).id, platform.settings)
    place(platform, made, 2, now + timedelta(minutes=10))
    assert invitation(platform, made).sequence == 1
    late = write_reply(uid, "ACCEPTED", now + timedelta(minutes=20))
    assert take(platform, late, now + timedelta(hours=1)) == "outdated"
    right = write_reply(uid, "ACCEPTED", now + timedelta(minutes=20), sequence=1)
    assert take(platform, right, now + timedelta(hours=1)) == "answered"


def test_who_writes_proves_nothing_only_the_number_does(platform: Platform, made: MadeEvent, now: datetime) -> None:
    own, other = invitation(platform, made), invitation(platform, made, "甲电路")
    guessed = f"00000000-0000-4000-8000-000000000000@{calendar_uid(own.id, platform.settings).partition('@')[2]}"
    for uid in (guessed, own.meeting_id, own.participant_id, "", "@", "x" * 500):
        assert take(platform, write_reply(uid, "DECLINED", now), now) == "unknown"
    # Whoever holds the other side's number answers for the other side, whatever address they write from.
    uid = calendar_uid(other.id, platform.settings)
    assert take(platform, write_reply(uid, "DECLINED", now, sender="evil@example.org"), now) == "answered"
    assert invitation(platform, made).answer is None
    assert invitation(platform, made, "甲电路").answer == "declined"


def test_what_is_no_answer(platform: Platform, made: MadeEvent, now: datetime) -> None:
    uid = calendar_uid(invitation(platform, made).id, platform.settings)
    assert take(platform, b"", now) == "no_reply"
    assert take(platform, b"Subject: hello\r\n\r\nno calendar", now) == "no_reply"
    assert take(platform, write_reply(uid, "ACCEPTED", now, method="REQUEST"), now) == "no_reply"
    assert take(platform, write_reply(uid, "TENTATIVE", now), now) == "undecided"
    broken = write_reply(uid, "ACCEPTED", now).replace(b"SEQUENCE:0", b"SEQUENCE:x")
    assert take(platform, broken, now) in ("unreadable", "no_reply", "undecided", "answered")
    cut = b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR\r\nEND:"
    assert take(platform, cut, now) in ("unreadable", "no_reply")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from((b"", b"Content-Type: text/calendar\r\n\r\n", b"BEGIN:VCALENDAR\r\n")))
def test_no_mail_stops_the_reading(platform: Platform, now: datetime, rubbish: bytes, beginning: bytes) -> None:
    assert take(platform, beginning + rubbish, now) in ("no_reply", "unreadable", "unknown", "undecided")


def test_the_mailbox_is_read_from_where_the_last_look_ended(
    platform: Platform, made: MadeEvent, now: datetime, tmp_path: Path
) -> None:
    from matching.errors import PartUnavailable
    from matching.services.mail_replies import read_mailbox

    uid = calendar_uid(invitation(platform, made).id, platform.settings)
    assert read_mailbox(platform, now) == {}  # no mailbox is set up
    with start_imap() as server:
        chosen = {
            "imap_host": "127.0.0.1",
            "imap_port": server.port,
            "imap_security": "none",
            "imap_user": server.user,
            "imap_password": type(platform.settings.smtp_password)(server.password),
        }
        for name, value in chosen.items():
            object.__setattr__(platform.settings, name, value)
        server.put(write_reply(uid, "DECLINED", now))
        assert read_mailbox(platform, now) == {}  # what lay there before is not read
        server.put(write_reply(uid, "ACCEPTED", now + timedelta(minutes=1)))
        server.put(b"Subject: lunch\r\n\r\nat noon?")
        unread = server.unread()
        assert read_mailbox(platform, now + timedelta(hours=1)) == {"answered": 1, "no_reply": 1}
        assert server.unread() == unread  # people read the same mailbox
        assert read_mailbox(platform, now + timedelta(hours=1)) == {}
        assert invitation(platform, made).answer == "accepted"
        object.__setattr__(platform.settings, "imap_password", type(platform.settings.smtp_password)("wrong"))
        with pytest.raises(PartUnavailable):
            read_mailbox(platform, now)

"""Answers to invitations that come by mail: what a calendar program sends when somebody accepts or declines.

Who a mail says it is from proves nothing. What counts is the UID of the calendar entry: a random number that was mailed
to this participant alone, as their personal link was. An answer to an earlier time (a lower SEQUENCE) is not an answer
to the present one, and of two answers the later written counts, whichever arrives last.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Literal

from icalendar import Calendar
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.models import EventParticipant, MeetingInvitation, StoredBlob
from matching.notifying.mailbox_imap import Place, read_new_mails
from matching.services.event_publication import answer_meeting
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)

Outcome = Literal["answered", "no_reply", "unknown", "outdated", "undecided", "unreadable"]
_ANSWERS = {"ACCEPTED": "accepted", "DECLINED": "declined"}
_MOST_PARTS = 50


def take_reply(uow: UnitOfWork, content: bytes, now: datetime) -> Outcome:
    """Note what a mail answers, if it is an answer of ours; reading the same mail again changes nothing."""
    try:
        reply = _find_reply(content)
    except Exception as error:  # mails are written by anybody: none may stop the reading of the next
        logger.info("a mail could not be read (%s)", type(error).__name__)
        return "unreadable"
    if reply is None:
        return "no_reply"
    uid, sequence, answer, stamp = reply
    row = uow.session.get(MeetingInvitation, uid.partition("@")[0][:64])
    if row is None or row.cancelled:
        return "unknown"
    if sequence < row.sequence or (row.answered_at is not None and stamp is not None and stamp <= row.answered_at):
        return "outdated"
    if answer is None:
        return "undecided"
    participant = uow.session.get(EventParticipant, row.participant_id)
    if participant is None:
        return "unknown"
    answer_meeting(uow, participant, row.meeting_id, answer, min(stamp, now) if stamp is not None else now)
    return "answered"


def read_mailbox(platform: Platform, now: datetime) -> Counter[str]:
    """Take the answers that came since the last look; returns how many mails had which outcome. Run by the beat and by
    `duijie mail read`.

    A mail is looked at once: where the look ended is kept with each. Raises PartUnavailable where the server is away.
    """
    settings = platform.settings
    outcomes: Counter[str] = Counter()
    if not settings.imap_host:
        return outcomes
    name = _place_name(settings)
    with platform.reading() as session:
        since = _load_place(session, name)
    for mail in read_new_mails(settings, since):
        if mail.content is not None:
            with platform.unit_of_work() as uow:
                outcomes[take_reply(uow, mail.content, now)] += 1
        with platform.unit_of_work() as uow:
            _keep_place(uow, name, mail.place, now)
    return outcomes


def _find_reply(content: bytes) -> tuple[str, int, str | None, datetime | None] | None:
    """(UID, SEQUENCE, accepted | declined | None, when it was written) of the first calendar part that is a reply."""
    message = message_from_bytes(content, policy=default)
    for number, part in enumerate(message.walk()):
        if number > _MOST_PARTS:
            break
        if part.get_content_type() not in ("text/calendar", "application/ics"):
            continue
        assert isinstance(part, EmailMessage)
        text = part.get_payload(decode=True)
        calendar = Calendar.from_ical(text if isinstance(text, bytes) else b"")
        if str(calendar.get("METHOD", "")).upper() != "REPLY":
            continue
        for event in calendar.walk("VEVENT"):
            return _read_event(event)
    return None


def _read_event(event: Any) -> tuple[str, int, str | None, datetime | None]:
    attendee = event.get("ATTENDEE")
    # A reply is of one person (RFC 5546, 3.2.3); with more nobody knows whose it is.
    if isinstance(attendee, list):
        attendee = attendee[0] if len(attendee) == 1 else None
    state = str(attendee.params.get("PARTSTAT", "")).upper() if attendee is not None else ""
    stamp = event.get("DTSTAMP")
    written = stamp.dt if stamp is not None and isinstance(stamp.dt, datetime) else None
    if written is not None and written.tzinfo is None:
        written = written.replace(tzinfo=UTC)
    return str(event.get("UID", "")), int(event.get("SEQUENCE", 0)), _ANSWERS.get(state), written


def _place_name(settings: Settings) -> str:
    mailbox = f"{settings.imap_host}:{settings.imap_port}:{settings.imap_user}:{settings.imap_folder}"
    return f"mailbox:{hashlib.sha256(mailbox.encode()).hexdigest()[:40]}"


def _load_place(session: Session, name: str) -> Place:
    row = session.get(StoredBlob, name)
    if row is None:
        return Place()
    kept = json.loads(row.data)
    return Place(int(kept["validity"]), int(kept["uid"]))


def _keep_place(uow: UnitOfWork, name: str, place: Place, now: datetime) -> None:
    row = uow.session.get(StoredBlob, name)
    if row is None:
        row = StoredBlob(name=name, updated_at=now, data=b"")
        uow.session.add(row)
    row.data = json.dumps({"validity": place.validity, "uid": place.uid}).encode()
    row.updated_at = now
    uow.commit()

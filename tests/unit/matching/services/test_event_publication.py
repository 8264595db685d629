"""Who is told what of an event, once, with the right sequence, and what they answer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
import vobject
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.clock import SHANGHAI
from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import Delivery, Event, EventParticipant, Meeting, MeetingInvitation
from matching.notifying.delivering import write_mail
from matching.queries.agendas import list_agenda
from matching.services.event_participants import ParticipantFields, cancel_participant, edit_participant, renew_link
from matching.services.event_publication import (
    agenda_token,
    answer_meeting,
    cancel_event,
    invite_participants,
    list_changes,
    publish_timetable,
    read_agenda_token,
    remind_participants,
)
from matching.services.events import EventFields, edit_event
from matching.services.meetings import move_meeting
from tests.factories.events import DAY, MadeEvent, make_event


@pytest.fixture
def made(platform: Platform, now: datetime) -> MadeEvent:
    """Three meetings in the first three slots; 乙照明 has no address."""
    made = make_event(platform, now)
    for number, pair in enumerate(made.meetings):
        place(platform, made, pair, number, now)
    with platform.unit_of_work() as uow:
        fields = ParticipantFields(status="confirmed", contact_name="林工", contact_email="lin@example.cn")
        edit_participant(uow, made.staff, made.participants["甲电路"], fields, now)
    return made


def place(platform: Platform, made: MadeEvent, pair: tuple[str, str], slot: int, now: datetime, table: int = 1) -> None:
    with platform.unit_of_work() as uow:
        slots = [one.id for one in uow.session.get_one(Event, made.id).slots]
        move_meeting(uow, made.staff, made.meetings[pair], slots[slot], table, now)


def publish(platform: Platform, made: MadeEvent, now: datetime) -> tuple[int, tuple[str, ...]]:
    with platform.unit_of_work() as uow:
        told = publish_timetable(uow, made.staff, made.id, now, platform.settings)
    return told.messages, told.without_address


def calendars(platform: Platform, address: str | None = None) -> list[tuple[str, str, Any]]:
    """(address, METHOD, VEVENT) of all calendar mails, in the order they were owed."""
    with platform.reading() as reading:
        rows = reading.scalars(select(Delivery).order_by(Delivery.created_at, Delivery.once_key))
        found = []
        for row in rows:
            part = row.payload.get("calendar")
            if part and address in (None, row.address):
                calendar = vobject.readOne(part["text"])
                assert calendar.method.value == part["method"]
                found.append((row.address or "", part["method"], calendar.vevent))
        return found


def test_publishing_invites_each_side_once(platform: Platform, made: MadeEvent, now: datetime) -> None:
    assert publish(platform, made, now) == (5, ("乙照明",))
    assert publish(platform, made, now + timedelta(minutes=1)) == (0, ())
    found = calendars(platform, "lin@example.cn")
    assert [(method, event.sequence.value, event.dtstart.value.hour) for _, method, event in found] == [
        ("REQUEST", "0", 9),
        ("REQUEST", "0", 9),
    ]
    assert {event.attendee.value for _, _, event in found} == {"mailto:lin@example.cn"}
    assert {event.location.value for _, _, event in found} == {"鹤山国际会议中心 1 号桌"}
    uids = [event.uid.value for _, _, event in calendars(platform)]
    assert len(set(uids)) == 5


def test_a_move_raises_the_sequence_of_that_entry_alone(platform: Platform, made: MadeEvent, now: datetime) -> None:
    publish(platform, made, now)
    first = {event.uid.value for _, _, event in calendars(platform)}
    place(platform, made, ("甲电路", "李老师"), 4, now)
    later = now + timedelta(minutes=5)
    with platform.reading() as reading:
        changes = list_changes(reading, reading.get_one(Event, made.id))
        assert [(one.meeting.id, one.kind) for one in changes] == [(made.meetings["甲电路", "李老师"], "moved")]
    assert publish(platform, made, later)[0] == 2
    new = [event for _, _, event in calendars(platform) if event.sequence.value == "1"]
    assert len(new) == 2
    assert {event.uid.value for event in new} < first
    assert {event.dtstart.value for event in new} == {datetime(2026, 12, 10, 11, 0, tzinfo=SHANGHAI)}


def test_an_answer_is_asked_again_after_a_move(platform: Platform, made: MadeEvent, now: datetime) -> None:
    publish(platform, made, now)
    meeting = made.meetings["甲电路", "李老师"]
    with platform.unit_of_work() as uow:
        participant = uow.session.get_one(EventParticipant, made.participants["甲电路"])
        answer_meeting(uow, participant, meeting, "accepted", now)

    def answer() -> str | None:
        with platform.reading() as reading:
            return reading.scalars(
                select(MeetingInvitation.answer).where(
                    MeetingInvitation.meeting_id == meeting,
                    MeetingInvitation.participant_id == made.participants["甲电路"],
                )
            ).one()

    assert answer() == "accepted"
    place(platform, made, ("甲电路", "李老师"), 4, now)
    assert answer() == "accepted", "nobody was told yet"
    publish(platform, made, now)
    assert answer() is None


def test_somebody_who_cancels_is_taken_out_of_all_calendars(platform: Platform, made: MadeEvent, now: datetime) -> None:
    publish(platform, made, now)
    with platform.unit_of_work() as uow:
        assert cancel_participant(uow, made.staff, made.participants["张老师"], now) == 2
    with platform.reading() as reading:
        event = reading.get_one(Event, made.id)
        assert [one.kind for one in list_changes(reading, event)] == ["off", "off"]
        firm = reading.get_one(EventParticipant, made.participants["甲电路"])
        assert len(list_agenda(reading, event, firm)) == 2, "until it is published, the firm sees what it was told"
    assert publish(platform, made, now)[0] == 3
    cancelled = [(address, event) for address, method, event in calendars(platform) if method == "CANCEL"]
    assert [event.status.value for _, event in cancelled] == ["CANCELLED"] * 3
    assert [event.sequence.value for _, event in cancelled] == ["1"] * 3
    with platform.unit_of_work() as uow:
        participant = uow.session.get_one(EventParticipant, made.participants["甲电路"])
        with pytest.raises(IllegalMove):
            answer_meeting(uow, participant, made.meetings["甲电路", "张老师"], "accepted", now)


def test_a_slot_that_is_gone_with_the_day_is_cancelled_at_the_time_that_was_told(
    platform: Platform, made: MadeEvent, now: datetime
) -> None:
    publish(platform, made, now)
    fields = EventFields(
        title="线路板对接会", held_on=DAY, region_code="440784", venue="鹤山国际会议中心", rooms="2",
        sessions="上午 09:00-10:00", slot_minutes=30,
    )  # fmt: skip
    with platform.unit_of_work() as uow:
        edit_event(uow, made.staff, made.id, fields, None, now)
    gone = made.meetings["乙照明", "张老师"]
    with platform.reading() as reading:
        changes = list_changes(reading, reading.get_one(Event, made.id))
        assert [(one.meeting.id, one.kind) for one in changes] == [(gone, "off")]
    publish(platform, made, now)
    [(_, _, event)] = [one for one in calendars(platform) if one[1] == "CANCEL"]
    assert event.dtstart.value == datetime(2026, 12, 10, 10, 0, tzinfo=SHANGHAI)


def test_calling_the_event_off_cancels_everything(platform: Platform, made: MadeEvent, now: datetime) -> None:
    publish(platform, made, now)
    with platform.unit_of_work() as uow:
        assert cancel_event(uow, made.staff, made.id, now, platform.settings).messages == 5
    assert sum(method == "CANCEL" for _, method, _ in calendars(platform)) == 5
    with platform.unit_of_work() as uow, pytest.raises(IllegalMove):
        publish_timetable(uow, made.staff, made.id, now, platform.settings)


def test_nothing_placed_is_nothing_to_publish(platform: Platform, now: datetime) -> None:
    made = make_event(platform, now)
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput) as caught:
        publish_timetable(uow, made.staff, made.id, now, platform.settings)
    assert caught.value.code == "event.nothing_to_publish"


def test_invitations_to_the_event_go_out_once(platform: Platform, made: MadeEvent, now: datetime) -> None:
    def invite() -> tuple[int, tuple[str, ...]]:
        with platform.unit_of_work() as uow:
            told = invite_participants(uow, made.staff, made.id, now, platform.settings)
        return told.messages, told.without_address

    assert invite() == (3, ("乙照明",))
    assert invite() == (0, ("乙照明",))


def test_reminders_come_a_day_and_an_hour_before_and_once_each(
    platform: Platform, made: MadeEvent, now: datetime
) -> None:
    publish(platform, made, now)
    begins = datetime(2026, 12, 10, 9, 0, tzinfo=SHANGHAI)
    counts = []
    moment = begins - timedelta(hours=26)
    while moment < begins + timedelta(hours=3):
        with platform.unit_of_work() as uow:
            if count := remind_participants(uow, moment, platform.settings):
                counts.append((begins - moment, count))
        moment += timedelta(minutes=30)
    # 甲电路 and 张老师 begin at 9:00, 李老师 at 9:30; 乙照明 has no address.
    hours = [(before / timedelta(hours=1), count) for before, count in counts]
    assert hours == [(24.0, 2), (23.5, 1), (1.0, 2), (0.5, 1)]


def test_a_link_opens_only_while_it_is_the_present_one(platform: Platform, made: MadeEvent, now: datetime) -> None:
    participant_id = made.participants["甲电路"]
    with platform.reading() as reading:
        token = agenda_token(reading.get_one(EventParticipant, participant_id), platform.settings)
        assert read_agenda_token(reading, token, platform.settings).id == participant_id
        for forged in ("", "x", token[:-1] + ("A" if token[-1] != "A" else "B"), token.replace(".1.", ".2."), "中.1.x"):
            with pytest.raises(NotFound):
                read_agenda_token(reading, forged, platform.settings)
    with platform.unit_of_work() as uow:
        renew_link(uow, made.staff, participant_id, now)
    with platform.reading() as reading, pytest.raises(NotFound):
        read_agenda_token(reading, token, platform.settings)


def test_nobody_answers_for_a_meeting_of_others(platform: Platform, made: MadeEvent, now: datetime) -> None:
    publish(platform, made, now)
    with platform.unit_of_work() as uow:
        stranger = uow.session.get_one(EventParticipant, made.participants["乙照明"])
        with pytest.raises(NotFound):
            answer_meeting(uow, stranger, made.meetings["甲电路", "李老师"], "accepted", now)
    with platform.reading() as reading:
        assert reading.scalars(select(Meeting.id).where(Meeting.event_id == made.id)).all() != []


def test_the_mail_carries_the_calendar_with_its_method(platform: Platform, made: MadeEvent, now: datetime) -> None:
    publish(platform, made, now)
    with platform.reading() as reading:
        row = reading.scalars(select(Delivery).where(Delivery.address == "lin@example.cn")).first()
        assert row is not None
        mail = write_mail(reading, row, now, platform.settings)
    assert mail is not None
    assert mail.calendar is not None
    assert mail.calendar.method == "REQUEST"
    assert "METHOD:REQUEST" in mail.calendar.text
    assert mail.address == "lin@example.cn"
    assert "线路板对接会" in mail.subject
    assert "/agenda/" in mail.text
    assert "e2@example.cn" not in mail.text + mail.calendar.text, "the other side's address is theirs"

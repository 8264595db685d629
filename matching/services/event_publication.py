"""Telling people: invitations to the event, the published timetable, what changed since, and that it is off.

What is owed to somebody stands in the same transaction as the change; each message has a once-key, so that a repeated
call tells nobody twice.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from matching.clock import to_shanghai
from matching.errors import IllegalMove, InvalidInput
from matching.models import Event, EventParticipant, EventSlot, Meeting, MeetingInvitation, Need
from matching.models.base import new_id
from matching.models.meeting import INVITATION_ANSWERS
from matching.notifying.calendars import CalendarEntry, Method, calendar_uid, write_calendar
from matching.notifying.events import INVITED, tell_of_timetable, tell_participant
from matching.notifying.staff import tell_host
from matching.notifying.texts import LANGUAGES, SHIPPED_TEXTS, Texts
from matching.queries.agendas import host_names, table_in, table_name, topic_of
from matching.services.actor import Actor
from matching.services.deliveries import owe_delivery
from matching.services.event_participants import participant_not_found
from matching.services.events import load_event, require_open
from matching.services.meetings import meeting_not_found, settle_conflicts
from matching.services.signed_links import read_signed, sign
from matching.services.standing_conflicts import Standing, standing_conflicts, unexplained
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

_AGENDA = "agenda"


@dataclass(frozen=True, slots=True)
class Change:
    """A meeting that is not as people were told. `kind`: new, moved, table (only the table), host (only the host) or
    off.
    """

    meeting: Meeting
    kind: str


class StandingConflicts(InvalidInput):
    """The timetable was not published: something speaks against places in it. `conflicts`: by meeting."""

    def __init__(self, conflicts: Standing) -> None:
        self.conflicts = conflicts
        super().__init__(
            "event.standing_conflicts",
            f"{len(conflicts)} 场洽谈的安排有冲突，没有发布；写明理由后可以仍然发布",
            where="override",
            message_en=f"Something speaks against the places of {len(conflicts)} meetings; nothing was published. "
            "You may publish nevertheless and say why",
        )


@dataclass(frozen=True, slots=True)
class Told:
    """What a publication owes: how many meetings were told, and participants who have no address."""

    messages: int
    without_address: tuple[str, ...]


def agenda_token(participant: EventParticipant, settings: Settings) -> str:
    """What stands in a participant's own links."""
    return sign(settings, _AGENDA, f"{participant.id}.{participant.link_number}")


def read_agenda_token(session: Session, token: str, settings: Settings) -> EventParticipant:
    """The participant whose link it is; raises NotFound for one that is forged, replaced, or of somebody taken out."""
    text = read_signed(settings, _AGENDA, token)
    participant_id, _, number = (text or "").rpartition(".")
    participant = session.get(EventParticipant, participant_id) if participant_id else None
    if participant is None or str(participant.link_number) != number:
        raise participant_not_found()
    return participant


def invite_participants(
    uow: UnitOfWork, actor: Actor, event_id: str, now: datetime, settings: Settings, texts: Texts = SHIPPED_TEXTS
) -> Told:
    """Mail everybody who was not mailed yet their own link: whether they come, when they cannot, whom they wish for."""
    event = load_event(uow, actor, event_id)
    require_open(event)
    messages = 0
    missing = []
    for participant in _people(uow.session, event):
        if not participant.present or participant.invited_at is not None:
            continue
        if not participant.contact_email:
            missing.append(participant.name)
            continue
        _owe_message(
            uow.session,
            participant,
            f"event-invite:{participant.id}:{participant.link_number}",
            now,
            settings,
            written=_write(
                texts,
                "event_invitation",
                {
                    "event": event.title,
                    "name": participant.contact_name or participant.name,
                    "participant": participant.name,
                    "date": _day(event),
                    "place": _place(event),
                },
            ),
            label=("回复邀请", "Answer the invitation"),
        )
        participant.invited_at = now
        tell_participant(uow.session, event, participant, INVITED, str(participant.link_number), now)
        messages += 1
    event.updated_at = now
    uow.record(now, actor.user_id, "event.mail_invitations", "event", event.id, messages=messages)
    uow.commit()
    return Told(messages, tuple(missing))


def list_changes(session: Session, event: Event) -> list[Change]:
    """What is not as people were told, in order of time; before the first publication that is every placed meeting."""
    changes = []
    # The slot that was told may be gone with the plan of the day; the entry in people's calendars is not.
    invited = set(
        session.scalars(
            select(MeetingInvitation.meeting_id)
            .join(Meeting, Meeting.id == MeetingInvitation.meeting_id)
            .where(Meeting.event_id == event.id, ~MeetingInvitation.cancelled)
        )
    )
    for meeting in _meetings(session, event):
        slot_id, table = _present_place(meeting)
        known = meeting.told_slot_id is not None or meeting.id in invited
        if slot_id is None and not known:
            continue
        same_place = (slot_id, table) == (meeting.told_slot_id, meeting.told_table_number)
        if slot_id is not None and same_place and meeting.host_id == meeting.told_host_id:
            continue
        if slot_id is None:
            kind = "off"
        elif not known:
            kind = "new"
        elif same_place:
            kind = "host"
        else:
            kind = "moved" if slot_id != meeting.told_slot_id else "table"
        changes.append(Change(meeting, kind))

    def order(change: Change) -> tuple[datetime, str]:
        slot = change.meeting.slot or change.meeting.told_slot
        return (slot.starts_at if slot is not None else event.created_at, change.meeting.id)

    return sorted(changes, key=order)


def publish_timetable(
    uow: UnitOfWork,
    actor: Actor,
    event_id: str,
    now: datetime,
    settings: Settings,
    texts: Texts = SHIPPED_TEXTS,
    *,
    override: bool = False,
    reason: str = "",
) -> Told:
    """Make the present places the ones that people know, and owe an invitation, an update or a cancellation to each
    participant whose entry differs. Published again without changes, nobody hears anything.

    Raises StandingConflicts where something speaks against a place that nobody overrode knowingly, unless `override`
    with a `reason`, which is kept with those meetings.
    """
    event = load_event(uow, actor, event_id)
    require_open(event)
    meetings = _meetings(uow.session, event)
    if not any(_present_place(meeting)[0] for meeting in meetings) and event.status == "draft":
        raise InvalidInput(
            "event.nothing_to_publish",
            "还没有排好的洽谈，请先计算日程",
            message_en="No meeting has a place yet; compute the timetable first",
        )
    open_conflicts = unexplained(standing_conflicts(uow.session, event), meetings)
    if open_conflicts and not override:
        raise StandingConflicts(open_conflicts)
    kept = settle_conflicts(
        [one for found in open_conflicts.values() for one in found], override=override, reason=reason
    )
    for meeting in meetings:
        if meeting.id in open_conflicts:
            meeting.override_reason = kept
    told = _tell(uow, event, meetings, now, settings, texts, by=actor.user_id)
    event.status = "published"
    event.published_at = now
    event.updated_at = now
    overridden = {"overridden": sorted(open_conflicts), "reason": kept} if open_conflicts else {}
    uow.record(now, actor.user_id, "event.publish", "event", event.id, messages=told.messages, **overridden)
    uow.commit()
    return told


def cancel_event(
    uow: UnitOfWork, actor: Actor, event_id: str, now: datetime, settings: Settings, texts: Texts = SHIPPED_TEXTS
) -> Told:
    """Call the whole event off: every meeting that was told is cancelled in people's calendars."""
    event = load_event(uow, actor, event_id)
    require_open(event)
    meetings = _meetings(uow.session, event)
    for meeting in meetings:
        meeting.status = "cancelled"
        meeting.slot_id = meeting.table_number = None
        meeting.locked = False
        meeting.updated_at = now
    told = _tell(uow, event, meetings, now, settings, texts, called_off=True, by=actor.user_id)
    event.status = "cancelled"
    event.registration_open = False
    event.updated_at = now
    uow.record(now, actor.user_id, "event.cancel", "event", event.id, messages=told.messages)
    uow.commit()
    return told


def answer_meeting(uow: UnitOfWork, participant: EventParticipant, meeting_id: str, answer: str, now: datetime) -> None:
    """A participant accepts or declines one published meeting through their own link; the staff sees it."""
    if answer not in INVITATION_ANSWERS:
        raise InvalidInput("invitation.answer", "请选择接受或谢绝", where="answer", message_en="Accept or decline")
    row = uow.session.scalar(
        select(MeetingInvitation).where(
            MeetingInvitation.meeting_id == meeting_id, MeetingInvitation.participant_id == participant.id
        )
    )
    if row is None:
        raise meeting_not_found()
    if row.cancelled:
        raise IllegalMove("invitation.cancelled", "这场洽谈已经取消", message_en="This meeting is cancelled")
    row.answer = answer
    row.answered_at = now
    uow.record(now, None, "meeting.answer", "meeting", meeting_id, participant=participant.id, answer=answer)
    uow.commit()


def remind_participants(uow: UnitOfWork, now: datetime, settings: Settings, texts: Texts = SHIPPED_TEXTS) -> int:
    """Remind everybody with published meetings twice before their first, as long before as the rules say: usually the
    day before and an hour before.

    Run by the beat. Late is better than never, but not after the meeting has begun.
    """
    soon = now + timedelta(hours=settings.event_reminder_hours)
    last = timedelta(minutes=settings.event_last_reminder_minutes)
    events = uow.session.scalars(
        select(Event).where(
            Event.status == "published",
            Event.held_on >= to_shanghai(now).date(),
            Event.held_on <= to_shanghai(soon).date(),
        )
    ).all()
    reminded = 0
    for event in events:
        first: dict[str, Meeting] = {}
        for meeting in sorted(
            (one for one in _meetings(uow.session, event) if one.told_slot is not None),
            key=lambda one: one.told_slot.starts_at if one.told_slot is not None else now,
        ):
            for participant_id in meeting.participant_ids:
                first.setdefault(participant_id, meeting)
        for participant in _people(uow.session, event):
            meeting_first = first.get(participant.id)
            if meeting_first is None or meeting_first.told_slot is None or not participant.contact_email:
                continue
            starts_at = meeting_first.told_slot.starts_at
            if not participant.present or not now < starts_at <= soon:
                continue
            hour = starts_at - now <= last
            occasion = f"hour:{starts_at.isoformat()}" if hour else f"day:{event.held_on.isoformat()}"
            clock = f"{to_shanghai(starts_at):%H:%M}"
            place = table_name(event, meeting_first.told_table_number)
            reminded += _owe_message(
                uow.session,
                participant,
                f"event-remind:{participant.id}:{occasion}",
                now,
                settings,
                written=_write(
                    texts,
                    "event_reminder",
                    {
                        "event": event.title,
                        "when": _how_soon(now, starts_at, last if hour else None),
                        "time": clock,
                        "table": (f"，{place}", f", {table_in(place, 'en')}") if place else "",
                        "place": _place(event),
                    },
                ),
                label=("查看我的日程", "Open my agenda"),
            )
    uow.commit()
    return reminded


def _tell(
    uow: UnitOfWork,
    event: Event,
    meetings: Sequence[Meeting],
    now: datetime,
    settings: Settings,
    texts: Texts,
    *,
    called_off: bool = False,
    by: str | None = None,
) -> Told:
    session = uow.session
    rows = session.scalars(
        select(MeetingInvitation).where(MeetingInvitation.meeting_id.in_([meeting.id for meeting in meetings]))
    )
    known = {(row.meeting_id, row.participant_id): row for row in rows}
    needs = {
        need.id: need
        for need in session.scalars(select(Need).where(Need.id.in_({one.need_id for one in meetings if one.need_id})))
    }
    messages = 0
    missing: set[str] = set()
    changed: dict[str, set[str]] = {}
    hosts = host_names(session, meetings)
    hosting: Counter[str] = Counter()
    for meeting in meetings:
        slot_id, table = _present_place(meeting)
        slot = meeting.slot if slot_id is not None else None
        host_id = meeting.host_id if slot_id is not None else None
        before = (meeting.told_slot_id, meeting.told_table_number, meeting.told_host_id)
        if before != (slot_id, table, host_id):
            hosting.update({one for one in (meeting.told_host_id, host_id) if one is not None})
        meeting.told_slot_id, meeting.told_table_number, meeting.told_host_id = slot_id, table, host_id
        host = hosts.get(host_id or "", "")
        for participant, other in ((meeting.first, meeting.second), (meeting.second, meeting.first)):
            row = known.get((meeting.id, participant.id))
            if slot is None:
                if row is None or row.cancelled:
                    continue
                row.cancelled = True
                row.sequence += 1
                row.content_key = ""
                method: Method = "CANCEL"
            else:
                key = _content_key(event, slot, table, other, host)
                if row is None:
                    row = MeetingInvitation(
                        id=new_id(),
                        meeting_id=meeting.id,
                        participant_id=participant.id,
                        sequence=0,
                        starts_at=slot.starts_at,
                        ends_at=slot.ends_at,
                    )
                    session.add(row)
                elif not row.cancelled and row.content_key == key:
                    continue
                else:
                    row.sequence += 1
                row.cancelled = False
                row.content_key = key
                row.starts_at, row.ends_at = slot.starts_at, slot.ends_at
                # Another time or place is another question.
                row.answer = row.answered_at = None
                method = "REQUEST"
            row.sent_at = now
            what = "gone" if method == "CANCEL" else "new" if row.sequence == 0 else "moved"
            changed.setdefault(participant.id, set()).add(what)
            if not participant.contact_email:
                missing.add(participant.name)
                continue
            topic = topic_of(needs.get(meeting.need_id or ""))
            messages += _owe_entry(
                session, event, participant, other, row, table, topic, method, now, settings, texts, host=host
            )
    tell_of_timetable(session, event, changed, now, called_off=called_off)
    for user_id, count in sorted(hosting.items()):
        tell_host(session, event, user_id, now, meetings=count, by=by)
    return Told(messages, tuple(sorted(missing)))


def _owe_entry(
    session: Session,
    event: Event,
    participant: EventParticipant,
    other: EventParticipant,
    row: MeetingInvitation,
    table: int | None,
    topic: str,
    method: Method,
    now: datetime,
    settings: Settings,
    texts: Texts,
    *,
    host: str,
) -> int:
    entry = calendar_entry(event, participant, other, row, table, topic, settings, host=host)
    begins, ends = to_shanghai(row.starts_at), to_shanghai(row.ends_at)
    time = f"{begins:%Y-%m-%d %H:%M}–{ends:%H:%M}"
    kind = (
        "meeting_cancelled" if method == "CANCEL" else "meeting_changed" if row.sequence > 0 else "meeting_invitation"
    )
    values = {
        "event": event.title,
        "other": other.name,
        "time": time,
        "place": entry.location,
        "topic": topic,
        "summary": entry.summary,
    }
    return _owe_message(
        session,
        participant,
        f"meeting-invitation:{row.id}:{row.sequence}",
        now,
        settings,
        new=row.sequence == 0,
        written=_write(texts, kind, values),
        label=("查看我的日程并回复", "Open my agenda and answer"),
        calendar=(write_calendar([entry], method, settings, language=_language(participant)), method),
    )


def calendar_entry(
    event: Event,
    participant: EventParticipant,
    other: EventParticipant,
    row: MeetingInvitation,
    table: int | None,
    topic: str,
    settings: Settings,
    *,
    host: str = "",
) -> CalendarEntry:
    """A participant's meeting as their calendar has it; only they are named as attendee, nobody's address is told.
    `host` is the name of who looks after it.
    """
    url = agenda_address(participant, settings)
    english = _language(participant) == "en"
    place = table_in(table_name(event, table), "en" if english else "zh")
    location = event.online_address if table is None else f"{event.venue} {place}".strip()
    lines = [f"{'About: ' if english else '议题：'}{topic}"] if topic else []
    if host:
        lines.append(f"{'Host: ' if english else '联络员：'}{host}")
    lines.append(f"{'My agenda: ' if english else '我的日程：'}{url}")
    return CalendarEntry(
        uid=calendar_uid(row.id, settings),
        sequence=row.sequence,
        stamp=row.sent_at,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        summary=f"{event.title}: {other.name}" if english else f"与{other.name}洽谈（{event.title}）",
        location=location,
        description="\n".join(lines),
        url=url,
        attendee_name=participant.contact_name or participant.name,
        attendee_email=participant.contact_email,
        answer=row.answer,
        cancelled=row.cancelled,
    )


def agenda_address(participant: EventParticipant, settings: Settings) -> str:
    """The address of a participant's own page."""
    return settings.public_url.rstrip("/") + _agenda_path(participant, settings)


def _agenda_path(participant: EventParticipant, settings: Settings) -> str:
    return f"/agenda/{quote(agenda_token(participant, settings))}"


def _owe_message(
    session: Session,
    participant: EventParticipant,
    once_key: str,
    now: datetime,
    settings: Settings,
    *,
    written: Mapping[str, tuple[str, str]],
    label: tuple[str, str],
    calendar: tuple[str, Method] | None = None,
    new: bool = False,
) -> int:
    """Owe one mail, `written` with (subject, text) by language; 1, or 0 where it was owed before, which a `new` one
    cannot have been.
    """
    from matching.models import Delivery

    if not new and session.scalar(select(Delivery.id).where(Delivery.once_key == once_key)) is not None:
        return 0
    payload: dict[str, object] = {
        "language": _language(participant),
        "subject": {language: subject for language, (subject, _text) in written.items()},
        "text": {language: text for language, (_subject, text) in written.items()},
        "label": {"zh": label[0], "en": label[1]},
        "path": _agenda_path(participant, settings),
    }
    if calendar is not None:
        payload["calendar"] = {"text": calendar[0], "method": calendar[1]}
    owe_delivery(
        session, kind="message", once_key=once_key, now=now, address=participant.contact_email, payload=payload
    )
    return 1


def _language(participant: EventParticipant) -> str:
    owner = participant.expert or participant.organisation
    return "en" if owner is not None and owner.language == "en" else "zh"


def _content_key(event: Event, slot: EventSlot, table: int | None, other: EventParticipant, host: str) -> str:
    """What a calendar shows of a meeting; while it is the same, nobody need be told."""
    shown = [
        slot.starts_at.isoformat(),
        slot.ends_at.isoformat(),
        event.online_address if table is None else f"{event.venue} {table_name(event, table)}",
        event.title,
        other.name,
        # What was sent before there were hosts keeps its key.
        *([host] if host else []),
    ]
    return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode()).hexdigest()


def _present_place(meeting: Meeting) -> tuple[str | None, int | None]:
    """Where it is to be told: nowhere when it is cancelled or one of the two does not come."""
    if meeting.status != "wanted" or not (meeting.first.present and meeting.second.present):
        return None, None
    return meeting.slot_id, meeting.table_number


def _meetings(session: Session, event: Event) -> list[Meeting]:
    return list(
        session.scalars(
            select(Meeting)
            .where(Meeting.event_id == event.id)
            .order_by(Meeting.id)
            .options(
                joinedload(Meeting.first),
                joinedload(Meeting.second),
                joinedload(Meeting.slot),
                joinedload(Meeting.told_slot),
            )
        )
    )


def _people(session: Session, event: Event) -> list[EventParticipant]:
    return list(
        session.scalars(
            select(EventParticipant).where(EventParticipant.event_id == event.id).order_by(EventParticipant.id)
        )
    )


def _write(texts: Texts, key: str, values: Mapping[str, str | tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """(subject, text) in both languages, in the words in force now. A pair among the values is Chinese and English."""
    written = {}
    for number, language in enumerate(LANGUAGES):
        chosen = {name: value if isinstance(value, str) else value[number] for name, value in values.items()}
        written[str(language)] = (
            texts.line(key, language, "subject", **chosen),
            texts.body(key, language, **chosen),
        )
    return written


def _how_soon(now: datetime, starts_at: datetime, last: timedelta | None) -> tuple[str, str]:
    """`last`: how long before, for the last reminder."""
    if last is not None:
        minutes = int(last.total_seconds() // 60)
        return ("一小时后", "In an hour") if minutes == 60 else (f"{minutes} 分钟后", f"In {minutes} minutes")
    days = (to_shanghai(starts_at).date() - to_shanghai(now).date()).days
    if days > 1:
        return f"{days} 天后", f"In {days} days"
    return ("明天", "Tomorrow") if days == 1 else ("今天", "Today")


def _day(event: Event) -> tuple[str, str]:
    day = event.held_on
    return f"{day.year}年{day.month}月{day.day}日", day.isoformat()


def _place(event: Event) -> str:
    return "; ".join(place for place in (event.venue, event.online_address) if place)

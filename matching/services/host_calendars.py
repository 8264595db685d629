"""The calendar of the meetings that one of the bureau looks after, at an address that they can replace."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from sqlalchemy.orm import Session

from matching.errors import NotAllowed, NotFound
from matching.models import User
from matching.models.user import STAFF_ROLES
from matching.notifying.calendars import CalendarEntry, calendar_uid
from matching.queries.agendas import table_in
from matching.queries.hosted_meetings import PublishedMeeting
from matching.services.actor import Actor, actor_of
from matching.services.signed_links import read_signed, sign
from matching.settings import Settings
from matching.store.unit_of_work import UnitOfWork

_CALENDAR = "host-calendar"


def host_calendar_path(user: User, settings: Settings) -> str:
    """Where the host's calendar is, for whoever has the address."""
    return f"/hosting/{quote(sign(settings, _CALENDAR, f'{user.id}.{user.calendar_number}'))}/calendar.ics"


def read_host_token(session: Session, token: str, settings: Settings) -> tuple[User, Actor]:
    """Whose calendar it is; raises NotFound for an address that is forged or replaced, and of somebody who is no longer
    staff.
    """
    text = read_signed(settings, _CALENDAR, token)
    user_id, _, number = (text or "").rpartition(".")
    user = session.get(User, user_id) if user_id else None
    if user is None or str(user.calendar_number) != number or not user.active or user.role not in STAFF_ROLES:
        raise NotFound("calendar.not_found", "没有这个日历", message_en="There is no such calendar")
    return user, actor_of(user)


def renew_host_calendar(uow: UnitOfWork, actor: Actor, now: datetime) -> User:
    """Give the actor's calendar another address; programs that know the former one get nothing more."""
    user = uow.session.get(User, actor.user_id) if actor.user_id is not None else None
    if user is None or user.role not in STAFF_ROLES:
        raise NotAllowed(
            "calendar.staff_only", "只有工作人员有联络员日历", message_en="Only the staff have a calendar of hosts"
        )
    user.calendar_number += 1
    uow.record(now, user.id, "host_calendar.renew", "user", user.id)
    uow.commit()
    return user


def host_calendar_name(user: User) -> str:
    """How the calendar is called in the host's programs."""
    return "Meetings I host" if user.locale == "en" else "我跟的洽谈"


def host_entries(user: User, meetings: Sequence[PublishedMeeting], settings: Settings) -> list[CalendarEntry]:
    """The meetings as the host's calendar has them. Neither contacts nor minutes are in it: addresses of calendars get
    about.
    """
    english = user.locale == "en"
    entries = []
    for one in meetings:
        names = " × ".join(one.names)
        place = (
            one.event.online_address
            if not one.table
            else f"{one.event.venue} {table_in(one.table, user.locale)}".strip()
        )
        url = f"{settings.public_url.rstrip('/')}/events/{one.event.id}/meetings/{one.meeting.id}"
        lines = [f"{'About: ' if english else '议题：'}{one.topic}"] if one.topic else []
        lines.append(f"{'Minutes: ' if english else '写纪要：'}{url}")
        entries.append(
            CalendarEntry(
                uid=calendar_uid(f"host-{one.meeting.id}", settings),
                sequence=one.sequence,
                stamp=one.sent_at,
                starts_at=one.slot.starts_at,
                ends_at=one.slot.ends_at,
                summary=f"{names} ({one.event.title})" if english else f"{names}（{one.event.title}）",
                location=place,
                description="\n".join(lines),
                url=url,
            )
        )
    return entries

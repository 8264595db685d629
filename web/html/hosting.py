"""联络员: the meetings that one of the bureau looks after, on a page and in their calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.clock import shanghai_day
from matching.models import User
from matching.notifying.calendars import write_calendar
from matching.queries.hosted_meetings import LOOKING_BACK, HostedMeeting, list_hosted, list_published
from matching.services.host_calendars import (
    host_calendar_name,
    host_calendar_path,
    host_entries,
    read_host_token,
    renew_host_calendar,
)
from web.reader import actor, now, platform, staff_only

hosting = Blueprint("hosting", __name__, url_prefix="/hosting")

_ON_DESK = 5


@dataclass(frozen=True, slots=True)
class HostedDay:
    """The meetings of one day."""

    day: date
    meetings: list[HostedMeeting]


@hosting.get("/")
@staff_only
def show_hosting() -> str:
    """What the reader looks after, today and next, and what is still to be written down of the last weeks."""
    today = shanghai_day(now())
    with platform().reading() as reading:
        meetings = list_hosted(reading, actor(), since=today - LOOKING_BACK)
        user = reading.get_one(User, actor().user_id)
        return render_template(
            "hosting/show.html",
            today=today,
            coming=_by_day([one for one in meetings if one.event.held_on >= today]),
            unwritten=[one for one in meetings if one.event.held_on < today and one.meeting.result is None],
            written=[one for one in meetings if one.event.held_on < today and one.meeting.result is not None],
            address=platform().settings.public_url.rstrip("/") + host_calendar_path(user, platform().settings),
        )


@hosting.post("/calendar")
@staff_only
def renew() -> WerkzeugResponse:
    """Another address for the calendar; the former one opens nothing more."""
    with platform().unit_of_work() as uow:
        renew_host_calendar(uow, actor(), now())
    flash(_("日历换了新地址，旧地址已失效。请在手机或电脑的日历里改用新地址。"), "info")
    return redirect(url_for("hosting.show_hosting", _anchor="calendar"))


@hosting.get("/<token>/calendar.ics")
def show_calendar(token: str) -> Response:
    """The feed that a host's calendar program subscribes to; the signed address is the right to read it."""
    settings = platform().settings
    with platform().reading() as reading:
        user, host = read_host_token(reading, token, settings)
        meetings = list_published(reading, host, since=shanghai_day(now()) - LOOKING_BACK)
        entries = host_entries(user, meetings, settings)
        name = host_calendar_name(user)
        text = write_calendar(entries, "PUBLISH", settings, name=name, language=user.locale)
    return Response(
        text,
        mimetype="text/calendar",
        headers={"Cache-Control": "no-store", "Content-Disposition": 'inline; filename="hosting.ics"'},
    )


def next_hosted(reading: Session) -> list[HostedMeeting]:
    """What the reader looks after next: the meetings from now on, those of today that are still to be written down
    first.
    """
    moment = now()
    return [
        one
        for one in list_hosted(reading, actor(), since=shanghai_day(moment), limit=200)
        if one.slot.ends_at > moment or one.meeting.result is None
    ][:_ON_DESK]


def _by_day(meetings: list[HostedMeeting]) -> list[HostedDay]:
    days: dict[date, list[HostedMeeting]] = {}
    for one in meetings:
        days.setdefault(one.event.held_on, []).append(one)
    return [HostedDay(day, held) for day, held in days.items()]

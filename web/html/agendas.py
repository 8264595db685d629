"""A participant's own pages, opened by their signed link: answers, wishes, agenda, calendar feed, feedback."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.errors import InvalidInput
from matching.models import Event
from matching.notifying.calendars import write_calendar
from matching.queries.agendas import AgendaEntry, list_agenda, list_choices
from matching.services.event_participants import answer_invitation, participant_not_found, wish_for
from matching.services.event_publication import answer_meeting, calendar_entry, read_agenda_token
from matching.services.meetings import give_feedback
from web.event_papers import write_own_agenda
from web.languages import in_language
from web.reader import now, platform
from web.uploads import send_bytes

agendas = Blueprint("agendas", __name__, url_prefix="/agenda")


@agendas.get("/<token>")
def show_agenda(token: str) -> str:
    """What the participant was told, and what we would like to know of them."""
    return _render(token)


@agendas.post("/<token>/answer")
def answer(token: str) -> WerkzeugResponse:
    """Whether they come."""
    comes = request.form.get("comes") == "y"
    with platform().unit_of_work() as uow:
        participant = read_agenda_token(uow.session, token, platform().settings)
        answer_invitation(uow, participant.id, comes, now())
    flash(_("谢谢，期待您参加。") if comes else _("已告知主办方您不能参加。"), "info")
    return redirect(url_for("agendas.show_agenda", token=token))


@agendas.post("/<token>/wishes")
def wish(token: str) -> WerkzeugResponse | tuple[str, int]:
    """Whom they would like to meet, and when they cannot."""
    try:
        with platform().unit_of_work() as uow:
            participant = read_agenda_token(uow.session, token, platform().settings)
            wish_for(
                uow,
                participant.id,
                request.form.getlist("other"),
                request.form.getlist("unavailable"),
                now(),
                online=request.form.get("online") == "y",
            )
    except InvalidInput as error:
        return _render(token, error=in_language(error.message, error.message_en)), 422
    flash(_("已保存您的意愿，主办方会据此安排。"), "info")
    return redirect(url_for("agendas.show_agenda", token=token))


@agendas.post("/<token>/meetings/<meeting_id>/answer")
def answer_one(token: str, meeting_id: str) -> WerkzeugResponse:
    """Accept or decline one meeting."""
    with platform().unit_of_work() as uow:
        participant = read_agenda_token(uow.session, token, platform().settings)
        answer_meeting(uow, participant, meeting_id, request.form.get("answer", ""), now())
    flash(_("已记下您的答复。"), "info")
    return redirect(url_for("agendas.show_agenda", token=token, _anchor=f"meeting-{meeting_id}"))


@agendas.post("/<token>/meetings/<meeting_id>/feedback")
def say(token: str, meeting_id: str) -> WerkzeugResponse | tuple[str, int]:
    """What they say of a meeting afterwards."""
    rating = request.form.get("rating", "")
    try:
        with platform().unit_of_work() as uow:
            participant = read_agenda_token(uow.session, token, platform().settings)
            give_feedback(
                uow,
                participant.id,
                meeting_id,
                now(),
                rating=int(rating) if rating in ("1", "2", "3", "4", "5") else 0,
                wants_more=request.form.get("wants_more") == "y",
                comment=request.form.get("comment", ""),
            )
    except InvalidInput as error:
        return _render(token, error=in_language(error.message, error.message_en), wrong_meeting=meeting_id), 422
    flash(_("谢谢您的反馈。"), "info")
    return redirect(url_for("agendas.show_agenda", token=token, _anchor=f"meeting-{meeting_id}"))


@agendas.get("/<token>/calendar.ics")
def show_calendar(token: str) -> Response:
    """The feed that a calendar program subscribes to."""
    settings = platform().settings
    with platform().reading() as reading:
        participant = read_agenda_token(reading, token, settings)
        event = reading.get(Event, participant.event_id)
        assert event is not None
        entries = [
            calendar_entry(
                event,
                participant,
                one.other,
                one.invitation,
                one.meeting.told_table_number,
                one.topic,
                settings,
                host=one.host,
            )
            for one in list_agenda(reading, event, participant)
            if one.invitation is not None and not one.invitation.cancelled
        ]
        text = write_calendar(entries, "PUBLISH", settings, name=event.title)
    return Response(
        text,
        mimetype="text/calendar",
        headers={"Cache-Control": "no-store", "Content-Disposition": 'inline; filename="agenda.ics"'},
    )


@agendas.get("/<token>/agenda.pdf")
def send_agenda(token: str) -> Response:
    """The agenda to print."""
    with platform().reading() as reading:
        participant = read_agenda_token(reading, token, platform().settings)
        event = reading.get(Event, participant.event_id)
        if event is None or participant.status == "cancelled" or event.published_at is None:
            raise participant_not_found()
        content = write_own_agenda(event, participant, list_agenda(reading, event, participant))
        name = f"{event.title}.pdf"
    return send_bytes(content, name, "application/pdf")


def _render(token: str, *, error: str = "", wrong_meeting: str = "") -> str:
    with platform().reading() as reading:
        participant = read_agenda_token(reading, token, platform().settings)
        event = reading.get(Event, participant.event_id)
        if event is None or participant.status == "cancelled":
            raise participant_not_found()
        choices, wished = list_choices(reading, event, participant)
        agenda = list_agenda(reading, event, participant) if event.published_at is not None else []
        return render_template(
            "agendas/show.html",
            token=token,
            event=event,
            participant=participant,
            agenda=agenda,
            choices=choices,
            wished=set(request.form.getlist("other")) if error and not wrong_meeting else wished,
            unavailable=set(request.form.getlist("unavailable"))
            if error and not wrong_meeting
            else set(participant.unavailable),
            error=error,
            wrong_meeting=wrong_meeting,
            open_event=event.status not in ("ended", "cancelled"),
            begun=_has_begun(event, agenda),
        )


def _has_begun(event: Event, agenda: list[AgendaEntry]) -> bool:
    """Whether it is too late to ask if they come: their first meeting has begun, or without one the day is over."""
    if agenda:
        return agenda[0].slot.starts_at <= now()
    return bool(event.slots) and max(slot.ends_at for slot in event.slots) <= now()

"""对接会: the public list and page, and the staff's pages from theme to published timetable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask.blueprints import BlueprintSetupState
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from markupsafe import Markup
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as WerkzeugResponse

from matching.clock import to_shanghai
from matching.errors import EditConflict, IllegalMove, InvalidInput
from matching.models import Event, EventParticipant, EventSlot, Meeting, Need, Region, TimetableRun
from matching.models.event import PARTICIPANT_STATUSES
from matching.models.meeting import MEETING_RESULTS
from matching.policy import MATCHER, region_prefix
from matching.queries.agendas import table_in
from matching.queries.desk import list_colleagues
from matching.queries.event_proposals import preselect, proposed_pairs, theme_needs
from matching.queries.events import (
    EventBoard,
    find_event,
    find_meeting,
    find_participant,
    find_run,
    find_staffed_event,
    free_slots,
    list_events,
    load_board,
    may_register_as,
    own_participants,
    search_parties,
)
from matching.queries.posts import visible_posts
from matching.queries.vocabularies import load_vocabularies
from matching.services.event_participants import (
    ParticipantFields,
    add_pairs,
    add_participant,
    cancel_participant,
    edit_participant,
    register,
    renew_link,
    separate,
    sign_in_participant,
    take_up_wishes,
    unite,
)
from matching.services.event_publication import (
    agenda_token,
    cancel_event,
    invite_participants,
    list_changes,
    publish_timetable,
    read_agenda_token,
)
from matching.services.events import announce_event, create_event, edit_event, end_event
from matching.services.meeting_followup import engage_after_meeting
from matching.services.meeting_hosts import give_host, share_meetings
from matching.services.meetings import (
    PlaceConflict,
    PlaceConflicts,
    add_meeting,
    cancel_meeting,
    constrain_meeting,
    lock_meeting,
    move_meeting,
    needs_table,
    record_result,
)
from matching.services.posts import told_language
from matching.services.standing_conflicts import standing_conflicts, unexplained
from matching.services.timetables import USUAL_SECONDS, is_underway, request_timetable, stop_timetable
from web.display import fit_in_words
from web.event_papers import draw_code, table_words, write_paper
from web.forms.events import MODE_LABELS, EventForm
from web.languages import in_language
from web.reader import actor, audience, now, platform, signed_in_only, staff_only
from web.uploads import send_bytes

events = Blueprint("events", __name__, url_prefix="/events")

EVENT_STATUS_LABELS: dict[str, Any] = {
    "draft": _l("筹备中"),
    "published": _l("日程已发布"),
    "ended": _l("已结束"),
    "cancelled": _l("已取消"),
}
PARTICIPANT_STATUS_LABELS: dict[str, Any] = {
    "invited": _l("已邀请"),
    "registered": _l("已报名"),
    "confirmed": _l("已确认"),
    "declined": _l("谢绝"),
    "cancelled": _l("已取消"),
}
ORIGIN_LABELS: dict[str, Any] = {
    "suggestion": _l("系统推荐"),
    "staff": _l("工作人员添加"),
    "wish": _l("参会者意愿"),
    "walk_in": _l("现场临时"),
}
RESULT_LABELS: dict[str, Any] = {
    "held": _l("已洽谈"),
    "first_absent": _l("前者缺席"),
    "second_absent": _l("后者缺席"),
    "both_absent": _l("双方缺席"),
}
CHANGE_LABELS: dict[str, Any] = {
    "new": _l("新增"),
    "moved": _l("改时间"),
    "table": _l("换桌"),
    "host": _l("换联络员"),
    "off": _l("取消"),
}
RUN_LABELS: dict[str, Any] = {
    "waiting": _l("排队等待计算"),
    "running": _l("正在计算"),
    "finished": _l("已完成"),
    "infeasible": _l("要求互相矛盾，排不出来"),
    "failed": _l("没有算出结果"),
    "outdated": _l("计算期间安排有改动，结果没有采用，请重新计算"),
}
PHASE_LABELS: dict[str, Any] = {
    "drop": _l("确定哪些洽谈排得下"),
    "move": _l("尽量不动已排好的"),
    "breaks": _l("减少空档"),
    "score": _l("优先契合度高的"),
}
PRINTS: dict[str, Any] = {
    "agenda": _l("总日程"),
    "agendas": _l("个人日程"),
    "badges": _l("胸卡"),
    "cards": _l("桌卡"),
}


@events.record_once
def _give_words(state: BlueprintSetupState) -> None:
    """Globals and not a context processor: macros that are imported see no context."""
    state.app.jinja_env.globals.update(
        EVENT_STATUS_LABELS=EVENT_STATUS_LABELS,
        EVENT_MODE_LABELS=MODE_LABELS,
        PARTICIPANT_STATUS_LABELS=PARTICIPANT_STATUS_LABELS,
        MEETING_ORIGIN_LABELS=ORIGIN_LABELS,
        MEETING_RESULT_LABELS=RESULT_LABELS,
        slot_time=slot_time,
        told_language=told_language,
        table_name=table_words,
        table_in=table_in,
    )


def slot_time(slot: EventSlot | None) -> str:
    """09:00–09:20 on the clock of China."""
    return "" if slot is None else f"{to_shanghai(slot.starts_at):%H:%M}–{to_shanghai(slot.ends_at):%H:%M}"


def conflict_text(conflict: PlaceConflict) -> str:
    """What speaks against a place, in words."""
    name = conflict.name
    texts: dict[str, str] = {
        "busy": _("%(name)s 这个时段已有另一场洽谈", name=name),
        "table_taken": _("%(name)s 已被占用", name=name) if name else _("这个时段的桌子都已占用"),
        "unavailable": _("%(name)s 这个时段不方便", name=name),
        "session": _("这场洽谈限定在「%(name)s」", name=name),
        "order": _("与「%(name)s」的先后不符", name=name),
        "absent": _("%(name)s 不参会", name=name),
        "separated": _("这两方已设为不见面"),
        "elsewhere": _("%(name)s 同一时间在另一场对接会有洽谈", name=name),
        "host_busy": _("联络员 %(name)s 这个时段要跟另一场洽谈", name=name),
        "table_elsewhere": _("%(name)s 同一时间在另一场对接会使用", name=name),
        "host_elsewhere": _("联络员 %(name)s 同一时间在另一场对接会跟会", name=name),
    }
    return texts[conflict.kind]


# For everybody


@events.get("/")
def show_list() -> str:
    """Announced events, the next first; staff see all of their region and plan new ones."""
    with platform().reading() as reading:
        return render_template(
            "events/list.html", listed=list_events(reading, actor(), now()), vocabularies=load_vocabularies(reading)
        )


@events.get("/<event_id>")
def show_event(event_id: str) -> str:
    """What everybody may know of an event, and the way to take part."""
    with platform().reading() as reading:
        event = find_event(reading, event_id, actor())
        own = own_participants(reading, event.id, actor())
        organisations, expert = may_register_as(reading, actor())
        entered = {one.organisation_id or one.expert_id for one in own}
        return render_template(
            "events/show.html",
            event=event,
            own=own,
            tokens={one.id: agenda_token(one, platform().settings) for one in own},
            organisations=[one for one in organisations if one.id not in entered],
            expert=expert if expert is not None and expert.id not in entered else None,
            staffed=actor().is_staff_for(event.region_code),
            vocabularies=load_vocabularies(reading),
        )


@events.post("/<event_id>/register")
@signed_in_only
def do_register(event_id: str) -> WerkzeugResponse:
    """Enter an organisation, or oneself as an expert."""
    kind, _sep, identifier = request.form.get("as", "").partition(":")
    with platform().unit_of_work() as uow:
        participant = register(
            uow,
            actor(),
            event_id,
            now(),
            organisation_id=identifier if kind == "organisation" else None,
            expert_id=identifier if kind == "expert" else None,
        )
    flash(_("已报名。请告诉我们哪些时段不方便、希望与谁洽谈。"), "info")
    return redirect(url_for("agendas.show_agenda", token=agenda_token(participant, platform().settings)))


# The staff's pages


@events.route("/new", methods=["GET", "POST"])
@staff_only
def write_new() -> str | WerkzeugResponse | tuple[str, int]:
    """The form of a new event."""
    form = _form(None)
    if request.method == "GET":
        form.need_ids.data = request.args.getlist("need")
        return _render_form(form, None)
    if form.validate():
        try:
            with platform().unit_of_work() as uow:
                event = create_event(uow, actor(), form.to_fields(), now())
        except InvalidInput as error:
            _attach(form, error)
        else:
            flash(_("已建好。下一步：选配对。"), "info")
            return redirect(url_for("events.show_pairs", event_id=event.id))
    return _render_form(form, None), 422


@events.route("/<event_id>/edit", methods=["GET", "POST"])
@staff_only
def edit(event_id: str) -> str | WerkzeugResponse | tuple[str, int]:
    """The form of a stored event."""
    with platform().reading() as reading:
        event = find_staffed_event(reading, event_id, actor())
    form = _form(event)
    if request.method == "GET":
        form.show(event)
        return _render_form(form, event)
    form.region_code.data = event.region_code
    if form.validate():
        try:
            with platform().unit_of_work() as uow:
                edit_event(uow, actor(), event_id, form.to_fields(), form.expected_version(), now())
        except InvalidInput as error:
            _attach(form, error)
        except EditConflict:
            form.version.data = str(event.version)
            return _render_form(form, event, conflict=True), 409
        else:
            flash(_("已保存。"), "info")
            return redirect(url_for("events.show_plan", event_id=event_id))
    return _render_form(form, event), 422


@events.get("/<event_id>/plan")
@staff_only
def show_plan(event_id: str) -> str:
    """The event at a glance: each step, how far it is, and what comes next."""
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        return render_template(
            "events/plan.html",
            board=board,
            changes=list_changes(reading, board.event),
            aftermath=_aftermath(board),
            needs=len(theme_needs(reading, board.event, now())),
            vocabularies=load_vocabularies(reading),
        )


@events.get("/<event_id>/pairs")
@staff_only
def show_pairs(event_id: str) -> str:
    """Which pairs the matcher proposes, and which meetings are wanted."""
    return _render_pairs(event_id)


@events.post("/<event_id>/pairs")
@staff_only
def choose_pairs(event_id: str) -> WerkzeugResponse:
    """Invite both sides of the ticked pairs and want their meetings."""
    with platform().unit_of_work() as uow:
        added = add_pairs(uow, actor(), event_id, request.form.getlist("suggestion"), now())
    flash(_("已加入 %(count)s 场洽谈，双方列入参会名单。", count=added), "info")
    return redirect(url_for("events.show_pairs", event_id=event_id, _anchor="wanted"))


@events.post("/<event_id>/wishes")
@staff_only
def accept_wishes(event_id: str) -> WerkzeugResponse:
    """Want a meeting for each wish of the participants."""
    with platform().unit_of_work() as uow:
        added = take_up_wishes(uow, actor(), event_id, now())
    flash(_("按参会者意愿加入 %(count)s 场洽谈。", count=added), "info")
    return redirect(url_for("events.show_pairs", event_id=event_id, _anchor="wanted"))


@events.post("/<event_id>/meetings")
@staff_only
def want_meeting(event_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Want a meeting of two participants, also on the day."""
    walk_in = request.form.get("walk_in") == "y"
    try:
        with platform().unit_of_work() as uow:
            meeting = add_meeting(
                uow,
                actor(),
                event_id,
                request.form.get("one_id", ""),
                request.form.get("other_id", ""),
                now(),
                walk_in=walk_in,
            )
    except InvalidInput as error:
        return _render_pairs(event_id, error=in_language(error.message, error.message_en)), 422
    if walk_in:
        return redirect(url_for("events.show_meeting", event_id=event_id, meeting_id=meeting.id))
    flash(_("已加入。"), "info")
    return redirect(url_for("events.show_pairs", event_id=event_id, _anchor="wanted"))


@events.get("/<event_id>/people")
@staff_only
def show_people(event_id: str) -> str:
    """Who takes part, with a search for others to invite."""
    return _render_people(event_id)


@events.post("/<event_id>/people")
@staff_only
def invite(event_id: str) -> WerkzeugResponse:
    """Invite an organisation or an expert by hand."""
    with platform().unit_of_work() as uow:
        participant = add_participant(
            uow,
            actor(),
            event_id,
            now(),
            organisation_id=request.form.get("organisation_id") or None,
            expert_id=request.form.get("expert_id") or None,
        )
    flash(_("%(name)s 已列入参会名单。", name=participant.name), "info")
    return redirect(url_for("events.show_people", event_id=event_id))


@events.post("/<event_id>/invitations")
@staff_only
def send_invitations(event_id: str) -> WerkzeugResponse:
    """Mail each participant their own link, once."""
    with platform().unit_of_work() as uow:
        told = invite_participants(
            uow, actor(), event_id, now(), platform().settings, platform().rules(uow.session).texts
        )
    flash(_("已发出 %(count)s 封邀请。", count=told.messages), "info")
    _flash_without_address(told.without_address)
    return redirect(url_for("events.show_people", event_id=event_id))


@events.route("/<event_id>/people/<participant_id>", methods=["GET", "POST"])
@staff_only
def show_participant(event_id: str, participant_id: str) -> str | WerkzeugResponse | tuple[str, int]:
    """One participant: when they cannot, whom they are not to meet, whom to write to."""
    if request.method == "GET":
        return _render_participant(event_id, participant_id)
    entered = ParticipantFields(
        status=request.form.get("status", ""),
        online=request.form.get("online") == "y",
        unavailable=tuple(request.form.getlist("unavailable")),
        contact_name=request.form.get("contact_name", ""),
        contact_email=request.form.get("contact_email", ""),
        contact_phone=request.form.get("contact_phone", ""),
        note=request.form.get("note", ""),
    )
    _in_event(event_id, participant_id)
    try:
        with platform().unit_of_work() as uow:
            edit_participant(uow, actor(), participant_id, entered, now())
    except InvalidInput as error:
        return _render_participant(event_id, participant_id, entered=entered, error=error), 422
    flash(_("已保存。"), "info")
    return redirect(url_for("events.show_participant", event_id=event_id, participant_id=participant_id))


@events.post("/<event_id>/people/<participant_id>/cancel")
@staff_only
def take_out(event_id: str, participant_id: str) -> WerkzeugResponse:
    """Somebody does not come after all."""
    _in_event(event_id, participant_id)
    with platform().unit_of_work() as uow:
        fallen = cancel_participant(uow, actor(), participant_id, now())
    flash(
        _("已取消参会，%(count)s 场已排的洽谈空出位置。可以重新计算，让其他人少等。", count=fallen)
        if fallen
        else _("已取消参会。"),
        "info",
    )
    return redirect(url_for("events.show_timetable", event_id=event_id))


@events.post("/<event_id>/people/<participant_id>/link")
@staff_only
def make_link_anew(event_id: str, participant_id: str) -> WerkzeugResponse:
    """Make former links of a participant useless."""
    _in_event(event_id, participant_id)
    with platform().unit_of_work() as uow:
        renew_link(uow, actor(), participant_id, now())
    flash(_("旧链接已失效。"), "info")
    return redirect(url_for("events.show_participant", event_id=event_id, participant_id=participant_id))


@events.post("/<event_id>/people/<participant_id>/apart")
@staff_only
def keep_apart(event_id: str, participant_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Say that two participants are not to meet, or take that back."""
    _in_event(event_id, participant_id)
    other_id = request.form.get("other_id", "")
    try:
        _in_event(event_id, other_id)
        with platform().unit_of_work() as uow:
            (unite if request.form.get("undo") else separate)(uow, actor(), participant_id, other_id, now())
    except InvalidInput as error:
        return _render_participant(event_id, participant_id, error=error), 422
    return redirect(url_for("events.show_participant", event_id=event_id, participant_id=participant_id))


@events.get("/<event_id>/timetable")
@staff_only
def show_timetable(event_id: str) -> str:
    """The timetable as it stands: slots by tables, or by participant; what was dropped, and what changed."""
    return _render_timetable(event_id)


@events.post("/<event_id>/hosts")
@staff_only
def share_hosts(event_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Share the placed meetings without a host among colleagues."""
    try:
        with platform().unit_of_work() as uow:
            shared = share_meetings(uow, actor(), event_id, request.form.getlist("user_id"), now())
    except InvalidInput as error:
        return _render_timetable(event_id, error=in_language(error.message, error.message_en)), 422
    flash(_("已为 %(count)s 场洽谈安排联络员。", count=shared.given), "info")
    if shared.left:
        flash(_("还有 %(count)s 场没有联络员：所选的同事那时都在跟别的洽谈。", count=shared.left), "warning")
    return redirect(url_for("events.show_timetable", event_id=event_id))


@events.get("/<event_id>/timetable/run")
@staff_only
def show_run(event_id: str) -> str | Response | WerkzeugResponse:
    """How far the computation is; once it has ended the browser loads the page anew."""
    with platform().reading() as reading:
        run = find_run(reading, event_id, actor())
    if not request.headers.get("HX-Request"):
        return redirect(url_for("events.show_timetable", event_id=event_id))
    if run is None or not is_underway(run, now()):
        return Response("", headers={"HX-Refresh": "true"})
    return render_template("events/run.html", **_run_words(run, event_id))


@events.post("/<event_id>/timetable/compute")
@staff_only
def compute(event_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Ask for a timetable."""
    seconds = request.form.get("seconds", str(USUAL_SECONDS))
    try:
        with platform().unit_of_work() as uow:
            request_timetable(
                uow,
                actor(),
                event_id,
                now(),
                seconds=int(seconds) if seconds.isdecimal() and len(seconds) < 5 else 0,
                anew=request.form.get("anew") == "y",
            )
    except InvalidInput as error:
        return _render_timetable(event_id, error=in_language(error.message, error.message_en)), 422
    return redirect(url_for("events.show_timetable", event_id=event_id))


@events.post("/<event_id>/timetable/stop/<run_id>")
@staff_only
def stop(event_id: str, run_id: str) -> WerkzeugResponse:
    """End the computation with the best it has."""
    with platform().unit_of_work() as uow:
        stop_timetable(uow, actor(), run_id, now())
    return redirect(url_for("events.show_timetable", event_id=event_id))


@events.post("/<event_id>/publish")
@staff_only
def publish(event_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Tell the participants where and when they meet, or what changed."""
    try:
        with platform().unit_of_work() as uow:
            told = publish_timetable(
                uow,
                actor(),
                event_id,
                now(),
                platform().settings,
                platform().rules(uow.session).texts,
                override=request.form.get("override") == "y",
                reason=request.form.get("reason", ""),
            )
    except InvalidInput as error:
        return _render_timetable(event_id, error=in_language(error.message, error.message_en)), 422
    flash(_("已发布，发出 %(count)s 封日历邀请或更新。", count=told.messages), "info")
    _flash_without_address(told.without_address)
    return redirect(url_for("events.show_timetable", event_id=event_id))


@events.post("/<event_id>/<any(announce,close_registration,end,cancel):move>")
@staff_only
def move_event(event_id: str, move: str) -> WerkzeugResponse:
    """Take the event on."""
    with platform().unit_of_work() as uow:
        if move == "announce":
            announce_event(uow, actor(), event_id, now())
            flash(_("已公告并开放报名。"), "info")
        elif move == "close_registration":
            announce_event(uow, actor(), event_id, now(), registration_open=False)
            flash(_("报名已截止。"), "info")
        elif move == "end":
            end_event(uow, actor(), event_id, now())
            flash(_("对接会已结束。"), "info")
        else:
            told = cancel_event(uow, actor(), event_id, now(), platform().settings, platform().rules(uow.session).texts)
            flash(_("对接会已取消，发出 %(count)s 封取消通知。", count=told.messages), "warning")
    return redirect(url_for("events.show_plan", event_id=event_id))


@events.get("/<event_id>/meetings/<meeting_id>")
@staff_only
def show_meeting(event_id: str, meeting_id: str) -> str:
    """One meeting: where it is, where it could be, what came of it."""
    return _render_meeting(event_id, meeting_id)


@events.post("/<event_id>/meetings/<meeting_id>/place")
@staff_only
def place_meeting(event_id: str, meeting_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Move it by hand; conflicts are shown first, and may be overridden knowingly."""
    with platform().reading() as reading:
        find_meeting(reading, event_id, meeting_id, actor())
    slot_id = request.form.get("slot_id") or None
    table = request.form.get("table_number", "")
    number = int(table) if table.isdecimal() and len(table) < 5 else None
    try:
        with platform().unit_of_work() as uow:
            move_meeting(
                uow,
                actor(),
                meeting_id,
                slot_id,
                number,
                now(),
                override=request.form.get("override") == "y",
                reason=request.form.get("reason", ""),
            )
    except PlaceConflicts as error:
        return _render_meeting(event_id, meeting_id, conflicts=error.conflicts, slot_id=slot_id, table=number), 422
    except InvalidInput as error:
        text = in_language(error.message, error.message_en)
        return _render_meeting(event_id, meeting_id, error=text, slot_id=slot_id, table=number), 422
    flash(_("已移动并锁定。") if slot_id else _("已从日程上取下。"), "info")
    return redirect(url_for("events.show_meeting", event_id=event_id, meeting_id=meeting_id))


@events.post("/<event_id>/meetings/<meeting_id>/host")
@staff_only
def choose_host(event_id: str, meeting_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Who of the bureau looks after it; that they are elsewhere is shown first, and may be overridden knowingly."""
    with platform().reading() as reading:
        find_meeting(reading, event_id, meeting_id, actor())
    chosen = request.form.get("user_id") or None
    try:
        with platform().unit_of_work() as uow:
            give_host(
                uow,
                actor(),
                meeting_id,
                chosen,
                now(),
                override=request.form.get("override") == "y",
                reason=request.form.get("reason", ""),
            )
    except PlaceConflicts as error:
        return _render_meeting(event_id, meeting_id, host_conflicts=error.conflicts, host=chosen), 422
    except InvalidInput as error:
        text = in_language(error.message, error.message_en)
        return _render_meeting(event_id, meeting_id, error=text, host=chosen), 422
    flash(_("已保存联络员。") if chosen else _("已取下联络员。"), "info")
    return redirect(url_for("events.show_meeting", event_id=event_id, meeting_id=meeting_id))


@events.post("/<event_id>/meetings/<meeting_id>/conditions")
@staff_only
def constrain(event_id: str, meeting_id: str) -> WerkzeugResponse | tuple[str, int]:
    """In which session it must be, and after which others."""
    with platform().reading() as reading:
        find_meeting(reading, event_id, meeting_id, actor())
    try:
        with platform().unit_of_work() as uow:
            constrain_meeting(
                uow, actor(), meeting_id, request.form.get("session") or None, request.form.getlist("after"), now()
            )
    except (InvalidInput, IllegalMove) as error:
        return _render_meeting(event_id, meeting_id, error=in_language(error.message, error.message_en)), 422
    flash(_("已保存，下次计算日程时起作用。"), "info")
    return redirect(url_for("events.show_meeting", event_id=event_id, meeting_id=meeting_id))


@events.post("/<event_id>/meetings/<meeting_id>/<any(lock,unlock,cancel):move>")
@staff_only
def change_meeting(event_id: str, meeting_id: str, move: str) -> WerkzeugResponse:
    """Lock it where it is, let it move, or no longer want it."""
    with platform().reading() as reading:
        find_meeting(reading, event_id, meeting_id, actor())
    with platform().unit_of_work() as uow:
        if move == "cancel":
            cancel_meeting(uow, actor(), meeting_id, now())
            flash(_("这场洽谈已取消，位置空出来了。"), "info")
        else:
            lock_meeting(uow, actor(), meeting_id, move == "lock", now())
    back = request.form.get("back", "")
    if back in ("pairs", "timetable"):
        return redirect(
            url_for(f"events.show_{back}", event_id=event_id, _anchor="wanted" if back == "pairs" else None)
        )
    return redirect(url_for("events.show_meeting", event_id=event_id, meeting_id=meeting_id))


@events.post("/<event_id>/meetings/<meeting_id>/result")
@staff_only
def note_result(event_id: str, meeting_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Write down what came of it."""
    with platform().reading() as reading:
        meeting = find_meeting(reading, event_id, meeting_id, actor())
    day_text = request.form.get("next_step_on", "").strip()
    quick = request.form.get("quick") == "y"
    try:
        try:
            day = date.fromisoformat(day_text) if day_text else None
        except ValueError as wrong:
            raise InvalidInput(
                "meeting.day", "请填写日期，例如 2027-06-30", where="next_step_on", message_en="Please give a date"
            ) from wrong
        with platform().unit_of_work() as uow:
            record_result(
                uow,
                actor(),
                meeting_id,
                now(),
                result=request.form.get("result") or None,
                minutes=meeting.minutes if quick else request.form.get("minutes", ""),
                next_step=meeting.next_step if quick else request.form.get("next_step", ""),
                next_step_on=meeting.next_step_on if quick else day,
            )
    except InvalidInput as error:
        return _render_meeting(event_id, meeting_id, error=in_language(error.message, error.message_en)), 422
    if quick:
        return redirect(url_for("events.show_day", event_id=event_id, _anchor=f"meeting-{meeting_id}"))
    flash(_("已记录。"), "info")
    return redirect(url_for("events.show_meeting", event_id=event_id, meeting_id=meeting_id))


@events.post("/<event_id>/meetings/<meeting_id>/engage")
@staff_only
def engage(event_id: str, meeting_id: str) -> WerkzeugResponse | tuple[str, int]:
    """Begin the engagement that the meeting led to."""
    with platform().reading() as reading:
        find_meeting(reading, event_id, meeting_id, actor())
    try:
        with platform().unit_of_work() as uow:
            engagement = engage_after_meeting(
                uow, actor(), meeting_id, now(), both_agreed=request.form.get("both_agreed") == "y"
            )
    except InvalidInput as error:
        return _render_meeting(event_id, meeting_id, error=in_language(error.message, error.message_en)), 422
    flash(_("已建立对接，双方可以看到联系方式。"), "info")
    return redirect(url_for("engagements.show", engagement_id=engagement.id))


@events.get("/<event_id>/day")
@staff_only
def show_day(event_id: str) -> str:
    """At the door and at the tables: who is here, which meetings take place."""
    mine = request.args.get("mine") == "y"
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        moment = now()
        return render_template(
            "events/day.html",
            board=board,
            people=[row for row in board.people() if row.participant.present],
            here=sum(one.signed_in_at is not None for one in board.participants.values() if one.present),
            running=[slot for slot in board.event.slots if slot.starts_at <= moment < slot.ends_at],
            meetings=[one for one in board.placed() if not mine or one.host_id == actor().user_id],
            mine=mine,
            slots={slot.id: slot for slot in board.event.slots},
            choices=_choices(board),
        )


@events.post("/<event_id>/people/<participant_id>/sign-in")
@staff_only
def sign_in(event_id: str, participant_id: str) -> WerkzeugResponse:
    """Note that somebody came, or take the mark back."""
    _in_event(event_id, participant_id)
    with platform().unit_of_work() as uow:
        participant = sign_in_participant(uow, actor(), participant_id, request.form.get("present") != "n", now())
    if request.form.get("door"):
        flash(_("%(name)s 已签到。", name=participant.name), "info")
    return redirect(url_for("events.show_day", event_id=event_id, _anchor=f"person-{participant_id}"))


@events.get("/door/<token>")
@staff_only
def open_door(token: str) -> str:
    """What the code on a badge opens for the staff at the door."""
    with platform().reading() as reading:
        participant = read_agenda_token(reading, token, platform().settings)
        event = find_staffed_event(reading, participant.event_id, actor())
        return render_template("events/door.html", event=event, participant=participant)


@events.get("/<event_id>/print/<any(agenda,agendas,badges,cards):what>")
@staff_only
def show_print(event_id: str, what: str) -> str:
    """Pages made to be printed."""
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        people = [row.participant for row in board.people() if row.participant.present]
        codes = {}
        if what == "badges":
            # Drawn by us from an address of ours: markup, and nothing of it was typed by anybody.
            codes = {one.id: Markup(_door_code(one)) for one in people}  # noqa: S704
        return render_template(
            f"events/print_{what}.html",
            board=board,
            title=PRINTS[what],
            what=what,
            people=people,
            slots={slot.id: slot for slot in board.event.slots},
            grid=board.grid(),
            mine=board.by_person(),
            codes=codes,
        )


@events.get("/<event_id>/print/<any(agenda,agendas,badges,cards):what>.pdf")
@staff_only
def send_paper(event_id: str, what: str) -> Response:
    """The same as a file that looks alike everywhere."""
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        people = [row.participant for row in board.people() if row.participant.present]
        content = write_paper(what, board, people, _door_address)
        name = f"{board.event.title} {PRINTS[what]}.pdf"
    return send_bytes(content, name, "application/pdf")


@events.get("/<event_id>/people/<participant_id>/code.svg")
@staff_only
def show_code(event_id: str, participant_id: str) -> Response:
    """The code of a badge by itself."""
    with platform().reading() as reading:
        participant = find_participant(reading, event_id, participant_id, actor())
        return Response(_door_code(participant), mimetype="image/svg+xml", headers={"Cache-Control": "no-store"})


# Parts of pages


def _door_address(participant: EventParticipant) -> str:
    return platform().settings.public_url.rstrip("/") + url_for(
        "events.open_door", token=agenda_token(participant, platform().settings)
    )


def _door_code(participant: EventParticipant) -> str:
    return draw_code(_door_address(participant))


def _form(event: Event | None) -> EventForm:
    form = EventForm()
    with platform().reading() as reading:
        regions = _regions(reading)
        form.offer(load_vocabularies(reading), regions, _choosable_needs(reading, event))
        if request.method == "GET" and regions:
            form.region_code.data = regions[0].code
    return form


def _regions(reading: Session) -> list[Region]:
    """The regions the actor may organise events for, their own first."""
    scope = actor().region_scope or ""
    rows = reading.scalars(
        select(Region).where(Region.code.startswith(scope, autoescape=True)).order_by(Region.code)
    ).all()
    return sorted(rows, key=lambda region: (region_prefix(region.code) != scope, region.code))


def _choosable_needs(reading: Session, event: Event | None) -> list[Need]:
    scope = region_prefix(event.region_code) if event is not None else (actor().region_scope or "")
    return list(
        reading.scalars(
            select(Need)
            .where(visible_posts(MATCHER, now()), Need.region_code.startswith(scope, autoescape=True))
            .order_by(Need.published_at.desc(), Need.id)
            .limit(300)
        )
    )


def _attach(form: EventForm, error: InvalidInput) -> None:
    """Put a service's error at its field."""
    message = in_language(error.message, error.message_en)
    field = getattr(form, error.where or "", None)
    if field is not None and hasattr(field, "errors"):
        field.errors = [*field.errors, message]
    else:
        form.form_errors.append(message)


def _render_form(form: EventForm, event: Event | None, *, conflict: bool = False) -> str:
    return render_template("events/write.html", form=form, event=event, conflict=conflict)


@dataclass(frozen=True, slots=True)
class ShownPair:
    """A proposed pair as its row shows it."""

    pair: Any
    fit: Any
    ticked: bool


def _render_pairs(event_id: str, *, error: str = "") -> str:
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        pairs = proposed_pairs(reading, board.event, audience(), now())
        slots = len(board.event.slots)
        # A day filled to the last chair has long waits and no room for who comes late.
        ticked = preselect(pairs, places=slots * len(board.event.tables) * 3 // 4, slots=max(1, slots * 3 // 4))
        return render_template(
            "events/pairs.html",
            board=board,
            error=error,
            pairs=[
                ShownPair(pair, fit_in_words(pair.score, pair.suggestion.probability), pair.suggestion.id in ticked)
                for pair in pairs
                if pair.state in ("new", "cancelled")
            ],
            meetings=sorted(board.wanted(), key=lambda one: (-one.weight, -one.score, one.id)),
            fits={one.id: fit_in_words(one.score, None) for one in board.meetings if one.score},
            open_wishes=_open_wishes(board),
            choices=_choices(board),
            slots={slot.id: slot for slot in board.event.slots},
            vocabularies=load_vocabularies(reading),
        )


def _open_wishes(board: EventBoard) -> list[tuple[EventParticipant, EventParticipant]]:
    """Wishes of participants who come that are no meeting yet and may be one."""
    met = {frozenset(one.participant_ids) for one in board.meetings}
    people = board.participants
    return [
        (people[one], people[other])
        for one, other in sorted(board.wishes)
        if frozenset((one, other)) not in met | board.apart and people[one].present and people[other].present
    ]


def _choices(board: EventBoard) -> list[EventParticipant]:
    return [row.participant for row in board.people() if row.participant.present]


def _render_people(event_id: str) -> str:
    text = request.args.get("q", "")[:80]
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        organisations, experts = search_parties(reading, text, audience(), now())
        entered = {one.organisation_id or one.expert_id for one in board.participants.values() if one.present}
        return render_template(
            "events/people.html",
            board=board,
            people=board.people(),
            text=text,
            organisations=organisations,
            experts=experts,
            entered=entered,
            uninvited=sum(
                one.present and one.invited_at is None and bool(one.contact_email)
                for one in board.participants.values()
            ),
            unreachable=sum(one.present and not one.contact_email for one in board.participants.values()),
        )


def _render_participant(
    event_id: str,
    participant_id: str,
    *,
    entered: ParticipantFields | None = None,
    error: InvalidInput | None = None,
) -> str:
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        participant = find_participant(reading, event_id, participant_id, actor())
        shown = entered or ParticipantFields(
            status=participant.status,
            online=participant.online,
            unavailable=tuple(participant.unavailable),
            contact_name=participant.contact_name,
            contact_email=participant.contact_email or "",
            contact_phone=participant.contact_phone or "",
            note=participant.note,
        )
        apart = [
            board.participants[other]
            for pair in board.apart
            if participant.id in pair
            for other in pair - {participant.id}
        ]
        return render_template(
            "events/participant.html",
            board=board,
            participant=participant,
            shown=shown,
            error=error,
            error_text=in_language(error.message, error.message_en) if error is not None else "",
            statuses=PARTICIPANT_STATUSES,
            apart=sorted(apart, key=lambda one: one.name),
            others=[one for one in _choices(board) if one.id != participant.id and one not in apart],
            wishes=[board.participants[other] for one, other in sorted(board.wishes) if one == participant.id],
            meetings=[one for one in board.wanted() if participant.id in one.participant_ids],
            slots={slot.id: slot for slot in board.event.slots},
            address=platform().settings.public_url.rstrip("/")
            + url_for("agendas.show_agenda", token=agenda_token(participant, platform().settings)),
        )


def _render_timetable(event_id: str, *, error: str = "") -> str:
    view = "people" if request.args.get("view") == "people" else "grid"
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        changes = list_changes(reading, board.event)
        standing = standing_conflicts(reading, board.event)
        by_id = {one.id: one for one in board.meetings}
        run = board.run
        return render_template(
            "events/timetable.html",
            board=board,
            view=view,
            error=error,
            people=[row for row in board.people() if row.wanted],
            grid=board.grid(),
            mine=board.by_person(),
            online=any(one.table_number is None for one in board.placed()),
            unplaced=board.unplaced(),
            unplaced_by_reason=_by_reason(board.unplaced()),
            moved={change.meeting.id: change.kind for change in changes} if board.event.published_at else {},
            changes=changes,
            CHANGE_LABELS=CHANGE_LABELS,
            slots={slot.id: slot for slot in board.event.slots},
            colleagues=list_colleagues(reading, actor()),
            hostless=sum(one.host_id is None for one in board.placed()),
            clashes=[
                (by_id[meeting_id], [conflict_text(one) for one in conflicts])
                for meeting_id, conflicts in standing.items()
            ],
            open_clashes=len(unexplained(standing, board.meetings)),
            underway=run is not None and is_underway(run, now()),
            usual_seconds=USUAL_SECONDS,
            **(_run_words(run, event_id) if run is not None else {"run": None}),
        )


def _by_reason(meetings: list[Meeting]) -> list[tuple[str, list[Meeting]]]:
    """Meetings without a place by what speaks against one, the commonest reason first; the best pairs first."""
    found: dict[str, list[Meeting]] = {}
    for one in sorted(meetings, key=lambda one: (-one.weight, -one.score, one.id)):
        found.setdefault(in_language(one.dropped_reason or "", one.dropped_reason_en or ""), []).append(one)
    return sorted(found.items(), key=lambda item: (item[0] == "", -len(item[1]), item[0]))


def _run_words(run: TimetableRun, event_id: str) -> dict[str, Any]:
    return {
        "run": run,
        "event_id": event_id,
        "run_label": RUN_LABELS[run.status],
        "phase_label": PHASE_LABELS.get(run.phase or "", ""),
        "elapsed": int((now() - (run.started_at or run.requested_at)).total_seconds()),
    }


def _render_meeting(
    event_id: str,
    meeting_id: str,
    *,
    conflicts: tuple[PlaceConflict, ...] = (),
    slot_id: str | None = None,
    table: int | None = None,
    host: str | None = None,
    host_conflicts: tuple[PlaceConflict, ...] = (),
    error: str = "",
) -> str:
    with platform().reading() as reading:
        board = load_board(reading, event_id, actor())
        meeting = find_meeting(reading, event_id, meeting_id, actor())
        return render_template(
            "events/meeting.html",
            board=board,
            meeting=meeting,
            first=board.participants[meeting.first_id],
            second=board.participants[meeting.second_id],
            chosen_slot=slot_id or meeting.slot_id or "",
            chosen_table=table or meeting.table_number,
            conflicts=[conflict_text(conflict) for conflict in conflicts],
            host_conflicts=[conflict_text(conflict) for conflict in host_conflicts],
            chosen_host=host or meeting.host_id or "",
            colleagues=list_colleagues(reading, actor()),
            standing=[conflict_text(one) for one in standing_conflicts(reading, board.event).get(meeting.id, ())],
            free=free_slots(board, meeting),
            sessions=list(dict.fromkeys(slot.session for slot in board.event.slots)),
            neighbours=[
                (one, f"{board.participants[one.first_id].name} × {board.participants[one.second_id].name}")
                for one in board.wanted()
                if one.id != meeting.id
                and (set(one.participant_ids) & set(meeting.participant_ids) or one.id in meeting.after_ids)
            ],
            needs_table=needs_table(board.event, meeting),
            begun=meeting.result is not None or _has_begun(board.event, meeting),
            results=MEETING_RESULTS,
            error=error,
            form=request.form,
            slots={slot.id: slot for slot in board.event.slots},
            both_willing=_both_willing(board, meeting),
            feedback=[
                (board.participants[one_id], board.feedback[meeting.id, one_id])
                for one_id in meeting.participant_ids
                if (meeting.id, one_id) in board.feedback
            ],
            answers=[
                (board.participants[one_id], board.invitations[meeting.id, one_id])
                for one_id in meeting.participant_ids
                if (meeting.id, one_id) in board.invitations
            ],
        )


def _has_begun(event: Event, meeting: Meeting) -> bool:
    """Whether its time has come; of one without a place, the event's."""
    begins = [slot.starts_at for slot in event.slots if slot.id == meeting.slot_id or meeting.slot_id is None]
    return bool(begins) and min(begins) <= now()


def _both_willing(board: EventBoard, meeting: Meeting) -> bool:
    """Whether both sides said that they want to go on."""
    return all(
        (meeting.id, who) in board.feedback and board.feedback[meeting.id, who].wants_more
        for who in meeting.participant_ids
    )


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What came of the meetings of an event so far."""

    held: int
    absent: int
    open: int
    """Over by their time, with nothing noted."""
    feedback: int
    willing: list[Meeting]
    """Both sides want to go on, and nobody opened the engagement yet."""
    engaged: int


def _aftermath(board: EventBoard) -> Aftermath | None:
    """None before the first meeting has begun."""
    slots = {slot.id: slot for slot in board.event.slots}
    placed = board.placed()
    if not any(slots[one.slot_id or ""].starts_at <= now() for one in placed):
        return None
    return Aftermath(
        held=sum(one.result == "held" for one in placed),
        absent=sum(one.result not in (None, "held") for one in placed),
        open=sum(one.result is None and slots[one.slot_id or ""].ends_at <= now() for one in placed),
        feedback=len(board.feedback),
        willing=[one for one in placed if one.engagement_id is None and _both_willing(board, one)],
        engaged=sum(one.engagement_id is not None for one in placed),
    )


def _in_event(event_id: str, participant_id: str) -> None:
    """Raises NotFound for a participant of another event."""
    with platform().reading() as reading:
        find_participant(reading, event_id, participant_id, actor())


def _flash_without_address(names: tuple[str, ...]) -> None:
    if names:
        shown = "、".join(names[:12])
        if len(names) > 12:
            shown = _("%(names)s 等 %(count)s 位", names=shown, count=len(names))
        flash(_("没有邮箱，没有发出：%(names)s。请在参会名单里补上，或电话告知。", names=shown), "warning")

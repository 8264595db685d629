"""对接: the list, the page of one engagement, and the staff's board of stages."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.clock import shanghai_day
from matching.errors import EditConflict, IllegalMove, InvalidInput
from matching.models import Engagement, EngagementFile, Event, Meeting, Suggestion
from matching.models.engagement import OUTCOMES, STAGES
from matching.policy import may_see_post
from matching.queries.engagements import (
    EngagementView,
    copy_candidates,
    count_engagements,
    count_waiting,
    engagement_board,
    list_engagements,
    show_engagement,
)
from matching.queries.events import staffed_by
from matching.queries.registration_clock import RegistrationTime, read_registration_times
from matching.queries.vocabularies import load_vocabularies
from matching.services.attachments import open_attachment
from matching.services.engagement_stages import moves_from_stage
from matching.services.engagements import (
    add_task,
    agree_to_participant,
    close_engagement,
    engagement_not_found,
    finish_task,
    move_engagement,
    propose_participant,
    record_terms,
    remove_participant,
    reveal_contacts,
    set_next_step,
    write_note,
)
from matching.services.message_files import (
    PARTIES,
    fetch_message_file,
    list_message_files,
    send_message_with_files,
)
from matching.store.unit_of_work import UnitOfWork
from web.engagement_words import WORDS
from web.forms.engagements import TermsForm
from web.forms.posts import DayField
from web.languages import in_language
from web.reader import actor, audience, now, platform, signed_in_only, staff_only
from web.uploads import send_kept_file

engagements = Blueprint("engagements", __name__, url_prefix="/engagements")

Page = str | Response | tuple[str, int]
_OPEN = tuple(stage for stage in STAGES if stage != "closed")
_STATES: dict[str, tuple[str, ...]] = {"open": _OPEN, "mine": _OPEN, "closed": ("closed",), "all": ()}
_MESSAGE_ID = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Tab:
    """A part of the list, with its count."""

    key: str
    label: str
    count: int


@engagements.get("/")
@signed_in_only
def list_all() -> str:
    """What the actor takes part in, or looks on as staff."""
    state, offset = request.args.get("state", "open"), request.args.get("from", "0")
    if state not in _STATES or not offset.isdecimal() or len(offset) > 6:
        raise InvalidInput("list.state", "没有这种状态", where="state", message_en="There is no such state")
    labels = {"open": _("进行中"), "mine": _("轮到我"), "closed": _("已结束"), "all": _("全部")}
    with platform().reading() as reading:
        counts = count_engagements(reading, actor())
        page = list_engagements(reading, actor(), stages=_STATES[state], own_turn=state == "mine", offset=int(offset))
        waiting = count_waiting(reading, actor())
        return render_template(
            "engagements/list.html",
            tabs=[
                Tab(key, labels[key], waiting if key == "mine" else sum(counts[one] for one in (stages or STAGES)))
                for key, stages in _STATES.items()
            ],
            state=state,
            items=page.items,
            next_offset=page.next_offset,
            **WORDS,
        )


@engagements.get("/board")
@staff_only
def show_board() -> str:
    """The engagements of the region by stage, those that have stood longest first."""
    with platform().reading() as reading:
        return render_template(
            "engagements/board.html",
            board=engagement_board(reading, actor()),
            counts=count_engagements(reading, actor()),
            **WORDS,
        )


@engagements.get("/<engagement_id>")
@signed_in_only
def show(engagement_id: str) -> str:
    """One engagement: where it stands, who waits for whom, and all that was said and agreed."""
    return _render(engagement_id)


@engagements.post("/<engagement_id>/contacts")
@signed_in_only
def contacts(engagement_id: str) -> str:
    """The page with both contacts; for staff this reading is logged."""
    with platform().unit_of_work() as uow:
        revealed = reveal_contacts(uow, actor(), engagement_id, now())
    return _render(engagement_id, revealed=revealed)


@engagements.post("/<engagement_id>/stage")
@signed_in_only
def move(engagement_id: str) -> Page:
    """Take it to another stage, or close it with an outcome."""
    form = request.form
    target = form.get("stage", "")
    if target == "closed":
        return _do(
            engagement_id,
            "close",
            lambda uow: close_engagement(
                uow,
                actor(),
                engagement_id,
                form.get("outcome", ""),
                now(),
                reason_code=form.get("reason_code") or None,
                note=form.get("note", ""),
                follow_up_on=_read_day(form.get("follow_up_on", ""), "follow_up_on"),
            ),
            _("对接已结束。"),
        )
    return _do(
        engagement_id,
        "stage",
        lambda uow: move_engagement(uow, actor(), engagement_id, target, now(), note=form.get("note", "")),
        _("阶段已更新。"),
    )


@engagements.post("/<engagement_id>/next-step")
@signed_in_only
def next_step(engagement_id: str) -> Page:
    """What comes next, by when, and whose turn it is."""
    form = request.form
    return _do(
        engagement_id,
        "next",
        lambda uow: set_next_step(
            uow,
            actor(),
            engagement_id,
            form.get("next_step", ""),
            _read_day(form.get("next_step_on", ""), "next_step_on"),
            form.get("waits_for") or None,
            now(),
        ),
        _("下一步已更新。"),
    )


@engagements.post("/<engagement_id>/messages")
@signed_in_only
def message(engagement_id: str) -> Page:
    """Write to all who take part."""
    given = request.form.get("message_id", "")
    message_id = f"{engagement_id[:36]}-{given}" if _MESSAGE_ID.fullmatch(given) else None
    files = [(file.filename or "", file.stream) for file in request.files.getlist("file") if file.filename]
    try:
        send_message_with_files(
            platform(), actor(), engagement_id, request.form.get("text", ""), files, now(), message_id=message_id
        )
    except InvalidInput as error:
        return _render(engagement_id, failed="message", error=in_language(error.message, error.message_en)), 422
    flash(_("已发送。"), "info")
    return redirect(url_for("engagements.show", engagement_id=engagement_id, _anchor="messages"))


@engagements.get("/<engagement_id>/files/<file_id>")
@signed_in_only
def download(engagement_id: str, file_id: str) -> Response:
    """A file of a message, for those who take part; each download is in the audit log."""
    with platform().unit_of_work() as uow:
        row = fetch_message_file(uow, actor(), engagement_id, file_id, now())
        found = (row.file_name, row.media_type, row.sha256, open_attachment(platform().settings, row))
    name, media_type, digest, path = found
    return send_kept_file(path, name, media_type, digest)


@engagements.post("/<engagement_id>/notes")
@signed_in_only
def note(engagement_id: str) -> Page:
    """Keep a note that only the own side sees."""
    return _do(
        engagement_id,
        "note",
        lambda uow: write_note(uow, actor(), engagement_id, request.form.get("text", ""), now()),
        _("备注已保存。"),
        anchor="notes",
    )


@engagements.post("/<engagement_id>/tasks")
@signed_in_only
def task(engagement_id: str) -> Page:
    """Note something to be done."""
    form = request.form
    return _do(
        engagement_id,
        "task",
        lambda uow: add_task(
            uow,
            actor(),
            engagement_id,
            form.get("title", ""),
            _read_day(form.get("due_on", ""), "due_on"),
            form.get("role", ""),
            now(),
        ),
        _("任务已添加。"),
        anchor="tasks",
    )


@engagements.post("/<engagement_id>/tasks/<task_id>")
@signed_in_only
def mark_task(engagement_id: str, task_id: str) -> Page:
    """Done, or open again."""
    done = request.form.get("done") == "y"
    return _do(
        engagement_id,
        "task",
        lambda uow: finish_task(uow, actor(), engagement_id, task_id, done, now()),
        _("任务已完成。") if done else _("任务重新打开。"),
        anchor="tasks",
    )


@engagements.post("/<engagement_id>/terms")
@signed_in_only
def terms(engagement_id: str) -> Page:
    """Record what was agreed; what somebody else recorded meanwhile is not overwritten."""
    form = TermsForm()
    if form.validate():
        try:
            with platform().unit_of_work() as uow:
                record_terms(uow, actor(), engagement_id, form.terms(), now(), expected_version=form.expected_version())
        except InvalidInput as error:
            form.place(error)
        except EditConflict:
            form.form_errors.append(_("对方刚刚修改过，您填写的内容还在下面，请核对后再保存。"))
            return _render(engagement_id, terms_form=form, conflict=True), 409
        else:
            flash(_("条款已保存。"), "info")
            return redirect(url_for("engagements.show", engagement_id=engagement_id, _anchor="terms"))
    return _render(engagement_id, terms_form=form), 422


@engagements.post("/<engagement_id>/participants")
@signed_in_only
def propose(engagement_id: str) -> Page:
    """Ask that a broker or the institution's manager be copied."""
    role, separator, user_id = request.form.get("person", "").partition(":")
    return _do(
        engagement_id,
        "participant",
        lambda uow: propose_participant(
            uow, actor(), engagement_id, user_id if separator else "", role if separator else "broker", now()
        ),
        _("已邀请，等待对方同意。"),
        anchor="participants",
    )


@engagements.post("/<engagement_id>/participants/<user_id>/<any(agree,remove):move>")
@signed_in_only
def decide(engagement_id: str, user_id: str, move: str) -> Page:
    """Agree to somebody who is to be copied, or end their part."""
    if move == "agree":
        return _do(
            engagement_id,
            "participant",
            lambda uow: agree_to_participant(uow, actor(), engagement_id, user_id, now()),
            _("已同意。"),
            anchor="participants",
        )
    with platform().unit_of_work() as uow:
        remove_participant(uow, actor(), engagement_id, user_id, now())
    flash(_("已移除。"), "info")
    if user_id == actor().user_id:
        return redirect(url_for("engagements.list_all"))
    return redirect(url_for("engagements.show", engagement_id=engagement_id, _anchor="participants"))


def _do(
    engagement_id: str, form: str, act: Callable[[UnitOfWork], object], done: str, *, anchor: str | None = None
) -> Page:
    """Run the service; what it complains about is shown on the page, with the text that was typed still there."""
    try:
        with platform().unit_of_work() as uow:
            act(uow)
    except InvalidInput as error:
        return _render(engagement_id, failed=form, error=in_language(error.message, error.message_en)), 422
    except IllegalMove as error:
        return _render(engagement_id, failed=form, error=in_language(error.message, error.message_en)), 409
    flash(done, "info")
    return redirect(url_for("engagements.show", engagement_id=engagement_id, _anchor=anchor))


def _read_day(text: str, where: str) -> date | None:
    try:
        return DayField.read(text)
    except ValueError as error:
        raise InvalidInput(
            "engagement.day",
            "请填写日期，例如 2027-06-30",
            where=where,
            message_en="Please give a day such as 2027-06-30",
        ) from error


def _render(
    engagement_id: str,
    *,
    failed: str = "",
    error: str = "",
    terms_form: TermsForm | None = None,
    conflict: bool = False,
    revealed: Mapping[str, Mapping[str, Any]] | None = None,
) -> str:
    with platform().reading() as reading:
        view = show_engagement(reading, actor(), engagement_id)
        if view is None:
            raise engagement_not_found()
        engagement = view.engagement
        vocabularies = load_vocabularies(reading)
        given = terms_form is not None
        form = terms_form or TermsForm(formdata=None)
        form.offer(vocabularies, engagement)
        if not given:
            form.show(engagement)
        elif conflict:
            form.version.data = str(engagement.version)
        if revealed is None and view.role != "staff":
            revealed = {"need": engagement.need_contact, "capability": engagement.capability_contact}
        return render_template(
            "engagements/show.html",
            view=view,
            engagement=engagement,
            driving=view.role != "institution",
            side=view.role in ("need", "capability"),
            moves=[stage for stage in moves_from_stage(engagement.stage) if stage != "closed"],
            closable="closed" in moves_from_stage(engagement.stage),
            outcomes=[one for one in OUTCOMES if one != "contract" or engagement.stage == "contract"],
            stages=STAGES,
            contacts=revealed,
            candidates=_candidates(reading, view) if view.role in ("need", "capability") else [],
            form=form,
            terms_given=given,
            failed=failed,
            error=error,
            typed=request.form if failed else {},
            files=_files_by_message(reading, engagement.id),
            reads_files=view.role in PARTIES,
            vocabularies=vocabularies,
            posts=_posts(view),
            user_id=actor().user_id,
            today=shanghai_day(now()),
            registration=_registration(reading, engagement),
            began=_beginning(reading, view) if view.role == "staff" else Beginning(None, None),
            **WORDS,
        )


@dataclass(frozen=True, slots=True)
class Beginning:
    """What an engagement goes back to, as far as its staff may open it."""

    suggestion: Suggestion | None
    meeting: Meeting | None


def _beginning(reading: Session, view: EngagementView) -> Beginning:
    engagement = view.engagement
    suggestion = reading.get(Suggestion, engagement.suggestion_id) if engagement.suggestion_id else None
    meeting = reading.scalars(
        select(Meeting)
        .join(Event, Event.id == Meeting.event_id)
        .where(Meeting.engagement_id == engagement.id, staffed_by(actor()))
        .limit(1)
    ).first()
    return Beginning(suggestion, meeting)


def _registration(reading: Session, engagement: Engagement) -> RegistrationTime | None:
    """Until when its contract should be registered."""
    if engagement.signed_on is None or engagement.registration_number:
        return None
    return read_registration_times(reading, platform().rules(reading).settings, now()).of(engagement)


def _files_by_message(reading: Session, engagement_id: str) -> dict[str, list[EngagementFile]]:
    found: dict[str, list[EngagementFile]] = {}
    for row in list_message_files(reading, engagement_id):
        found.setdefault(row.message_id, []).append(row)
    return found


def _candidates(reading: Session, view: EngagementView) -> list[tuple[str, str, str]]:
    """(value, name, role) of those whom the sides may ask to be copied."""
    return [
        (f"{role}:{user.id}", user.name, role)
        for role in ("broker", "institution")
        for user in copy_candidates(reading, view.engagement, role)
    ]


def _posts(view: EngagementView) -> list[tuple[str, Any, bool]]:
    """(side, post, whether its page is open to the reader) of the two posts, as far as there are any."""
    engagement: Engagement = view.engagement
    found: list[tuple[str, Any, bool]] = []
    for side, post in (("need", engagement.need), ("capability", engagement.capability)):
        if post is not None:
            found.append((side, post, may_see_post(audience(), post, now())))
    return found

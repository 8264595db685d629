"""The staff's desk: one page that says what waits."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.errors import IllegalMove, InvalidInput
from matching.models import StaffNote
from matching.queries.desk import (
    PAGE_SIZE,
    SUBJECTS,
    WHO,
    Colleague,
    DeskBlock,
    DeskRow,
    Who,
    assignee_of,
    latest_undoable,
    list_block,
    list_colleagues,
    list_desk,
    list_notes,
)
from matching.queries.desk_search import Found, search_desk
from matching.queries.saved_filters import list_saved_filters
from matching.queries.vocabularies import load_vocabularies
from matching.services.desk import act_on_posts, assign_subjects, undo_bulk, withdraw_note, write_note
from web.display import STATUS_LABELS
from web.engagement_words import STAGE_LABELS
from web.html.deliveries import KIND_LABELS
from web.html.events import EVENT_STATUS_LABELS
from web.html.hosting import next_hosted
from web.languages import format_day, format_moment, in_language, label_of
from web.reader import actor, audience, now, platform, staff_only

desk = Blueprint("desk", __name__, url_prefix="/desk")

_LONGEST_REASON = 2000


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row in words."""

    id: str
    title: str
    url: str
    note: str
    when: str
    late: bool
    assignee_id: str | None = None


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """A block in words; `url` opens the whole list."""

    key: str
    title: str
    count: int
    rows: list[ShownRow]
    url: str


@dataclass(frozen=True, slots=True)
class _Words:
    title: Any
    when: Callable[[str], str]
    whole: Callable[[], str]
    row: Callable[[DeskRow], str]
    until: bool = False
    """The moment is a deadline, not a beginning."""


def _since(text: str) -> str:
    return str(_("自 %(when)s", when=text))


def _until(text: str) -> str:
    return str(_("%(when)s 前", when=text))


_WORDS: dict[str, _Words] = {
    "review": _Words(
        _l("待审核的信息"),
        _since,
        lambda: url_for("review.list_waiting"),
        lambda row: url_for("review.show_waiting", post_id=row.id),
    ),
    "registrations": _Words(
        _l("待审核的注册"),
        _since,
        lambda: url_for("registrations.list_waiting"),
        lambda row: url_for("registrations.show", registration_id=row.id),
    ),
    "interests": _Words(
        _l("快到期没人答复的意向"),
        _until,
        lambda: url_for("desk.show_list", block="interests"),
        lambda row: "",
        until=True,
    ),
    "engagements": _Words(
        _l("停滞的对接"),
        _since,
        lambda: url_for("engagements.show_board"),
        lambda row: url_for("engagements.show", engagement_id=row.id),
    ),
    "next_steps": _Words(
        _l("洽谈之后该做的事"),
        _until,
        lambda: url_for("events.show_list"),
        lambda row: url_for("events.show_meeting", event_id=row.note, meeting_id=row.id),
        until=True,
    ),
    "follow_ups": _Words(
        _l("该跟进的对接"),
        _until,
        lambda: url_for("desk.show_list", block="follow_ups"),
        lambda row: url_for("engagements.show", engagement_id=row.id),
        until=True,
    ),
    "contracts": _Words(
        _l("待登记的技术合同"),
        _until,
        lambda: url_for("engagements.show_board"),
        lambda row: url_for("engagements.show", engagement_id=row.id),
        until=True,
    ),
    "expiring": _Words(
        _l("快过期的信息"),
        _until,
        lambda: url_for("desk.show_list", block="expiring"),
        lambda row: url_for("posts.show_post", post_id=row.id),
        until=True,
    ),
    "deliveries": _Words(
        _l("没有送达的通知"), _since, lambda: url_for("deliveries.show"), lambda row: url_for("deliveries.show")
    ),
    "duplicates": _Words(
        _l("可能重复的信息"),
        _since,
        lambda: url_for("duplicates.list_pairs"),
        lambda row: url_for("duplicates.list_pairs"),
    ),
    "imports": _Words(
        _l("等您确认的导入"),
        _since,
        lambda: url_for("imports.show_imports"),
        lambda row: url_for("imports.show_import", job_id=row.id),
    ),
    "events": _Words(
        _l("将要举行的对接会"),
        lambda text: text,
        lambda: url_for("events.show_list"),
        lambda row: url_for("events.show_plan", event_id=row.id),
    ),
}


WHO_LABELS: dict[str, Any] = {"all": _l("全部"), "mine": _l("交给我的"), "unassigned": _l("还没人负责")}
FOUND_LABELS: dict[str, Any] = {
    "post": _l("供需信息"),
    "organisation": _l("单位"),
    "expert": _l("专家"),
    "member": _l("成员"),
    "engagement": _l("对接"),
    "event": _l("对接会"),
}
DONE_LABELS: dict[str, Any] = {
    "publish": _l("已发布 %(count)s 条"),
    "return": _l("已退回 %(count)s 条"),
    "renew": _l("已续期 %(count)s 条"),
    "close": _l("已关闭 %(count)s 条"),
    "assign": _l("已分派 %(count)s 件"),
}
BLOCK_ACTIONS: dict[str, tuple[str, ...]] = {"review": ("publish", "return"), "expiring": ("renew", "close")}
"""What may be done to ticked rows of a block besides giving them to a colleague."""


@desk.get("/")
@staff_only
def show_desk() -> str:
    """What waits in the region, the oldest first, each with the page where it is dealt with."""
    who = _who()
    with platform().reading() as reading:
        settings = platform().rules(reading).settings
        blocks = [_show(block) for block in list_desk(reading, actor(), now(), settings, who)]
        return render_template(
            "desk/show.html",
            waiting=[block for block in blocks if block.count],
            clear=[block for block in blocks if not block.count],
            lapse_days=settings.lapse_shown_days,
            stalled_days=settings.stalled_days,
            who=who,
            WHO_LABELS=WHO_LABELS,
            subjects=SUBJECTS,
            views=list_saved_filters(reading, actor().user_id, "desk"),
            colleagues=_names(list_colleagues(reading, actor())),
            undoable=_undoable(reading),
            hosted_next=next_hosted(reading) if who != "unassigned" else [],
        )


@desk.get("/list")
@staff_only
def show_list() -> str:
    """All of one kind that waits, with actions over what is ticked."""
    return _render_list(request.args)


@desk.post("/bulk")
@staff_only
def act() -> Response | tuple[str, int]:
    """Do something to all that is ticked."""
    form = request.form
    action, key = form.get("action", ""), form.get("block", "")
    chosen = form.getlist("item")
    try:
        with platform().unit_of_work() as uow:
            settings = platform().rules(uow.session).settings
            if action == "assign":
                subjects = [(SUBJECTS.get(key, ""), one) for one in chosen]
                report = assign_subjects(uow, actor(), subjects, form.get("user_id") or None, now())
            else:
                reason = form.get("close_reason", "") if action == "close" else _return_reason(uow.session)
                report = act_on_posts(uow, actor(), action, chosen, now(), settings=settings, reason=reason)
    except (InvalidInput, IllegalMove) as error:
        return _render_list(form, error=error), 422 if isinstance(error, InvalidInput) else 409
    if report.done:
        flash(str(DONE_LABELS[action]) % {"count": report.done}, "info")
    for title, why in report.refused[:5]:
        flash(_("没有处理「%(title)s」：%(why)s", title=title, why=in_language(why.message, why.message_en)), "warning")
    if len(report.refused) > 5:
        flash(_("另有 %(count)s 条", count=len(report.refused) - 5), "warning")
    return redirect(url_for("desk.show_list", **_place(form)))


@desk.post("/undo/<action_id>")
@staff_only
def undo(action_id: str) -> Response:
    """Take an action over several rows back."""
    try:
        with platform().unit_of_work() as uow:
            settings = platform().rules(uow.session).settings
            report = undo_bulk(uow, actor(), action_id, now(), settings=settings)
        flash(_("已撤回，%(count)s 条恢复原样。", count=report.restored), "info")
        if report.kept:
            flash(_("之后有人改过，保持现状：%(titles)s", titles="；".join(report.kept[:10])), "warning")
    except IllegalMove as error:
        flash(in_language(error.message, error.message_en), "warning")
    return redirect(
        url_for("desk.show_list", **_place(request.form)) if request.form.get("block") else url_for("desk.show_desk")
    )


@desk.get("/search")
@staff_only
def search_everything() -> str:
    """Posts, organisations, experts, members, engagements and events with the words."""
    words = request.args.get("q", "").strip()[:100]
    with platform().reading() as reading:
        groups = search_desk(reading, actor(), audience(), now(), words)
    shown = [
        (
            FOUND_LABELS[group.kind],
            [(row.title, _found_url(group.kind, row.id), _found_note(group.kind, row)) for row in group.rows],
            _more_url(group.kind, words),
            group.more,
        )
        for group in groups
        if group.rows
    ]
    return render_template("desk/search.html", words=words, found=shown)


@desk.post("/assign")
@staff_only
def assign() -> Response:
    """Give one thing to a colleague, from its own page."""
    kind, subject_id = request.form.get("kind", ""), request.form.get("id", "")
    with platform().unit_of_work() as uow:
        report = assign_subjects(uow, actor(), [(kind, subject_id)], request.form.get("user_id") or None, now())
    if report.refused:
        raise report.refused[0][1]
    flash(_("已分派。"), "info")
    return redirect(subject_url(kind, subject_id))


@desk.post("/notes/<any(post,organisation):kind>/<subject_id>")
@staff_only
def note(kind: str, subject_id: str) -> Response:
    """Write a note for colleagues."""
    try:
        with platform().unit_of_work() as uow:
            write_note(uow, actor(), kind, subject_id, request.form.get("text", ""), now())
    except InvalidInput as error:
        flash(in_language(error.message, error.message_en), "warning")
    return redirect(subject_url(kind, subject_id) + "#staff-notes")


@desk.post("/notes/<note_id>/withdraw")
@staff_only
def withdraw(note_id: str) -> Response:
    """Cross one's own note out."""
    with platform().unit_of_work() as uow:
        written = withdraw_note(uow, actor(), note_id, now())
        kind, subject_id = written.subject_kind, written.subject_id
    return redirect(subject_url(kind, subject_id) + "#staff-notes")


@desk.app_context_processor
def _give_notes() -> dict[str, Any]:
    return {"desk_side": desk_side}


@dataclass(frozen=True, slots=True)
class DeskSide:
    """What the staff have beside a page: notes, colleagues, and to whom it is given."""

    notes: list[tuple[StaffNote, str]]
    colleagues: list[Colleague]
    assignee_id: str | None


def desk_side(kind: str, subject_id: str, *regions: str) -> DeskSide | None:
    """For a page that others read too; None for whoever is no staff of one of the regions."""
    if not any(actor().is_staff_for(region) for region in regions):
        return None
    with platform().reading() as reading:
        return DeskSide(
            list_notes(reading, kind, subject_id),
            list_colleagues(reading, actor()),
            assignee_of(reading, kind, subject_id),
        )


def _render_list(given: Mapping[str, str], *, error: InvalidInput | IllegalMove | None = None) -> str:
    key, who, words, page = given.get("block", "review"), _who(given), given.get("q", "").strip()[:60], _page(given)
    with platform().reading() as reading:
        settings = platform().rules(reading).settings
        block = list_block(reading, actor(), now(), settings, key, who=who, words=words, page=page)
        shown = _show(block)
        return render_template(
            "desk/list.html",
            block=shown,
            who=who,
            WHO_LABELS=WHO_LABELS,
            words=words,
            page=page,
            more=block.count > page * PAGE_SIZE,
            assignable=key in SUBJECTS,
            actions=BLOCK_ACTIONS.get(key, ()),
            checks_required=settings.review_checks_required,
            vocabularies=load_vocabularies(reading),
            colleagues=list_colleagues(reading, actor()),
            names=_names(list_colleagues(reading, actor())),
            views=list_saved_filters(reading, actor().user_id, "desk"),
            here=f"block={key}&who={who}&q={quote(words)}",
            undoable=_undoable(reading),
            ticked=set(request.form.getlist("item")),
            error=error,
            form=request.form,
        )


def _return_reason(session: Session) -> str:
    """The reasons chosen and the words written, as the review's page puts them."""
    codes = request.form.getlist("reason")
    chosen = [label_of(term) for term in load_vocabularies(session).active("return_reason") if term.code in codes]
    text = request.form.get("text", "").strip()[:_LONGEST_REASON]
    return "\n".join([*chosen, *([text] if text else [])])


@dataclass(frozen=True, slots=True)
class _Undoable:
    id: str
    words: str
    minutes: int


def _undoable(reading: Session) -> _Undoable | None:
    settings = platform().rules(reading).settings
    action = latest_undoable(reading, actor(), now(), settings)
    if action is None:
        return None
    ends = action.created_at + timedelta(minutes=settings.undo_minutes)
    minutes = max(1, math.ceil((ends - now()).total_seconds() / 60))
    return _Undoable(action.id, str(DONE_LABELS[action.kind]) % {"count": len(action.items)}, minutes)


def _who(given: Mapping[str, str] | None = None) -> Who:
    asked = (request.args if given is None else given).get("who", "all")
    return next((one for one in WHO if one == asked), "all")


def _page(given: Mapping[str, str]) -> int:
    text = given.get("page", "1")
    return max(int(text), 1) if text.isdecimal() and len(text) < 6 else 1


def _place(form: Mapping[str, str]) -> dict[str, Any]:
    return {name: form[name] for name in ("block", "who", "q", "page") if form.get(name)}


def _names(colleagues: Sequence[Colleague]) -> dict[str, str]:
    return {one.id: one.name for one in colleagues}


def subject_url(kind: str, subject_id: str) -> str:
    """Where a thing of the desk is dealt with; for what has no page of its own, the reader's list of such things."""
    if kind == "organisation":
        return url_for("organisations.show_organisation", organisation_id=subject_id)
    if kind == "engagement":
        return url_for("engagements.show", engagement_id=subject_id)
    if kind == "registration":
        return url_for("registrations.show", registration_id=subject_id)
    if kind == "post":
        return url_for("posts.show_post", post_id=subject_id)
    if kind == "duplicate":
        return url_for("duplicates.list_pairs")
    block = {"interest": "interests", "meeting": "next_steps"}.get(kind)
    return url_for("desk.show_list", block=block, who="mine") if block is not None else url_for("desk.show_desk")


def _found_url(kind: str, found_id: str) -> str:
    if kind == "expert":
        return url_for("experts.show_expert", expert_id=found_id)
    if kind == "event":
        return url_for("events.show_plan", event_id=found_id)
    if kind == "member":
        return ""
    return subject_url(kind, found_id)


def _found_note(kind: str, row: Found) -> str:
    state = ""
    if kind == "post":
        state = str(STATUS_LABELS.get(row.state, ""))
    elif kind == "engagement":
        state = str(STAGE_LABELS.get(row.state, ""))
    elif kind == "event":
        state = str(EVENT_STATUS_LABELS.get(row.state, ""))
    note = "" if kind == "organisation" else row.note
    return " · ".join(part for part in (note, state) if part)


def _more_url(kind: str, words: str) -> str:
    """Where all of a kind can be searched."""
    if kind == "post":
        return url_for("search.show_results", q=words)
    if kind == "organisation":
        return url_for("organisations.list_library", q=words)
    return url_for("experts.list_library", q=words) if kind == "expert" else ""


def _show(block: DeskBlock) -> ShownBlock:
    words = _WORDS[block.key]
    rows = [_show_row(block.key, row, words) for row in block.rows]
    return ShownBlock(block.key, str(words.title), block.count, rows, words.whole())


def _show_row(key: str, row: DeskRow, words: _Words) -> ShownRow:
    moment = row.moment
    when = format_moment(moment) if isinstance(moment, datetime) else format_day(moment)
    late = words.until and (
        moment < now() if isinstance(moment, datetime) else isinstance(moment, date) and moment < now().date()
    )
    note = row.note
    if key == "interests":
        note = f"→ {row.note}"
    elif key in ("next_steps", "engagements", "deliveries", "imports"):
        note = ""
    elif key == "duplicates":
        note = f"≈ {row.note}"
    elif key == "events":
        note = str(EVENT_STATUS_LABELS[row.note])
    title = str(KIND_LABELS.get(row.title, row.title)) if key == "deliveries" else row.title
    return ShownRow(row.id, title, words.row(row), note, words.when(when) if when else "", late, row.assignee_id)

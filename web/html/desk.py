"""The staff's desk: one page that says what waits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Blueprint, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from matching.queries.desk import DeskBlock, DeskRow, list_desk
from web.html.deliveries import KIND_LABELS
from web.html.events import EVENT_STATUS_LABELS
from web.languages import format_day, format_moment
from web.reader import actor, now, platform, staff_only

desk = Blueprint("desk", __name__, url_prefix="/desk")


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row in words."""

    title: str
    url: str
    note: str
    when: str
    late: bool


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
        lambda: url_for("desk.show_desk", _anchor="interests"),
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
        lambda: url_for("desk.show_desk", _anchor="expiring"),
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


@desk.get("/")
@staff_only
def show_desk() -> str:
    """What waits in the region, the oldest first, each with the page where it is dealt with."""
    with platform().reading() as reading:
        settings = platform().rules(reading).settings
        blocks = [_show(block) for block in list_desk(reading, actor(), now(), settings)]
    return render_template(
        "desk/show.html",
        waiting=[block for block in blocks if block.count],
        clear=[block for block in blocks if not block.count],
        lapse_days=settings.lapse_shown_days,
        stalled_days=settings.stalled_days,
    )


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
    return ShownRow(title, words.row(row), note, words.when(when) if when else "", late)

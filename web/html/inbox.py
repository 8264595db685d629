"""The inbox: what the reader was told, and what is new."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from matching.errors import InvalidInput
from matching.models import Engagement, EventParticipant, Post
from matching.queries.engagements import load_engagements
from matching.queries.interests import InterestView, count_unanswered, load_interests
from matching.queries.notifications import InboxMessage, list_inbox
from matching.queries.suggestions import PairState, SuggestedPost, pair_states
from matching.queries.vocabularies import load_vocabularies
from matching.services.event_publication import agenda_token
from matching.services.notifications import mark_all_read, mark_read
from web.engagement_words import NOTICE_TITLES, WORDS
from web.html.desk import subject_url
from web.reader import actor, audience, is_staff, now, platform, signed_in_only, unread_count
from web.suggestion_cards import ShownSuggestion, show_suggestions

inbox = Blueprint("inbox", __name__, url_prefix="/inbox")

_ACCOUNT_TITLES: dict[str, Any] = {
    "registration_waiting": _l("有新的注册申请等待审核"),
    "member_joined": _l("有同事加入了您的单位"),
}

_EVENT_TITLES: dict[str, Any] = {
    "event_invited": _l("您受邀参加对接会，请回复"),
    "event_agenda": _l("您的对接会日程已发布"),
    "event_changed": _l("您的对接会日程有变动"),
    "event_called_off": _l("您参加的对接会已取消"),
}
_STAFF_TITLES: dict[str, Any] = {
    "desk_assigned": _l("有一件事交给您处理"),
    "event_host": _l("您跟进的洽谈有新安排"),
    "event_next_step": _l("一场洽谈之后该做的事快到日子了"),
}
_IMPORT_TITLES: dict[str, Any] = {
    "import_finished": _l("您的导入已完成"),
    "import_failed": _l("您的导入没有完成"),
}

_FILTERS: dict[str, str | None] = {
    "all": None,
    "unread": None,
    "unanswered": None,
    "suggestions": "suggestion",
    "interests": "interest",
    "engagements": "engagement",
    "events": "event",
}
"""What to show → what the kinds of those messages begin with."""


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message in words: what it says, which post it opens, and the suggestion's card, or the interest or engagement
    that it is about. `url` is None when there is nothing to open any more.
    """

    message: InboxMessage
    title: str
    target: Post | None
    card: ShownSuggestion | None
    interest: InterestView | None = None
    engagement: Engagement | None = None
    about_post: bool = True
    state: PairState | None = None
    """Of a suggestion that the reader's side declined, so that it can be undone where it was told."""
    place: str | None = None
    """A page that is neither a post nor an interest nor an engagement."""

    @property
    def url(self) -> str | None:
        """Where it leads."""
        if self.place is not None:
            return self.place
        if self.engagement is not None:
            return url_for("engagements.show", engagement_id=self.engagement.id)
        if self.interest is not None:
            return url_for("interests.show", interest_id=self.interest.interest.id)
        return url_for("posts.show_post", post_id=self.target.id) if self.target is not None else None


@inbox.get("/")
@signed_in_only
def show_inbox() -> str:
    """The messages, the latest first, a page at a time."""
    user_id = actor().user_id or ""
    chosen = request.args.get("show", "all")
    if chosen not in _FILTERS:
        raise InvalidInput("list.state", "没有这种状态", where="show", message_en="There is no such state")
    unread_only = chosen == "unread"
    with platform().reading() as reading:
        page = list_inbox(
            reading,
            user_id,
            audience(),
            now(),
            unread_only=unread_only,
            about=_FILTERS[chosen],
            unanswered=chosen == "unanswered",
            cursor=request.args.get("cursor") or None,
        )
        return render_template(
            "inbox/list.html",
            messages=_show_all(reading, page.messages),
            next_cursor=page.next_cursor,
            chosen=chosen,
            filters=_filter_labels(),
            waiting_interests=count_unanswered(reading, actor(), now()),
            unread_only=unread_only,
            unread=unread_count(),
            vocabularies=load_vocabularies(reading),
            **WORDS,
        )


@inbox.post("/<notification_id>/open")
@signed_in_only
def open_message(notification_id: str) -> Response:
    """Mark a message read and go to what it is about."""
    with platform().unit_of_work() as uow:
        row = mark_read(uow, actor(), notification_id, now())
    if request.form.get("stay"):
        return redirect(url_for("inbox.show_inbox"))
    with platform().reading() as reading:
        page = list_inbox(reading, actor().user_id or "", audience(), now(), only_id=row.id)
        url = _show_all(reading, page.messages)[0].url if page.messages else None
    if url is None:
        flash(_("这条信息已经下线，不能再查看。"), "warning")
        return redirect(url_for("inbox.show_inbox"))
    return redirect(url)


@inbox.post("/read")
@signed_in_only
def read_all() -> Response:
    """Mark everything read."""
    with platform().unit_of_work() as uow:
        mark_all_read(uow, actor(), now())
    return redirect(url_for("inbox.show_inbox"))


def _filter_labels() -> dict[str, str]:
    return {
        "all": _("全部"),
        "unread": _("未读"),
        "unanswered": _("待答复"),
        "suggestions": _("匹配建议"),
        "interests": _("意向"),
        "engagements": _("对接进展"),
        "events": _("对接会"),
    }


def _show_all(reading: Session, messages: list[InboxMessage]) -> list[ShownMessage]:
    """The messages in words; what they are about is loaded at once, as far as the reader may see it."""
    pairs = [(one.suggestion, one.own, one.other) for one in messages if one.suggestion and one.own and one.other]
    states = pair_states(reading, actor(), pairs, now())
    details = [one.notification.details for one in messages]
    views = load_interests(
        reading, [str(one["interest_id"]) for one in details if one.get("interest_id")], actor(), audience(), now()
    )
    engaged = load_engagements(
        reading, [str(one["engagement_id"]) for one in details if one.get("engagement_id")], actor()
    )
    shown = []
    for message in messages:
        notification = message.notification
        if notification.kind in NOTICE_TITLES:
            shown.append(
                ShownMessage(
                    message,
                    NOTICE_TITLES[notification.kind],
                    None,
                    None,
                    interest=views.get(str(notification.details.get("interest_id"))),
                    engagement=engaged.get(str(notification.details.get("engagement_id"))),
                    about_post=False,
                )
            )
        elif notification.kind in _ACCOUNT_TITLES:
            shown.append(_show_account(message))
        elif notification.kind in _EVENT_TITLES:
            shown.append(_show_event(reading, message))
        elif notification.kind in _STAFF_TITLES:
            shown.append(_show_staff(message))
        elif notification.kind in _IMPORT_TITLES:
            place = url_for("imports.show_import", job_id=notification.details["job_id"])
            title = str(_IMPORT_TITLES[notification.kind])
            shown.append(ShownMessage(message, title, None, None, about_post=False, place=place))
        else:
            shown.append(_show(message, states))
    return shown


def _show_event(reading: Session, message: InboxMessage) -> ShownMessage:
    """Leads to the participant's own page, as long as they take part."""
    participant = reading.get(EventParticipant, str(message.notification.details.get("participant_id")))
    place = None
    if participant is not None and participant.status != "cancelled":
        place = url_for("agendas.show_agenda", token=agenda_token(participant, platform().settings))
    title = str(_EVENT_TITLES[message.notification.kind])
    return ShownMessage(message, title, None, None, about_post=False, place=place)


def _show_staff(message: InboxMessage) -> ShownMessage:
    """Leads to what was given to the reader, as long as they belong to the staff."""
    notification = message.notification
    details = notification.details
    title = str(_STAFF_TITLES[notification.kind])
    place = None
    if not is_staff():
        pass
    elif notification.kind in ("event_host", "event_next_step") and details.get("meeting_id"):
        place = url_for("events.show_meeting", event_id=details["event_id"], meeting_id=details["meeting_id"])
    elif notification.kind == "event_host":
        place = url_for("events.show_day", event_id=details["event_id"], mine="y")
    else:
        place = subject_url(str(details.get("kind")), str(details.get("subject_id")))
    if int(details.get("count") or 1) > 1:
        title = _("%(title)s（%(count)s 件）", title=title, count=details["count"])
    return ShownMessage(message, title, None, None, about_post=False, place=place)


def _show_account(message: InboxMessage) -> ShownMessage:
    details = message.notification.details
    place = None
    if details.get("registration_id"):
        place = url_for("registrations.show", registration_id=details["registration_id"])
    elif details.get("organisation_id"):
        place = url_for("members.show", organisation_id=details["organisation_id"])
    title = str(_ACCOUNT_TITLES[message.notification.kind])
    return ShownMessage(message, title, None, None, about_post=False, place=place)


def _show(message: InboxMessage, states: Mapping[str, PairState]) -> ShownMessage:
    kind = message.notification.kind
    if message.suggestion is not None:
        card = None
        if message.own is not None and message.other is not None and message.suggestion.status == "active":
            [card] = show_suggestions(
                message.own, [SuggestedPost(message.suggestion, message.other)], audience(), states
            )
        title = (
            _("有新的技术需求可能适合您")
            if message.own is not None and message.own.side == "capability"
            else _("有新的技术供给可能解决您的需求")
        )
        state = states.get(message.suggestion.id)
        declined = card is None and state is not None and state.answer is not None and state.answer.kind == "decline"
        return ShownMessage(message, title, message.other, card, state=state if declined else None)
    titles = {
        "post_expires": _("您的信息快要过期，仍然有效请续期"),
        "post_published": _("您的信息已发布"),
        "post_returned": _("您的信息被退回，请修改"),
        "post_decision_undone": _("主管部门撤回了对您信息的处理，请看现在的状态"),
        "post_closed_duplicate": _("您的信息与另一条重复，已由主管部门关闭"),
    }
    return ShownMessage(message, titles.get(kind) or _("通知"), message.post, None)

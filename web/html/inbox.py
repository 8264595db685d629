"""The inbox: what the reader was told, and what is new."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from matching.models import Post
from matching.queries.notifications import InboxMessage, list_inbox
from matching.queries.suggestions import SuggestedPost
from matching.queries.vocabularies import load_vocabularies
from matching.services.notifications import mark_all_read, mark_read
from web.reader import actor, audience, now, platform, signed_in_only, unread_count
from web.suggestion_cards import ShownSuggestion, show_suggestions

inbox = Blueprint("inbox", __name__, url_prefix="/inbox")


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """A message in words: what it says, which post it opens, and the suggestion's card."""

    message: InboxMessage
    title: str
    target: Post | None
    card: ShownSuggestion | None


@inbox.get("/")
@signed_in_only
def show_inbox() -> str:
    """The messages, the latest first, a page at a time."""
    user_id = actor().user_id or ""
    unread_only = request.args.get("show") == "unread"
    with platform().reading() as reading:
        page = list_inbox(
            reading, user_id, audience(), now(), unread_only=unread_only, cursor=request.args.get("cursor") or None
        )
        return render_template(
            "inbox/list.html",
            messages=[_show(message) for message in page.messages],
            next_cursor=page.next_cursor,
            unread_only=unread_only,
            unread=unread_count(),
            vocabularies=load_vocabularies(reading),
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
        target = _show(page.messages[0]).target if page.messages else None
    if target is None:
        flash(_("这条信息已经下线，不能再查看。"), "warning")
        return redirect(url_for("inbox.show_inbox"))
    return redirect(url_for("posts.show_post", post_id=target.id))


@inbox.post("/read")
@signed_in_only
def read_all() -> Response:
    """Mark everything read."""
    with platform().unit_of_work() as uow:
        mark_all_read(uow, actor(), now())
    return redirect(url_for("inbox.show_inbox"))


def _show(message: InboxMessage) -> ShownMessage:
    kind = message.notification.kind
    if message.suggestion is not None:
        card = None
        if message.own is not None and message.other is not None and message.suggestion.status == "active":
            [card] = show_suggestions(message.own, [SuggestedPost(message.suggestion, message.other)], audience())
        title = (
            _("有新的技术需求可能适合您")
            if message.own is not None and message.own.side == "capability"
            else _("有新的技术供给可能解决您的需求")
        )
        return ShownMessage(message, title, message.other, card)
    titles = {
        "post_expires": _("您的信息快要过期，仍然有效请续期"),
        "post_published": _("您的信息已发布"),
        "post_returned": _("您的信息被退回，请修改"),
    }
    return ShownMessage(message, titles.get(kind) or _("通知"), message.post, None)

"""Notifications as letters: one told at once, or a day's together. What the person may see is asked when it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import Notification, User
from matching.notifying.letters import Action, Entry, Letter, public_address
from matching.notifying.notices import group_of, notice
from matching.notifying.preferences import DIGEST_SCOPE, load_preferences, unsubscribe_address
from matching.notifying.texts import SHIPPED_TEXTS, Texts
from matching.queries.notifications import InboxMessage, load_messages
from matching.queries.posts import audience_of
from matching.settings import Settings

MOST_IN_A_DIGEST = 50
_PLACES = {
    "interest_id": "/interests/",
    "engagement_id": "/engagements/",
    "event_id": "/events/",
    "registration_id": "/registrations/",
    "organisation_id": "/account/members/",
}
"""What a notification's details name → the beginning of its page's path."""


def notices_of(session: Session, delivery_id: str, user: User, now: datetime) -> list[InboxMessage]:
    """The delivery's notifications that there is still reason to tell: not read meanwhile, wanted, and about posts that
    the person may see now.
    """
    rows = session.scalars(
        select(Notification)
        .where(Notification.delivery_id == delivery_id, Notification.read_at.is_(None))
        .order_by(Notification.created_at, Notification.id)
    ).all()
    wanted = load_preferences(session, user.id)
    rows = [row for row in rows if wanted.way_of(row.kind) != "off"]
    return [one for one in load_messages(session, rows, audience_of(session, user), now) if is_told(one)]


def is_told(message: InboxMessage) -> bool:
    """Whether the person may still see all that the message would name, and a suggestion still stands."""
    row = message.notification
    if row.suggestion_id is not None:
        return (
            message.suggestion is not None
            and message.suggestion.status == "active"
            and message.own is not None
            and message.other is not None
        )
    return row.post_id is None or message.post is not None


def write_notices(
    messages: Sequence[InboxMessage], user: User, kind: str, settings: Settings, texts: Texts = SHIPPED_TEXTS
) -> tuple[Letter, dict[str, str]]:
    """The letter and its headers for notifications that are told; `kind` is notification or digest."""
    language = "en" if user.locale == "en" else "zh"
    entries = [entry_of(message, language, settings, texts) for message in messages[:MOST_IN_A_DIGEST]]
    scope = DIGEST_SCOPE if kind == "digest" else group_of(messages[0].notification.kind)
    stop = unsubscribe_address(settings, user.id, scope)
    inbox = public_address(settings, "/inbox/")
    ways = public_address(settings, "/account/notifications")
    if kind == "digest":
        count = len(messages)
        subject = f"{count} 条新消息" if language == "zh" else f"{count} new message{'' if count == 1 else 's'}"
    else:
        subject = entries[0].title if not entries[0].lines else f"{entries[0].title}：{entries[0].lines[0]}"
        if language == "en" and entries[0].lines:
            subject = f"{entries[0].title}: {entries[0].lines[0]}"
    letter = Letter(
        subject=subject,
        language=language,
        blocks=(
            f"{user.name}，您好：" if language == "zh" else f"Hello {user.name},",
            *entries,
            Action("全部消息" if language == "zh" else "All messages", inbox),
        ),
        footer=(
            Action("不再接收这类邮件（一键退订）" if language == "zh" else "Stop these mails (one click)", stop),
            Action("选择怎样收到通知" if language == "zh" else "Choose how you are told", ways),
        ),
    )
    return letter, {
        "List-Unsubscribe": f"<{stop}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def entry_of(message: InboxMessage, language: str, settings: Settings, texts: Texts = SHIPPED_TEXTS) -> Entry:
    """One notification as a line, the title of its post, and where to read on."""
    row = message.notification
    if message.suggestion is not None and message.own is not None and message.other is not None:
        if message.own.side == "capability":
            line = "有新的技术需求可能适合您" if language == "zh" else "A new need may fit what you offer"
        else:
            line = "有新的技术供给可能解决您的需求" if language == "zh" else "A new offer may solve your need"
        because = "因为您的：" if language == "zh" else "Because of your post: "
        return Entry(
            line, _post_address(settings, message.other.id), (message.other.title, because + message.own.title)
        )
    line = notice(row.kind, language, texts)
    if message.post is not None:
        return Entry(line, _post_address(settings, message.post.id), (message.post.title,))
    return Entry(line, public_address(settings, _place(row)))


def _place(row: Notification) -> str:
    """The page that a notification without a post is about; who may no longer see it is told so there."""
    for name, beginning in _PLACES.items():
        if row.details.get(name):
            return beginning + quote(str(row.details[name]), safe="")
    return "/inbox/"


def _post_address(settings: Settings, post_id: str) -> str:
    return public_address(settings, f"/posts/{quote(post_id, safe='')}")

"""A person's inbox."""

from __future__ import annotations

from typing import Any

from flask import Response

from matching.queries.notifications import InboxMessage, count_unread, list_inbox
from matching.services.notifications import mark_all_read, mark_read
from web.api.access import Caller, caller
from web.api.answers import nothing_more
from web.api.cursors import check_cursor
from web.api.document import Noun
from web.api.representation import reasons_of, summary_of
from web.api.schemas.suggestions import Notification, NotificationPage, NotificationQuery
from web.reader import now, platform

notifications = Noun("notifications", "/notifications", "消息: what the caller was told.")


@notifications.operation(
    "GET",
    "",
    name="list_notifications",
    zh="消息列表",
    en="List notifications",
    access="read",
    answers=NotificationPage,
    query=NotificationQuery,
)
def list_notifications(query: dict[str, Any]) -> dict[str, Any]:
    """List notifications

    The latest first.
    """
    me = caller()
    cursor = check_cursor(query.get("cursor"))
    with platform().reading() as session:
        page = list_inbox(
            session, me.user_id, me.audience, now(), unread_only=query["unread"], cursor=cursor, limit=query["limit"]
        )
        return {
            "items": [_message(message, me) for message in page.messages],
            "unread": count_unread(session, me.user_id),
            "next": page.next_cursor,
        }


@notifications.operation(
    "POST",
    "/read",
    name="mark_all_notifications_read",
    zh="全部标为已读",
    en="Mark all as read",
    access="write",
    answers=None,
    status=204,
)
def mark_all() -> Response:
    """Mark all as read"""
    with platform().unit_of_work() as uow:
        mark_all_read(uow, caller().actor, now())
    return nothing_more()


@notifications.operation(
    "POST",
    "/<id:notification_id>/read",
    name="mark_notification_read",
    zh="标为已读",
    en="Mark as read",
    access="write",
    answers=Notification,
)
def mark_one(notification_id: str) -> dict[str, Any]:
    """Mark as read

    Doing it again changes nothing.
    """
    me = caller()
    with platform().unit_of_work() as uow:
        mark_read(uow, me.actor, notification_id, now())
    with platform().reading() as session:
        page = list_inbox(session, me.user_id, me.audience, now(), only_id=notification_id)
        return _message(page.messages[0], me)


def _message(message: InboxMessage, me: Caller) -> dict[str, Any]:
    suggestion = message.suggestion
    sides = {post.side: post for post in (message.own, message.other) if post is not None}
    return {
        "id": message.notification.id,
        "kind": message.notification.kind,
        "created_at": message.notification.created_at,
        "read_at": message.notification.read_at,
        "post": summary_of(message.post, me) if message.post is not None else None,
        "interest_id": message.notification.details.get("interest_id"),
        "engagement_id": message.notification.details.get("engagement_id"),
        "suggestion": {
            "id": suggestion.id,
            "score": suggestion.score_from(message.own.side if message.own is not None else "need"),
            "probability": suggestion.probability,
            # Reasons quote both texts: they are shown to those who may read both.
            "reasons": reasons_of(suggestion.reasons) if len(sides) == 2 else [],
            "need": summary_of(sides["need"], me) if "need" in sides else None,
            "capability": summary_of(sides["capability"], me) if "capability" in sides else None,
        }
        if suggestion is not None
        else None,
    }

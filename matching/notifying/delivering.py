"""Hands over one delivery: writes the letter, gives it to the channel, records what became of it."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.models import Channel, Delivery, Notification, User
from matching.notifying.channels import ChannelMessage, read_answer, write_request
from matching.notifying.letters import public_address, write_letter
from matching.notifying.mailer import CalendarPart, Mail, MailNotSent
from matching.notifying.notice_letters import entry_of, is_told, notices_of, write_notices
from matching.notifying.request_guard import RequestNotSent, parse_networks, post_guarded
from matching.notifying.texts import SHIPPED_TEXTS, Texts
from matching.policy import is_live
from matching.queries.notifications import load_messages
from matching.queries.posts import audience_of
from matching.services.deliveries import LEASE, Outcome, claim_delivery, settle_delivery
from matching.settings import Settings

logger = logging.getLogger(__name__)

DROPPED = Outcome(state="dropped")

_ANSWERS_OF_A_SERVER = 12
"""From the greeting to the acceptance of a mail, with both ways of securing the connection, and some more."""


def deliver(platform: Platform, delivery_id: str, now: datetime) -> Outcome | None:
    """Hand over a delivery that is due; None where another task has it. Never raises for what the other side does."""
    with platform.unit_of_work() as uow:
        claim = claim_delivery(uow, delivery_id, now, lease=_lease(platform.settings))
    if not claim:
        return None
    try:
        outcome = _attempt(platform, delivery_id, now)
    except MailNotSent as error:
        outcome = Outcome(
            state="given_up" if error.permanent else "failed",
            error=f"{error.code} {error.detail}".strip(),
            server_wide=error.server_wide,
        )
    except RequestNotSent as error:
        outcome = Outcome(
            state="given_up" if error.permanent else "failed", error=f"{error.code} {error.detail}".strip()
        )
    except Exception as error:  # a letter that cannot be written must not stop the others, and must be seen
        logger.exception("delivery %s failed", delivery_id)
        outcome = Outcome(state="failed", error=f"delivery.internal: {type(error).__name__}")
    with platform.unit_of_work() as uow:
        settle_delivery(uow, delivery_id, outcome, now, claim=claim)
    return outcome


def _lease(settings: Settings) -> timedelta:
    """Longer than the slowest mail server that we wait for: each of its answers may take the whole patience."""
    return max(LEASE, _ANSWERS_OF_A_SERVER * timedelta(seconds=settings.smtp_timeout_seconds))


def _attempt(platform: Platform, delivery_id: str, now: datetime) -> Outcome:
    with platform.reading() as session:
        row = session.get_one(Delivery, delivery_id)
        if row.channel != "mail":
            written = write_channel_message(session, row, now, platform.settings, platform.rules(session).texts)
        else:
            mail = write_mail(session, row, now, platform.settings, platform.rules(session).texts)
    if row.channel == "mail":
        if mail is None:
            return DROPPED
        platform.mailer.send(mail)
        return Outcome(state="sent")
    if written is None:
        return DROPPED
    channel, message = written
    request = write_request(channel, message, now, platform.settings)
    answer = post_guarded(
        request.url, request.content, request.headers, allowed=parse_networks(platform.settings.private_networks)
    )
    read_answer(channel, answer)
    return Outcome(state="sent")


def write_channel_message(
    session: Session, row: Delivery, now: datetime, settings: Settings, texts: Texts = SHIPPED_TEXTS
) -> tuple[Channel, ChannelMessage] | None:
    """What a robot or webhook should be told now; None where there is nothing left to tell or nobody to tell it.

    A group reads what a robot says: titles go there only where everybody may see the post.
    """
    channel = session.get(Channel, row.payload.get("channel_id", ""))
    user = session.get(User, row.user_id) if row.user_id is not None else None
    if channel is None or not channel.active or user is None or not user.active:
        return None
    language = "en" if user.locale == "en" else "zh"
    if row.kind == "channel_test":
        line = "This channel works." if language == "en" else "这个通知渠道可以使用。"
        return channel, ChannelMessage(
            delivery_id=row.id, kind=row.kind, line=line, url=public_address(settings, "/"), created_at=row.created_at
        )
    told = session.get(Notification, row.payload.get("notification_id", ""))
    if told is None or told.read_at is not None:
        return None
    [message] = load_messages(session, [told], audience_of(session, user), now)
    if not is_told(message):
        return None
    entry = entry_of(message, language, settings, texts)
    post = message.other or message.post
    open_to_all = post is not None and post.visibility == "public" and is_live(post, now)
    return channel, ChannelMessage(
        delivery_id=row.id,
        kind=told.kind,
        line=entry.title,
        url=entry.url,
        title=post.title if post is not None and open_to_all else None,
        post_id=post.id if post is not None and open_to_all else None,
        created_at=told.created_at,
    )


def write_mail(
    session: Session, row: Delivery, now: datetime, settings: Settings, texts: Texts = SHIPPED_TEXTS
) -> Mail | None:
    """The mail as it should be now; None where there is nothing left to tell or nobody to tell it."""
    user = session.get(User, row.user_id) if row.user_id is not None else None
    if row.user_id is not None and (user is None or not user.active):
        return None
    address = user.email if user is not None else row.address
    if not address:
        return None
    headers: dict[str, str] = {}
    if row.kind in ("notification", "digest"):
        if user is None:
            return None
        messages = notices_of(session, row.id, user, now)
        if not messages:
            return None
        letter, headers = write_notices(messages, user, row.kind, settings, texts)
    else:
        language = user.locale if user is not None else str(row.payload.get("language", "zh"))
        letter = write_letter(row.kind, row.payload, language, settings, texts)
    calendar = row.payload.get("calendar")
    domain = (settings.mail_from or settings.smtp_user).rpartition("@")[2] or "localhost"
    return Mail(
        address=address,
        name=user.name if user is not None else "",
        subject=letter.subject,
        text=letter.text(),
        html=letter.html(),
        language=letter.language,
        calendar=CalendarPart(text=calendar["text"], method=calendar["method"]) if calendar else None,
        headers=headers,
        message_id=f"<{row.id}@{domain}>",
    )

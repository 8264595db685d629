"""Reads of a person's inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, String, and_, bindparam, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from matching.models import Interest, Notification, Post, Suggestion, SuggestionAnswer
from matching.policy import Audience
from matching.queries.posts import load_posts, read_cursor, write_cursor

PAGE_SIZE = 20


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """One message with the posts it speaks of, as far as the reader may still see them.

    `own` is the post on the reader's side of a suggestion, `other` the one across; both None for other messages,
    which name their post in `post`.
    """

    notification: Notification
    post: Post | None = None
    suggestion: Suggestion | None = None
    own: Post | None = None
    other: Post | None = None


@dataclass(frozen=True, slots=True)
class InboxPage:
    """The latest messages first; `next_cursor` is None on the last page."""

    messages: list[InboxMessage]
    next_cursor: str | None


def count_unread(session: Session, user_id: str) -> int:
    """How many messages the person has not opened."""
    return session.scalar(_UNREAD, {"user_id": user_id}) or 0


# Every page asks for it, and to put the question together takes longer than to answer it.
_UNREAD = select(func.count()).where(
    Notification.user_id == bindparam("user_id", type_=String), Notification.read_at.is_(None)
)


def list_inbox(
    session: Session,
    user_id: str,
    audience: Audience,
    now: datetime,
    *,
    unread_only: bool = False,
    about: str | None = None,
    unanswered: bool = False,
    only_id: str | None = None,
    cursor: str | None = None,
    limit: int = PAGE_SIZE,
) -> InboxPage:
    """A page of the person's messages, or the one message `only_id` if it is theirs.

    `about` is what kinds begin with: suggestion, interest, engagement. `unanswered` keeps suggestions that the reader's
    side has not answered and interests that wait for it.
    Raises InvalidInput for a cursor that is none of ours.
    """
    statement = select(Notification).where(Notification.user_id == user_id)
    if unread_only:
        statement = statement.where(Notification.read_at.is_(None))
    if about is not None:
        statement = statement.where(Notification.kind.startswith(about, autoescape=True))
    if unanswered:
        statement = statement.where(or_(_asks_about_suggestion(audience), _asks_about_interest(now)))
    if only_id is not None:
        statement = statement.where(Notification.id == only_id)
    if cursor:
        moment, last_id = read_cursor(cursor)
        statement = statement.where(
            or_(
                Notification.created_at < moment,
                and_(Notification.created_at == moment, Notification.id < last_id),
            )
        )
    rows = list(
        session.scalars(statement.order_by(Notification.created_at.desc(), Notification.id.desc()).limit(limit + 1))
    )
    more = len(rows) > limit
    rows = rows[:limit]
    messages = load_messages(session, rows, audience, now)
    return InboxPage(messages, write_cursor(rows[-1].created_at, rows[-1].id) if more else None)


def _asks_about_suggestion(audience: Audience) -> ColumnElement[bool]:
    need, capability = aliased(Post.__table__), aliased(Post.__table__)
    own = sorted(audience.organisation_ids)
    answered = exists().where(
        SuggestionAnswer.need_id == Suggestion.need_id,
        SuggestionAnswer.capability_id == Suggestion.capability_id,
        SuggestionAnswer.withdrawn_at.is_(None),
        or_(
            and_(SuggestionAnswer.side == "need", need.c.organisation_id.in_(own)),
            and_(SuggestionAnswer.side == "capability", capability.c.organisation_id.in_(own)),
        ),
    )
    return Notification.suggestion_id.in_(
        select(Suggestion.id)
        .join(need, need.c.id == Suggestion.need_id)
        .join(capability, capability.c.id == Suggestion.capability_id)
        .where(Suggestion.status == "active", ~answered)
    )


def _asks_about_interest(now: datetime) -> ColumnElement[bool]:
    return and_(
        Notification.kind.in_(("interest_received", "interest_reminder")),
        Notification.details["interest_id"]
        .as_string()
        .in_(select(Interest.id).where(Interest.status == "open", Interest.expires_at > now)),
    )


def load_messages(
    session: Session, rows: Sequence[Notification], audience: Audience, now: datetime
) -> list[InboxMessage]:
    """The notifications with what of their posts the reader may see now."""
    suggestion_ids = [row.suggestion_id for row in rows if row.suggestion_id]
    suggestions = {one.id: one for one in session.scalars(select(Suggestion).where(Suggestion.id.in_(suggestion_ids)))}
    post_ids = [row.post_id for row in rows if row.post_id]
    post_ids += [post_id for one in suggestions.values() for post_id in (one.need_id, one.capability_id)]
    seen = load_posts(session, post_ids, audience, now)
    return [_message(row, suggestions, seen, audience) for row in rows]


def _message(
    row: Notification, suggestions: dict[str, Suggestion], seen: dict[str, Post], audience: Audience
) -> InboxMessage:
    suggestion = suggestions.get(row.suggestion_id) if row.suggestion_id else None
    post = seen.get(row.post_id) if row.post_id else None
    if suggestion is None:
        return InboxMessage(row, post)
    need, capability = seen.get(suggestion.need_id), seen.get(suggestion.capability_id)
    own, other = need, capability
    if capability is not None and capability.organisation_id in audience.organisation_ids:
        own, other = capability, need
    return InboxMessage(row, post, suggestion, own, other)

"""Which suggestions a person is told of: new ones, the best first, within the weekly load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from matching.models import (
    CapabilityExpert,
    Expert,
    Interest,
    Membership,
    Notification,
    Post,
    Suggestion,
    SuggestionAnswer,
    User,
)
from matching.models.base import new_id
from matching.notifying.inboxes import put_in_inboxes
from matching.queries.wishes import traits_of, wishes_of
from matching.ranking.wishes import Wish, fulfilled, order_by_wishes
from matching.settings import Settings

WEEK = timedelta(days=7)
KIND = "suggestion"


def recipients_by_post(session: Session, post_ids: Iterable[str]) -> dict[str, list[str]]:
    """User ids who are told what is suggested for each post, sorted.

    A capability's experts where they have accounts and want suggestions, else those who write for its organisation.
    """
    wanted = sorted(set(post_ids))
    experts = session.execute(
        select(CapabilityExpert.capability_id, Expert.user_id)
        .join(Expert, CapabilityExpert.expert_id == Expert.id)
        .join(User, User.id == Expert.user_id)
        .where(CapabilityExpert.capability_id.in_(wanted), Expert.suggestions_wanted, User.active)
        .order_by(Expert.user_id)
    )
    found: dict[str, list[str]] = {}
    for post_id, user_id in experts:
        if user_id is not None:
            found.setdefault(post_id, []).append(user_id)
    table = Post.__table__
    writers = session.execute(
        select(table.c.id, Membership.user_id)
        .join(Membership, Membership.organisation_id == table.c.organisation_id)
        .join(User, User.id == Membership.user_id)
        .where(
            table.c.id.in_([post_id for post_id in wanted if post_id not in found]),
            Membership.role.in_(("owner", "editor")),
            User.active,
        )
        .order_by(Membership.user_id)
    )
    for post_id, user_id in writers:
        found.setdefault(post_id, []).append(user_id)
    return found


def remaining_loads(session: Session, user_ids: Iterable[str], now: datetime, settings: Settings) -> dict[str, int]:
    """How many more suggestions each of these people may be sent this week; only experts have a limit and are in it.

    An interest that waits for an expert's answer takes a place too, until it is answered or lapses.
    """
    wanted = sorted(set(user_ids))
    # Locked in one order until the transaction ends: two tasks must not both fill the same room.
    experts = session.scalars(
        select(Expert.user_id).where(Expert.user_id.in_(wanted)).order_by(Expert.id).with_for_update(key_share=True)
    ).all()
    sent = dict(
        session.execute(
            select(Notification.user_id, func.count())
            .where(Notification.user_id.in_(wanted), Notification.kind == KIND, Notification.created_at > now - WEEK)
            .group_by(Notification.user_id)
        )
        .tuples()
        .all()
    )
    waiting = _waiting_interests(session, wanted)
    return {
        user_id: max(0, settings.weekly_load - sent.get(user_id, 0) - waiting.get(user_id, 0))
        for user_id in experts
        if user_id is not None
    }


def push_suggestions(session: Session, pairs: Sequence[Suggestion], now: datetime, settings: Settings) -> int:
    """Put suggestions that a recipient of either side was not told of yet into their inbox; returns how many.

    A repeated call adds nothing: the once-key names person, need and capability; nor is a side told that answered the
    pair already, or that asked or was asked about it. Experts are told of the best first,
    within their weekly load; `push_held_suggestions` tells the rest when there is room.
    """
    wanted = [
        pair
        for pair in pairs
        if pair.status == "active" and (pair.probability is None or pair.probability >= settings.least_probability)
    ]
    wanted.sort(key=lambda pair: (-max(pair.need_score or 0.0, pair.capability_score or 0.0), pair.id))
    answered = _answered_sides(session, wanted)
    recipients = recipients_by_post(
        session, [post_id for pair in wanted for post_id in (pair.need_id, pair.capability_id)]
    )
    messages = {
        once_key(user_id, pair.need_id, pair.capability_id): (user_id, pair)
        for pair in wanted
        for side, post_id in (("need", pair.need_id), ("capability", pair.capability_id))
        if (pair.need_id, pair.capability_id, side) not in answered
        for user_id in recipients.get(post_id, ())
    }
    keys = list(messages)
    known: set[str] = set()
    for start in range(0, len(keys), 500):
        known |= set(
            session.scalars(select(Notification.once_key).where(Notification.once_key.in_(keys[start : start + 500])))
        )
    loads = remaining_loads(session, [user_id for user_id, _ in messages.values()], now, settings)
    rows: list[dict[str, Any]] = []
    for key, (user_id, pair) in _in_wished_order(session, messages, recipients):
        if key in known or loads.get(user_id, 1) <= 0:
            continue
        if user_id in loads:
            loads[user_id] -= 1
        rows.append(
            {
                "id": new_id(),
                "user_id": user_id,
                "kind": KIND,
                "once_key": key,
                "suggestion_id": pair.id,
                "post_id": None,
                "details": {},
                "created_at": now,
                "read_at": None,
            }
        )
    # In one order, too: two tasks that insert equal keys wait for each other.
    put_in_inboxes(session, sorted(rows, key=lambda row: str(row["once_key"])))
    return len(rows)


def _in_wished_order(
    session: Session, messages: Mapping[str, tuple[str, Suggestion]], recipients: Mapping[str, Sequence[str]]
) -> list[tuple[str, tuple[str, Suggestion]]]:
    """The messages, which come best first, those first that their readers asked for and last what they want less of."""
    ordered = list(messages.items())
    wishes = wishes_of(session, {user_id for user_id, _ in messages.values()})
    if not wishes:
        return ordered
    wanted = {
        post_id
        for user_id, pair in messages.values()
        if user_id in wishes
        for post_id in (pair.need_id, pair.capability_id)
    }
    posts = {post.id: post for post in session.scalars(select(Post).where(Post.id.in_(wanted)))}

    def met(item: tuple[str, tuple[str, Suggestion]]) -> list[Wish]:
        user_id, pair = item[1]
        if user_id not in wishes:
            return []
        told_for_need = user_id in recipients.get(pair.need_id, ())
        other = posts[pair.capability_id if told_for_need else pair.need_id]
        # Whose a `matched` post is, its reader does not know yet.
        return fulfilled(traits_of(other, named=other.visibility != "matched"), wishes[user_id])

    return order_by_wishes(ordered, met)


def _waiting_interests(session: Session, user_ids: Sequence[str]) -> dict[str, int]:
    """How many open interests wait for each expert."""
    rows = session.execute(
        select(Expert.user_id, func.count(Interest.id.distinct()))
        .join(CapabilityExpert, CapabilityExpert.expert_id == Expert.id)
        .join(Interest, Interest.capability_id == CapabilityExpert.capability_id)
        .where(Expert.user_id.in_(user_ids), Interest.side == "need", Interest.status == "open")
        .group_by(Expert.user_id)
    )
    return {user_id: count for user_id, count in rows if user_id is not None}


def _answered_sides(session: Session, pairs: Sequence[Suggestion]) -> set[tuple[str, str, str]]:
    """(need id, capability id, side) of the pairs whose side needs no push any more."""
    found: set[tuple[str, str, str]] = set()
    wanted = {(pair.need_id, pair.capability_id) for pair in pairs}
    need_ids = sorted({need_id for need_id, _ in wanted})
    for start in range(0, len(need_ids), 500):
        part = need_ids[start : start + 500]
        answers = session.execute(
            select(SuggestionAnswer.need_id, SuggestionAnswer.capability_id, SuggestionAnswer.side).where(
                SuggestionAnswer.need_id.in_(part), SuggestionAnswer.withdrawn_at.is_(None)
            )
        )
        found |= {(row.need_id, row.capability_id, row.side) for row in answers}
        asked = session.execute(
            select(Interest.need_id, Interest.capability_id).where(
                Interest.need_id.in_(part),
                Interest.capability_id.is_not(None),
                Interest.status.in_(("open", "accepted")),
            )
        )
        found |= {(need, capability, side) for need, capability in asked.tuples() for side in ("need", "capability")}  # type: ignore[misc]
    return found


def push_held_suggestions(session: Session, now: datetime, settings: Settings, *, limit: int = 200) -> int:
    """Tell experts whose week has room again of the best they were not told yet. Run by the beat."""
    experts = session.scalars(
        select(Expert.user_id).where(Expert.user_id.is_not(None), Expert.suggestions_wanted).order_by(Expert.user_id)
    ).all()
    told = 0
    for user_id, load in remaining_loads(session, [e for e in experts if e is not None], now, settings).items():
        if load == 0:
            continue
        pairs = session.scalars(
            select(Suggestion)
            .join(CapabilityExpert, CapabilityExpert.capability_id == Suggestion.capability_id)
            .join(Expert, Expert.id == CapabilityExpert.expert_id)
            .where(Expert.user_id == user_id, Suggestion.status == "active", ~_was_told(user_id))
            .order_by(func.coalesce(Suggestion.capability_score, Suggestion.need_score).desc())
            .limit(limit)
        ).all()
        told += push_suggestions(session, pairs, now, settings)
    return told


def once_key(user_id: str, need_id: str, capability_id: str) -> str:
    """What makes the message about a pair to a person one and the same, whichever revision ranked it."""
    return f"{KIND}:{user_id}:{need_id}:{capability_id}"


def _was_told(user_id: str) -> ColumnElement[bool]:
    told = aliased(Notification)
    key = literal(f"{KIND}:{user_id}:") + Suggestion.need_id + ":" + Suggestion.capability_id
    return exists().where(told.once_key == key)

"""Which suggestions a person is told of: new ones, the best first, within the weekly load."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, exists, func, literal, select
from sqlalchemy.orm import Session, aliased

from matching.models import (
    Capability,
    CapabilityExpert,
    Expert,
    Membership,
    Notification,
    Post,
    Suggestion,
    User,
)
from matching.models.base import new_id
from matching.settings import Settings
from matching.store.upsert import insert_new

WEEK = timedelta(days=7)
KIND = "suggestion"


def recipients_of(session: Session, post: Post) -> list[str]:
    """User ids who are told what is suggested for the post.

    A capability's experts where they have accounts and want suggestions, else those who write for its organisation.
    """
    if isinstance(post, Capability):
        experts = session.scalars(
            select(Expert.user_id)
            .join(CapabilityExpert, CapabilityExpert.expert_id == Expert.id)
            .join(User, User.id == Expert.user_id)
            .where(CapabilityExpert.capability_id == post.id, Expert.suggestions_wanted, User.active)
            .order_by(Expert.user_id)
        ).all()
        if experts:
            return [user_id for user_id in experts if user_id is not None]
    return list(
        session.scalars(
            select(Membership.user_id)
            .join(User, User.id == Membership.user_id)
            .where(
                Membership.organisation_id == post.organisation_id,
                Membership.role.in_(("owner", "editor")),
                User.active,
            )
            .order_by(Membership.user_id)
        )
    )


def remaining_load(session: Session, user_id: str, now: datetime, settings: Settings) -> int | None:
    """How many more suggestions the person may be sent this week; None without a limit (only experts have one)."""
    if not session.scalar(select(exists().where(Expert.user_id == user_id))):
        return None
    sent = session.scalar(
        select(func.count())
        .select_from(Notification)
        .where(Notification.user_id == user_id, Notification.kind == KIND, Notification.created_at > now - WEEK)
    )
    return max(0, settings.weekly_load - (sent or 0))


def push_suggestions(
    session: Session, pairs: Sequence[Suggestion], user_ids: Iterable[str], now: datetime, settings: Settings
) -> int:
    """Put suggestions that each person was not told of yet into their inbox; returns how many.

    `pairs` are tried best first. A repeated call adds nothing: the once-key names person, need and capability.
    Experts beyond their weekly load are told by `push_held_suggestions` when there is room.
    """
    told = 0
    wanted = [
        pair
        for pair in pairs
        if pair.status == "active" and (pair.probability is None or pair.probability >= settings.least_probability)
    ]
    wanted.sort(key=lambda pair: -max(pair.need_score or 0.0, pair.capability_score or 0.0))
    for user_id in dict.fromkeys(user_ids):
        keys = {once_key(user_id, pair.need_id, pair.capability_id): pair for pair in wanted}
        known = set(
            session.scalars(select(Notification.once_key).where(Notification.once_key.in_(list(keys)))) if keys else ()
        )
        fresh = [(key, pair) for key, pair in keys.items() if key not in known]
        load = remaining_load(session, user_id, now, settings) if fresh else 0
        if load is not None:
            fresh = fresh[:load]
        insert_new(
            session,
            Notification,
            [
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
                for key, pair in fresh
            ],
        )
        told += len(fresh)
    return told


def push_held_suggestions(session: Session, now: datetime, settings: Settings, *, limit: int = 200) -> int:
    """Tell experts whose week has room again of the best they were not told yet. Run by the beat."""
    told = 0
    users = session.scalars(
        select(Expert.user_id).where(Expert.user_id.is_not(None), Expert.suggestions_wanted).order_by(Expert.user_id)
    ).all()
    for user_id in users:
        if user_id is None or remaining_load(session, user_id, now, settings) == 0:
            continue
        pairs = session.scalars(
            select(Suggestion)
            .join(CapabilityExpert, CapabilityExpert.capability_id == Suggestion.capability_id)
            .join(Expert, Expert.id == CapabilityExpert.expert_id)
            .where(Expert.user_id == user_id, Suggestion.status == "active", ~_was_told(user_id))
            .order_by(func.coalesce(Suggestion.capability_score, Suggestion.need_score).desc())
            .limit(limit)
        ).all()
        told += push_suggestions(session, pairs, [user_id], now, settings)
    return told


def once_key(user_id: str, need_id: str, capability_id: str) -> str:
    """What makes the message about a pair to a person one and the same, whichever revision ranked it."""
    return f"{KIND}:{user_id}:{need_id}:{capability_id}"


def _was_told(user_id: str) -> ColumnElement[bool]:
    told = aliased(Notification)
    key = literal(f"{KIND}:{user_id}:") + Suggestion.need_id + ":" + Suggestion.capability_id
    return exists().where(told.once_key == key)

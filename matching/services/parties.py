"""Who speaks for a post: the experts behind a capability where they have accounts, else all who write for its
organisation. The same people are told of an interest, answer it, and take part in what follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from matching.models import CapabilityExpert, Expert, Membership, Organisation, Post, User
from matching.services.actor import Actor

PERSONAL_KINDS = ("university", "institute")
"""Kinds of organisation whose people act each for themselves; elsewhere colleagues stand in for one another."""


def writing_organisations(actor: Actor) -> list[str]:
    """The organisations the actor writes for; not those that an administrator may edit for."""
    return sorted(key for key, role in actor.organisation_roles.items() if role in ("owner", "editor"))


def capabilities_behind(user_id: str) -> Select[tuple[str]]:
    """Ids of the capabilities that the account's expert stands behind."""
    return (
        select(CapabilityExpert.capability_id)
        .join(Expert, Expert.id == CapabilityExpert.expert_id)
        .where(Expert.user_id == user_id)
    )


def experts_with_accounts(session: Session, post_ids: Iterable[str]) -> dict[str, list[str]]:
    """User ids of the experts behind each capability, sorted; posts without any are left out."""
    wanted = sorted(set(post_ids))
    found: dict[str, list[str]] = {}
    if not wanted:
        return found
    rows = session.execute(
        select(CapabilityExpert.capability_id, Expert.user_id)
        .join(Expert, CapabilityExpert.expert_id == Expert.id)
        .join(User, User.id == Expert.user_id)
        .where(CapabilityExpert.capability_id.in_(wanted), User.active)
        .order_by(Expert.user_id)
    )
    for post_id, user_id in rows:
        if user_id is not None:
            found.setdefault(post_id, []).append(user_id)
    return found


def spoken_for(session: Session, actor: Actor, posts: Iterable[Post]) -> frozenset[str]:
    """Those of the posts that the actor speaks for."""
    writing = set(writing_organisations(actor))
    wanted = {post.id: post for post in posts}
    if actor.user_id is None or not wanted:
        return frozenset()
    experts = experts_with_accounts(session, [post.id for post in wanted.values() if post.side == "capability"])
    return frozenset(post_id for post_id, post in wanted.items() if _speaks(actor, post, writing, experts))


def speaks_for(session: Session, actor: Actor, post: Post) -> bool:
    """Whether the actor speaks for this post."""
    return post.id in spoken_for(session, actor, [post])


def _speaks(actor: Actor, post: Post, writing: set[str], experts: Mapping[str, list[str]]) -> bool:
    if actor.user_id in experts.get(post.id, ()):
        return True
    if post.organisation_id not in writing:
        return False
    return post.id not in experts or post.author_id == actor.user_id


def is_shared(session: Session, post: Post | None, organisation: Organisation) -> bool:
    """Whether all who write for the organisation speak for its side, or only the persons behind it."""
    if post is not None:
        return not experts_with_accounts(session, [post.id])
    return organisation.kind not in PERSONAL_KINDS


def writers_of(session: Session, organisation_id: str) -> list[str]:
    """User ids of those who write for the organisation, sorted."""
    return list(
        session.scalars(
            select(Membership.user_id)
            .join(User, User.id == Membership.user_id)
            .where(Membership.organisation_id == organisation_id, Membership.role.in_(("owner", "editor")), User.active)
            .order_by(Membership.user_id)
        )
    )


def people_behind(session: Session, post: Post) -> list[str]:
    """User ids of all who speak for the post."""
    experts = experts_with_accounts(session, [post.id]).get(post.id)
    if not experts:
        return writers_of(session, post.organisation_id)
    writers = writers_of(session, post.organisation_id)
    return sorted({*experts, *(user_id for user_id in writers if user_id == post.author_id)})

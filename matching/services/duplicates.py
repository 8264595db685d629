"""Posts that say nearly the same: found while one is written, when one arrives, and listed for the staff to settle.

Candidates come from hashes in a table (`matching.text.fingerprints`), so a post is compared with some dozens of others
however many there are. What a reader is told of depends on what that reader may see.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from sqlalchemy import ColumnElement, Select, bindparam, delete, func, or_, select
from sqlalchemy.orm import Session

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import DuplicatePair, Post, PostFingerprint
from matching.models.base import new_id
from matching.notifying.posts import tell_writers
from matching.policy import Audience, may_see_post
from matching.queries.posts import BY_ID, audience_for, visible_posts
from matching.services.actor import SYSTEM, Actor, require_staff
from matching.services.posts import close_directly, return_directly
from matching.store.unit_of_work import UnitOfWork
from matching.store.upsert import insert_new
from matching.text.fingerprints import Fingerprint, compare, fingerprint, nearly_agree

COMPARED = ("submitted", "published", "paused")
"""Posts in these states can be duplicates of each other; of the own organisation's also what is not handed in yet."""
_OWN = ("draft", "returned")
MOST_CANDIDATES = 16
"""Posts that are compared letter by letter, those that share most hashes first."""
_MOST_HITS = 500
_HITS_EACH = 16
"""Where few are compared, few are looked up: of a file whose rows are all alike each row would ask for hundreds."""

# Kept, since each row of an import asks it: to put it together takes as long as the answer.
_SHARING = (
    select(PostFingerprint.post_id)
    .where(PostFingerprint.value.in_(bindparam("values", expanding=True)))
    .group_by(PostFingerprint.post_id)
    .order_by(func.count().desc(), PostFingerprint.post_id)
    .limit(bindparam("most"))
)
Decision = Literal["close_first", "close_second", "not_duplicate"]


@dataclass(frozen=True, slots=True)
class AlikePost:
    """A post that says nearly the same. `shared`: part of the shorter text that stands in the other one, 0 to 1."""

    post: Post
    shared: float


def find_alike(
    session: Session,
    document: PostDocument,
    audience: Audience,
    now: datetime,
    *,
    but: Collection[str] = (),
    limit: int = 5,
    compared: int = MOST_CANDIDATES,
) -> list[AlikePost]:
    """Posts of the document's side that nearly agree with it, the most alike first, among those the reader may see.

    `but`: posts that are not to be named, such as the stored form of the document itself. At most `compared` posts are
    read, those that share most hashes first.
    """
    wanted = print_document(document)
    if not wanted.values:
        return []
    # Hashes first and by themselves: joined with the posts, SQLite would read all of these.
    most = _MOST_HITS if compared >= MOST_CANDIDATES else _HITS_EACH * compared
    hits = session.scalars(_SHARING, {"values": sorted(wanted.values), "most": most}).all()
    left_out = {document.id, *but}
    ids = [post_id for post_id in hits if post_id not in left_out]
    if not ids:
        return []
    seen = dict(session.execute(_comparable(document.side, audience, now), {"ids": ids}).tuples().all())
    candidates = [post_id for post_id in ids if post_id in seen][:compared]
    # Rows of a file are compared with rows of the same file, whose texts need not be read again.
    known = {post_id: text for post_id in candidates if (text := _arrived.get((post_id, seen[post_id])))}
    alike = {post_id for post_id, text in known.items() if nearly_agree(wanted, _print_text(*text))}
    unread = [post_id for post_id in candidates if post_id in alike or post_id not in known]
    found = []
    for post in session.scalars(BY_ID[document.side], {"ids": unread}) if unread else ():
        other = print_document(post.to_document())
        if nearly_agree(wanted, other):
            found.append(AlikePost(post, compare(wanted, other).shared))
    return sorted(found, key=lambda each: (-each.shared, each.post.id))[:limit]


@lru_cache(maxsize=16)
def _comparable(side: str, audience: Audience, now: datetime) -> Select[tuple[str, int]]:
    """Id and version of those of `ids` that may be compared; kept, as all rows of a batch ask it."""
    states: ColumnElement[bool] = Post.status.in_(COMPARED)
    if audience.organisation_ids:
        states = or_(states, Post.organisation_id.in_(audience.organisation_ids) & Post.status.in_(_OWN))
    return select(Post.id, Post.version).where(
        Post.id.in_(bindparam("ids", expanding=True)), Post.side == side, states, visible_posts(audience, now)
    )


def print_document(document: PostDocument) -> Fingerprint:
    """The fingerprint of title, keywords, indicators and prose."""
    return _print_text(document.title, document.body)


@lru_cache(maxsize=2048)
def _print_text(title: str, body: str) -> Fingerprint:
    return fingerprint(title, body)


_arrived: OrderedDict[tuple[str, int], tuple[str, str]] = OrderedDict()
"""Title and rest of posts that this process put in lately, by id and version; an id is never given twice, so what was
taken back is never asked for."""
_MOST_ARRIVED = 8192


def keep_first_fingerprint(session: Session, post: Post, document: PostDocument) -> None:
    """As `keep_fingerprint`, for a post that was just added and has none; `document` is the post's."""
    values = print_document(document).values
    insert_new(session, PostFingerprint, [{"value": value, "post_id": post.id} for value in sorted(values)])
    _arrived[post.id, post.version] = (document.title, document.body)
    while len(_arrived) > _MOST_ARRIVED:
        _arrived.popitem(last=False)


def keep_fingerprint(session: Session, post: Post) -> None:
    """Store the hashes of the post's present text; flush the post before."""
    wanted = print_document(post.to_document()).values
    kept = _kept_values(session, post.id)
    if gone := kept - wanted:
        session.execute(
            delete(PostFingerprint).where(PostFingerprint.post_id == post.id, PostFingerprint.value.in_(sorted(gone)))
        )
    insert_new(session, PostFingerprint, [{"value": value, "post_id": post.id} for value in sorted(wanted - kept)])


def note_duplicates(platform: Platform, post_id: str, now: datetime) -> None:
    """Bring fingerprint and pairs in line with the post's present row. May run twice, and late.

    Hashes are committed before others are looked for: of two posts that arrive at once the later one sees the other.
    Most calls change nothing, and then take no write lock.
    """
    with platform.reading() as session:
        post = session.get(Post, post_id)
        if post is None:
            return
        up_to_date = _kept_values(session, post_id) == print_document(post.to_document()).values
    if not up_to_date:
        with platform.unit_of_work() as uow:
            post = uow.session.get(Post, post_id)
            if post is None:
                return
            keep_fingerprint(uow.session, post)
            uow.commit()
    with platform.reading() as session:
        post = session.get(Post, post_id)
        if post is None or (not _alike_to(session, post, now) and not _pairs_of(session, post_id)):
            return
    with platform.unit_of_work() as uow:
        post = uow.session.get(Post, post_id)
        if post is not None and _put_pairs(uow.session, post, _alike_to(uow.session, post, now), now):
            uow.commit()


def _alike_to(session: Session, post: Post, now: datetime) -> dict[str, float]:
    """By id how much the posts share that nearly agree with it, whoever may see them; none for a post out of sight."""
    if post.status not in COMPARED:
        return {}
    everything = audience_for(session, SYSTEM)
    found = find_alike(session, post.to_document(), everything, now, limit=MOST_CANDIDATES)
    return {item.post.id: item.shared for item in found}


def _pairs_of(session: Session, post_id: str) -> Sequence[DuplicatePair]:
    return session.scalars(
        select(DuplicatePair).where(or_(DuplicatePair.first_id == post_id, DuplicatePair.second_id == post_id))
    ).all()


def _kept_values(session: Session, post_id: str) -> set[int]:
    return set(session.scalars(select(PostFingerprint.value).where(PostFingerprint.post_id == post_id)))


def _put_pairs(session: Session, post: Post, alike: dict[str, float], now: datetime) -> bool:
    """Write, renew and end pairs; whether anything changed. What the staff decided stays decided."""
    rows = {row.second_id if row.first_id == post.id else row.first_id: row for row in _pairs_of(session, post.id)}
    changed = False
    for other_id, row in rows.items():
        if other_id in alike:
            if row.state == "obsolete":
                row.state, row.found_at, changed = "open", now, True
            if row.similarity != alike[other_id]:
                row.similarity, changed = alike[other_id], True
        elif row.state == "open":
            row.state, changed = "obsolete", True
    new = [other_id for other_id in alike if other_id not in rows]
    insert_new(
        session,
        DuplicatePair,
        [
            {
                "id": new_id(),
                "first_id": min(post.id, other_id),
                "second_id": max(post.id, other_id),
                "similarity": alike[other_id],
                "state": "open",
                "found_at": now,
                "settled_at": None,
                "settled_by": None,
                "kept_id": None,
            }
            for other_id in new
        ],
    )
    return changed or bool(new)


def settle_duplicate(uow: UnitOfWork, actor: Actor, pair_id: str, decision: Decision, now: datetime) -> DuplicatePair:
    """The staff's word on a pair: close one of the two posts, or say that they are no duplicates, which is remembered.

    A post that still waits for review is returned instead of closed; its writers are told either way. Raises NotFound
    for a pair the actor may not see, NotAllowed outside the actor's region, IllegalMove where the pair is settled.
    """
    pair = uow.session.get(DuplicatePair, pair_id, with_for_update=True)
    audience = audience_for(uow.session, actor)
    if pair is None or not all(may_see_post(audience, post, now) for post in (pair.first, pair.second)):
        raise NotFound("duplicate.not_found", "没有找到这一对信息", message_en="There is no such pair")
    if decision not in ("close_first", "close_second", "not_duplicate"):
        raise InvalidInput("duplicate.decision", "请选择如何处理", where="decision", message_en="Please decide")
    if pair.state != "open":
        raise IllegalMove("duplicate.settled", "这一对已经处理过了", message_en="This pair has been dealt with")
    if decision == "not_duplicate":
        if not any(actor.is_staff_for(post.region_code) for post in (pair.first, pair.second)):
            require_staff(actor, pair.first)
        pair.state = "not_duplicate"
    else:
        ended, kept = (pair.first, pair.second) if decision == "close_first" else (pair.second, pair.first)
        require_staff(actor, ended)
        pair.state = _end(uow, actor, ended, now)
        pair.kept_id = kept.id
        _end_other_pairs(uow.session, ended, pair)
    pair.settled_at, pair.settled_by = now, actor.user_id
    uow.record(now, actor.user_id, "duplicate.settle", "duplicate", pair.id, decision=decision, kept=pair.kept_id)
    uow.commit()
    return pair


def _end(uow: UnitOfWork, actor: Actor, post: Post, now: datetime) -> str:
    if post.status == "submitted":
        return_directly(uow, actor, post, "与已有供需信息重复 / Duplicate of an existing post", now)
        return "returned"
    close_directly(uow, actor, post, "duplicate", now)
    tell_writers(uow.session, post, "post_closed_duplicate", now.isoformat(), now, actor_id=actor.user_id)
    return "closed"


def _end_other_pairs(session: Session, ended: Post, settled: DuplicatePair) -> None:
    for pair in session.scalars(
        select(DuplicatePair).where(
            or_(DuplicatePair.first_id == ended.id, DuplicatePair.second_id == ended.id),
            DuplicatePair.state == "open",
            DuplicatePair.id != settled.id,
        )
    ):
        pair.state = "obsolete"


def choose_richer(first: Post, second: Post) -> Post:
    """The post that is proposed to stay: the one that says more, then the one that has been published for longer."""
    return max((first, second), key=lambda post: (measure_richness(post), _age(post), post.id))


def measure_richness(post: Post) -> float:
    """Fields filled in, and text at a diminishing rate: a third paragraph is worth less than a budget."""
    document = post.to_document()
    filled = sum(
        bool(value)
        for value in (
            document.keywords,
            document.indicators,
            document.industry_codes,
            document.domain,
            document.cooperation_modes,
            document.money,
            document.maturity,
            document.ends_on,
            post.contact,
        )
    )
    return filled + math.sqrt(len(document.text) / 100) + (2.0 if post.status == "published" else 0.0)


def _age(post: Post) -> float:
    return -(post.published_at or post.created_at).timestamp()


def pairs_among(posts: Sequence[tuple[str, Fingerprint]]) -> list[tuple[str, str]]:
    """Pairs of (id, fingerprint) that nearly agree, found through shared hashes; for measuring and for whole files."""
    holders: dict[int, list[int]] = {}
    for place, (_, own) in enumerate(posts):
        for value in own.values:
            holders.setdefault(value, []).append(place)
    candidates: dict[int, dict[int, int]] = {}
    for places in holders.values():
        if len(places) > 1:
            for place in places:
                counts = candidates.setdefault(place, {})
                for other in places[:MOST_CANDIDATES]:
                    if other != place:
                        counts[other] = counts.get(other, 0) + 1
    found = set()
    for place, counts in candidates.items():
        nearest = sorted(counts, key=lambda other: (-counts[other], posts[other][0]))[:MOST_CANDIDATES]
        for other in nearest:
            if nearly_agree(posts[place][1], posts[other][1]):
                found.add((min(posts[place][0], posts[other][0]), max(posts[place][0], posts[other][0])))
    return sorted(found)

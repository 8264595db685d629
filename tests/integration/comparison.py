"""Compares everything the pipeline derives with what the database says it should be."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from itertools import pairwise

from sqlalchemy import func, select

from matching.bootstrap import Platform
from matching.documents import PostDocument
from matching.models import Membership, Notification, OutboxEntry, Post, Suggestion
from matching.policy import is_live
from matching.ranking.rank import rank_candidates
from matching.ranking.vectors import embed_posts
from matching.services.statistics import share_pool

_TOLERANCE = 1e-4
"""Scores are float32 of sums whose order differs with the number of posts scored at once."""


def find_differences(platform: Platform, now: datetime) -> list[str]:
    """What is not as it should be, a line each: outbox, index, lists, messages.

    Every pair of live posts is ranked anew, without the index.
    """
    with platform.reading() as session:
        posts = [post for post in session.scalars(select(Post)) if is_live(post, now)]
        open_rows = session.scalar(select(func.count()).select_from(OutboxEntry).where(OutboxEntry.done_at.is_(None)))
        rows = list(session.scalars(select(Suggestion)))
        messages = list(session.scalars(select(Notification)))
        writers = defaultdict(list)
        for organisation_id, user_id in session.execute(select(Membership.organisation_id, Membership.user_id)):
            writers[organisation_id].append(user_id)
    found = [f"{open_rows} rows of the outbox are open"] if open_rows else []
    indexed = set(platform.index.entry_versions())
    wanted = {(post.id, post.version, platform.embedder.model_revision) for post in posts}
    found += [f"not in the index: {entry}" for entry in sorted(wanted - indexed)]
    found += [f"in the index: {entry}" for entry in sorted(indexed - wanted)]
    owners = {post.id: post.organisation_id for post in posts}
    found += _compare_lists(platform, now, [post.to_document() for post in posts], owners, rows)
    for row in rows:
        stands = row.model_revision == platform.ranker.revision and (row.need_rank or row.capability_rank)
        if (row.status == "active") != bool(stands):
            found.append(f"suggestion {row.id} is {row.status} with ranks {row.need_rank}, {row.capability_rank}")
    told = defaultdict(int)
    for message in messages:
        told[message.once_key] += 1
    found += [f"{count} messages {key}" for key, count in told.items() if count != 1]
    for row in rows:
        likely = row.probability is None or row.probability >= platform.settings.least_probability
        if row.status == "active" and likely:
            for post_id in (row.need_id, row.capability_id):
                for user_id in writers[owners.get(post_id, "")]:
                    if told[f"suggestion:{user_id}:{row.need_id}:{row.capability_id}"] != 1:
                        found.append(f"{user_id} was not told of {row.need_id}, {row.capability_id}")
    pairs = {(row.need_id, row.capability_id) for row in rows}
    found += [
        f"a message about no suggestion: {message.once_key}"
        for message in messages
        if message.kind == "suggestion" and tuple(message.once_key.split(":")[2:]) not in pairs
    ]
    return found


def _compare_lists(
    platform: Platform,
    now: datetime,
    documents: list[PostDocument],
    owners: dict[str, str],
    rows: list[Suggestion],
) -> list[str]:
    found = []
    vectors = embed_posts(documents, platform.embedder)
    pool = share_pool(platform, now).pool
    length = platform.settings.suggestions_per_post
    for document in documents:
        others = [
            other for other in documents if other.side != document.side and owners[other.id] != owners[document.id]
        ]
        scores = {
            pair.candidate_id: pair.score
            for pair in rank_candidates(document, others, vectors, pool, platform.ranker, top=None)
        }
        listed = _listed(rows, document, platform.ranker.revision)
        ranks = [rank for rank, _, _ in listed]
        if ranks != list(range(1, len(listed) + 1)) or len(listed) != min(length, len(others)):
            found.append(f"{document.id} has ranks {ranks} of {len(others)} candidates")
            continue
        for _, other_id, score in listed:
            if other_id not in scores or abs(scores[other_id] - score) > _TOLERANCE:
                found.append(f"{document.id} lists {other_id} with {score}, now {scores.get(other_id)}")
        kept = {other_id for _, other_id, _ in listed}
        best_left_out = max((score for other_id, score in scores.items() if other_id not in kept), default=None)
        if best_left_out is not None and best_left_out > min(score for _, _, score in listed) + _TOLERANCE:
            found.append(f"{document.id} leaves out a better one: {best_left_out}")
        stored = [score for _, _, score in listed]
        if any(later > earlier + _TOLERANCE for earlier, later in pairwise(stored)):
            found.append(f"{document.id} is not in order: {stored}")
    return found


def _listed(rows: list[Suggestion], document: PostDocument, revision: str) -> list[tuple[int, str, float]]:
    """(rank, post of the other side, score) of the post's list."""
    need = document.side == "need"
    listed = []
    for row in rows:
        own, other = (row.need_id, row.capability_id) if need else (row.capability_id, row.need_id)
        rank, score = (row.need_rank, row.need_score) if need else (row.capability_rank, row.capability_score)
        if own == document.id and rank is not None and row.model_revision == revision:
            listed.append((rank, other, score if score is not None else float("nan")))
    return sorted(listed)

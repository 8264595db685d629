"""Vectors of texts that are nobody's any more go by themselves; those of living posts stay."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.embeddings.cache import CachingEmbedder, text_hash
from matching.models import CachedVector, CapabilityExpert, Expert, ExpertWork, Post, Work
from matching.queries.works import load_documents
from matching.ranking.works import works_as_documents
from matching.services.experts import erase_expert
from matching.services.kept_vectors import forget_vectors, hashes_of
from matching.services.posts import pause_post
from matching.services.retention import apply_retention
from tests.factories.embedder import WordEmbedder
from tests.factories.people import Member, make_expert, make_member
from tests.factories.posts import make_capability


@pytest.fixture
def member(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="a@example.cn", kind="university", organisation="示例大学")


def kept(platform: Platform) -> set[str]:
    with platform.reading() as session:
        return set(session.scalars(select(CachedVector.text_hash)))


def used(platform: Platform, moment: datetime, *texts: str) -> set[str]:
    """Ask for the vectors of these texts at that time."""
    CachingEmbedder(WordEmbedder(), platform.engine, lambda: moment).embed(texts, prompt="passage")
    return {text_hash(text) for text in texts}


def hashes_of_posts(platform: Platform, now: datetime) -> set[str]:
    with platform.reading() as session:
        posts = session.scalars(select(Post)).all()
        return set(hashes_of(load_documents(session, posts, now).values()))


def embed_posts_of(platform: Platform, now: datetime) -> set[str]:
    """Ask for all that the index and the ranking ask of the posts that are there."""
    from matching.ranking.vectors import embed_posts

    embedder = CachingEmbedder(WordEmbedder(), platform.engine, lambda: now)
    with platform.reading() as session:
        documents = list(load_documents(session, session.scalars(select(Post)).all(), now).values())
    embed_posts([*documents, *(work for one in documents for work in works_as_documents(one))], embedder)
    return kept(platform)


def test_what_nobody_used_for_a_month_goes_and_what_is_used_stays(platform: Platform, now: datetime) -> None:
    search, other = used(platform, now, "查过一次的问题"), used(platform, now, "常查的问题")
    for days in (10, 20):
        used(platform, now + timedelta(days=days), "常查的问题")
    assert apply_retention(platform, now + timedelta(days=30))["vectors"] == 0
    assert kept(platform) == search | other
    assert apply_retention(platform, now + timedelta(days=31))["vectors"] == 1
    assert kept(platform) == other
    assert apply_retention(platform, now + timedelta(days=31))["vectors"] == 0


def test_a_look_up_is_written_down_once_a_week(platform: Platform, now: datetime) -> None:
    def last_used() -> list[object]:
        with platform.reading() as session:
            return list(session.scalars(select(CachedVector.used_on)))

    for days, noted in ((0, 0), (6, 0), (7, 7), (13, 7)):
        used(platform, now + timedelta(days=days), "常查的问题")
        assert last_used() == [(now + timedelta(days=noted)).date()]


def test_texts_of_living_posts_stay_and_those_of_paused_ones_go(
    platform: Platform, member: Member, now: datetime
) -> None:
    lives, paused = (make_capability(platform, member, now, title=f"工艺 {name}") for name in "一二")
    everything = embed_posts_of(platform, now)
    assert everything == hashes_of_posts(platform, now) != set()
    with platform.unit_of_work() as uow:
        pause_post(uow, member.actor, paused, now)
    forget_vectors(platform, now + timedelta(days=31))
    with platform.reading() as session:
        documents = load_documents(session, [session.get_one(Post, lives)], now)
    assert kept(platform) == set(hashes_of(documents.values()))


@pytest.mark.parametrize("step", ["at once", "by the next night"])
def test_nothing_computed_from_the_texts_of_who_was_erased_is_left(
    platform: Platform, member: Member, now: datetime, step: str
) -> None:
    expert_id = make_expert(platform, now, member, name="丘老师")
    offer = make_capability(platform, member, now, title="丘老师的专长", kind="expertise")
    other = make_capability(platform, member, now, title="别的成果")
    with platform.unit_of_work() as uow:
        uow.session.add(CapabilityExpert(capability_id=offer, expert_id=expert_id))
        work = Work(
            kind="paper", title="翘曲的预测", title_key="k", authors=["丘老师"], keywords=[], abstract="摘要文字",
            created_at=now, updated_at=now,
        )  # fmt: skip
        uow.session.add(work)
        uow.session.flush()
        uow.session.add(ExpertWork(expert_id=expert_id, work_id=work.id, hidden=False, created_at=now))
        uow.commit()
    of_posts = embed_posts_of(platform, now)
    clauses = used(platform, now, "摘要文字")  # as reasons compare them
    with platform.reading() as session:
        stays = set(hashes_of(load_documents(session, [session.get_one(Post, other)], now).values()))
    assert stays < of_posts
    with platform.unit_of_work() as uow:
        erase_expert(uow, member.actor, expert_id, now)
    if step == "at once":
        assert kept(platform) == stays | clauses
    else:
        # The organisation's offer lives on without the person; its new text was computed the same evening.
        new = embed_posts_of(platform, now) - stays - clauses
        assert new == hashes_of_posts(platform, now) - stays
        assert apply_retention(platform, now + timedelta(days=1))["vectors"] == len(clauses)
        assert kept(platform) == stays | new
        assert apply_retention(platform, now + timedelta(days=2))["vectors"] == 0
    with platform.reading() as session:
        assert session.get(Expert, expert_id) is None

"""One use case, one transaction: conflicts are said, nudges never break a commit."""

from __future__ import annotations

from datetime import datetime

import pytest

from matching.bootstrap import Platform
from matching.errors import EditConflict
from matching.models import AuditEntry, Post
from matching.store.engine import writing_sessions
from matching.store.unit_of_work import UnitOfWork
from tests.factories.people import make_member
from tests.factories.posts import make_need


def test_leaving_without_commit_changes_nothing(platform: Platform, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        uow.record(now, None, "test", "post", "p")
    with platform.reading() as session:
        assert session.get(AuditEntry, 1) is None


def test_a_lost_nudge_does_not_lose_the_commit(platform: Platform, now: datetime) -> None:
    def fail() -> None:
        raise ConnectionError("no broker")

    with UnitOfWork(writing_sessions(platform.engine), fail) as uow:
        uow.owe("post.changed", "p", now)
        uow.record(now, None, "test", "post", "p")
        uow.commit()
    with platform.reading() as session:
        assert session.get(AuditEntry, 1) is not None


def test_a_nudge_comes_after_the_commit_and_only_when_something_is_owed(platform: Platform, now: datetime) -> None:
    seen: list[int] = []

    def nudge() -> None:
        with platform.reading() as session:
            seen.append(session.query(AuditEntry).count())

    for owes in (False, True):
        with UnitOfWork(writing_sessions(platform.engine), nudge) as uow:
            uow.record(now, None, "test", "post", "p")
            if owes:
                uow.owe("post.changed", "p", now)
            uow.commit()
    assert seen == [2]


def test_the_second_of_two_writers_gets_a_conflict(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    post_id = make_need(platform, member, now, publish=False)
    with platform.reading() as session:
        stale = session.get(Post, post_id)
        assert stale is not None
    with platform.unit_of_work() as uow:
        fresh = uow.session.get(Post, post_id)
        assert fresh is not None
        fresh.title = "第一位"
        uow.commit()
    stale.title = "第二位"
    with platform.unit_of_work() as uow:
        uow.session.add(stale)
        with pytest.raises(EditConflict):
            uow.commit()
    with platform.reading() as session:
        kept = session.get(Post, post_id)
        assert kept is not None
        assert kept.title == "第一位"

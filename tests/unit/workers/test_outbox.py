"""Tasks of the outbox: what is owed is done, what a task before settled is not done again."""

from __future__ import annotations

import time
from datetime import datetime

import pytest
from sqlalchemy import select, update

import workers.tasks.outbox as task
from matching.bootstrap import Platform
from matching.giving_way import SomeoneWaits
from matching.models import OutboxEntry, Suggestion
from matching.store.outbox import RANKING
from tests.factories.people import make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything


def scores(platform: Platform) -> list[float | None]:
    with platform.reading() as session:
        return list(session.scalars(select(Suggestion.need_score)))


def test_a_ranking_that_is_owed_no_more_is_not_made_again(
    platform: Platform, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "get_platform", lambda: platform)
    firm = make_member(platform, now, email="firm@example.cn")
    university = make_member(platform, now, email="uni@example.cn", organisation="示例大学", kind="university")
    need_id = make_need(platform, firm, now)
    make_capability(platform, university, now)
    settle_everything(platform, now)
    right = scores(platform)
    assert len(right) == 1
    with platform.unit_of_work() as uow:
        uow.session.execute(update(Suggestion).values(need_score=-9.0))
        uow.commit()
    task.rank_post_task(post_id=need_id)
    assert scores(platform) == [-9.0]
    with platform.unit_of_work() as uow:
        uow.owe(RANKING, need_id, now)
        uow.commit()
    task.rank_post_task(post_id=need_id)
    assert scores(platform) == right
    with platform.reading() as session:
        assert session.scalars(select(OutboxEntry).where(OutboxEntry.done_at.is_(None))).all() == []


def test_a_ranking_gives_way_to_a_page_and_is_made_in_the_end(
    platform: Platform, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "get_platform", lambda: platform)
    monkeypatch.setattr(task, "RANKING_GIVES_WAY_SECONDS", 0.2)
    firm = make_member(platform, now, email="firm@example.cn")
    need_id = make_need(platform, firm, now)
    settle_everything(platform, now)
    with platform.unit_of_work() as uow:
        uow.owe(RANKING, need_id, now)
        uow.commit()
    with SomeoneWaits(platform.settings.data_dir).raised():
        begun = time.monotonic()
        task.rank_post_task(post_id=need_id)
        assert time.monotonic() - begun >= 0.2, "somebody waited for a page"
    with platform.reading() as session:
        assert session.scalars(select(OutboxEntry).where(OutboxEntry.done_at.is_(None))).all() == []

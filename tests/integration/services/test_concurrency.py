"""Several people and several tasks at the same posts, at once, on both databases."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import EditConflict
from matching.models import Notification, Post, Suggestion
from matching.services.posts import CapabilityFields, NeedFields, close_post, edit_post
from matching.services.suggestions import rank_post, refresh_post
from matching.store.outbox import POST_CHANGED, claim_due
from tests.factories.people import Member, make_expert, make_member
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.integration.comparison import find_differences


@pytest.fixture
def platform(database_url: str, tmp_path: Path) -> Iterator[Platform]:
    made = make_platform(tmp_path, database_url=database_url, candidates_per_post=2000)
    yield made
    made.close()


def test_the_second_of_two_people_gets_a_conflict_and_nothing_is_overwritten(platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    post_id = make_need(platform, member, now)
    with platform.reading() as session:
        version = session.scalars(select(Post.version).where(Post.id == post_id)).one()
    meet = threading.Barrier(2)

    def edit(title: str) -> str:
        with platform.unit_of_work() as uow:
            entered = NeedFields(title=title, organisation_id=member.organisation_id)
            meet.wait(60)
            try:
                edit_post(uow, member.actor, post_id, entered, version, now)
            except EditConflict as conflict:
                return conflict.code
        return "saved"

    with ThreadPoolExecutor(2) as pool:
        outcomes = dict(zip(("第一位", "第二位"), pool.map(edit, ("第一位", "第二位")), strict=True))
    assert sorted(outcomes.values()) == ["post.edit_conflict", "saved"]
    with platform.reading() as session:
        post = session.get(Post, post_id)
        assert post is not None
        assert (post.title, post.version) == (next(t for t, o in outcomes.items() if o == "saved"), version + 1)


def test_tasks_of_both_posts_of_a_pair_at_once(platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="f@example.cn", organisation="甲")
    university = make_member(platform, now, email="u@example.cn", organisation="乙", kind="university")
    need_id, capability_id = make_need(platform, firm, now), make_capability(platform, university, now)
    work = [(task, post_id) for task in (refresh_post, rank_post) for post_id in (need_id, capability_id)] * 4

    def run(task_and_post: tuple[object, str]) -> None:
        task, post_id = task_and_post
        task(platform, post_id, now)  # type: ignore[operator]

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, work))
    settle_everything(platform, now)
    with platform.reading() as session:
        rows = session.scalars(select(Suggestion)).all()
        assert [(row.need_rank, row.capability_rank, row.status) for row in rows] == [(1, 1, "active")]
        assert sorted(session.scalars(select(Notification.user_id))) == sorted([firm.user_id, university.user_id])


def test_many_tasks_and_writers_at_once_end_as_one_after_the_other(platform: Platform, now: datetime) -> None:
    """Titles share words, lists are short: every change moves places in the lists of others."""
    subjects = ("线路板翘曲", "红茶发酵", "生猪育种", "陶瓷釉料", "水泵效率", "铝合金铸造")
    members: list[Member] = []
    needs: list[str] = []
    capabilities: list[str] = []
    for number in range(6):
        members.append(make_member(platform, now, email=f"m{number}@example.cn", organisation=f"单位{number}"))
    for number in range(24):
        member = members[number % 6]
        title = f"{subjects[number % 5]}的{subjects[(number + 1) % 6]}控制 {number}"
        if number % 2:
            needs.append(make_need(platform, member, now, title=title))
        else:
            capabilities.append(make_capability(platform, member, now, title=title))
    failures: list[BaseException] = []
    writing = threading.Event()
    writing.set()

    def work() -> None:
        while True:
            was_writing = writing.is_set()
            with platform.unit_of_work() as uow:
                claims = claim_due(uow.session, now, limit=3)
                uow.commit()
            if not claims and not was_writing:
                return
            for claim in claims:
                (refresh_post if claim.topic == POST_CHANGED else rank_post)(platform, claim.subject_id, now)

    def write() -> None:
        for round_ in range(2):
            for number, post_id in enumerate([*needs[::3], *capabilities[::3]]):
                with platform.unit_of_work() as uow:
                    post = uow.session.get(Post, post_id)
                    assert post is not None
                    member = next(m for m in members if m.organisation_id == post.organisation_id)
                    if number % 4 == 3 and round_ == 1:
                        close_post(uow, member.actor, post_id, "dropped", now)
                        continue
                    kind = NeedFields if post.side == "need" else CapabilityFields
                    title = f"{subjects[(number + round_) % 6]}的{subjects[number % 6]}测量 {number}"
                    entered = kind(title=title, organisation_id=member.organisation_id)
                    edit_post(uow, member.actor, post_id, entered, None, now)

    def guarded(task: object) -> None:
        try:
            task()  # type: ignore[operator]
        except BaseException as error:
            failures.append(error)
            raise

    with ThreadPoolExecutor(4) as pool:
        workers = [pool.submit(guarded, work) for _ in range(3)]
        guarded(write)
        writing.clear()
        for worker in workers:
            worker.result()
    assert failures == []
    settle_everything(platform, now)
    assert find_differences(platform, now) == []


def test_two_tasks_do_not_send_a_researcher_more_than_the_weekly_load(
    database_url: str, tmp_path: Path, now: datetime
) -> None:
    platform = make_platform(tmp_path, database_url=database_url, weekly_load=3)
    professor = make_member(platform, now, email="p@example.cn", organisation="大学", kind="university")
    expert_id = make_expert(platform, now, professor)
    capabilities = [
        make_capability(platform, professor, now, expert_ids=(expert_id,), title=f"线路板翘曲控制{number}")
        for number in range(4)
    ]
    for number in range(3):
        firm = make_member(platform, now, email=f"f{number}@example.cn", organisation=f"企业{number}")
        make_need(platform, firm, now)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda post_id: refresh_post(platform, post_id, now), capabilities))
    settle_everything(platform, now)
    with platform.reading() as session:
        told = session.scalars(select(Notification.id).where(Notification.user_id == professor.user_id)).all()
    assert len(told) == 3
    platform.close()

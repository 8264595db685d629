"""The main job: published posts are matched, both sides told once, and lists follow every change."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Affiliation, Notification, OutboxEntry, Suggestion
from matching.ranking.pool_storage import write_pool
from matching.services.posts import (
    NeedFields,
    close_post,
    edit_post,
    expire_posts,
    pause_post,
    publish_post,
    renew_post,
    resume_post,
)
from matching.services.statistics import count_pool
from matching.services.suggestions import rank_post, refresh_post
from matching.store.outbox import RANKING
from tests.factories.people import Member, make_expert, make_member
from tests.factories.platforms import make_platform
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything


@pytest.fixture
def firm(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="firm@example.cn", organisation="示例电路")


@pytest.fixture
def university(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="uni@example.cn", organisation="示例大学", kind="university")


def active(platform: Platform) -> list[tuple[str, str, int | None, int | None]]:
    with platform.reading() as session:
        rows = session.scalars(select(Suggestion).where(Suggestion.status == "active"))
        return sorted((row.need_id, row.capability_id, row.need_rank, row.capability_rank) for row in rows)


def told(platform: Platform) -> list[str]:
    with platform.reading() as session:
        return sorted(session.scalars(select(Notification.user_id)))


def test_a_published_pair_is_suggested_to_both_and_both_are_told_once(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    need_id = make_need(platform, firm, now, problem="高频板翘曲 0.9%，要求 ≤0.5%")
    capability_id = make_capability(platform, university, now, abstract="翘曲可控制在 0.4% 以内")
    settle_everything(platform, now)
    assert active(platform) == [(need_id, capability_id, 1, 1)]
    assert told(platform) == sorted([firm.user_id, university.user_id])
    with platform.reading() as session:
        suggestion = session.scalars(select(Suggestion)).one()
        assert suggestion.reasons
        assert suggestion.model_revision == platform.ranker.revision
        assert session.scalars(select(OutboxEntry).where(OutboxEntry.done_at.is_(None))).all() == []


def test_everything_may_run_twice(platform: Platform, now: datetime, firm: Member, university: Member) -> None:
    need_id = make_need(platform, firm, now)
    capability_id = make_capability(platform, university, now)
    settle_everything(platform, now)
    before = active(platform), told(platform)
    for post_id in (need_id, capability_id):
        refresh_post(platform, post_id, now)
        rank_post(platform, post_id, now)
    settle_everything(platform, now)
    assert (active(platform), told(platform)) == before


def test_a_ranking_gives_way_between_its_steps_and_keeps_nobody_from_writing(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    need_id = make_need(platform, firm, now)
    make_capability(platform, university, now)
    settle_everything(platform, now)
    before, written = active(platform), []

    def give_way() -> None:
        with platform.unit_of_work() as uow:
            uow.owe(RANKING, f"other-{len(written)}", now)
            uow.commit()
        written.append(now)

    rank_post(platform, need_id, now, give_way=give_way)
    assert len(written) >= 5, "before candidates are found, read, weighed, ranked and explained"
    assert active(platform) == before


def test_pausing_withdraws_and_resuming_brings_back_without_telling_again(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    need_id = make_need(platform, firm, now)
    capability_id = make_capability(platform, university, now)
    settle_everything(platform, now)
    with platform.unit_of_work() as uow:
        pause_post(uow, university.actor, capability_id, now)
    settle_everything(platform, now)
    assert active(platform) == []
    with platform.unit_of_work() as uow:
        resume_post(uow, university.actor, capability_id, now)
    settle_everything(platform, now)
    assert active(platform) == [(need_id, capability_id, 1, 1)]
    assert told(platform) == sorted([firm.user_id, university.user_id])


def test_closing_and_expiring_withdraw_and_renewing_brings_back(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    need_id = make_need(platform, firm, now)
    capability_id = make_capability(platform, university, now)
    settle_everything(platform, now)
    later = now + timedelta(days=platform.settings.post_lifetime_days)
    with platform.unit_of_work() as uow:
        assert sorted(expire_posts(uow, later)) == sorted([need_id, capability_id])
    settle_everything(platform, later)
    assert active(platform) == []
    for post_id, member in ((need_id, firm), (capability_id, university)):
        with platform.unit_of_work() as uow:
            renew_post(uow, member.actor, post_id, later, settings=platform.settings)
    settle_everything(platform, later)
    assert active(platform) == [(need_id, capability_id, 1, 1)]
    with platform.unit_of_work() as uow:
        close_post(uow, firm.actor, need_id, "solved_here", later)
    settle_everything(platform, later)
    assert active(platform) == []


def test_an_edit_that_changes_the_subject_changes_the_order(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    need_id = make_need(platform, firm, now, title="线路板翘曲控制")
    boards = make_capability(platform, university, now, title="线路板翘曲控制技术")
    tea = make_capability(platform, university, now, title="红茶发酵品质在线检测")
    settle_everything(platform, now)
    ranks = {capability_id: rank for _, capability_id, rank, _ in active(platform)}
    assert ranks[boards] == 1
    with platform.unit_of_work() as uow:
        edit_post(
            uow,
            firm.actor,
            need_id,
            NeedFields(title="红茶发酵品质检测", organisation_id=firm.organisation_id),
            None,
            now,
        )
    settle_everything(platform, now)
    ranks = {capability_id: rank for _, capability_id, rank, _ in active(platform)}
    assert ranks[tea] == 1


def test_a_list_keeps_its_length_and_fills_up_when_a_place_becomes_free(tmp_path: Path, now: datetime) -> None:
    platform = make_platform(tmp_path, suggestions_per_post=2)
    firm = make_member(platform, now, email="f@example.cn", organisation="甲")
    need_id = make_need(platform, firm, now, title="线路板翘曲控制")
    capabilities = []
    for number in range(4):
        owner = make_member(platform, now, email=f"u{number}@example.cn", organisation=f"大学{number}")
        title = "线路板翘曲控制" + "".join(["设备", "红茶", "生猪", "陶瓷"][:number])
        capabilities.append((make_capability(platform, owner, now, title=title), owner))
        settle_everything(platform, now)

    def listed() -> list[str]:
        with platform.reading() as session:
            return list(
                session.scalars(
                    select(Suggestion.capability_id)
                    .where(Suggestion.need_id == need_id, Suggestion.need_rank.is_not(None))
                    .order_by(Suggestion.need_rank)
                )
            )

    assert listed() == [capabilities[0][0], capabilities[1][0]]
    with platform.unit_of_work() as uow:
        close_post(uow, capabilities[0][1].actor, capabilities[0][0], "dropped", now)
    settle_everything(platform, now)
    assert listed() == [capabilities[1][0], capabilities[2][0]]
    platform.close()


def test_a_post_for_the_staff_is_not_suggested(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    make_need(platform, firm, now, visibility="staff")
    make_capability(platform, university, now)
    settle_everything(platform, now)
    assert active(platform) == []


def test_own_posts_are_not_suggested_to_oneself(platform: Platform, now: datetime, firm: Member) -> None:
    make_need(platform, firm, now)
    make_capability(platform, firm, now)
    settle_everything(platform, now)
    assert active(platform) == []


def test_an_expert_is_never_suggested_to_a_company_that_retains_them(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    expert_id = make_expert(platform, now, university)
    with platform.unit_of_work() as uow:
        uow.session.add(Affiliation(expert_id=expert_id, organisation_id=firm.organisation_id, relation="retained"))
        uow.commit()
    need_id = make_need(platform, firm, now)
    capability_id = make_capability(platform, university, now, expert_ids=(expert_id,))
    settle_everything(platform, now)
    assert active(platform) == []
    refresh_post(platform, capability_id, now)
    refresh_post(platform, need_id, now)
    assert active(platform) == []


def test_too_little_text_is_kept_flagged_and_found_by_words(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    need_id = make_need(platform, firm, now, title="翘曲")
    capability_id = make_capability(platform, university, now, title="翘曲的控制与测量方法")
    settle_everything(platform, now)
    assert active(platform) == [(need_id, capability_id, 1, 1)]
    with platform.reading() as session:
        suggestion = session.scalars(select(Suggestion)).one()
        assert suggestion.need.too_little_text
        assert not suggestion.capability.too_little_text
    assert platform.index.fetch_vectors([need_id])[need_id] == (None, None)


def test_weekly_load_holds_the_rest_back_and_the_next_week_brings_it(tmp_path: Path, now: datetime) -> None:
    from matching.notifying.suggestions import push_held_suggestions

    platform = make_platform(tmp_path, weekly_load=2)
    professor = make_member(platform, now, email="p@example.cn", organisation="大学", kind="university")
    expert_id = make_expert(platform, now, professor)
    make_capability(platform, professor, now, expert_ids=(expert_id,))
    for number in range(4):
        firm = make_member(platform, now, email=f"f{number}@example.cn", organisation=f"企业{number}")
        make_need(platform, firm, now)
    settle_everything(platform, now)

    def messages() -> int:
        with platform.reading() as session:
            return len(session.scalars(select(Notification).where(Notification.user_id == professor.user_id)).all())

    assert messages() == 2
    for days, expected in ((3, 2), (8, 4), (9, 4)):
        with platform.unit_of_work() as uow:
            push_held_suggestions(uow.session, now + timedelta(days=days), platform.settings)
            uow.commit()
        assert messages() == expected
    platform.close()


def test_a_failing_index_leaves_the_work_owed(
    platform: Platform, now: datetime, firm: Member, university: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matching.errors import PartUnavailable

    need_id = make_need(platform, firm, now)

    def fail(*_: object) -> None:
        raise PartUnavailable("index", "away")

    with monkeypatch.context() as patched:
        patched.setattr(type(platform.index), "write", fail)
        with pytest.raises(PartUnavailable):
            refresh_post(platform, need_id, now)
    with platform.reading() as session:
        assert len(session.scalars(select(OutboxEntry).where(OutboxEntry.done_at.is_(None))).all()) == 1
    make_capability(platform, university, now)
    settle_everything(platform, now)
    assert len(active(platform)) == 1


def test_publishing_needs_review_where_the_setting_says_so(tmp_path: Path, now: datetime) -> None:
    from matching.errors import NotAllowed
    from tests.factories.people import make_staff

    platform = make_platform(tmp_path, review_before_publication=True)
    firm = make_member(platform, now, email="f@example.cn")
    need_id = make_need(platform, firm, now, publish=False)
    with pytest.raises(NotAllowed) as caught, platform.unit_of_work() as uow:
        publish_post(uow, firm.actor, need_id, now, settings=platform.settings)
    assert caught.value.code == "post.review_first"
    staff = make_staff(platform, now, email="s@example.cn")
    with platform.unit_of_work() as uow:
        assert publish_post(uow, staff, need_id, now, settings=platform.settings).status == "published"
    platform.close()


def test_what_not_all_members_may_read_moves_no_score(
    platform: Platform, now: datetime, firm: Member, university: Member
) -> None:
    make_need(platform, firm, now)
    make_capability(platform, university, now, visibility="members")
    settle_everything(platform, now)
    before = write_pool(count_pool(platform, now))
    for hidden in ("matched", "staff"):
        make_need(platform, firm, now, title=f"只给少数人看的需求 {hidden}", visibility=hidden)
    make_need(platform, firm, now, title="还没发布的需求", publish=False)
    settle_everything(platform, now)
    assert write_pool(count_pool(platform, now)) == before
    make_need(platform, firm, now, title="大家都能看的需求")
    settle_everything(platform, now)
    assert write_pool(count_pool(platform, now)) != before

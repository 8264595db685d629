"""Posts that say nearly the same: who is told of them, and what the staff make of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, NotAllowed, NotFound
from matching.importing.records import read_records
from matching.models import DuplicatePair, Notification, Post
from matching.policy import Audience
from matching.queries.duplicates import list_duplicate_pairs
from matching.queries.posts import audience_for
from matching.services.actor import SYSTEM
from matching.services.duplicates import choose_richer, find_alike, note_duplicates, settle_duplicate
from matching.services.imports import import_records
from matching.services.posts import NeedFields, edit_post, submit_post
from tests.factories.people import Member, make_member, make_staff
from tests.factories.posts import make_capability, make_need

PROSE = (
    "我公司生产的高频线路板在回流焊后翘曲超过千分之七，影响贴片良率。已经试过调整压合参数和铜厚平衡，"
    "翘曲仍有波动，希望找到能够预测并控制翘曲的方法，并在现有产线上验证。"
)
VARIED = PROSE.replace("我公司", "某企业").replace("贴片良率", "良率")
OTHER = "铝合金压铸件在盐雾试验中三百小时出现白锈，客户要求达到一千小时，需要新的涂层体系或前处理工艺。"


@pytest.fixture
def firm(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="firm@example.cn", organisation="世纪线路板")


@pytest.fixture
def rival(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="rival@example.cn", organisation="另一家线路板")


def note(platform: Platform, now: datetime, *post_ids: str) -> None:
    for post_id in post_ids:
        note_duplicates(platform, post_id, now)


def pairs(platform: Platform) -> list[tuple[str, frozenset[str]]]:
    with platform.reading() as session:
        rows = session.scalars(select(DuplicatePair).order_by(DuplicatePair.id)).all()
        return [(row.state, frozenset((row.first_id, row.second_id))) for row in rows]


def alike_to(platform: Platform, post_id: str, audience: Audience, now: datetime) -> list[str]:
    with platform.reading() as session:
        post = session.get(Post, post_id)
        assert post is not None
        return [item.post.id for item in find_alike(session, post.to_document(), audience, now)]


def test_a_post_of_another_organisation_that_says_the_same_is_paired_once(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    first = make_need(platform, firm, now, problem=PROSE)
    second = make_need(platform, rival, now, title="高频线路板的翘曲控制", problem=VARIED)
    third = make_need(platform, rival, now, title="压铸件防腐", problem=OTHER)
    note(platform, now, first, second, third, first, second)
    assert pairs(platform) == [("open", frozenset((first, second)))]


def test_needs_are_not_duplicates_of_capabilities(platform: Platform, firm: Member, now: datetime) -> None:
    need = make_need(platform, firm, now, problem=PROSE)
    capability = make_capability(platform, firm, now, title="高频线路板翘曲控制", abstract=PROSE)
    note(platform, now, need, capability)
    assert pairs(platform) == []


def test_a_pair_ends_when_the_texts_part_and_comes_back_when_they_agree_again(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    first = make_need(platform, firm, now, problem=PROSE)
    second = make_need(platform, rival, now, problem=VARIED)
    note(platform, now, first, second)
    for text, state in ((OTHER, "obsolete"), (VARIED, "open")):
        title = "压铸件防腐涂层" if text == OTHER else "高频线路板翘曲控制"
        with platform.unit_of_work() as uow:
            entered = NeedFields(organisation_id=rival.organisation_id, title=title, problem=text)
            edit_post(uow, rival.actor, second, entered, None, now)
        note(platform, now, second)
        assert pairs(platform) == [(state, frozenset((first, second)))]


def test_a_writer_is_told_of_what_they_may_see_and_of_nothing_else(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    for visibility in ("public", "members", "matched", "staff"):
        hidden = make_need(platform, firm, now, problem=PROSE, visibility=visibility)
        note(platform, now, hidden)
        mine = make_need(platform, rival, now, problem=VARIED, publish=False)
        with platform.reading() as session:
            reader = audience_for(session, rival.actor)
        seen = alike_to(platform, mine, reader, now)
        assert (hidden in seen) == (visibility in ("public", "members"))
        assert (hidden in alike_to(platform, mine, Audience(), now)) == (visibility == "public")


def test_a_post_past_its_date_is_not_shown_to_others(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    old = make_need(platform, firm, now, problem=PROSE)
    note(platform, now, old)
    mine = make_need(platform, rival, now, problem=VARIED, publish=False)
    with platform.reading() as session:
        reader = audience_for(session, rival.actor)
    assert alike_to(platform, mine, reader, now) == [old]
    assert alike_to(platform, mine, reader, now + timedelta(days=800)) == []


def test_the_staff_close_the_poorer_and_its_writers_are_told(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    rich = make_need(platform, firm, now, problem=PROSE, keywords=("翘曲",), indicators=("翘曲 ≤ 0.5 %",))
    poor = make_need(platform, rival, now, problem=VARIED)
    note(platform, now, rich, poor)
    staff = make_staff(platform, now, email="staff@example.cn")
    with platform.reading() as session:
        listed = list_duplicate_pairs(session, staff, now)
        assert len(listed) == 1
        assert choose_richer(listed[0].first, listed[0].second).id == rich
        pair_id = listed[0].id
        decision = "close_first" if listed[0].first_id == poor else "close_second"
    with platform.unit_of_work() as uow:
        settle_duplicate(uow, staff, pair_id, decision, now)
    with platform.reading() as session:
        closed = session.get(Post, poor)
        assert closed is not None
        assert (closed.status, closed.close_reason) == ("closed", "duplicate")
        told = session.execute(select(Notification.user_id, Notification.kind)).tuples().all()
        assert told == [(rival.user_id, "post_closed_duplicate")]
        assert list_duplicate_pairs(session, staff, now) == []
    note(platform, now, poor, rich)
    assert pairs(platform) == [("closed", frozenset((rich, poor)))]
    with platform.unit_of_work() as uow, pytest.raises(IllegalMove):
        settle_duplicate(uow, staff, pair_id, "not_duplicate", now)


def test_that_two_are_no_duplicates_is_remembered(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    first = make_need(platform, firm, now, problem=PROSE)
    second = make_need(platform, rival, now, problem=VARIED)
    note(platform, now, first, second)
    staff = make_staff(platform, now, email="staff@example.cn")
    with platform.reading() as session:
        pair_id = list_duplicate_pairs(session, staff, now)[0].id
    with platform.unit_of_work() as uow:
        settle_duplicate(uow, staff, pair_id, "not_duplicate", now)
    note(platform, now, first, second)
    assert pairs(platform) == [("not_duplicate", frozenset((first, second)))]


def test_a_post_that_waits_for_review_is_returned(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    kept = make_need(platform, firm, now, problem=PROSE)
    waiting = make_need(platform, rival, now, problem=VARIED, publish=False)
    with platform.unit_of_work() as uow:
        submit_post(uow, rival.actor, waiting, now)
    note(platform, now, kept, waiting)
    staff = make_staff(platform, now, email="staff@example.cn")
    with platform.reading() as session:
        pair = list_duplicate_pairs(session, staff, now)[0]
    with platform.unit_of_work() as uow:
        decision = "close_first" if pair.first_id == waiting else "close_second"
        assert settle_duplicate(uow, staff, pair.id, decision, now).state == "returned"
    with platform.reading() as session:
        post = session.get(Post, waiting)
        assert post is not None
        assert post.status == "returned"
        assert post.return_reason


def test_staff_of_elsewhere_and_members_settle_nothing(
    platform: Platform, firm: Member, rival: Member, now: datetime
) -> None:
    first = make_need(platform, firm, now, problem=PROSE)
    second = make_need(platform, rival, now, problem=VARIED, visibility="matched")
    note(platform, now, first, second)
    elsewhere = make_staff(platform, now, email="foshan@example.cn", region_code="440600")
    with platform.reading() as session:
        assert list_duplicate_pairs(session, elsewhere, now) == []
        assert list_duplicate_pairs(session, firm.actor, now) == []
        pair_id = session.scalars(select(DuplicatePair.id)).one()
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        settle_duplicate(uow, elsewhere, pair_id, "close_first", now)
    with platform.unit_of_work() as uow, pytest.raises((NotAllowed, NotFound)):
        settle_duplicate(uow, firm.actor, pair_id, "close_first", now)
    assert [state for state, _ in pairs(platform)] == ["open"]


def test_an_import_warns_of_rows_that_say_what_another_post_says(
    platform: Platform, firm: Member, now: datetime, tmp_path: Path
) -> None:
    note(platform, now, make_need(platform, firm, now, problem=PROSE))
    file = tmp_path / "needs.csv"
    header = "单位名称,需求名称,概述\n"
    rows = [f"甲厂,高频线路板翘曲,{VARIED}\n", f"乙厂,压铸件防腐,{OTHER}\n", f"丙厂,压铸件 防腐,{OTHER}\n"]
    file.write_text(header + "".join(rows), encoding="utf-8")
    for dry_run in (True, False):
        reading = read_records(file, "needs")
        report = import_records(platform, SYSTEM, reading, now, region_code="440784", dry_run=dry_run)
        assert report.added == 3
        assert [(row.place.row, row.status, row.findings[-1].code) for row in report.alike] == [
            (2, "warned", "import.duplicate"),
            (4, "warned", "import.duplicate"),
        ]
        assert "高频线路板翘曲控制" in report.alike[0].findings[-1].zh
    with platform.reading() as session:
        hidden = session.scalars(select(Post).where(Post.organisation_id == firm.organisation_id)).one()
        assert hidden.status == "published"


def test_an_import_names_no_post_that_its_actor_may_not_see(
    platform: Platform, firm: Member, rival: Member, now: datetime, tmp_path: Path
) -> None:
    note(platform, now, make_need(platform, firm, now, problem=PROSE, visibility="matched"))
    file = tmp_path / "needs.csv"
    file.write_text(f"需求名称,概述\n高频线路板翘曲,{VARIED}\n", encoding="utf-8")
    reading = read_records(file, "needs")
    report = import_records(
        platform, rival.actor, reading, now, region_code="440784", organisation_id=rival.organisation_id
    )
    assert (report.added, report.alike) == (1, [])

"""Works of experts: one row each, kept by those who keep the entry, and what an expertise is found and ranked by."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import func, select

from matching.bootstrap import Platform
from matching.errors import NotAllowed, NotFound
from matching.importing.works import WorksReading, read_works_content
from matching.models import Capability, ExpertWork, OutboxEntry, Suggestion, Work
from matching.queries.works import list_works, load_documents
from matching.services.actor import SYSTEM, Actor
from matching.services.experts import erase_expert
from matching.services.works import WorksReport, hide_work, import_works
from matching.store.outbox import POST_CHANGED
from tests.factories.people import Member, make_expert, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything

BIBTEX = """
@article{warp, title={压合叠构与铜厚对高频线路板翘曲的影响}, author={甲 and 乙}, year=2024, doi={10.1000/warp}}
@article{cool, title={生猪舍湿帘降温的能耗}, author={甲}, year=2009}
@patent{jig, title={一种线路板翘曲矫正治具}, author={甲}, year=2021}
"""
ORCID = """{"group": [{"work-summary": [{"put-code": 1,
 "title": {"title": {"value": "压合叠构与铜厚对高频线路板翘曲的影响"}},
 "type": "journal-article", "journal-title": {"value": "电子工艺"}}]}]}"""


@pytest.fixture
def teacher(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="teacher@example.cn", organisation="示例大学", kind="university")


@pytest.fixture
def expert_id(platform: Platform, teacher: Member, now: datetime) -> str:
    return make_expert(platform, now, teacher)


def bring(
    platform: Platform, actor: Actor, expert_id: str, now: datetime, text: str = BIBTEX, *, dry_run: bool = False
) -> WorksReport:
    reading: WorksReading = read_works_content(text.encode(), "works", now)
    with platform.unit_of_work() as uow:
        return import_works(uow, actor, expert_id, reading, now, source="导入：works", dry_run=dry_run)


def titles(platform: Platform, expert_id: str, *, with_hidden: bool = False) -> list[str]:
    with platform.reading() as session:
        return [work.title for work, _ in list_works(session, expert_id, with_hidden=with_hidden)]


def test_a_file_brings_works_once_and_another_format_fills_them_in(
    platform: Platform, teacher: Member, expert_id: str, now: datetime
) -> None:
    assert bring(platform, teacher.actor, expert_id, now, dry_run=True).added == 3
    assert titles(platform, expert_id) == []
    first = bring(platform, teacher.actor, expert_id, now)
    again = bring(platform, teacher.actor, expert_id, now)
    other = bring(platform, teacher.actor, expert_id, now, ORCID)
    assert (first.added, first.known, again.added, again.known, again.filled) == (3, 0, 0, 3, 0)
    assert (other.added, other.known, other.filled) == (0, 1, 1)
    assert titles(platform, expert_id) == [
        "压合叠构与铜厚对高频线路板翘曲的影响", "一种线路板翘曲矫正治具", "生猪舍湿帘降温的能耗",
    ]  # fmt: skip
    with platform.reading() as session:
        assert session.scalars(select(Work.venue).where(Work.doi == "10.1000/warp")).one() == "电子工艺"


def test_a_work_of_two_experts_is_one_row(platform: Platform, teacher: Member, expert_id: str, now: datetime) -> None:
    second = make_member(platform, now, email="second@example.cn", organisation="另一大学", kind="university")
    second_id = make_expert(platform, now, second, name="乙")
    bring(platform, teacher.actor, expert_id, now)
    bring(platform, second.actor, second_id, now)
    with platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(Work)) == 3
        assert session.scalar(select(func.count()).select_from(ExpertWork)) == 6
    with platform.unit_of_work() as uow:
        erase_expert(uow, teacher.actor, expert_id, now)
    assert len(titles(platform, second_id)) == 3
    with platform.unit_of_work() as uow:
        erase_expert(uow, second.actor, second_id, now)
    with platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(Work)) == 0


def test_only_those_who_keep_the_entry_change_its_works(
    platform: Platform, teacher: Member, expert_id: str, now: datetime
) -> None:
    stranger = make_member(platform, now, email="stranger@example.cn")
    with pytest.raises(NotAllowed):
        bring(platform, stranger.actor, expert_id, now)
    with pytest.raises(NotFound):
        bring(platform, SYSTEM, "nobody", now)
    bring(platform, SYSTEM, expert_id, now)
    with platform.reading() as session:
        work_id = session.scalars(select(Work.id).where(Work.year == 2009)).one()
    with platform.unit_of_work() as uow, pytest.raises(NotAllowed):
        hide_work(uow, stranger.actor, expert_id, work_id, True, now)
    with platform.unit_of_work() as uow:
        hide_work(uow, teacher.actor, expert_id, work_id, True, now)
    bring(platform, SYSTEM, expert_id, now)
    assert len(titles(platform, expert_id)) == 2
    assert len(titles(platform, expert_id, with_hidden=True)) == 3


def test_works_make_an_expertise_found_and_are_its_reasons(
    platform: Platform, teacher: Member, expert_id: str, now: datetime
) -> None:
    firm = make_member(platform, now, email="firm@example.cn", organisation="示例线路板厂")
    offer = make_capability(
        platform, teacher, now, kind="expertise", title="愿为企业诊断制造问题", expert_ids=(expert_id,)
    )
    for number in range(12):
        make_capability(platform, teacher, now, title=f"第{number}号茶叶萎凋与发酵装备")
    need = make_need(platform, firm, now, title="高频线路板翘曲控制", problem="压合后翘曲，叠构与铜厚不对称")
    settle_everything(platform, now)

    def listed() -> tuple[int | None, list[str]]:
        with platform.reading() as session:
            row = session.scalars(
                select(Suggestion).where(Suggestion.need_id == need, Suggestion.capability_id == offer)
            ).one_or_none()
            if row is None or row.status != "active":
                return None, []
            return row.need_rank, [reason["text"] for reason in row.reasons if reason["kind"] == "work"]

    assert listed()[1] == []
    bring(platform, teacher.actor, expert_id, now)
    with platform.reading() as session:
        owed = session.scalars(
            select(OutboxEntry.subject_id).where(OutboxEntry.topic == POST_CHANGED, OutboxEntry.done_at.is_(None))
        ).all()
    assert owed == [offer]
    settle_everything(platform, now)
    rank, reasons = listed()
    assert rank == 1
    assert reasons[0] == "做过相近的工作：《压合叠构与铜厚对高频线路板翘曲的影响》（2024 年）"
    assert not any("湿帘" in reason for reason in reasons)


def test_one_broken_profile_stops_no_other(
    platform: Platform, teacher: Member, expert_id: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = make_capability(platform, teacher, now, kind="expertise", title="坏资料", expert_ids=(expert_id,))
    sound = make_capability(platform, teacher, now, kind="expertise", title="线路板翘曲诊断", expert_ids=(expert_id,))
    to_document = Capability.to_document

    def fails_for_one(self: Capability) -> object:
        if self.id == broken:
            raise ValueError("damaged row")
        return to_document(self)

    monkeypatch.setattr(Capability, "to_document", fails_for_one)
    with platform.reading() as session:
        posts = session.scalars(select(Capability)).all()
        assert list(load_documents(session, posts, now)) == [sound]

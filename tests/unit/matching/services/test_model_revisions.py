"""Rankers that learn from use: judgements from what people did, figures beside the present ones, one way back."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed
from matching.models import Engagement, ModelRevision, OutboxEntry, Suggestion, SuggestionAnswer
from matching.models.base import new_id
from matching.queries.judgements import judged_levels
from matching.ranking import learned
from matching.services.actor import SYSTEM
from matching.services.model_revisions import SHIPPED, activate_revision, may_activate, roll_back, train_from_platform
from matching.store.outbox import RANKING
from matching.training.further import is_no_worse
from matching.training.ranker import RankerRecipe, train_ranker
from tests.factories.embedder import WordEmbedder
from tests.factories.people import Member, make_member
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything

TOPICS = ["电镀废水", "微弧氧化", "生猪养殖", "散热器", "粉末涂料", "锂电池隔膜", "超临界发泡", "茶叶加工"]


def judged_folder(folder: Path) -> Path:
    """Each need has one topic; capabilities of the topic are matches, those that only share filler are not."""
    folder.mkdir()
    draws = random.Random(1)
    needs, capabilities, judgements = [], [], []
    for number in range(16):
        topic = TOPICS[number % len(TOPICS)]
        needs.append({"id": f"n{number}", "title": f"{topic}第{number}号工艺改进"})
        for place in range(5):
            subject = topic if place < 2 else draws.choice([other for other in TOPICS if other != topic])
            capabilities.append({"id": f"c{number}-{place}", "title": f"{subject}成套装备{place}"})
            judgements.append((f"n{number}", f"c{number}-{place}", (3 + place) if place < 2 else 1 + place % 2))
    for name, rows in (("needs", needs), ("capabilities", capabilities)):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "qrels.tsv").write_text("".join(f"{n}\t{c}\t{level}\n" for n, c, level in judgements), encoding="utf-8")
    return folder


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A judged set, and a ranker taught on it in the shipped one's place."""
    folder = judged_folder(tmp_path / "graded")
    out = tmp_path / "shipped" / "ranker.json"
    recipe = RankerRecipe(trees=8, bags=2, folds=4, repeats=1, least_pairs_per_leaf=5)
    train_ranker([folder], out, WordEmbedder(), recipe=recipe)
    monkeypatch.setattr(learned, "SHIPPED_RANKER", out)
    return folder


def answer(
    platform: Platform,
    now: datetime,
    need: str,
    capability: str,
    kind: str,
    reason: str | None = None,
    side: str = "need",
) -> None:
    with platform.unit_of_work() as uow:
        uow.session.add(
            SuggestionAnswer(
                id=new_id(), need_id=need, capability_id=capability, side=side, kind=kind, reason_code=reason,
                answered_at=now,
            )
        )  # fmt: skip
        uow.commit()


@pytest.fixture
def firm(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="firm@example.cn", organisation="示例企业")


@pytest.fixture
def used(judged: Path, platform: Platform, firm: Member, now: datetime) -> Platform:
    """Eight needs with an accepted and a declined capability each."""
    professor = make_member(platform, now, email="prof@example.cn", organisation="示例大学", kind="university")
    for number, topic in enumerate(TOPICS):
        need = make_need(platform, firm, now, title=f"{topic}质量提升{number}")
        good = make_capability(platform, professor, now, title=f"{topic}成套方案{number}")
        bad = make_capability(platform, professor, now, title=f"{TOPICS[(number + 3) % 8]}在线监测{number}")
        answer(platform, now, need, good, "accept")
        answer(platform, now, need, bad, "decline", "not_my_field", side="capability")
    return platform


def test_what_people_did_is_graded(platform: Platform, firm: Member, now: datetime) -> None:
    professor = make_member(platform, now, email="prof@example.cn", organisation="示例大学", kind="university")
    need = make_need(platform, firm, now)
    offers = [make_capability(platform, professor, now, title=f"翘曲控制方案{number}") for number in range(7)]
    answer(platform, now, need, offers[0], "accept")
    answer(platform, now, need, offers[0], "decline", "wrong_problem", side="capability")
    answer(platform, now, need, offers[1], "decline", "not_my_field")
    answer(platform, now, need, offers[2], "decline", "budget")
    answer(platform, now, need, offers[3], "later")
    answer(platform, now, need, offers[4], "accept")
    with platform.unit_of_work() as uow:
        for offer, stage in ((offers[4], "terms"), (offers[5], "talk")):
            uow.session.add(
                Engagement(
                    title="x", need_id=need, capability_id=offer, need_organisation_id=firm.organisation_id,
                    capability_organisation_id=professor.organisation_id, need_region_code="440784",
                    capability_region_code="440784", stage=stage, stage_since=now, created_at=now, updated_at=now,
                )
            )  # fmt: skip
        uow.commit()
    with platform.reading() as session:
        assert judged_levels(session) == {
            need: {offers[0]: 2, offers[1]: 1, offers[4]: 4, offers[5]: 3},
        }


def test_a_candidate_is_kept_with_both_figures_and_changes_nothing_yet(
    used: Platform, judged: Path, now: datetime
) -> None:
    before = used.ranker.revision
    assert before.startswith("ranker-")
    revision = train_from_platform(used, SYSTEM, [judged], now)
    assert (revision.state, revision.compared_with) == ("candidate", before)
    assert set(revision.figures["sets"]) == {"platform", "graded"}
    for pair in revision.figures["sets"].values():
        assert 0 <= pair["new"]["auc"] <= 1
        assert 0 <= pair["old"]["auc"] <= 1
    assert revision.figures["platform_pairs"] == 16
    assert used.ranker.revision == before
    assert train_from_platform(used, SYSTEM, [judged], now).id == revision.id


def test_activating_ranks_everything_anew_and_old_suggestions_keep_their_revision(
    used: Platform, judged: Path, now: datetime
) -> None:
    settle_everything(used, now)
    before = used.ranker.revision
    revision = train_from_platform(used, SYSTEM, [judged], now)
    with used.unit_of_work() as uow:
        figures = revision.figures
        for pair in figures["sets"].values():
            pair["new"] = dict(pair["old"])
        uow.session.execute(update(ModelRevision).values(figures=figures))
        uow.commit()
    activate_revision(used, SYSTEM, revision.id, now)
    assert used.ranker.revision.startswith(revision.id)
    with used.reading() as session:
        owed = session.scalars(
            select(OutboxEntry.subject_id).where(OutboxEntry.topic == RANKING, OutboxEntry.done_at.is_(None))
        ).all()
    assert len(set(owed)) == 24
    settle_everything(used, now)
    with used.reading() as session:
        found = {(row.model_revision.split("+")[0], row.status) for row in session.scalars(select(Suggestion))}
    assert found == {(before.split("+")[0], "withdrawn"), (revision.id, "active")}
    with pytest.raises(IllegalMove):
        activate_revision(used, SYSTEM, revision.id, now)
    assert roll_back(used, SYSTEM, now) == SHIPPED
    assert used.ranker.revision == before
    with used.reading() as session:
        assert session.scalars(select(ModelRevision.state)).all() == ["retired"]
    with pytest.raises(IllegalMove):
        roll_back(used, SYSTEM, now)


def test_an_active_revision_of_a_former_version_gives_way_to_the_shipped_one(
    used: Platform, judged: Path, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    """An upgrade that changes features must not stop the platform."""
    before = used.ranker.revision
    revision = train_from_platform(used, SYSTEM, [judged], now)
    with used.unit_of_work() as uow:
        data = revision.data.replace(f'"format": {learned.FORMAT}'.encode(), b'"format": 1')
        uow.session.execute(update(ModelRevision).values(state="active", data=data))
        uow.commit()
    used.forget_ranker()
    assert used.ranker.revision == before
    assert "the shipped one is" in caplog.text


def test_a_worse_candidate_is_not_activated(used: Platform, judged: Path, now: datetime) -> None:
    revision = train_from_platform(used, SYSTEM, [judged], now)
    with used.unit_of_work() as uow:
        figures = revision.figures
        figures["sets"]["graded"]["new"]["auc"] = figures["sets"]["graded"]["old"]["auc"] - 0.004
        uow.session.execute(update(ModelRevision).values(figures=figures))
        uow.commit()
    before = used.ranker.revision
    with pytest.raises(IllegalMove):
        activate_revision(used, SYSTEM, revision.id, now)
    assert used.ranker.revision == before


def test_figures_decide() -> None:
    old = {"ndcg_10": 0.5, "auc": 0.8, "recall_50": None}
    assert is_no_worse({"ndcg_10": 0.498, "auc": 0.8}, old)
    assert not is_no_worse({"ndcg_10": 0.496, "auc": 0.9}, old)
    assert not is_no_worse({"ndcg_10": 0.5}, old)
    assert not may_activate({"sets": {"platform": {"new": old, "old": old}}})


def test_sets_of_one_name_are_refused(used: Platform, judged: Path, tmp_path: Path, now: datetime) -> None:
    """Their figures are kept by name: one would replace the other, and `platform` decides nothing."""
    (tmp_path / "other").mkdir()
    again = judged_folder(tmp_path / "other" / judged.name)
    with pytest.raises(InvalidInput, match="同名") as refused:
        train_from_platform(used, SYSTEM, [judged, again], now)
    assert refused.value.where == str(again)
    with pytest.raises(InvalidInput, match="不能叫 platform"):
        train_from_platform(used, SYSTEM, [judged_folder(tmp_path / "platform")], now)
    with pytest.raises(InvalidInput, match="同名"):
        train_ranker([judged, again], tmp_path / "ranker.json", used.embedder)
    assert train_from_platform(used, SYSTEM, [judged], now).figures["sets"].keys() == {"platform", judged.name}


def test_nothing_to_learn_from_and_members_are_refused(
    judged: Path, platform: Platform, firm: Member, now: datetime
) -> None:
    with pytest.raises(InvalidInput):
        train_from_platform(platform, SYSTEM, [judged], now)
    member = replace(firm.actor)
    for work in (
        lambda: train_from_platform(platform, member, [judged], now),
        lambda: activate_revision(platform, member, "x", now),
        lambda: roll_back(platform, member, now),
    ):
        with pytest.raises(NotAllowed):
            work()

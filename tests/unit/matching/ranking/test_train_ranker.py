from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matching.errors import InvalidInput
from matching.ranking.learned import load_ranker
from matching.ranking.structured import EVIDENCE, HAND_SET_WEIGHTS
from matching.training import ranker as ranker_training
from matching.training.ranker import RankerRecipe, fit_calibration, train_ranker
from tests.unit.matching.ranking.posts import HashedEmbedder

TOPICS = ["电镀废水", "微弧氧化", "生猪养殖", "散热器", "粉末涂料", "锂电池隔膜", "超临界发泡", "茶叶加工"]
SMALL = RankerRecipe(trees=8, bags=2, folds=4, repeats=2, least_pairs_per_leaf=5)


@pytest.fixture
def graded(tmp_path: Path) -> Path:
    """Each need has one topic; capabilities of the topic are matches, those that only share filler are not."""
    folder = tmp_path / "graded"
    folder.mkdir()
    draws = random.Random(1)
    needs, capabilities, judgements = [], [], []
    for number in range(24):
        topic = TOPICS[number % len(TOPICS)]
        needs.append({"id": f"n{number}", "title": f"{topic}第{number}号工艺改进"})
        for place in range(6):
            matches = place < 2
            subject = topic if matches else draws.choice([other for other in TOPICS if other != topic])
            capabilities.append({"id": f"c{number}-{place}", "title": f"{subject}成套装备{place}"})
            judgements.append((f"n{number}", f"c{number}-{place}", (3 + place) if matches else 1 + place % 2))
    for name, rows in (("needs", needs), ("capabilities", capabilities)):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "qrels.tsv").write_text("".join(f"{n}\t{c}\t{level}\n" for n, c, level in judgements), encoding="utf-8")
    return folder


def test_training_writes_a_ranker_and_a_report(graded: Path, tmp_path: Path) -> None:
    out = tmp_path / "ranker.json"
    seen: list[tuple[int, int | None]] = []
    report = train_ranker(
        [graded], out, HashedEmbedder(), recipe=SMALL, on_progress=lambda done, total: seen.append((done, total))
    )
    assert (report.needs, report.pairs, report.matches) == (24, 144, 48)
    assert all(run.auc is not None and run.auc > 0.95 for run in report.cross_validated["graded"])
    assert len(report.calibration_errors) == 2
    assert seen[-1] == (9, 9)
    ranker = load_ranker(out, encoder_revision="hashed-1")
    assert ranker.calibration is not None
    assert ranker.calibration.slope > 0
    assert "| graded | learned |" in (tmp_path / "ranker.report.md").read_text(encoding="utf-8")
    stored = json.loads((tmp_path / "ranker.report.json").read_text(encoding="utf-8"))
    assert stored["fusion"]["graded"]["needs"] == 24


def test_what_fields_add_is_learned_where_judged_posts_have_some(graded: Path, tmp_path: Path) -> None:
    """Without fields the weights are those set by hand. With a domain that tells matches from others where texts do
    not, its weight rises, the file says so, and needs that were not taught on gain by it."""
    levels = dict[str, int]()
    for line in (graded / "qrels.tsv").read_text("utf-8").splitlines():
        _, capability, level = line.split("\t")
        levels[capability] = int(level)
    rows = [json.loads(line) for line in (graded / "needs.jsonl").read_text("utf-8").splitlines()]
    for number, row in enumerate(rows):
        if number % 2:
            row["title"] = f"第{number}号产品的改进"
    write_rows(graded / "needs.jsonl", rows)
    without = train_ranker([graded], tmp_path / "without.json", HashedEmbedder(), recipe=SMALL)
    assert stored_weights(tmp_path / "without.json") == {
        name: pytest.approx(weight) for name, weight in zip(EVIDENCE, HAND_SET_WEIGHTS, strict=True)
    }
    for name in ("needs", "capabilities"):
        rows = [json.loads(line) for line in (graded / f"{name}.jsonl").read_text("utf-8").splitlines()]
        for row in rows:
            row["domain"] = "energy" if levels.get(row["id"], 4) < 3 else "materials"
        write_rows(graded / f"{name}.jsonl", rows)
    with_fields = train_ranker([graded], tmp_path / "with.json", HashedEmbedder(), recipe=SMALL)
    weights = stored_weights(tmp_path / "with.json")
    assert weights["domain_agrees"] > 2 * HAND_SET_WEIGHTS[EVIDENCE.index("domain_agrees")]
    written = (tmp_path / "with.report.md").read_text("utf-8")
    assert f"| domain_agrees | +0.15 | {weights['domain_agrees']:+.2f} |" in written
    assert "money_agrees" not in written
    assert "domain_agrees" not in (tmp_path / "without.report.md").read_text("utf-8")
    assert weights["money_agrees"] == pytest.approx(HAND_SET_WEIGHTS[EVIDENCE.index("money_agrees")])
    for before, after in zip(without.cross_validated["graded"], with_fields.cross_validated["graded"], strict=True):
        assert before.auc is not None
        assert after.auc is not None
        assert after.auc > before.auc + 0.03
    ranker = load_ranker(tmp_path / "with.json", encoder_revision="hashed-1")
    assert ranker.field_weights.tolist() == pytest.approx(list(weights.values()))


def write_rows(file: Path, rows: list[dict[str, Any]]) -> None:
    file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")


def stored_weights(file: Path) -> dict[str, float]:
    return dict(json.loads(file.read_text("utf-8"))["field_weights"])


def test_equal_arguments_give_an_equal_file(graded: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        train_ranker([graded], tmp_path / f"{name}.json", HashedEmbedder(), recipe=SMALL)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_an_interrupted_training_goes_on_to_the_same_file(
    graded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole.json", tmp_path / "parts.json"
    train_ranker([graded], whole, HashedEmbedder(), recipe=SMALL, shares=(0.5,))

    def stop(done: int, _total: int | None) -> None:
        if done == 10:  # 8 folds, then the second one of the learning curve
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_ranker([graded], parts, HashedEmbedder(), recipe=SMALL, shares=(0.5,), on_progress=stop)
    work = tmp_path / "parts.json.work"
    assert len(list(work.glob("*.npz"))) == 10
    with pytest.raises(InvalidInput, match="参数"):
        train_ranker([graded], parts, HashedEmbedder(), recipe=replace(SMALL, trees=9), resume=True)
    taught: list[int] = []
    teach = ranker_training._teach
    monkeypatch.setattr(
        ranker_training, "_teach", lambda needs, *rest: (taught.append(len(needs)), teach(needs, *rest))[1]
    )
    train_ranker([graded], parts, HashedEmbedder(), recipe=SMALL, shares=(0.5,), resume=True)
    assert len(taught) == 8 - 2 + 1  # the rest of the curve, and the ranker itself
    assert parts.read_bytes() == whole.read_bytes()
    reports = [path.with_suffix(".report.json").read_text("utf-8") for path in (parts, whole)]
    assert reports[0] == reports[1]
    assert not work.exists()


def test_each_need_is_seen_through_the_model_of_its_fold(graded: Path, tmp_path: Path) -> None:
    class Blind(HashedEmbedder):
        """A fold's model that embeds nothing: its needs must then lack every dense feature."""

        def embed(self, texts, *, prompt):  # type: ignore[no-untyped-def]
            return np.zeros((len(texts), self.dimension), dtype=np.float32)

    one = train_ranker([graded], tmp_path / "one.json", HashedEmbedder(), recipe=SMALL)
    both = train_ranker(
        [graded], tmp_path / "both.json", HashedEmbedder(), recipe=SMALL, fold_embedders=[HashedEmbedder(), Blind()]
    )
    assert both.needs == one.needs
    assert both.fusion["graded"].to_json() != one.fusion["graded"].to_json()


def test_sets_without_levels_are_measured_but_not_learned(graded: Path, tmp_path: Path) -> None:
    single = tmp_path / "single"
    single.mkdir()
    (single / "needs.jsonl").write_text('{"id": "n", "title": "电镀废水"}\n', encoding="utf-8")
    (single / "capabilities.jsonl").write_text(
        '{"id": "c", "title": "电镀废水回用"}\n{"id": "d", "title": "茶叶"}\n', encoding="utf-8"
    )
    (single / "qrels.tsv").write_text("n\tc\t4\n", encoding="utf-8")
    report = train_ranker([graded, single], tmp_path / "r.json", HashedEmbedder(), recipe=SMALL)
    assert report.needs == 24
    assert [evaluation.recall_1 for evaluation in report.others["single"]] == [1.0, 1.0]
    with pytest.raises(InvalidInput):
        train_ranker([single], tmp_path / "s.json", HashedEmbedder(), recipe=SMALL)


def test_calibration_finds_the_curve_that_made_the_outcomes() -> None:
    draws = np.random.default_rng(7)
    scores = draws.normal(size=20_000).astype(np.float32)
    outcomes = draws.random(20_000) < 1 / (1 + np.exp(-(1.5 * scores - 1.0)))
    curve = fit_calibration(scores, outcomes)
    assert (curve.slope, curve.intercept) == pytest.approx((1.5, -1.0), abs=0.1)


def test_the_learning_curve_says_what_fewer_needs_would_teach(graded: Path, tmp_path: Path) -> None:
    steps: list[tuple[int, int | None]] = []
    report = train_ranker(
        [graded], tmp_path / "with.json", HashedEmbedder(), recipe=SMALL, shares=(0.25, 0.5),
        on_progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    curve = report.learning_curve["graded"]
    assert {share: len(runs) for share, runs in curve.items()} == {0.25: 2, 0.5: 2}
    assert all(run.ndcg_10 is not None and 0 < run.ndcg_10 <= 1 for runs in curve.values() for run in runs)
    assert steps[-1] == (25, 25)
    assert "learned on 25% of the needs" in (tmp_path / "with.report.md").read_text(encoding="utf-8")
    train_ranker([graded], tmp_path / "without.json", HashedEmbedder(), recipe=SMALL)
    assert (tmp_path / "with.json").read_bytes() == (tmp_path / "without.json").read_bytes()

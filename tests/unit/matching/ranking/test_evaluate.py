from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from matching.errors import InvalidInput
from matching.ranking.evaluate import evaluate_ranking, load_judged_set, measure_scores
from matching.ranking.learned import fusion_ranker
from tests.unit.matching.ranking.posts import CAPABILITIES, NEEDS, HashedEmbedder

JUDGED = [("n1", "c1", 4), ("n1", "c5", 1), ("n2", "c2", 3), ("n2", "c6", 2), ("n3", "c3", 4), ("n4", "c7", 1)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, posts in (("needs", NEEDS), ("capabilities", CAPABILITIES)):
        lines = [json.dumps({"id": post.id, "title": post.title}, ensure_ascii=False) for post in posts]
        (tmp_path / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "qrels.tsv").write_text("".join(f"{n}\t{c}\t{level}\n" for n, c, level in JUDGED), encoding="utf-8")
    return tmp_path


def test_measures_of_a_ranking_by_hand(folder: Path) -> None:
    judged = load_judged_set(folder)
    # Capabilities c1…c8 in order; n1 ranks c1 second behind c5, n2 ranks c2 first, n3 ranks c3 third.
    scores = {
        "n1": np.array([5, 0, 0, 0, 9, 0, 0, 0], dtype=np.float32),
        "n2": np.array([0, 9, 0, 0, 0, 1, 0, 0], dtype=np.float32),
        "n3": np.array([9, 8, 7, 0, 0, 0, 0, 0], dtype=np.float32),
        "n4": np.zeros(8, dtype=np.float32),
    }
    measured = measure_scores(judged, scores, revision="by hand")
    assert measured.auc == pytest.approx((0 + 1) / 2)
    assert measured.ndcg_10 == pytest.approx((1 / np.log2(3) + 1 + 1) / 3)
    assert measured.recall_1 == pytest.approx(1 / 3)
    assert measured.recall_10 == 1.0
    assert measured.mrr == pytest.approx((1 / 2 + 1 + 1 / 3) / 3)
    assert (measured.needs, measured.capabilities, measured.judgements) == (4, 8, 6)


def test_evaluation_ranks_the_folder(folder: Path) -> None:
    measured = evaluate_ranking(load_judged_set(folder), HashedEmbedder(), fusion_ranker("hashed-1"))
    assert measured.auc == 1.0
    assert measured.recall_1 == 1.0
    assert measured.to_json()["revision"] == "fusion-2+hashed-1"


def test_posts_without_text_stay_in_the_set(folder: Path) -> None:
    with (folder / "capabilities.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"id": "c9", "title": ""}\n')
    assert [post.id for post in load_judged_set(folder).capabilities][-1] == "c9"


def test_achievements_serve_as_capabilities(folder: Path) -> None:
    (folder / "capabilities.jsonl").rename(folder / "achievements.jsonl")
    assert len(load_judged_set(folder).capabilities) == 8


def test_wrong_judgement_names_its_line(folder: Path) -> None:
    with (folder / "qrels.tsv").open("a", encoding="utf-8") as file:
        file.write("n1\tc1\t7\n")
    with pytest.raises(InvalidInput) as caught:
        load_judged_set(folder)
    assert caught.value.where == f"{folder / 'qrels.tsv'}:7"

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from matching.errors import InvalidInput
from matching.ranking.features import RANKER_FEATURES
from matching.ranking.learned import FORMAT, Calibration, load_ranker
from matching.ranking.rank import rank_candidates
from matching.ranking.structured import EVIDENCE, HAND_SET_WEIGHTS
from tests.unit.matching.ranking.posts import CAPABILITIES, NEEDS, pool_of

FUSED = RANKER_FEATURES.index("fused")
DENSE = RANKER_FEATURES.index("dense_title_toward_need")


def write_ranker(path: Path, **changes: Any) -> Path:
    linear = [0.0] * len(RANKER_FEATURES)
    linear[DENSE] = 2.0
    content = {
        "format": FORMAT,
        "encoder_revision": "hashed-1",
        "features": list(RANKER_FEATURES),
        "linear": linear,
        "trees": [],
        "tree_weight": 0.0,
        "field_weights": dict(zip(EVIDENCE, HAND_SET_WEIGHTS.tolist(), strict=True)),
        "calibration": {"slope": 1.0, "intercept": -2.0},
        "without_words": {"fused": [0.0, 1.0, 2.0], "scores": [-2.0, -1.0, 3.0]},
        "without_vectors": {"fused": [0.0, 1.0], "scores": [-3.0, -1.0]},
    }
    path.write_text(json.dumps({**content, **changes}), encoding="utf-8")
    return path


def test_learned_weights_make_the_score(tmp_path: Path) -> None:
    ranker = load_ranker(write_ranker(tmp_path / "r.json"), encoder_revision="hashed-1")
    features = np.zeros((2, len(RANKER_FEATURES)), dtype=np.float32)
    features[:, DENSE] = [1.5, -1.0]
    assert ranker.score_features(features).tolist() == [3.0, -2.0]


def test_pair_with_unknown_features_gets_what_is_to_be_expected(tmp_path: Path) -> None:
    """A fusion score beside learned ones would put all pairs in two scripts above or below all others."""
    ranker = load_ranker(write_ranker(tmp_path / "r.json"), encoder_revision="hashed-1")
    features = np.ones((5, len(RANKER_FEATURES)), dtype=np.float32)
    features[:, FUSED] = [0.5, 1.5, 3.0, -1.0, 0.5]
    features[:4, RANKER_FEATURES.index("characters_full_raw")] = np.nan
    features[4, RANKER_FEATURES.index("dense_full_raw")] = np.nan
    assert ranker.score_features(features).tolist() == [-1.5, 1.0, 5.5, -4.5, -2.0]


def test_ranked_pairs_carry_probabilities(tmp_path: Path) -> None:
    ranker = load_ranker(write_ranker(tmp_path / "r.json"), encoder_revision="hashed-1")
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES])
    pairs = rank_candidates(NEEDS[0], CAPABILITIES, vectors, pool, ranker)
    probabilities = [pair.probability for pair in pairs]
    assert probabilities == sorted(probabilities, reverse=True)  # type: ignore[type-var]
    expected = 1 / (1 + np.exp(-(pairs[0].score - 2.0)))
    assert pairs[0].probability == pytest.approx(expected, abs=1e-6)


def test_ranker_of_another_encoder_is_not_used(tmp_path: Path) -> None:
    path = write_ranker(tmp_path / "r.json")
    assert load_ranker(path, encoder_revision="other-2").revision == "fusion-2+other-2"
    for stored in ("hashed-1.int8", "hashed-1.int8-2", "hashed-1.float32"):
        assert load_ranker(path, encoder_revision=stored).revision.startswith("ranker-")
    assert load_ranker(path, encoder_revision="hashed-1.int8-2").revision.startswith("ranker-")


def test_revision_changes_with_the_file(tmp_path: Path) -> None:
    first = load_ranker(write_ranker(tmp_path / "a.json"), encoder_revision="hashed-1")
    second = load_ranker(write_ranker(tmp_path / "b.json", tree_weight=1.0), encoder_revision="hashed-1")
    assert first.revision != second.revision


@pytest.mark.parametrize(
    "changes",
    [
        {"format": 3},
        {"features": ["fused"]},
        {"linear": [1.0]},
        {"field_weights": {"domain_agrees": 0.1}},
        {"field_weights": dict.fromkeys((*EVIDENCE, "colour_agrees"), 0.1)},
        {"without_words": None},
        {"without_words": {"fused": [0.0], "scores": [0.0]}},
        {"without_vectors": {"fused": [0.0, 1.0], "scores": [1.0, 1.0]}},
        {"without_vectors": {"fused": [0.0, 1.0, 2.0], "scores": [0.0, 1.0]}},
    ],
)
def test_file_of_another_version_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    path = write_ranker(tmp_path / "r.json", **changes)
    with pytest.raises(InvalidInput) as caught:
        load_ranker(path, encoder_revision="hashed-1")
    assert caught.value.where == str(path)


def test_missing_or_broken_file_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text("{", encoding="utf-8")
    for path in (broken, tmp_path / "none.json"):
        with pytest.raises(InvalidInput):
            load_ranker(path, encoder_revision="hashed-1")


def test_calibration_curve() -> None:
    curve = Calibration(slope=2.0, intercept=-1.0)
    found = curve.probabilities(np.array([0.5, 100.0, -100.0], dtype=np.float32))
    assert found.tolist() == pytest.approx([0.5, 1.0, 0.0])


def test_fields_move_a_score_by_what_the_ranker_says(tmp_path: Path) -> None:
    weights = dict(zip(EVIDENCE, HAND_SET_WEIGHTS.tolist(), strict=True))
    need = replace(NEEDS[0], domain="materials")
    same, other, unknown = (replace(CAPABILITIES[0], id=name, domain=name) for name in ("materials", "energy", ""))
    pool, vectors = pool_of([need, same])
    vectors |= {one.id: vectors["materials"] for one in (other, unknown)}
    for said in (0.15, 0.5):
        file = write_ranker(tmp_path / "r.json", field_weights={**weights, "domain_agrees": said})
        ranker = load_ranker(file, encoder_revision="hashed-1")
        pairs = rank_candidates(need, [same, other, unknown], vectors, pool, ranker)
        scores = {pair.candidate_id: pair.score for pair in pairs}
        assert scores["materials"] - scores[""] == pytest.approx(said, abs=1e-5)
        assert scores["energy"] - scores[""] == pytest.approx(weights["domain_disagrees"], abs=1e-5)

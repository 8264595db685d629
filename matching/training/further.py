"""Teaching a ranker further on what happened on a platform: the present ranker's trees grow on, they are not replaced.

A platform has tens or hundreds of judgements where the shipped ranker was taught on thousands that are not at hand. So
a few small trees are added to each of its models, on the platform's judgements and the judged sets given together, and
what fields and indicators add to a score is learned anew from the same.
Whether that does good is measured by cross-validation over needs: each need is ranked by models that were taught
without it, beside the present ranker on the same pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.embeddings.port import Embedder
from matching.errors import InvalidInput
from matching.ranking.evaluate import Evaluation, JudgedSet, measure_scores
from matching.ranking.features import RANKER_FEATURES
from matching.ranking.learned import Ranker
from matching.ranking.metrics import GAINS
from matching.ranking.trees import import_lightgbm
from matching.training.field_weights import fit_field_weights
from matching.training.ranker import JudgedNeed, collect_needs, describe_ranker, learn_expectations, split_needs

Array = NDArray[np.float32]
OnProgress = Callable[[int, int | None], None]

MOST_FALL = 0.003
"""By how much a measure of a judged set may fall for a new ranker to count as no worse; less than repeats differ by."""
MEASURES = ("ndcg_10", "auc", "recall_50")
LEAST_NEEDS = 5
"""Fewer needs with judgements of different levels teach nothing and measure nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FurtherRecipe:
    """Everything that decides what comes out."""

    trees: int = 15
    leaves: int = 5
    learning_rate: float = 0.05
    least_pairs_per_leaf: int = 20
    ridge: float = 20.0
    folds: int = 5
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """A ranker's file, and by set what it (cross-validated) and the present one reach."""

    content: bytes
    new: Mapping[str, Evaluation]
    old: Mapping[str, Evaluation]
    needs: int
    pairs: int


def is_no_worse(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether no measure of a set fell by more than MOST_FALL; figures as `Evaluation.to_json` gives them."""
    return all(
        new.get(name) is not None and float(new[name]) >= float(old[name]) - MOST_FALL
        for name in MEASURES
        if old.get(name) is not None
    )


def teach_further(
    sets: Sequence[JudgedSet],
    present: Ranker,
    embedder: Embedder,
    *,
    recipe: FurtherRecipe | None = None,
    on_progress: OnProgress | None = None,
) -> Retraining:
    """Add trees to `present` for the judgements of `sets`. Equal arguments give equal files.

    Raises InvalidInput when `present` is fusion, which has no trees to go on from, or the sets judge too few needs.
    """
    chosen = recipe or FurtherRecipe()
    if present.linear is None or not present.trees:
        raise InvalidInput(
            "training.no_ranker",
            "当前的编码器没有可以继续训练的排序模型",
            message_en="There is no learned ranker for the present encoder to go on from",
        )
    needs = [need for judged in sets for need in collect_needs(judged, embedder, ())]
    telling = [need for need in needs if len(set(need.levels.tolist())) > 1]
    if len(telling) < LEAST_NEEDS:
        raise InvalidInput(
            "training.too_few",
            f"判断太少：只有 {len(telling)} 条需求有不同等级的判断，至少要 {LEAST_NEEDS} 条",
            message_en=f"Too few judgements: {len(telling)} needs have pairs of different levels, not {LEAST_NEEDS}",
        )
    tell = on_progress or (lambda _done, _total: None)
    total = chosen.folds + 1
    new_scores: dict[str, dict[str, Array]] = {judged.name: {} for judged in sets}
    old_scores: dict[str, dict[str, Array]] = {judged.name: {} for judged in sets}
    folds = split_needs(needs, chosen.folds, chosen.seed)
    for number, fold in enumerate(folds):
        ranker = _grow(present, [need for place, need in enumerate(needs) if place not in fold], chosen)
        for place in sorted(fold):
            need = needs[place]
            features = need.all_features()
            for scores, one in ((new_scores, ranker), (old_scores, present)):
                scores[need.judged.name][need.need.id] = need.with_fields(
                    one.score_features(features), one.field_weights
                )
        tell(number + 1, total)
    grown = _grow(present, needs, chosen)
    # The probabilities' curve stays: answers are given to pairs that were chosen, and say nothing about all pairs.
    grown = learn_expectations(grown, needs)
    content = describe_ranker(grown, embedder.model_revision, {"further": chosen.trees, "seed": chosen.seed})
    tell(total, total)
    return Retraining(
        content=content,
        new={judged.name: measure_scores(judged, new_scores[judged.name], revision="new") for judged in sets},
        old={
            judged.name: measure_scores(judged, old_scores[judged.name], revision=present.revision) for judged in sets
        },
        needs=len(needs),
        pairs=sum(len(need.levels) for need in needs),
    )


def _grow(present: Ranker, needs: Sequence[JudgedNeed], recipe: FurtherRecipe) -> Ranker:
    lightgbm = import_lightgbm()

    taught = [need for need in needs if len(need.levels) > 1]
    if not taught:
        return present
    features = np.concatenate([need.features for need in taught])
    levels = np.concatenate([need.levels for need in taught]) - 1
    grown = []
    for bag, trees in enumerate(present.trees):
        data = lightgbm.Dataset(
            features,
            label=levels,
            group=[len(need.levels) for need in taught],
            feature_name=list(RANKER_FEATURES),
            free_raw_data=False,
        )
        parameters: dict[str, Any] = {
            "objective": "lambdarank",
            "label_gain": [GAINS[level] for level in sorted(GAINS)],
            "lambdarank_truncation_level": 20,
            "num_leaves": recipe.leaves,
            "learning_rate": recipe.learning_rate,
            "min_data_in_leaf": recipe.least_pairs_per_leaf,
            "lambda_l2": recipe.ridge,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "feature_fraction": 0.6,
            "seed": recipe.seed * 1000 + bag,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        booster = lightgbm.train(
            parameters, data, num_boost_round=recipe.trees, init_model=lightgbm.Booster(model_str=trees)
        )
        grown.append(booster.model_to_string())
    return replace(present, revision="untitled", trees=tuple(grown), field_weights=_learn_fields(present, taught))


def _learn_fields(present: Ranker, needs: Sequence[JudgedNeed]) -> Array:
    """What fields add to the scores of the present ranker, most of whose teaching was on other needs."""
    slope = 1.0 if present.calibration is None else present.calibration.slope
    judged = (need.judged_evidence(present.score_features(need.features)) for need in needs)
    return fit_field_weights(judged, slope)

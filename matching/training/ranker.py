"""Teaching the ranker on judged folders: `duijie train ranker`.

A LambdaMART (LightGBM) of a few small trees is taught on the judged pairs and added to the fusion score, which stays
half of the result: on some hundred needs trees alone know too little, and what they add is what fusion cannot say.
Where judged posts have fields or indicators, what these add is learned beside it. Scores are then calibrated to
probabilities. All figures come from cross-validation over needs, repeated with several seeds; needs with the same title
are never on both sides of a split.

Vectors of an encoder that was tuned on the same needs make their matches look nearer than those of a new need will
be. Where tuned models of the folds are at hand (`fold_embedders`), each need is seen through the one that did not learn
from it.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from matching.documents import PostDocument
from matching.embeddings.port import Embedder
from matching.errors import InvalidInput
from matching.ranking.evaluate import Evaluation, JudgedSet, load_judged_set, measure_scores
from matching.ranking.features import (
    RANKER_FEATURES,
    assemble_ranker_features,
    compute_phrase_features,
    compute_text_features,
    standardise_toward_capability,
    standardise_toward_need,
)
from matching.ranking.fusion import fuse
from matching.ranking.learned import (
    FORMAT,
    Calibration,
    Expectation,
    Ranker,
    fusion_ranker,
    load_ranker,
)
from matching.ranking.metrics import GAINS, MATCH_LEVEL, compute_calibration_error
from matching.ranking.offline import OfflinePool, prepare_offline, score_offline
from matching.ranking.structured import EVIDENCE, HAND_SET_WEIGHTS, compute_evidence
from matching.ranking.trees import import_lightgbm
from matching.text.normalise import normalise
from matching.training.encoder import assign_fold
from matching.training.expectations import fit_expectations, fuse_parts
from matching.training.field_weights import JudgedEvidence, fit_field_weights
from matching.training.interrupted import keep_arrays, open_work_folder
from matching.training.judged_folder import CAPABILITY_FILES, require_distinct_names

Array = NDArray[np.float32]
OnProgress = Callable[[int, int | None], None]

_MOST_BYTES_KEPT = 1_000_000_000
_FUSED = RANKER_FEATURES.index("fused")


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerRecipe:
    """Everything that decides what comes out."""

    trees: int = 60
    leaves: int = 7
    learning_rate: float = 0.05
    least_pairs_per_leaf: int = 40
    ridge: float = 10.0
    bags: int = 3
    """Models with different random draws whose outputs are averaged."""
    fused_share: float = 0.5
    folds: int = 5
    repeats: int = 3
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RankerReport:
    """What came out. `cross_validated` has one evaluation per repeat; `fusion` is the same set without learning.

    `others` are sets without levels, ranked by the finished ranker and by fusion: what was taught on one kind of text
    must not do harm to another. `learning_curve` says what was reached with a part of the needs, by set and share.
    `field_weights` are what each of EVIDENCE adds to a score, as set by hand where no judged pair has any.
    """

    encoder_revision: str
    recipe: RankerRecipe
    sets: Sequence[str]
    needs: int
    pairs: int
    matches: int
    cross_validated: Mapping[str, Sequence[Evaluation]]
    fusion: Mapping[str, Evaluation]
    calibration_errors: Sequence[float]
    field_weights: Mapping[str, float]
    others: Mapping[str, tuple[Evaluation, Evaluation]] = field(default_factory=dict)
    learning_curve: Mapping[str, Mapping[float, Sequence[Evaluation]]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JudgedNeed:
    """A judged need: features of its judged pairs and their levels, and where to find the rest."""

    judged: JudgedSet
    pool: OfflinePool
    row: int
    group: str
    columns: NDArray[np.intp]
    """Places of the judged capabilities among all of the set."""
    features: Array
    levels: NDArray[np.int64]
    everything: Array | None
    """Features with all capabilities, where all needs' fit into memory."""
    parts: Array
    """`fuse_parts` with all capabilities, shape (capabilities, 2)."""
    evidence: sparse.csr_array
    """EVIDENCE with all capabilities, shape (capabilities, len(EVIDENCE))."""

    def all_features(self) -> Array:
        """Features with all capabilities of the set."""
        return _features_of(self.pool, self.row)[0] if self.everything is None else self.everything

    @property
    def need(self) -> PostDocument:
        return self.judged.needs[self.row]

    def with_fields(self, scores: Array, field_weights: Array) -> Array:
        """Scores of all capabilities by their texts, with what fields and indicators add."""
        return np.asarray(scores + self.evidence @ field_weights, dtype=np.float32)

    def judged_evidence(self, scores: Array) -> JudgedEvidence:
        """What there is to learn about fields, where `scores` are those of the judged pairs by their texts."""
        return JudgedEvidence(scores, self.levels, self.evidence[self.columns].toarray())


def train_ranker(
    folders: Sequence[Path],
    out: Path,
    embedder: Embedder,
    *,
    seed: int = 1,
    recipe: RankerRecipe | None = None,
    fold_embedders: Sequence[Embedder] = (),
    shares: Sequence[float] = (),
    resume: bool = False,
    on_progress: OnProgress | None = None,
) -> RankerReport:
    """Teach a ranker on `folders`, write it to `out`, and a report beside it (`.report.json`, `.report.md`).

    Folders with several levels per need teach, the others are only measured. `fold_embedders`: of a tuned encoder, the
    models of its folds; number i has not seen the needs that `assign_fold` gives to fold i. `shares`: parts of the
    other folds' needs that are taught on as well, for the learning curve. Equal arguments give an
    equal file. `resume` takes the folds that an interrupted call with equal arguments had done from `<out>.work`.
    Raises InvalidInput where a folder cannot be read or none has levels, or for work of other arguments, and
    PartUnavailable("embedder", …) when a model cannot be loaded.
    """
    chosen = recipe or RankerRecipe(seed=seed)
    require_distinct_names(folders)
    judged_sets = [load_judged_set(folder) for folder in folders]
    graded = [judged for judged in judged_sets if _is_graded(judged)]
    if not graded:
        raise InvalidInput(
            "training.no_levels", "没有带等级评判的目录", where=", ".join(str(folder) for folder in folders),
            message_en="No folder has graded judgements to learn from",
        )  # fmt: skip
    work = open_work_folder(out, _describe_call(chosen, folders, [embedder, *fold_embedders]), resume=resume)
    needs = [need for judged in graded for need in collect_needs(judged, embedder, fold_embedders)]
    total = chosen.repeats * chosen.folds * (1 + len(shares)) + 1
    tell = on_progress or (lambda _done, _total: None)

    cross_validated: dict[str, list[Evaluation]] = {judged.name: [] for judged in graded}
    calibration_errors = []
    # Means over the repeats of scores by rankers that were not taught on the need: of texts, and with fields.
    by_texts = [np.zeros(len(need.judged.capabilities), dtype=np.float32) for need in needs]
    out_of_fold = np.zeros(sum(len(need.levels) for need in needs), dtype=np.float32)
    outcomes = np.concatenate([need.levels >= MATCH_LEVEL for need in needs])
    for repeat in range(chosen.repeats):
        folds = split_needs(needs, chosen.folds, chosen.seed + repeat)
        texts: dict[int, Array] = {}
        for number, fold in enumerate(folds):
            taught = [need for place, need in enumerate(needs) if place not in fold]
            found = keep_arrays(
                work / f"fold-{repeat}-{number}.npz", partial(_score_fold, needs, fold, taught, chosen, embedder)
            )
            for place in fold:
                texts[place] = found[str(place)]
                by_texts[place] += texts[place] / chosen.repeats
            tell(repeat * chosen.folds + number + 1, total)
        all_scores = _add_fields(needs, texts, folds)
        for judged, found in _by_set(graded, needs, all_scores):
            cross_validated[judged.name].append(
                measure_scores(judged, found, revision=f"cross-validation {repeat + 1}")
            )
        scores = _of_judged(needs, all_scores)
        calibration_errors.append(_cross_validate_calibration(needs, scores, outcomes, folds))
        out_of_fold += scores / chosen.repeats

    done = chosen.repeats * chosen.folds
    learning_curve: dict[str, dict[float, list[Evaluation]]] = {judged.name: {} for judged in graded}
    for share, repeat in itertools.product(shares, range(chosen.repeats)):
        folds = split_needs(needs, chosen.folds, chosen.seed + repeat)
        texts = {}
        for number, fold in enumerate(folds):
            taught = _take_share(needs, fold, share, chosen.seed + repeat)
            found = keep_arrays(
                work / f"share-{share:g}-{repeat}-{number}.npz",
                partial(_score_fold, needs, fold, taught, chosen, embedder),
            )
            texts.update({place: found[str(place)] for place in fold})
            done += 1
            tell(done, total)
        for judged, found in _by_set(graded, needs, _add_fields(needs, texts, folds)):
            measured = measure_scores(judged, found, revision=f"{share:.0%} of the needs")
            learning_curve[judged.name].setdefault(share, []).append(measured)

    finished = _teach(needs, chosen, embedder)
    finished = replace(
        finished,
        field_weights=_fit_fields(needs, dict(enumerate(by_texts))),
        calibration=fit_calibration(out_of_fold, outcomes),
    )
    finished = learn_expectations(finished, needs)
    out.write_bytes(describe_ranker(finished, embedder.model_revision, asdict(chosen)))
    fusion = fusion_ranker(embedder.model_revision)
    ready = load_ranker(out, encoder_revision=embedder.model_revision)
    report = RankerReport(
        encoder_revision=embedder.model_revision,
        recipe=chosen,
        sets=[judged.name for judged in graded],
        needs=len(needs),
        pairs=len(outcomes),
        matches=int(outcomes.sum()),
        cross_validated=cross_validated,
        fusion={judged.name: _measure_fusion(judged, needs) for judged in graded},
        calibration_errors=calibration_errors,
        field_weights=_name_weights(finished.field_weights),
        others={
            judged.name: _measure_both(judged, embedder, ready, fusion)
            for judged in judged_sets
            if not _is_graded(judged)
        },
        learning_curve=learning_curve,
    )
    _write_report(report, out)
    shutil.rmtree(work)
    tell(total, total)
    return report


def _describe_call(recipe: RankerRecipe, folders: Sequence[Path], embedders: Sequence[Embedder]) -> dict[str, Any]:
    """What must be equal for an interrupted call to be gone on with."""
    names = ("needs.jsonl", *CAPABILITY_FILES, "qrels.tsv")
    files = [folder / name for folder in folders for name in names if (folder / name).is_file()]
    return {
        "recipe": asdict(recipe),
        "encoders": [embedder.model_revision for embedder in embedders],
        "files": {str(file.resolve()): hashlib.sha256(file.read_bytes()).hexdigest() for file in files},
    }


def _score_fold(
    needs: Sequence[JudgedNeed],
    fold: Collection[int],
    taught: Sequence[JudgedNeed],
    recipe: RankerRecipe,
    embedder: Embedder,
) -> dict[str, Array]:
    """By the place of each need of the fold, what all texts score by a ranker that was taught on `taught`."""
    ranker = _teach(taught, recipe, embedder)
    return {str(place): ranker.score_features(needs[place].all_features()) for place in sorted(fold)}


def _add_fields(
    needs: Sequence[JudgedNeed], texts: Mapping[int, Array], folds: Sequence[Collection[int]]
) -> dict[int, Array]:
    """Scores with what fields add, by the place of the need: the weights are learned from the needs of other folds."""
    added = {}
    for fold in folds:
        weights = _fit_fields(needs, {place: scores for place, scores in texts.items() if place not in fold})
        added.update({place: needs[place].with_fields(texts[place], weights) for place in fold})
    return added


def _fit_fields(needs: Sequence[JudgedNeed], texts: Mapping[int, Array]) -> Array:
    """Weights of fields from needs with scores by their texts, by place."""
    judged = [needs[place].judged_evidence(scores[needs[place].columns]) for place, scores in sorted(texts.items())]
    curve = fit_calibration(
        np.concatenate([need.scores for need in judged]),
        np.concatenate([need.levels >= MATCH_LEVEL for need in judged]),
    )
    return fit_field_weights(judged, curve.slope)


def _by_set(
    sets: Sequence[JudgedSet], needs: Sequence[JudgedNeed], scores: Mapping[int, Array]
) -> Iterator[tuple[JudgedSet, dict[str, Array]]]:
    """Of each set the scores by the need's id."""
    for judged in sets:
        yield (
            judged,
            {needs[place].need.id: found for place, found in scores.items() if needs[place].judged is judged},
        )


def _of_judged(needs: Sequence[JudgedNeed], scores: Mapping[int, Array]) -> Array:
    """Scores of the judged pairs, need after need."""
    return np.concatenate([scores[place][need.columns] for place, need in enumerate(needs)])


def _take_share(needs: Sequence[JudgedNeed], fold: Collection[int], share: float, seed: int) -> list[JudgedNeed]:
    """A part of the other folds' needs; those of one group are taken or left together."""
    groups = sorted({need.group for place, need in enumerate(needs) if place not in fold})
    np.random.default_rng(seed).shuffle(groups)
    kept = set(groups[: max(2, round(len(groups) * share))])
    return [need for place, need in enumerate(needs) if place not in fold and need.group in kept]


def _is_graded(judged: JudgedSet) -> bool:
    return any(len(set(levels.values())) > 1 for levels in judged.levels.values())


def collect_needs(judged: JudgedSet, embedder: Embedder, fold_embedders: Sequence[Embedder]) -> Iterator[JudgedNeed]:
    embedders = list(fold_embedders) or [embedder]
    places = {capability.id: place for place, capability in enumerate(judged.capabilities)}
    for fold, fold_embedder in enumerate(embedders):
        wanted = [
            row
            for row, need in enumerate(judged.needs)
            if judged.levels.get(need.id) and (len(embedders) == 1 or assign_fold(need.id, len(embedders)) == fold)
        ]
        if not wanted:
            continue
        pool = prepare_offline(judged.needs, judged.capabilities, fold_embedder)
        for row, evidence in zip(wanted, _gather_evidence(judged, wanted), strict=True):
            levels = judged.levels[judged.needs[row].id]
            columns = np.array([places[capability_id] for capability_id in levels], dtype=np.intp)
            everything, parts = _features_of(pool, row)
            yield JudgedNeed(
                judged=judged,
                pool=pool,
                row=row,
                group=normalise(judged.needs[row].title) or judged.needs[row].id,
                columns=columns,
                features=everything[columns],
                levels=np.array(list(levels.values()), dtype=np.int64),
                everything=everything if everything.nbytes * len(judged.levels) < _MOST_BYTES_KEPT else None,
                parts=parts,
                evidence=evidence,
            )


_GATHERED_AT_ONCE = 32  # needs, with 5,000 capabilities 8 MB


def _gather_evidence(judged: JudgedSet, rows: Sequence[int]) -> Iterator[sparse.csr_array]:
    """EVIDENCE of each need with all capabilities."""
    for start in range(0, len(rows), _GATHERED_AT_ONCE):
        needs = [judged.needs[row] for row in rows[start : start + _GATHERED_AT_ONCE]]
        yield from map(sparse.csr_array, compute_evidence(needs, judged.capabilities))


def _features_of(pool: OfflinePool, row: int) -> tuple[Array, Array]:
    """RANKER_FEATURES of one need with all capabilities, and `fuse_parts`."""
    need = pool.needs.select(np.array([row]))
    raw = compute_text_features(need, pool.capabilities)
    toward_need = standardise_toward_need(raw, need, pool.capabilities, pool.statistics)
    toward_capability = standardise_toward_capability(raw, need, pool.capabilities, pool.statistics)
    fused = fuse(toward_need, toward_capability)
    phrases = compute_phrase_features(need, pool.capabilities)
    features: Array = assemble_ranker_features(raw, toward_need, toward_capability, fused, phrases)[0]
    return features, fuse_parts(toward_need, toward_capability)[0]


def learn_expectations(ranker: Ranker, needs: Iterable[JudgedNeed]) -> Ranker:
    """The ranker with what it says on average of pairs that it knows a part of, from all pairs of the needs' sets."""

    def score(need: JudgedNeed) -> Array:
        features = need.all_features()
        scores = ranker.score_features(features)
        scores[np.isnan(features).any(axis=1)] = np.nan
        return scores

    without_words, without_vectors = fit_expectations(((score(need), need.parts) for need in needs), ranker.calibration)
    return replace(ranker, without_words=without_words, without_vectors=without_vectors)


def split_needs(needs: Sequence[JudgedNeed], folds: int, seed: int) -> list[set[int]]:
    """Places of needs by fold; needs of one group stay together."""
    groups: dict[str, list[int]] = {}
    for place, need in enumerate(needs):
        groups.setdefault(need.group, []).append(place)
    ordered = [groups[name] for name in sorted(groups)]
    np.random.default_rng(seed).shuffle(ordered)
    return [{place for group in ordered[fold::folds] for place in group} for fold in range(folds)]


def _teach(needs: Sequence[JudgedNeed], recipe: RankerRecipe, embedder: Embedder) -> Ranker:
    lightgbm = import_lightgbm()

    needs = [need for need in needs if len(need.levels) > 1]
    features = np.concatenate([need.features for need in needs])
    levels = np.concatenate([need.levels for need in needs]) - 1
    trees = []
    for bag in range(recipe.bags):
        data = lightgbm.Dataset(
            features, label=levels, group=[len(need.levels) for need in needs], feature_name=list(RANKER_FEATURES)
        )
        parameters: dict[str, Any] = {
            "objective": "lambdarank",
            "label_gain": [GAINS[level] for level in sorted(GAINS)],
            "lambdarank_truncation_level": 20,
            "num_leaves": recipe.leaves,
            "learning_rate": recipe.learning_rate,
            "min_data_in_leaf": recipe.least_pairs_per_leaf,
            "lambda_l2": recipe.ridge,
            "bagging_fraction": 0.7,
            "bagging_freq": 1,
            "feature_fraction": 0.6,
            "seed": recipe.seed * 1000 + bag,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        trees.append(lightgbm.train(parameters, data, num_boost_round=recipe.trees).model_to_string())
    # The two parts are added in the unit of the fusion score, each with its share.
    unscaled = Ranker(revision="unscaled", linear=np.zeros(len(RANKER_FEATURES), np.float32), trees=tuple(trees))
    outputs = unscaled.predict_trees(features)
    fused = features[:, _FUSED]
    scale = _spread_within(fused, needs) / max(_spread_within(outputs, needs), 1e-6)
    linear = np.zeros(len(RANKER_FEATURES), dtype=np.float32)
    linear[_FUSED] = recipe.fused_share
    return Ranker(
        revision=f"untitled+{embedder.model_revision}",
        linear=linear,
        trees=tuple(trees),
        tree_weight=(1 - recipe.fused_share) * scale,
    )


def _spread_within(values: Array, needs: Sequence[JudgedNeed]) -> float:
    """Standard deviation of values over the pairs of a need, averaged over needs."""
    bounds = np.cumsum([0, *(len(need.levels) for need in needs)])
    return float(np.mean([values[start:end].std() for start, end in itertools.pairwise(bounds)]))


def fit_calibration(scores: Array, outcomes: NDArray[np.bool_]) -> Calibration:
    """Logistic curve through scores and outcomes, with targets drawn in a little as Platt (1999) does."""
    from scipy.optimize import minimize

    matches = int(outcomes.sum())
    others = len(outcomes) - matches
    targets = np.where(outcomes, (matches + 1) / (matches + 2), 1 / (others + 2))
    values = scores.astype(np.float64)

    def loss(parameters: NDArray[np.float64]) -> float:
        logits = parameters[0] * values + parameters[1]
        return float(np.mean(np.logaddexp(0, logits) - targets * logits))

    found = minimize(loss, np.array([1.0, -2.0]), method="BFGS").x
    return Calibration(slope=float(found[0]), intercept=float(found[1]))


def _cross_validate_calibration(
    needs: Sequence[JudgedNeed], scores: Array, outcomes: NDArray[np.bool_], folds: Sequence[set[int]]
) -> float:
    """Expected calibration error of probabilities that come from a curve fitted on the other folds."""
    bounds = np.cumsum([0, *(len(need.levels) for need in needs)])
    probabilities = np.zeros(len(scores), dtype=np.float64)
    for fold in folds:
        inside = np.zeros(len(scores), dtype=bool)
        for place in fold:
            inside[bounds[place] : bounds[place + 1]] = True
        curve = fit_calibration(scores[~inside], outcomes[~inside])
        probabilities[inside] = curve.probabilities(scores[inside])
    return compute_calibration_error(probabilities, outcomes)


def _measure_fusion(judged: JudgedSet, needs: Sequence[JudgedNeed]) -> Evaluation:
    scores = {
        need.need.id: need.with_fields(need.all_features()[:, _FUSED], HAND_SET_WEIGHTS)
        for need in needs
        if need.judged is judged
    }
    return measure_scores(judged, scores, revision="fusion")


def _measure_both(
    judged: JudgedSet, embedder: Embedder, ranker: Ranker, fusion: Ranker
) -> tuple[Evaluation, Evaluation]:
    pool = prepare_offline(judged.needs, judged.capabilities, embedder)
    measured = []
    for chosen in (ranker, fusion):
        rows = score_offline(pool, chosen)
        scores = {judged.needs[row].id: row_scores for row, row_scores, *_ in rows}
        known = {need_id: row for need_id, row in scores.items() if judged.levels.get(need_id)}
        measured.append(measure_scores(judged, known, revision=chosen.revision))
    return measured[0], measured[1]


def describe_ranker(ranker: Ranker, encoder_revision: str, recipe: Mapping[str, Any]) -> bytes:
    """A ranker as a file: see `matching.ranking.learned`."""
    assert ranker.linear is not None
    content = {
        "format": FORMAT,
        "encoder_revision": encoder_revision,
        "features": list(RANKER_FEATURES),
        "linear": [round(float(weight), 6) for weight in ranker.linear],
        "trees": list(ranker.trees),
        "tree_weight": ranker.tree_weight,
        "field_weights": _name_weights(ranker.field_weights),
        "calibration": None if ranker.calibration is None else asdict(ranker.calibration),
        "without_words": _describe_expectation(ranker.without_words),
        "without_vectors": _describe_expectation(ranker.without_vectors),
        "recipe": dict(recipe),
    }
    return (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()


def _name_weights(field_weights: Array) -> dict[str, float]:
    return {name: round(float(weight), 4) for name, weight in zip(EVIDENCE, field_weights, strict=True)}


def _describe_expectation(expectation: Expectation | None) -> dict[str, list[float]]:
    assert expectation is not None
    return {
        "fused": [round(knot, 5) for knot in expectation.fused],
        "scores": [round(knot, 5) for knot in expectation.scores],
    }


def _write_report(report: RankerReport, out: Path) -> None:
    stem = out.with_suffix("")
    content = {
        **asdict(report),
        "cross_validated": {name: [e.to_json() for e in runs] for name, runs in report.cross_validated.items()},
        "fusion": {name: evaluation.to_json() for name, evaluation in report.fusion.items()},
        "others": {name: [e.to_json() for e in pair] for name, pair in report.others.items()},
        "learning_curve": {
            name: {f"{share:g}": [e.to_json() for e in runs] for share, runs in curve.items()}
            for name, curve in report.learning_curve.items()
        },
    }
    stem.with_suffix(".report.json").write_text(
        json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
    )
    stem.with_suffix(".report.md").write_text(describe_report(report), encoding="utf-8")


_SHOWN = (("ndcg_10", "nDCG@10"), ("auc", "AUC"), ("recall_50", "recall@50"))
_SHOWN_SINGLE = (("recall_1", "recall@1"), ("recall_10", "recall@10"), ("mrr", "MRR"))


def describe_report(report: RankerReport) -> str:
    """The report as Markdown."""
    lines = [
        "# Ranker",
        "",
        f"Encoder: `{report.encoder_revision}`. Taught on {report.needs} needs with {report.pairs} judged pairs, "
        f"{report.matches} of them matches ({', '.join(report.sets)}).",
        f"Recipe: {json.dumps(asdict(report.recipe))}.",
        "",
        f"Cross-validated over needs, {report.recipe.folds} folds, {report.recipe.repeats} times (mean ± spread of the "
        "repeats):",
        "",
        "| set | ranker | " + " | ".join(name for _, name in _SHOWN) + " |",
        "|---|---|" + "---|" * len(_SHOWN),
    ]
    for name in report.sets:
        runs = report.cross_validated[name]
        values = [_mean_and_spread([getattr(run, key) for run in runs]) for key, _ in _SHOWN]
        lines.append(f"| {name} | learned | " + " | ".join(values) + " |")
        fusion = report.fusion[name]
        for share, part in report.learning_curve.get(name, {}).items():
            values = [_mean_and_spread([getattr(run, key) for run in part]) for key, _ in _SHOWN]
            lines.append(f"| {name} | learned on {share:.0%} of the needs | " + " | ".join(values) + " |")
        lines.append(f"| {name} | fusion | " + " | ".join(_three(getattr(fusion, key)) for key, _ in _SHOWN) + " |")
    lines += [
        "",
        f"Expected calibration error, cross-validated: {_mean_and_spread(list(report.calibration_errors))}.",
    ]
    learned = [
        (name, set_by_hand, report.field_weights[name])
        for name, set_by_hand in _name_weights(HAND_SET_WEIGHTS).items()
        if report.field_weights[name] != set_by_hand
    ]
    if learned:
        lines += ["", "What fields and indicators add to a score:", "", "| | set by hand | learned |", "|---|---|---|"]
        lines += [f"| {name} | {before:+.2f} | {after:+.2f} |" for name, before, after in learned]
    if report.others:
        lines += [
            "",
            "Sets without levels, not taught on:",
            "",
            "| set | ranker | " + " | ".join(name for _, name in _SHOWN_SINGLE) + " |",
            "|---|---|" + "---|" * len(_SHOWN_SINGLE),
        ]
        for name, pair in report.others.items():
            for label, evaluation in zip(("learned", "fusion"), pair, strict=True):
                values = [_three(getattr(evaluation, key)) for key, _ in _SHOWN_SINGLE]
                lines.append(f"| {name} | {label} | " + " | ".join(values) + " |")
    return "\n".join(lines) + "\n"


def _three(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _mean_and_spread(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):.3f} ± {np.std(known):.3f}" if known else "–"

"""Measuring a ranking on a judged folder: what `duijie evaluate` prints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.documents import PostDocument, Side
from matching.embeddings.port import Embedder
from matching.importing.documents import read_documents
from matching.ranking.learned import Ranker
from matching.ranking.metrics import (
    MATCH_LEVEL,
    compute_auc,
    compute_ndcg,
    compute_recall,
    compute_reciprocal_rank,
    rank_positions,
)
from matching.ranking.offline import OnProgress, prepare_offline, score_offline
from matching.training.judged_folder import CAPABILITY_FILES, JudgedText, read_judged_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedSet:
    """Needs, capabilities and judgements. `levels` maps need id → capability id → 1–4 (3 and 4 are matches)."""

    name: str
    needs: Sequence[PostDocument]
    capabilities: Sequence[PostDocument]
    levels: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """Means over the needs for which a measure is defined; None where it is for none.

    `ndcg_10` and `auc` look at the judged pairs of a need, the others at all capabilities of the set.
    """

    name: str
    revision: str
    needs: int
    capabilities: int
    judgements: int
    ndcg_10: float | None
    auc: float | None
    recall_50: float | None
    recall_1: float | None
    recall_10: float | None
    mrr: float | None

    def to_json(self) -> dict[str, str | int | float | None]:
        """By field name, measures with four decimals."""
        return {key: round(value, 4) if isinstance(value, float) else value for key, value in asdict(self).items()}


def load_judged_set(folder: Path) -> JudgedSet:
    """Read needs.jsonl, capabilities.jsonl or achievements.jsonl, and qrels.tsv (need, capability, level; tabs).

    Raises InvalidInput naming file and line for anything that is missing, broken or unknown.
    """
    judged = read_judged_folder(folder)
    file = next(folder / name for name in CAPABILITY_FILES if (folder / name).is_file())
    needs = read_documents(folder / "needs.jsonl", "need").documents
    capabilities = read_documents(file, "capability").documents
    # Judged posts that reading for matching leaves out (no text at all) still count: as the bare texts they are.
    return JudgedSet(
        name=judged.name,
        needs=_complete(needs, judged.needs.values(), "need"),
        capabilities=_complete(capabilities, judged.capabilities.values(), "capability"),
        levels=judged.levels,
    )


def _complete(documents: Iterable[PostDocument], judged: Iterable[JudgedText], side: Side) -> list[PostDocument]:
    found = {document.id: document for document in documents}
    return [
        found.get(text.id) or PostDocument(id=text.id, side=side, title=text.title, text=text.text) for text in judged
    ]


def evaluate_ranking(
    judged: JudgedSet, embedder: Embedder, ranker: Ranker, *, on_progress: OnProgress | None = None
) -> Evaluation:
    """Rank every capability for every judged need and measure.

    Raises PartUnavailable("embedder", …) when the model cannot be loaded.
    """
    needs = [need for need in judged.needs if judged.levels.get(need.id)]
    pool = prepare_offline(needs, judged.capabilities, embedder, on_progress=on_progress, further_steps=len(needs))
    scores = {}
    done = len(needs) + len(judged.capabilities)
    for row, need_scores, *_ in score_offline(pool, ranker):
        scores[needs[row].id] = need_scores
        if on_progress is not None:
            on_progress(done + row + 1, done + len(needs))
    return measure_scores(judged, scores, revision=ranker.revision)


def measure_scores(judged: JudgedSet, scores: Mapping[str, NDArray[np.float32]], *, revision: str) -> Evaluation:
    """Measure scores given by need id as arrays over `judged.capabilities`; needs without scores are left out."""
    places = {capability.id: place for place, capability in enumerate(judged.capabilities)}
    found: dict[str, list[float]] = {name: [] for name in ("ndcg", "auc", "recall_50", "recall_1", "recall_10", "mrr")}
    judgements = 0
    for need_id, need_scores in scores.items():
        levels = judged.levels[need_id]
        judgements += len(levels)
        all_scores = need_scores.astype(np.float64)
        judged_scores = all_scores[[places[capability_id] for capability_id in levels]]
        graded = list(levels.values())
        for name, value in (("ndcg", compute_ndcg(judged_scores, graded)), ("auc", compute_auc(judged_scores, graded))):
            if value is not None:
                found[name].append(value)
        matches = [places[capability_id] for capability_id, level in levels.items() if level >= MATCH_LEVEL]
        if matches:
            ranks = rank_positions(all_scores, matches)
            for cutoff in (1, 10, 50):
                found[f"recall_{cutoff}"].append(compute_recall(ranks, cutoff))
            found["mrr"].append(compute_reciprocal_rank(ranks))

    def mean(name: str) -> float | None:
        return float(np.mean(found[name])) if found[name] else None

    return Evaluation(
        name=judged.name,
        revision=revision,
        needs=len(scores),
        capabilities=len(judged.capabilities),
        judgements=judgements,
        ndcg_10=mean("ndcg"),
        auc=mean("auc"),
        recall_50=mean("recall_50"),
        recall_1=mean("recall_1"),
        recall_10=mean("recall_10"),
        mrr=mean("mrr"),
    )

"""How long matching two files takes, and how good it is, beside BM25 and bare cosines on the same texts in one run.

    python -m tests.bench.bench_matching FOLDER [--explained 10]

FOLDER is a judged set. The rivals are plain: BM25 over the same index words of the whole texts, and the
cosine of whole-text vectors of the same encoder. Times are wall clock of one process, model loading included.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from matching.bootstrap import open_embedder
from matching.ranking.evaluate import Evaluation, JudgedSet, load_judged_set, measure_scores
from matching.ranking.features import TEXT_FEATURES, compute_text_features
from matching.ranking.learned import fusion_ranker, load_ranker
from matching.ranking.offline import OfflinePool, match_documents, prepare_offline, score_offline
from matching.settings import load_settings

_SHOWN = ("ndcg_10", "auc", "recall_50", "recall_1", "recall_10", "mrr")


def main() -> None:
    """Print a line for each way of ranking, then times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--explained", type=int, default=10, help="needs whose first ten pairs are explained")
    options = parser.parse_args()

    started = time.perf_counter()
    settings = load_settings()
    embedder = open_embedder(settings)
    ranker = load_ranker(settings.ranker_model, encoder_revision=embedder.model_revision)
    judged = load_judged_set(options.folder)
    read = time.perf_counter()
    pool = prepare_offline(judged.needs, judged.capabilities, embedder)
    prepared = time.perf_counter()
    ranked = {judged.needs[row].id: scores for row, scores, *_ in score_offline(pool, ranker)}
    scored = time.perf_counter()

    print(f"{'':12}" + "".join(f"{name:>11}" for name in _SHOWN))
    _show("ranker", measure_scores(judged, _judged_only(judged, ranked), revision=ranker.revision))
    fused = {judged.needs[row].id: scores for row, scores, *_ in score_offline(pool, fusion_ranker("bench"))}
    _show("fusion", measure_scores(judged, _judged_only(judged, fused), revision="fusion"))
    _show("bm25", _measure_feature(judged, pool, "words_full_full"))
    cosines = _vectors(pool, "need:") @ _vectors(pool, "capability:").T
    bare = {need.id: cosines[row] for row, need in enumerate(judged.needs)}
    _show("cosine", measure_scores(judged, _judged_only(judged, bare), revision="cosine"))

    pairs = len(judged.needs) * len(judged.capabilities)
    print(f"\n{ranker.revision}: {len(judged.needs)} needs x {len(judged.capabilities)} capabilities")
    print(f"read and load {read - started:6.1f} s")
    print(f"embed, count  {prepared - read:6.1f} s")
    print(f"score         {scored - prepared:6.1f} s  ({pairs / (scored - prepared):,.0f} pairs/s)")
    few = judged.needs[: options.explained]
    explained = _time(lambda: list(match_documents(few, judged.capabilities[:500], embedder, ranker=ranker, top=10)))
    plain = _time(
        lambda: list(match_documents(few, judged.capabilities[:500], embedder, ranker=ranker, top=10, explain=False))
    )
    print(f"reasons       {(explained - plain) / max(len(few) * 10, 1) * 1000:6.1f} ms a pair")
    print(f"peak memory   {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:6.0f} MB")


def _show(name: str, measured: Evaluation) -> None:
    values = [getattr(measured, key) for key in _SHOWN]
    print(f"{name:12}" + "".join(f"{'–' if value is None else format(value, '.3f'):>11}" for value in values))


def _judged_only(judged: JudgedSet, scores: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
    return {need_id: row for need_id, row in scores.items() if judged.levels.get(need_id)}


def _measure_feature(judged: JudgedSet, pool: OfflinePool, name: str) -> Evaluation:
    column = TEXT_FEATURES.index(name)
    scores = {}
    for row, need in enumerate(judged.needs):
        features = compute_text_features(pool.needs.select(np.array([row])), pool.capabilities)
        scores[need.id] = np.nan_to_num(features[0, :, column])
    return measure_scores(judged, _judged_only(judged, scores), revision=name)


def _vectors(pool: OfflinePool, prefix: str) -> NDArray[np.float32]:
    side = pool.needs if prefix == "need:" else pool.capabilities
    rows = [pool.vectors[document.id].full for document in side.documents]
    zero = np.zeros(pool.statistics.dimension, dtype=np.float32)
    return np.array([zero if row is None else row for row in rows], dtype=np.float32)


def _time(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()

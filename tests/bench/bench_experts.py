"""Whether people are found by their works: experts put together from texts, ranked for texts on the same matters.

    python -m tests.bench.bench_experts FOLDER [--draws 3]

FOLDER/capabilities.jsonl has a text of several sentences a line, each on a work of its own. Texts that lie near each
other make a matter of three to seven works; an expert has one, two or four matters. Of each matter two texts are kept
aside: every second sentence of these is what is looked for, the other sentences of the rest are the expert's works.
What lies near is decided by words and vectors, so the figures are for comparing ways with each other, not more.

Printed for each way of putting the scores of own text and works together, and for each kind of own text (a name,
keywords, the abstract of one work): mean reciprocal rank of the expert among all for a text, and average precision of
an expert's texts among all for the expert, mean over draws.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer

from matching.bootstrap import open_embedder
from matching.documents import PostDocument, WorkText
from matching.ranking.learned import load_ranker
from matching.ranking.offline import RememberingEmbedder, prepare_offline, score_offline
from matching.ranking.works import combine_works
from matching.settings import load_settings

Array = NDArray[np.float32]
Way = Callable[[Array, Array, Sequence[WorkText]], Array]
"""Scores of an own text (needs,) and of works (needs, works) → scores of the expert (needs,)."""

OWN_TEXTS = ("a name", "keywords", "an abstract")
_LEAST_SENTENCES = 4
_LEAST_LEFT = 9


def _best(own: Array, works: Array, _texts: Sequence[WorkText]) -> Array:
    return np.asarray(np.maximum(own, works.max(axis=1)))


def _mean(own: Array, works: Array, _texts: Sequence[WorkText]) -> Array:
    return np.asarray(np.concatenate([own[:, None], works], axis=1).mean(axis=1))


def _best_three(own: Array, works: Array, _texts: Sequence[WorkText]) -> Array:
    """Half of the weight on the best, chance taken off whole, never below the own text."""
    passages = np.sort(np.concatenate([own[:, None], works], axis=1), axis=1)[:, ::-1][:, :3]
    shares = np.array([0.5, 0.3, 0.2])[: passages.shape[1]]
    chance = max(0.0, 0.6 * math.log(works.shape[1] + 1) - 0.6)
    return np.asarray(np.maximum(own, passages @ (shares / shares.sum()) - chance))


WAYS: dict[str, Way] = {
    "the best one": _best,
    "mean of all": _mean,
    "best three, half on the first": _best_three,
    "as shipped": lambda own, works, texts: combine_works(own, works, texts)[0],
}


def main() -> None:
    """Print one line a way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=3)
    options = parser.parse_args()
    settings = load_settings()
    embedder = RememberingEmbedder(open_embedder(settings), limit=1_000_000)
    ranker = load_ranker(settings.ranker_model, encoder_revision=embedder.model_revision)
    asked, told = _read_halves(options.folder / "capabilities.jsonl")
    near = _measure_nearness(asked, told, embedder)
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for draw in range(options.draws):
        experts = _draw_experts(near, np.random.default_rng(draw))
        needs = [
            PostDocument(id=f"n{place}", side="need", title=_begin(asked[place]), text=asked[place])
            for matters in experts
            for matter in matters
            for place in matter[:2]
        ]
        owner = np.repeat(np.arange(len(experts)), [2 * len(matters) for matters in experts])
        works = [[place for matter in matters for place in matter[2:]] for matters in experts]
        print(
            f"draw {draw + 1}: {len(experts)} experts with {sum(map(len, works))} works, {len(needs)} texts", flush=True
        )
        for kind in OWN_TEXTS:
            people = [_make_expert(number, told, places, kind) for number, places in enumerate(works)]
            pool = prepare_offline(needs, people, embedder)
            of_works: list[list[Array]] = [[] for _ in people]
            for _row, _scores, _probabilities, _nearness, scored in score_offline(pool, ranker):
                for column, one in scored.items():
                    of_works[column].append(one)
            texts = replace(
                pool.capabilities, documents=[replace(one, works=()) for one in pool.capabilities.documents]
            )
            own = np.stack([scores for _, scores, *_ in score_offline(replace(pool, capabilities=texts), ranker)])
            for name, way in WAYS.items():
                scores = np.stack(
                    [way(own[:, c], np.stack(of_works[c]), person.works) for c, person in enumerate(people)], axis=1
                )
                found.setdefault((kind, name), []).append(_judge(scores, owner))
    print(f"{'':32}" + "".join(f"{kind + ': MRR / AP':>26}" for kind in OWN_TEXTS))
    for name in WAYS:
        figures = [np.mean(found[kind, name], axis=0) for kind in OWN_TEXTS]
        print(f"{name:32}" + "".join(f"{f'{mrr:.3f} / {precision:.3f}':>26}" for mrr, precision in figures))


def _read_halves(file: Path) -> tuple[list[str], list[str]]:
    """Of each text the first, third, … sentences, and the others."""
    asked, told = [], []
    with file.open(encoding="utf-8") as stream:
        for line in stream:
            sentences = re.split(r"(?<=[.?!])\s+", json.loads(line)["text"])
            if len(sentences) >= _LEAST_SENTENCES:
                asked.append(" ".join(sentences[0::2]))
                told.append(" ".join(sentences[1::2]))
    return asked, told


def _measure_nearness(asked: Sequence[str], told: Sequence[str], embedder: RememberingEmbedder) -> Array:
    whole = [f"{first} {second}" for first, second in zip(asked, told, strict=True)]
    words = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform(whole)
    vectors = embedder.embed(asked, prompt="passage")
    vectors = vectors - vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(2 * (words @ words.T).toarray() + vectors @ vectors.T, dtype=np.float32)


def _draw_experts(near: Array, draws: np.random.Generator) -> list[list[list[int]]]:
    """Of each expert the matters, of each matter the places of its texts."""
    free = [int(place) for place in draws.permutation(len(near))]
    matters: list[list[int]] = []
    while len(free) >= _LEAST_LEFT:
        others = sorted(free[1:], key=lambda place: -float(near[free[0], place]))
        matters.append([free[0], *others[: 1 + int(draws.choice([1, 2, 3, 5]))]])
        free = [place for place in free if place not in matters[-1]]
    draws.shuffle(matters)
    experts = []
    while matters:
        count = int(draws.choice([1, 2, 4]))
        experts.append(matters[:count])
        matters = matters[count:]
    return experts


def _make_expert(number: int, told: Sequence[str], places: Sequence[int], kind: str) -> PostDocument:
    title, text = f"Researcher {number}", ""
    if kind == "keywords":
        words = TfidfVectorizer(stop_words="english").fit([told[place] for place in places])
        weight = np.asarray(words.transform([told[place] for place in places]).sum(axis=0)).ravel()
        title = "Research interests: " + ", ".join(words.get_feature_names_out()[np.argsort(-weight)[:12]])
    elif kind == "an abstract":
        title, text = _begin(told[places[0]]), told[places[0]]
    works = tuple(WorkText(id=str(place), title=_begin(told[place]), text=told[place], age=1.0) for place in places)
    return PostDocument(id=f"e{number}", side="capability", title=title, text=text, kind="expertise", works=works)


def _begin(text: str) -> str:
    return " ".join(text.split()[:9])


def _judge(scores: Array, owner: NDArray[np.intp]) -> tuple[float, float]:
    """Mean reciprocal rank over texts, average precision over experts; `scores` has shape (texts, experts)."""
    ranks = 1 + (scores > scores[np.arange(len(owner)), owner][:, None]).sum(axis=1)
    precisions = []
    for column in range(scores.shape[1]):
        hits = (owner == column)[np.argsort(-scores[:, column], kind="stable")]
        precisions.append(float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()))
    return float((1 / ranks).mean()), float(np.mean(precisions))


if __name__ == "__main__":
    main()

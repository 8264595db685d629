"""Tune the upper layers of an encoder on pairs that no one judged, before the head is learned from judgements.

A plain loop rather than the trainer of sentence-transformers: each batch is of one kind and of one subject, rows of one
work are never each other's negatives, attention is computed without the fused kernel, whose backward pass is slow
on processors, and an interrupted training goes on from its last step.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matching.errors import InvalidInput
from matching.training.tasks import PairTask

if TYPE_CHECKING:
    from torch import Tensor

_STATE_FILE = "layers.pt"
_SPARE_ROWS = 1.3
"""Rows that are made ready for each that is needed, since kinds are drawn in turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LayersRecipe:
    """What decides the tuned layers besides the pairs and the base."""

    runs: tuple[tuple[str, ...], ...] = (("rests", "terms"), ("works", "words"))
    """Kinds of pairs (see `collect_paragraph_tasks`) of each tuning. Each starts at the base, and the weights are
    averaged: that gives more than one tuning on all kinds, and the runs may be made side by side."""
    steps: int = 100
    """Of each run."""
    batch_size: int = 64
    learning_rate: float = 4e-5
    warm_up: float = 0.1
    frozen_layers: int = 6
    """Word vectors and this many lower layers stay as they are."""
    query_window: int = 32
    passage_window: int = 64
    """Tokens read of each text; the finished model reads as many as its base."""
    scale: float = 50.0
    near_share: float = 0.5
    """Share of a batch that gathers around one subject, so that there are hard negatives beside easy ones."""
    save_every: int = 25
    seed: int = 17


def draw_rows(task: PairTask, most: int, seed: int) -> PairTask:
    """At most `most` rows of a task, drawn at random: placing texts by subject takes time for each."""
    kept = random.Random(seed).sample(range(len(task.rows)), min(most, len(task.rows)))  # noqa: S311 - repeatable
    groups = [task.groups[row] for row in kept] if task.groups else []
    return PairTask(task.name, [task.rows[row] for row in kept], groups=groups)


def plan_steps(tasks: Sequence[PairTask], recipe: LayersRecipe) -> list[tuple[int, list[int]]]:
    """(task, rows) of each step: kinds in turn as often as they have rows, a row again only when all have been."""
    picker = random.Random(recipe.seed)  # noqa: S311 - repeatable on purpose
    subjects = [_place_by_subject([passage for _, passage in task.rows], recipe.seed) for task in tasks]
    weights = [len(task.rows) for task in tasks]
    batches = [_batches_of(vectors, recipe, recipe.seed + place) for place, vectors in enumerate(subjects)]
    kinds = picker.choices(range(len(tasks)), weights, k=recipe.steps)
    return [(kind, next(batches[kind])) for kind in kinds]


def _place_by_subject(texts: Sequence[str], seed: int) -> NDArray[np.float32]:
    """A coarse vector for each text by the pairs of letters in it: enough to gather texts of one subject."""
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    counts = TfidfVectorizer(analyzer="char", ngram_range=(2, 2), max_features=30_000, sublinear_tf=True)
    counted = counts.fit_transform(texts)
    size = min(64, counted.shape[1] - 1, len(texts) - 1)
    vectors = TruncatedSVD(size, random_state=seed, n_iter=2).fit_transform(counted).astype(np.float32)
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6), dtype=np.float32)


def _batches_of(vectors: NDArray[np.float32], recipe: LayersRecipe, seed: int) -> Iterator[list[int]]:
    picker = np.random.default_rng(seed)
    near = max(1, int(recipe.batch_size * recipe.near_share))
    while True:
        free = picker.permutation(len(vectors))
        while len(free) >= 2:
            likeness = vectors[free[1:]] @ vectors[free[0]]
            nearest = 1 + np.argsort(-likeness, kind="stable")[: near - 1]
            places = np.concatenate([[0], nearest])
            others = np.setdiff1d(np.arange(len(free)), places)[: recipe.batch_size - len(places)]
            chosen = np.concatenate([places, others]).astype(np.intp)
            yield [int(row) for row in free[chosen]]
            free = np.delete(free, chosen)


def tune_layers(
    transformer: Any,
    encode: Callable[[str], list[int]],
    tasks: Sequence[PairTask],
    recipe: LayersRecipe,
    place: Path,
    *,
    tell: Callable[[int, int], None] = lambda done, total: None,
    on_checkpoint: Callable[[int], None] = lambda step: None,
) -> None:
    """Tune `transformer` (of transformers, BERT-like) in place by in-batch negatives.

    `encode` gives the token ids of a text. State is kept in `place` every `save_every` steps, and gone on with where it
    is there; the caller makes sure that it is of an equal call, and removes it.
    Raises InvalidInput for a model that has no layer above the frozen ones.
    """
    import torch

    torch.manual_seed(recipe.seed)
    transformer.set_attn_implementation("eager")
    transformer.train()
    for module in (transformer.embeddings, *transformer.encoder.layer[: recipe.frozen_layers]):
        module.requires_grad_(False)
        module.eval()
    # A pooler is no part of an encoder that takes the mean.
    tuned = {n: value for n, value in transformer.named_parameters() if value.requires_grad and "pooler." not in n}
    plain = [value for value in tuned.values() if value.ndim < 2]
    wide = [value for value in tuned.values() if value.ndim >= 2]
    if not wide:
        layers = len(transformer.encoder.layer)
        raise InvalidInput(
            "training.no_layer",
            f"该模型只有 {layers} 层，没有可调的上层",
            message_en=f"the model has only {layers} layers, none of them above the frozen ones",
        )
    optimiser = torch.optim.AdamW(
        [{"params": wide, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=recipe.learning_rate
    )
    most = int(recipe.steps * recipe.batch_size * _SPARE_ROWS / len(tasks))
    tasks = [draw_rows(task, most, recipe.seed) for task in tasks]
    plan = plan_steps(tasks, recipe)
    state_file = place / _STATE_FILE
    start = 0
    if state_file.is_file():
        state = torch.load(state_file, weights_only=True)
        start = int(state["step"])
        transformer.load_state_dict(state["weights"], strict=False)
        optimiser.load_state_dict(state["optimiser"])
        torch.set_rng_state(state["random"])
    warm_up = max(1, round(recipe.steps * recipe.warm_up))
    padding = int(transformer.config.pad_token_id)
    losses = []
    for step in range(start, recipe.steps):
        rate = min((step + 1) / warm_up, (recipe.steps - step) / max(1, recipe.steps - warm_up))
        for group in optimiser.param_groups:
            group["lr"] = recipe.learning_rate * rate
        kind, rows = plan[step]
        task = tasks[kind]
        anchors = [encode(task.rows[row][0])[: recipe.query_window] for row in rows]
        passages = [encode(task.rows[row][1])[: recipe.passage_window] for row in rows]
        works = [task.groups[row] if task.groups else str(row) for row in rows]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            left = _embed(transformer, anchors, padding)
            right = _embed(transformer, passages, padding)
        loss = _contrast(left, right, works, recipe.scale)
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(tuned.values(), 1.0)
        optimiser.step()
        losses.append(float(loss.detach()))
        tell(step + 1, recipe.steps)
        if (step + 1) % recipe.save_every == 0 or step + 1 == recipe.steps:
            state = {
                "step": step + 1,
                "weights": {name: value.detach() for name, value in tuned.items()},
                "optimiser": optimiser.state_dict(),
                "random": torch.get_rng_state(),
            }
            place.mkdir(parents=True, exist_ok=True)
            half = state_file.with_suffix(".half")
            torch.save(state, half)
            half.replace(state_file)
            with (place / "layers.log").open("a", encoding="utf-8") as stream:
                mean = float(np.mean(losses[-recipe.save_every :]))
                stream.write(json.dumps({"step": step + 1, "loss": round(mean, 4)}) + "\n")
            on_checkpoint(step + 1)
    transformer.eval()


def _embed(transformer: Any, rows: Sequence[Sequence[int]], padding: int) -> Tensor:
    """Mean-pooled vectors of norm 1, float32."""
    import torch

    length = max(map(len, rows))
    ids = torch.full((len(rows), length), padding)
    mask = torch.zeros((len(rows), length), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row)
        mask[place, : len(row)] = 1
    hidden = transformer(input_ids=ids, attention_mask=mask).last_hidden_state.float()
    pooled = (hidden * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
    return torch.nn.functional.normalize(pooled)


def _contrast(left: Tensor, right: Tensor, works: Sequence[str], scale: float) -> Tensor:
    """Each anchor must find its passage among the batch's and each passage its anchor; others of its work do not
    count."""
    import torch

    numbers = {work: number for number, work in enumerate(dict.fromkeys(works))}
    of_work = torch.tensor([numbers[work] for work in works])
    same = (of_work[:, None] == of_work[None, :]) & ~torch.eye(len(works), dtype=torch.bool)
    scores = (left @ right.T * scale).masked_fill(same, -1e4)
    own = torch.arange(len(works))
    return (torch.nn.functional.cross_entropy(scores, own) + torch.nn.functional.cross_entropy(scores.T, own)) / 2

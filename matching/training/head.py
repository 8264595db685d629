"""The linear head: one matrix behind the pooled vector, learned with every negative there is.

Vectors of the base lie in a narrow cone: a few passages are near to every need. A linear map straightens that and
turns the space towards what professionals judged, and it is learned in minutes from vectors computed once.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from matching.embeddings.model_folder import WEIGHTS_FILE
from matching.embeddings.port import Vectors

if TYPE_CHECKING:
    from torch import Tensor

HEAD_FOLDER = "3_Dense"
_LAST_FOLDER = "4_Normalize"


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRows:
    """One task as vectors of norm 1.

    `anchors[i]` belongs to `passages[i]`; further `passages` are distractors. Graded tasks have `scores` and `groups`
    as long as `anchors`, and are learned by order within a group.
    """

    anchors: Vectors
    passages: Vectors
    scores: Sequence[float] = ()
    groups: Sequence[str] = ()
    weight: float = 1.0
    both_ways: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRecipe:
    """How the head is learned. `decay` draws it to the identity, where it changes nothing."""

    steps: int = 25
    learning_rate: float = 1e-3
    decay: float = 0.01
    scale: float = 30.0


def fit_head(tasks: Sequence[HeadRows], recipe: HeadRecipe) -> NDArray[np.float32]:
    """The matrix (dimension, dimension) by which a vector of norm 1 is multiplied from the left, before it is
    normalised again. Deterministic: each step sees all rows."""
    import torch

    size = tasks[0].anchors.shape[1]
    identity = torch.eye(size)
    head = identity.clone().requires_grad_()
    optimiser = torch.optim.Adam([head], lr=recipe.learning_rate)
    prepared = [
        (task, torch.from_numpy(task.anchors), torch.from_numpy(task.passages), _plan_orders(task)) for task in tasks
    ]
    for _ in range(recipe.steps):
        loss = recipe.decay * ((head - identity) ** 2).sum()
        for task, anchors, passages, orders in prepared:
            left = torch.nn.functional.normalize(anchors @ head.T)
            right = torch.nn.functional.normalize(passages @ head.T)
            if task.scores:
                part = _order_loss((left * right).sum(dim=1) * recipe.scale, orders)
            else:
                part = _pair_loss(left @ right.T * recipe.scale, both_ways=task.both_ways)
            loss = loss + task.weight * part
        optimiser.zero_grad()
        torch.autograd.backward(loss)
        optimiser.step()
    return np.asarray(head.detach().numpy(), dtype=np.float32)


def _plan_orders(task: HeadRows) -> list[tuple[Tensor, Tensor]]:
    """For each group, the rows that should come first and, pair by pair, those that should come after them."""
    import torch

    members: dict[str, list[int]] = {}
    for row, group in enumerate(task.groups):
        members.setdefault(group, []).append(row)
    orders = []
    for rows in members.values():
        places = torch.tensor(rows)
        levels = torch.tensor([task.scores[row] for row in rows])
        better, worse = torch.nonzero(levels[:, None] > levels[None, :], as_tuple=True)
        if len(better):
            orders.append((places[better], places[worse]))
    return orders


def _order_loss(scores: Tensor, orders: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """CoSENT within each group: log(1 + Σ exp(worse − better)), mean over groups."""
    import torch

    parts = [
        torch.logsumexp(torch.cat([scores.new_zeros(1), scores[worse] - scores[better]]), 0) for better, worse in orders
    ]
    return torch.stack(parts).mean() if parts else scores.sum() * 0


def _pair_loss(scores: Tensor, *, both_ways: bool) -> Tensor:
    """Each anchor must find its own among all passages; both ways, each passage its own among all anchors."""
    import torch

    own = torch.arange(len(scores))
    loss = torch.nn.functional.cross_entropy(scores, own)
    if both_ways:
        loss = loss + torch.nn.functional.cross_entropy(scores[:, : len(scores)].T, own)
    return loss


def add_head(folder: Path, head: NDArray[np.float32]) -> None:
    """Put the head into a sentence-transformers folder that ends in pooling or normalisation."""
    from safetensors.numpy import save_file

    strip_head(folder)
    size = head.shape[0]
    place = folder / HEAD_FOLDER
    place.mkdir()
    save_file({"linear.weight": np.ascontiguousarray(head, dtype=np.float32)}, place / WEIGHTS_FILE)
    (place / WEIGHTS_FILE).chmod(0o644)
    config = {
        "in_features": size,
        "out_features": size,
        "bias": False,
        "activation_function": "torch.nn.modules.linear.Identity",
        "module_input_name": "sentence_embedding",
        "module_output_name": "sentence_embedding",
    }
    _write(place / "config.json", config)
    modules = _read_modules(folder)
    if not modules[-1]["type"].endswith("Normalize"):
        modules.append(_describe(2, "2_Normalize", _NORMALIZE))
        (folder / "2_Normalize").mkdir(exist_ok=True)
    modules += [_describe(3, HEAD_FOLDER, _DENSE), _describe(4, _LAST_FOLDER, _NORMALIZE)]
    (folder / _LAST_FOLDER).mkdir(exist_ok=True)
    # An empty folder does not survive version control.
    names = {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"}
    _write(folder / _LAST_FOLDER / "config.json", names)
    _write(folder / "modules.json", modules)


def strip_head(folder: Path) -> None:
    """Take a head away again, so that one can be learned anew from the plain vectors."""
    kept = [module for module in _read_modules(folder) if module["path"] not in {HEAD_FOLDER, _LAST_FOLDER}]
    _write(folder / "modules.json", kept)
    for name in (HEAD_FOLDER, _LAST_FOLDER):
        shutil.rmtree(folder / name, ignore_errors=True)


_DENSE = "sentence_transformers.base.modules.dense.Dense"
_NORMALIZE = "sentence_transformers.base.modules.normalize.Normalize"


def _describe(number: int, path: str, kind: str) -> dict[str, Any]:
    return {"idx": number, "name": str(number), "path": path, "type": kind}


def _read_modules(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "modules.json").read_text("utf-8")))


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

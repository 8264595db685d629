"""Texts that upper layers must leave where they are, while they learn something else.

Layers that learn the order of judged titles alone forget a part of what they know of translations and of long texts.
So each step also sees texts of the other kinds, and pays for moving their vectors: learning without forgetting
(Z. Li, D. Hoiem, 2016), here on vectors instead of on classes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

from matching.training.tasks import PairTask

if TYPE_CHECKING:
    from torch import Tensor

Targets = Mapping[tuple[int, ...], "Tensor"]
"""Token ids of a text → its vector (dimension) before anything was learned."""

_AT_ONCE = 64
_TOLD_AFTER = 512
"""Texts from one word about how far it is to the next: some five seconds on two processors."""


def draw_kept_texts(tasks: Iterable[PairTask], count: int, seed: int) -> list[str]:
    """`count` texts of the tasks that are not learned by order, prompts included; all once before one comes again.

    Empty where there is no such task.
    """
    texts = {
        text for task in tasks if not task.is_graded for text in chain(chain.from_iterable(task.rows), task.distractors)
    }
    # Sorted first: a set has another order in each run.
    ordered = sorted(texts)
    random.Random(seed).shuffle(ordered)  # noqa: S311 - repeatable on purpose
    return [ordered[place % len(ordered)] for place in range(count)] if ordered else []


def cut_at_tokens(tokenizer: Any, texts: Sequence[str], tokens: int) -> list[str]:
    """The beginnings of the texts that are `tokens` tokens long with those the tokenizer adds, or less."""
    ends = tokenizer(list(texts), truncation=True, max_length=tokens, return_offsets_mapping=True)["offset_mapping"]
    return [text[: max(end for _, end in offsets)] for text, offsets in zip(texts, ends, strict=True)]


def embed_as_is(
    model: Any, texts: Sequence[str], tell: Callable[[int, int], None] = lambda done, total: None
) -> dict[tuple[int, ...], Tensor]:
    """The vectors of `texts` by a SentenceTransformer as it is now, keyed by their token ids."""
    import torch

    distinct = list(dict.fromkeys(texts))
    targets: dict[tuple[int, ...], Tensor] = {}
    for start in range(0, len(distinct), _TOLD_AFTER):
        part = distinct[start : start + _TOLD_AFTER]
        keys = read_keys(model.preprocess(part))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors = model.encode(
                part, prompt="", batch_size=_AT_ONCE, convert_to_tensor=True, show_progress_bar=False
            )
        targets.update(zip(keys, vectors.float(), strict=True))
        tell(start + len(part), len(distinct))
    return targets


def read_keys(features: Mapping[str, Tensor]) -> list[tuple[int, ...]]:
    """The token ids of each text of a batch, without what fills it up."""
    return [
        tuple(number for number, there in zip(ids, mask, strict=True) if there)
        for ids, mask in zip(features["input_ids"].tolist(), features["attention_mask"].tolist(), strict=True)
    ]


def make_keeping_loss(model: Any, learned: Any, targets: Targets, weight: float) -> Any:
    """A loss module of sentence-transformers: `learned` on all columns but the last, and for that one `weight` times
    the mean of 1 − cosine to `targets`."""
    import torch

    class KeepingLoss(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model
            self.learned = learned

        def forward(self, features: Iterable[dict[str, Tensor]], labels: Tensor) -> Tensor:
            *pair, kept = features
            wanted = torch.stack([targets[key] for key in read_keys(kept)])
            now = self.model(kept)["sentence_embedding"].float()
            moved = 1 - torch.nn.functional.cosine_similarity(now, wanted)
            order: Tensor = self.learned(pair, labels)
            return order + weight * moved.mean()

    return KeepingLoss()

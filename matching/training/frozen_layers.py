"""The frozen lower part of an encoder, computed once per text instead of once per step.

What the lower layers give for a text cannot change while they are frozen. Keeping it halves the time of every epoch
after the first and lets the trainings of a cross-validation share it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    HiddenStates = dict[tuple[int, ...], Tensor]
    """Token ids of a text → float16 (tokens, dimension) above the last frozen layer."""


def freeze_lower_part(transformer: Any, layers: int, known: HiddenStates) -> None:
    """Freeze word vectors and the first `layers` layers of a BERT-like transformer, remembering their output.

    The module tree and its parameters' names stay as they were, so checkpoints are those of the plain model. `known`
    may be shared by models of the same base, `layers` and window. Dropout is off in the frozen part.
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    bottom = list(transformer.encoder.layer[:layers])
    for module in (transformer.embeddings, *bottom):
        module.requires_grad_(False)
    run_embeddings = transformer.embeddings.forward
    run_layers = [layer.forward for layer in bottom]
    padding = int(transformer.config.pad_token_id)

    def compute(rows: Sequence[tuple[int, ...]]) -> None:
        """Rows of one length, so no mask is needed."""
        with torch.no_grad():
            for module in (transformer.embeddings, *bottom):
                module.eval()
            state = run_embeddings(input_ids=torch.tensor(rows))
            for run in run_layers:
                state = _first(run(state, None))
        for row, value in zip(rows, state.half(), strict=True):
            known[row] = value.clone()

    def recall(input_ids: Tensor, **_: Any) -> Tensor:
        rows = [tuple(number for number in row if number != padding) for row in input_ids.tolist()]
        missing: dict[int, list[tuple[int, ...]]] = {}
        for row in dict.fromkeys(rows):
            if row not in known:
                missing.setdefault(len(row), []).append(row)
        for group in missing.values():
            compute(group)
        padded = pad_sequence([known[row] for row in rows], batch_first=True).float()
        short = input_ids.shape[1] - padded.shape[1]
        return torch.nn.functional.pad(padded, (0, 0, 0, short)) if short else padded

    def pass_through(hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        return hidden_states

    transformer.embeddings.forward = recall
    for layer in bottom:
        layer.forward = pass_through


def _first(value: Any) -> Any:
    """Layers of some versions return a tuple."""
    return value[0] if isinstance(value, tuple) else value

"""The Embedder port: texts in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Prompt = Literal["query", "passage"]
"""`query` for needs and searches, `passage` for what is searched (capabilities)."""

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors of one model revision.

    Implementations load their model lazily, once per process and never before a fork.
    """

    @property
    def model_revision(self) -> str:
        """Names the weights: equal revisions give equal vectors."""
        ...

    @property
    def dimension(self) -> int:
        """Number of components of each vector."""
        ...

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """Embed `texts` in the order given.

        Returns float32 of shape (len(texts), dimension); rows have L2 norm 1, except rows of blank
        texts, which are all zero (such posts are searched by words only). Texts longer than the model's window
        are cut into overlapping chunks whose vectors are averaged by length, so nothing is dropped.
        Raises PartUnavailable("embedder", …) when the model cannot be loaded.
        """
        ...

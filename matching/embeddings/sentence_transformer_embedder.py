"""The plain embedder: any sentence-transformers model, by name or folder, through torch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from matching.embeddings.chunks import average_chunks, cut_text
from matching.embeddings.model_folder import read_revision
from matching.embeddings.port import Prompt, Vectors
from matching.embeddings.quiet import import_sentence_transformers
from matching.errors import PartUnavailable

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

_SPARE_TOKENS = 2
_BATCH_SIZE = 32


class SentenceTransformerEmbedder:
    """Embeds with sentence-transformers in float32 on the CPU.

    `model` is a folder or a name that sentence-transformers resolves. The model is loaded at the first call, not in
    the constructor, so that a process may fork between the two.
    """

    def __init__(self, model: str | Path) -> None:
        self._name = str(model)
        self._lock = threading.Lock()
        self._loaded: SentenceTransformer | None = None

    @property
    def model_revision(self) -> str:
        """A folder's revision, or the model's name, with `.float32`."""
        folder = Path(self._name)
        return f"{read_revision(folder) if folder.is_dir() else self._name}.float32"

    @property
    def dimension(self) -> int:
        """Number of components of each vector."""
        size = self._open().get_embedding_dimension()
        if size is None:
            raise PartUnavailable(
                "embedder",
                f"模型 {self._name} 没有固定的向量维数",
                message_en=f"The model {self._name} has no fixed dimension",
            )
        return int(size)

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """See `Embedder.embed`."""
        model = self._open()
        words = self._find_prompt(prompt)
        pieces: list[str] = []
        weights: list[int] = []
        bounds = [0]
        for text in texts:
            if text.strip():
                for piece, tokens in self._cut(text, words):
                    pieces.append(words + piece)
                    weights.append(tokens)
            bounds.append(len(pieces))
        if not pieces:
            return np.zeros((len(texts), self.dimension), dtype=np.float32)
        vectors = model.encode(
            pieces, prompt="", batch_size=_BATCH_SIZE, normalize_embeddings=True, show_progress_bar=False
        )
        return average_chunks(np.asarray(vectors, dtype=np.float32), weights, bounds)

    def _cut(self, text: str, words: str) -> list[tuple[str, int]]:
        """Pieces that fit the window, with their token counts."""
        model = self._open()
        window = model.max_seq_length
        found = model.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        offsets = [tuple(span) for span in found["offset_mapping"]]
        frame = len(model.tokenizer(words)["input_ids"])
        if window is None or len(offsets) + frame <= window:
            return [(text, len(offsets) + frame)]
        pieces = cut_text(text, offsets, window - frame - _SPARE_TOKENS)
        return [(piece, window) for piece in pieces]

    def _find_prompt(self, prompt: Prompt) -> str:
        known = self._open().prompts or {}
        names = ("query",) if prompt == "query" else ("passage", "document")
        return next((str(known[name]) for name in names if known.get(name)), "")

    def _open(self) -> SentenceTransformer:
        with self._lock:
            if self._loaded is None:
                library = import_sentence_transformers()
                try:
                    self._loaded = library.SentenceTransformer(
                        self._name, device="cpu", model_kwargs={"torch_dtype": "float32"}
                    )
                except Exception as error:  # hub, file and configuration errors of many libraries
                    raise PartUnavailable(
                        "embedder",
                        f"无法加载向量模型 {self._name}：{error}",
                        message_en=f"Cannot load the encoder {self._name}: {error}",
                    ) from error
            return self._loaded

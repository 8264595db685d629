"""The fast embedder: ONNX Runtime with int8 weights. Imports neither torch nor sentence-transformers."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from matching.embeddings.chunks import average_chunks, cut_text
from matching.embeddings.model_folder import ModelFolder, read_model_folder
from matching.embeddings.onnx_export import FORM, FORM_KEY, REVISION_KEY, export_onnx
from matching.embeddings.port import Prompt, Vectors
from matching.errors import PartUnavailable
from matching.onnx_runtime import import_onnxruntime

if TYPE_CHECKING:
    from tokenizers import Tokenizer

ONNX_FILE = "model_int8.onnx"
_TOKENS_PER_BATCH = 1024
"""About a megabyte of activations per layer: larger batches leave the second-level cache and are slower."""
_SPARE_TOKENS = 2
"""A piece cut from a text may have a token or two more on its own than it had inside."""


class OnnxEmbedder:
    """Embeds with the ONNX form of a sentence-transformers folder.

    `folder` is the float model. Its ONNX form is looked for beside it, then in `cache`, and is made in `cache` where
    neither has one of the same revision (two seconds). The session is opened at the first call, not in the
    constructor, so that a process may fork between the two.
    """

    def __init__(self, folder: Path, *, cache: Path | None = None, threads: int = 2) -> None:
        self._path = folder
        self._cache = cache or Path(tempfile.gettempdir()) / f"duijie-encoders-{os.getuid()}"
        self._threads = threads
        self._lock = threading.Lock()
        self._described: ModelFolder | None = None
        self._loaded: tuple[Any, Tokenizer] | None = None

    @property
    def model_revision(self) -> str:
        """The folder's revision with `.int8` and the form of the graph, since neither gives quite the same vectors."""
        return f"{self._folder.revision}.int8-{FORM}"

    @property
    def dimension(self) -> int:
        """Number of components of each vector."""
        return self._folder.dimension

    def embed(self, texts: Sequence[str], *, prompt: Prompt) -> Vectors:
        """See `Embedder.embed`. Equal texts are encoded once; the order and size of the call do not matter."""
        places: dict[str, int] = {}
        order = [places.setdefault(text, len(places)) for text in texts]
        if not places:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._embed_distinct(list(places), prompt)[order]

    def open_without_threads(self) -> None:
        """Open the session now, so that processes forked from this one share its weights; all texts of a call are then
        computed by the thread that asks, since a web process has its own threads for those who ask at the same time.

        Raises PartUnavailable as the first call would.
        """
        with self._lock:
            if self._loaded is None:
                self._threads = 1
                self._loaded = (self._open_session(), self._open_tokenizer())

    @property
    def query_prompt(self) -> str:
        """What the model wants before a need."""
        return self._folder.query_prompt

    @property
    def passage_prompt(self) -> str:
        """What the model wants before a capability."""
        return self._folder.passage_prompt

    def embed_prompted(self, texts: Sequence[str]) -> Vectors:
        """Embed texts that carry their prompt already (as training rows do); longer ones are cut at the window."""
        session, tokenizer = self._open()
        window = self._folder.window
        return self._run(session, [encoding.ids[:window] for encoding in tokenizer.encode_batch_fast(list(texts))])

    def _embed_distinct(self, texts: list[str], prompt: Prompt) -> Vectors:
        session, tokenizer = self._open()
        folder = self._folder
        words = folder.query_prompt if prompt == "query" else folder.passage_prompt
        filled = [text for text in texts if text.strip()]
        encodings = tokenizer.encode_batch_fast([words + text for text in filled])
        whole = dict(zip(filled, encodings, strict=True))
        rows: list[list[int]] = []
        bounds = [0]
        for text in texts:
            if text in whole:
                ids = whole[text].ids
                rows.extend([ids] if len(ids) <= folder.window else self._cut(text, words, tokenizer))
            bounds.append(len(rows))
        vectors = self._run(session, rows)
        return average_chunks(vectors, [len(row) for row in rows], bounds)

    def _cut(self, text: str, words: str, tokenizer: Tokenizer) -> list[list[int]]:
        frame = len(tokenizer.encode(words).ids)
        offsets = tokenizer.encode(text, add_special_tokens=False).offsets
        window = self._folder.window - frame - _SPARE_TOKENS
        pieces = cut_text(text, offsets, window)
        return [
            encoding.ids[: self._folder.window] for encoding in tokenizer.encode_batch_fast([words + p for p in pieces])
        ]

    def _run(self, session: Any, rows: list[list[int]]) -> Vectors:
        """Run texts of equal token count together, so that nothing is padded, and as many batches at once as there are
        threads: threads that share one batch wait for each other after each of its three hundred operators."""
        vectors = np.zeros((len(rows), self.dimension), dtype=np.float32)
        by_length: dict[int, list[int]] = {}
        for place, row in enumerate(rows):
            by_length.setdefault(len(row), []).append(place)
        batches = []
        # The longest first, so that no thread has one left when the others are done.
        for length, members in sorted(by_length.items(), reverse=True):
            size = max(1, _TOKENS_PER_BATCH // length)
            batches += [members[start : start + size] for start in range(0, len(members), size)]

        def run(batch: list[int]) -> None:
            ids = np.array([rows[place] for place in batch], dtype=np.int64)
            vectors[batch] = session.run(["embedding"], {"input_ids": ids})[0]

        if self._threads == 1 or len(batches) == 1:
            for batch in batches:
                run(batch)
        else:
            with ThreadPoolExecutor(self._threads) as threads:
                list(threads.map(run, batches))
        return vectors

    @property
    def _folder(self) -> ModelFolder:
        if self._described is None:
            self._described = read_model_folder(self._path)
        return self._described

    def _open(self) -> tuple[Any, Tokenizer]:
        with self._lock:
            if self._loaded is None:
                self._loaded = (self._open_session(), self._open_tokenizer())
            return self._loaded

    def _open_tokenizer(self) -> Tokenizer:
        from tokenizers import Tokenizer

        file = self._path / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(file))
        except Exception as error:  # tokenizers raises Exception itself
            raise PartUnavailable("embedder", f"无法读取 {file}", message_en=f"Cannot read {file}") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer

    def _open_session(self) -> Any:
        beside = self._path / ONNX_FILE
        cached = self._cache / self._folder.revision / ONNX_FILE
        for file in (beside, cached):
            if file.is_file():
                session = self._start(file)
                written = session.get_modelmeta().custom_metadata_map
                if (written.get(REVISION_KEY), written.get(FORM_KEY)) == (self._folder.revision, FORM):
                    return session
        try:
            export_onnx(self._path, cached)
        except OSError as error:
            raise PartUnavailable(
                "embedder", f"无法写入向量模型缓存 {cached}", message_en=f"Cannot write the encoder's cache {cached}"
            ) from error
        return self._start(cached)

    def _start(self, file: Path) -> Any:
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # no pool of its own: a batch is computed by the thread that asks
        try:
            # By its name: bytes that are handed over stay in memory beside the weights made from them.
            return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime raises bare exceptions of its own C++ classes
            raise PartUnavailable(
                "embedder", f"无法打开向量模型 {file}", message_en=f"Cannot open the encoder {file}"
            ) from error

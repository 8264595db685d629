"""What of a post is embedded, and the vectors that come back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from matching.documents import PostDocument
from matching.embeddings.port import Embedder, Prompt

Vector = NDArray[np.float32]

_SENTENCE = re.compile(r"[^。；;！!？?\n]*[。；;！!？?\n]?")


@dataclass(frozen=True, slots=True)
class PostVectors:
    """Vectors of L2 norm 1 of a post's title and of its whole text; None where there was too little to embed."""

    title: Vector | None = None
    full: Vector | None = None


def drop_repeated_sentences(text: str) -> str:
    """`text` with each sentence once: forms ask for the same thing in two fields, and people paste it into both."""
    seen: set[str] = set()
    kept: list[str] = []
    for sentence in _SENTENCE.findall(text):
        bare = sentence.strip()
        if bare in seen and len(bare) > 1:
            continue
        seen.add(bare)
        kept.append(sentence)
    return "".join(kept)


TITLES_OF_WORKS = 20
"""Works whose titles stand for an expertise where it is searched as a whole; each is ranked by itself later."""


def embedding_texts(document: PostDocument) -> tuple[str, str]:
    """(title, whole text) as they are to be embedded; the whole text without repeated sentences, and for an expertise
    with the titles of its works."""
    titles = [work.title for work in document.works[:TITLES_OF_WORKS]]
    return document.title, drop_repeated_sentences("\n".join([document.full_text, *titles]))


def embedding_prompt(document: PostDocument) -> Prompt:
    """Needs ask, capabilities are what is searched."""
    return "query" if document.side == "need" else "passage"


def embed_posts(documents: Sequence[PostDocument], embedder: Embedder) -> dict[str, PostVectors]:
    """Vectors of `documents` by id; equal texts are embedded once.

    Raises PartUnavailable("embedder", …) when the model cannot be loaded.
    """
    vectors: dict[str, PostVectors] = {}
    for prompt in ("query", "passage"):
        posts = [document for document in documents if embedding_prompt(document) == prompt]
        pairs = [embedding_texts(document) for document in posts]
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        if not texts:
            continue
        rows = embedder.embed(texts, prompt=prompt)
        places = {text: row for row, text in enumerate(texts)}
        for document, (title, full) in zip(posts, pairs, strict=True):
            vectors[document.id] = PostVectors(_row(rows[places[title]]), _row(rows[places[full]]))
    return vectors


def _row(row: Vector) -> Vector | None:
    return row if bool(row.any()) else None


def stack_vectors(rows: Iterable[Vector | None], dimension: int) -> NDArray[np.float32]:
    """Rows below each other, zeros where there is none."""
    listed = list(rows)
    stacked = np.zeros((len(listed), dimension), dtype=np.float32)
    for place, row in enumerate(listed):
        if row is not None:
            stacked[place] = row
    return stacked

"""What the posts of a platform, or of two files, are like on the whole: the background a pair stands out from.

A score says something only against the background: cosines of this encoder lie between .75 and .9 whatever the pair,
and 电池 means little where everybody makes batteries. `PoolStatistics` holds how often terms occur, the mean vectors,
and a sample of posts of each side. All features of a pair follow from the two posts and these statistics alone,
never from which other candidates happen to be ranked with it, so the command line and the platform score alike.
"""

from __future__ import annotations

import hashlib
import heapq
import threading
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from matching.documents import PostDocument, Side
from matching.ranking.terms import character_terms, is_latin, phrase_terms, term_texts, word_terms
from matching.ranking.vectors import PostVectors, stack_vectors
from matching.text.statistics import TermStatistics

Matrix = NDArray[np.float32]

SAMPLE_SIZE = 400
"""Posts of each side and script kept as the background; the spread of a feature is known to 4 % with them."""

_CENTRING = 0.5
# How much of the mean is taken off each vector. The mean is what all texts of a side and a language share, and hides
# what tells them apart; taken off whole, short problem statements lose some of what they share with their answers.

_MEAN_SHRINKAGE = 40.0
# Mean vectors of few posts are those posts' topics; they count only as far as there are many more than this.

RowKind = Literal["characters", "query", "document", "phrases"]
Columns = NDArray[np.int32]
Values = NDArray[np.float32]

_ROWS_KEPT = 150_000
"""Rows of texts that a pool remembers, about a kilobyte each, five or six for each post: those of 25,000 posts. Where
they are fewer than the posts, candidates push each other out, and a ranking at 20,000 posts takes twice as long."""
_forgetting = threading.Lock()

PHRASE_COLUMNS = 2**31 - 1
"""Width of the rows of phrases. Two posts of 300 different phrases each have two of one hash once in 20,000 times."""

_BM25_K1 = 1.2
_BM25_B = 0.75


class Vocabulary:
    """Columns of terms; grows as posts are prepared."""

    def __init__(self) -> None:
        self._columns: dict[str, int] = {}

    def column(self, term: str) -> int:
        """The column of `term`, a new one at its first sight."""
        return self._columns.setdefault(term, len(self._columns))

    def __len__(self) -> int:
        return len(self._columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedPosts:
    """Posts of one side as rows of matrices, ready for features. n posts, d components."""

    documents: Sequence[PostDocument]
    latin: NDArray[np.bool_]
    title_vectors: Matrix
    """(n, d), centred and of norm 1; zero rows where nothing was embedded."""
    full_vectors: Matrix
    embedded: NDArray[np.bool_]
    title_characters: sparse.csr_array
    """TF-IDF, rows of norm 1."""
    full_characters: sparse.csr_array
    title_words: sparse.csr_array
    """For needs the idf of each word once, for capabilities the BM25 weight of each word without its idf."""
    full_words: sparse.csr_array
    title_phrases: sparse.csr_array
    """Of phrases, rows of norm 1; empty rows for capabilities, of which the whole text is compared. Columns are hashes
    (PHRASE_COLUMNS): few phrases come again, and a vocabulary of them would be many times as large as that of words."""
    full_phrases: sparse.csr_array

    def __len__(self) -> int:
        return len(self.documents)

    def fingerprint(self, row: int) -> bytes:
        """Equal for posts of which all similarities are equal: same texts, same vectors."""
        title, full = term_texts(self.documents[row])
        digest = hashlib.blake2b(digest_size=16)
        for text in (title, full):
            content = text.encode("utf-8", "surrogatepass")
            digest.update(len(content).to_bytes(8))
            digest.update(content)
        digest.update(self.title_vectors[row].tobytes())
        digest.update(self.full_vectors[row].tobytes())
        digest.update(self.embedded[row].tobytes())
        return digest.digest()

    def select(self, rows: NDArray[np.intp]) -> PreparedPosts:
        """The posts at `rows`."""
        return PreparedPosts(
            documents=[self.documents[row] for row in rows],
            latin=self.latin[rows],
            title_vectors=self.title_vectors[rows],
            full_vectors=self.full_vectors[rows],
            embedded=self.embedded[rows],
            title_characters=self.title_characters[rows],
            full_characters=self.full_characters[rows],
            title_words=self.title_words[rows],
            full_words=self.full_words[rows],
            title_phrases=self.title_phrases[rows],
            full_phrases=self.full_phrases[rows],
        )


@dataclass(slots=True)
class Mean:
    """Sum of vectors and their number."""

    count: int = 0
    total: NDArray[np.float64] | None = None

    def add(self, vector: NDArray[np.float32] | None) -> None:
        """Count one more vector, if there is one."""
        if vector is None:
            return
        self.count += 1
        if self.total is None:
            self.total = vector.astype(np.float64)
        else:
            self.total += vector

    def value(self, dimension: int) -> Matrix:
        """What is taken off a vector: shape (dimension,), zeros where nothing was counted."""
        if self.total is None:
            return np.zeros(dimension, dtype=np.float32)
        return (_CENTRING * self.total / (self.count + _MEAN_SHRINKAGE)).astype(np.float32)


@dataclass(slots=True)
class Length:
    """Number of texts and of index words in them."""

    count: int = 0
    total: int = 0

    def add(self, length: int) -> None:
        """Count one more text."""
        self.count += 1
        self.total += length

    @property
    def average(self) -> float:
        """Mean number of words of a text, at least 1; a usual length where nothing was counted."""
        return max(self.total / self.count, 1.0) if self.count else 20.0


def _lengths() -> dict[Side, Length]:
    return {"need": Length(), "capability": Length()}


PoolKey = tuple[Side, bool]
"""Side and whether the text is Latin: languages lie apart in the space of vectors, so each has a mean of its own."""


@dataclass
class PoolStatistics:
    """Statistics of many posts, see the module. Build with `of_posts`; not changed afterwards."""

    characters: TermStatistics = field(default_factory=TermStatistics)
    words: TermStatistics = field(default_factory=TermStatistics)
    dimension: int = 0
    title_lengths: dict[Side, Length] = field(default_factory=_lengths)
    """Titles are compared with titles: their length is measured against their own mean."""
    full_lengths: dict[Side, Length] = field(default_factory=_lengths)
    title_means: dict[PoolKey, Mean] = field(default_factory=dict)
    full_means: dict[PoolKey, Mean] = field(default_factory=dict)
    sample: dict[PoolKey, list[tuple[PostDocument, PostVectors]]] = field(default_factory=dict)
    vocabulary: Vocabulary = field(default_factory=Vocabulary)
    rows: dict[bytes, tuple[Columns, Values]] = field(default_factory=dict, repr=False, compare=False)
    """Rows of texts that were cut and weighed, by what they were made from."""
    measured: dict[tuple[PoolKey, bytes], tuple[Matrix, Matrix]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """What `features` has measured of posts over the background: mean and spread by side, script and fingerprint."""

    @classmethod
    def of_posts(cls, documents: Iterable[PostDocument], vectors: Mapping[str, PostVectors]) -> PoolStatistics:
        """Count needs and capabilities together; a few thousand posts chosen evenly stand for any number.

        Posts without an entry in `vectors` are counted by their words only. The same posts give the same statistics
        in whatever order they come, but for rounding.
        """
        pool = cls()
        samples: dict[PoolKey, list[tuple[int, str, PostDocument, PostVectors]]] = {}
        for document in documents:
            latin = is_latin(document)
            key: PoolKey = (document.side, latin)
            title, full = term_texts(document)
            pool.characters.add(_repeat(character_terms(full)))
            words = word_terms(full)
            pool.words.add(_repeat(words))
            pool.full_lengths[document.side].add(sum(words.values()))
            pool.title_lengths[document.side].add(sum(word_terms(title).values()))
            post_vectors = vectors.get(document.id, PostVectors())
            pool.title_means.setdefault(key, Mean()).add(post_vectors.title)
            pool.full_means.setdefault(key, Mean()).add(post_vectors.full)
            for vector in (post_vectors.title, post_vectors.full):
                if vector is not None:
                    pool.dimension = len(vector)
            # The smallest hashes are a fair sample that does not depend on the order.
            digest = int.from_bytes(hashlib.blake2b(document.id.encode("utf-8", "replace"), digest_size=8).digest())
            heap = samples.setdefault(key, [])
            entry = (-digest, document.id, document, post_vectors)
            if len(heap) < SAMPLE_SIZE:
                heapq.heappush(heap, entry)
            elif entry[:2] > heap[0][:2]:
                heapq.heapreplace(heap, entry)
        pool.sample = {
            key: [(document, post_vectors) for _, _, document, post_vectors in sorted(heap, key=lambda e: e[:2])]
            for key, heap in samples.items()
        }
        return pool

    @property
    def embedded(self) -> int:
        """How many of the counted posts have vectors."""
        return sum(mean.count for mean in self.full_means.values())

    @cached_property
    def background(self) -> dict[PoolKey, PreparedPosts]:
        """The sampled posts by side and script."""
        prepared = {}
        for key, posts in self.sample.items():
            vectors = {document.id: post_vectors for document, post_vectors in posts}
            prepared[key] = self.prepare([document for document, _ in posts], vectors)
        return prepared

    def prepare(self, documents: Sequence[PostDocument], vectors: Mapping[str, PostVectors]) -> PreparedPosts:
        """Rows for `documents`, which are all of one side."""
        latin = np.array([is_latin(document) for document in documents], dtype=bool)
        found = [vectors.get(document.id, PostVectors()) for document in documents]
        dimension = self.dimension or next(
            (len(vector) for pair in found for vector in (pair.title, pair.full) if vector is not None), 1
        )
        texts = [term_texts(document) for document in documents]
        side: Side = documents[0].side if documents else "need"
        word_rows = self._query_rows if side == "need" else self._document_rows
        return PreparedPosts(
            documents=documents,
            latin=latin,
            title_vectors=self._centre(
                documents,
                latin,
                [v.title if v.title is not None else v.full for v in found],
                self.title_means,
                dimension,
            ),
            full_vectors=self._centre(
                documents,
                latin,
                [v.full if v.full is not None else v.title for v in found],
                self.full_means,
                dimension,
            ),
            embedded=np.array([v.title is not None or v.full is not None for v in found], dtype=bool),
            title_characters=self._character_rows([title for title, _ in texts]),
            full_characters=self._character_rows([full for _, full in texts]),
            title_words=word_rows([title for title, _ in texts], self.title_lengths[side].average),
            full_words=word_rows([full for _, full in texts], self.full_lengths[side].average),
            title_phrases=(
                self._phrase_rows([title for title, _ in texts])
                if side == "need"
                else _empty_rows(len(texts), PHRASE_COLUMNS)
            ),
            full_phrases=self._phrase_rows([full for _, full in texts]),
        )

    def weigh(self, document: PostDocument) -> None:
        """Cut and weigh the texts of a document now, so that `prepare` finds it done."""
        kind: RowKind = "query" if document.side == "need" else "document"
        title, full = term_texts(document)
        for text, lengths in ((title, self.title_lengths), (full, self.full_lengths)):
            self._kept_row("characters", 1.0, text)
            self._kept_row(kind, lengths[document.side].average if kind == "document" else 1.0, text)
        for text in (title, full) if kind == "query" else (full,):
            self._kept_row("phrases", 1.0, text)

    def _centre(
        self,
        documents: Sequence[PostDocument],
        latin: NDArray[np.bool_],
        rows: Sequence[NDArray[np.float32] | None],
        means: Mapping[PoolKey, Mean],
        dimension: int,
    ) -> Matrix:
        stacked = stack_vectors(rows, dimension)
        blank = ~stacked.any(axis=1)
        for script in (False, True):
            mean = means.get((documents[0].side, script)) if documents else None
            if mean is not None:
                stacked[latin == script] -= mean.value(dimension)
        norms = np.linalg.norm(stacked, axis=1, keepdims=True)
        stacked /= np.where(norms > 0, norms, 1)
        stacked[blank] = 0
        return stacked

    def _kept_row(self, kind: RowKind, average: float, text: str) -> tuple[Columns, Values]:
        """`_make_row`, remembering: candidates of one post are candidates of the next, and cutting them into terms and
        weighing these takes most of the time that ranking takes. No text stays: posts may be erased."""
        about = f"{kind} {average!r} ".encode()
        key = hashlib.blake2b(about + text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        row = self.rows.get(key)
        if row is None:
            row = self._make_row(kind, average, text)
            with _forgetting:
                while len(self.rows) >= _ROWS_KEPT:
                    del self.rows[next(iter(self.rows))]
                self.rows[key] = row
        return row

    def _make_row(self, kind: RowKind, average: float, text: str) -> tuple[Columns, Values]:
        """Columns and values of one text's row; `average` length matters to `document` rows only."""
        counts, column, idf = self._count_terms(kind, text)
        columns = np.fromiter((column(term) for term in counts), dtype=np.int32, count=len(counts))
        occurrences = np.fromiter(counts.values(), dtype=np.float32, count=len(counts))
        if kind == "document":
            norm = _BM25_K1 * (1 - _BM25_B + _BM25_B * float(occurrences.sum()) / average)
            return columns, np.asarray(occurrences * (_BM25_K1 + 1) / (occurrences + norm), dtype=np.float32)
        rarity = np.fromiter((idf(term) for term in counts), dtype=np.float32, count=len(counts))
        if kind == "query":
            return columns, rarity
        values = (1 + np.log(occurrences)) * rarity
        length = float(np.sqrt((values * values).sum()))
        return columns, np.asarray(values / length if length > 0 else values, dtype=np.float32)

    def _count_terms(
        self, kind: RowKind, text: str
    ) -> tuple[Mapping[Any, int], Callable[[Any], int], Callable[[Any], float]]:
        """Terms of one text with their counts, and what gives the column and the rarity of a term."""
        if kind == "phrases":
            return phrase_terms(text), _phrase_column, self._phrase_idf
        if kind == "characters":
            return character_terms(text), self.vocabulary.column, self.characters.idf
        return word_terms(text), self.vocabulary.column, self.words.idf

    def _phrase_idf(self, phrase: tuple[str, str]) -> float:
        """A phrase is taken to be as rare as its words are together: phrases themselves are too many to be counted."""
        return sum(self.words.idf(word) for word in phrase)

    def _rows(self, kind: RowKind, average: float, texts: Sequence[str], width: int | None = None) -> sparse.csr_array:
        rows = [self._kept_row(kind, average, text) for text in texts]
        pointers = np.zeros(len(rows) + 1, dtype=np.int32)
        np.cumsum([len(columns) for columns, _ in rows], out=pointers[1:])
        none = (np.empty(0, dtype=np.int32), np.empty(0, dtype=np.float32))
        columns, values = (np.concatenate([row[part] for row in rows] or [none[part]]) for part in (0, 1))
        return sparse.csr_array((values, columns, pointers), shape=(len(rows), width or max(len(self.vocabulary), 1)))

    def _character_rows(self, texts: Sequence[str]) -> sparse.csr_array:
        return self._rows("characters", 1.0, texts)

    def _phrase_rows(self, texts: Sequence[str]) -> sparse.csr_array:
        return self._rows("phrases", 1.0, texts, PHRASE_COLUMNS)

    def _query_rows(self, texts: Sequence[str], _average: float) -> sparse.csr_array:
        return self._rows("query", 1.0, texts)

    def _document_rows(self, texts: Sequence[str], average: float) -> sparse.csr_array:
        return self._rows("document", average, texts)


def _phrase_column(phrase: tuple[str, str]) -> int:
    return zlib.crc32(" ".join(phrase).encode()) % PHRASE_COLUMNS


def _empty_rows(count: int, width: int) -> sparse.csr_array:
    return sparse.csr_array(
        (np.empty(0, np.float32), np.empty(0, np.int32), np.zeros(count + 1, np.int32)), shape=(count, width)
    )


def _repeat(counts: Mapping[str, int]) -> list[str]:
    return [term for term, count in counts.items() for _ in range(count)]

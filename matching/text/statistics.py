"""How often terms occur over many documents: what makes a shared word rare and so worth something.

The platform builds one from the database, the command line from the files it is given; ranking takes either.
"""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Collection, Iterable, Mapping

from matching.errors import InvalidInput


class TermStatistics:
    """Document count, document frequencies and total length of a collection of documents.

    A document is a collection of terms (words, character pairs …); what a term is, is up to the caller.
    """

    __slots__ = ("_frequencies", "document_count", "total_length")

    def __init__(
        self, document_count: int = 0, total_length: int = 0, frequencies: Mapping[str, int] | None = None
    ) -> None:
        self.document_count = document_count
        self.total_length = total_length
        self._frequencies: dict[str, int] = dict(frequencies or {})

    @classmethod
    def of_documents(cls, documents: Iterable[Collection[str]]) -> TermStatistics:
        """Count `documents`, each the terms of one document, repeats kept."""
        statistics = cls()
        for terms in documents:
            statistics.add(terms)
        return statistics

    def add(self, terms: Collection[str]) -> None:
        """Count one more document."""
        self.document_count += 1
        self.total_length += len(terms)
        frequencies = self._frequencies
        for term in set(terms):
            frequencies[term] = frequencies.get(term, 0) + 1

    def merge(self, other: TermStatistics) -> None:
        """Add the counts of other documents."""
        self.document_count += other.document_count
        self.total_length += other.total_length
        for term, count in other._frequencies.items():
            self._frequencies[term] = self._frequencies.get(term, 0) + count

    def document_frequency(self, term: str) -> int:
        """In how many documents `term` occurs."""
        return self._frequencies.get(term, 0)

    def idf(self, term: str) -> float:
        """Inverse document frequency as BM25 defines it (natural logarithm, never negative).

        A term that no document has is as rare as one that a single document has: an unknown word is not proof
        of anything more.
        """
        frequency = max(self._frequencies.get(term, 0), 1)
        count = max(self.document_count, frequency)
        return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))

    @property
    def average_length(self) -> float:
        """Mean number of terms of a document; 1 when nothing was counted, so that it can divide."""
        return self.total_length / self.document_count if self.total_length else 1.0

    def __len__(self) -> int:
        return len(self._frequencies)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TermStatistics) and (
            (self.document_count, self.total_length, self._frequencies)
            == (other.document_count, other.total_length, other._frequencies)
        )

    __hash__ = None  # type: ignore[assignment]

    def to_bytes(self) -> bytes:
        """Compressed JSON; `from_bytes` reads it back equal."""
        content = {
            "document_count": self.document_count,
            "total_length": self.total_length,
            "frequencies": self._frequencies,
        }
        return zlib.compress(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8"))

    @classmethod
    def from_bytes(cls, content: bytes) -> TermStatistics:
        """Read what `to_bytes` wrote. Raises InvalidInput for anything else."""
        try:
            data = json.loads(zlib.decompress(content))
            frequencies = {str(term): int(count) for term, count in data["frequencies"].items()}
            return cls(int(data["document_count"]), int(data["total_length"]), frequencies)
        except (zlib.error, ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidInput(
                "statistics.unreadable", "词频统计数据已损坏", message_en="The term statistics are damaged"
            ) from error

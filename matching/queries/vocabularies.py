"""Reads of the editable vocabularies and regions: industries, domains, cooperation modes, towns, reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import VocabularyTerm


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """All vocabularies as read at one moment. Terms that were taken off a list keep their names for older posts."""

    terms: dict[str, dict[str, VocabularyTerm]] = field(default_factory=dict)

    def active(self, vocabulary: str) -> Sequence[VocabularyTerm]:
        """What may be chosen now, in the list's order."""
        return [term for term in self.terms.get(vocabulary, {}).values() if term.active]

    def find(self, vocabulary: str, code: str | None) -> VocabularyTerm | None:
        """The term, active or not; None for a code that no list has."""
        return self.terms.get(vocabulary, {}).get(code) if code else None


def load_vocabularies(session: Session) -> Vocabularies:
    """All terms of all vocabularies, in order; a few hundred rows."""
    terms: dict[str, dict[str, VocabularyTerm]] = {}
    rows = session.scalars(
        select(VocabularyTerm).order_by(VocabularyTerm.vocabulary, VocabularyTerm.position, VocabularyTerm.code)
    )
    for term in rows:
        terms.setdefault(term.vocabulary, {})[term.code] = term
    return Vocabularies(terms)


def load_labels(session: Session) -> dict[str, tuple[str, str]]:
    """(Chinese, English) names by code, of the vocabularies that reasons speak of."""
    rows = session.execute(
        select(VocabularyTerm.code, VocabularyTerm.label_zh, VocabularyTerm.label_en).where(
            VocabularyTerm.vocabulary.in_(("industry", "domain", "cooperation_mode"))
        )
    )
    return {code: (label_zh, label_en) for code, label_zh, label_en in rows}

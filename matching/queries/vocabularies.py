"""Reads of the editable vocabularies and regions: industries, domains, cooperation modes, towns, reasons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from matching.models import RuleState, VocabularyTerm
from matching.store.engine import only_reads


@dataclass(frozen=True, slots=True)
class Term:
    """An entry of a list, as `VocabularyTerm` has it, that outlives the session which read it."""

    vocabulary: str
    code: str
    parent_code: str | None
    label_zh: str
    label_en: str
    position: int
    active: bool
    map_column: int | None
    map_row: int | None


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """All vocabularies as read at one moment. Terms that were taken off a list keep their names for older posts."""

    terms: Mapping[str, Mapping[str, Term]] = field(default_factory=dict)

    def active(self, vocabulary: str) -> Sequence[Term]:
        """What may be chosen now, in the list's order."""
        return [term for term in self.terms.get(vocabulary, {}).values() if term.active]

    def find(self, vocabulary: str, code: str | None) -> Term | None:
        """The term, active or not; None for a code that no list has."""
        return self.terms.get(vocabulary, {}).get(code) if code else None


_kept: WeakKeyDictionary[Engine, tuple[tuple[int, int], Vocabularies]] = WeakKeyDictionary()
_STATE = select(
    func.coalesce(select(RuleState.revision).where(RuleState.id == 1).scalar_subquery(), 0),
    select(func.count()).select_from(VocabularyTerm).scalar_subquery(),
)
"""What tells that a list was changed: every change of rules is counted, and setting up only adds terms."""
_TERMS = select(*(getattr(VocabularyTerm, name) for name in Term.__slots__)).order_by(
    VocabularyTerm.vocabulary, VocabularyTerm.position, VocabularyTerm.code
)


def load_vocabularies(session: Session) -> Vocabularies:
    """All terms of all vocabularies, in order; a few hundred rows, kept until one is changed by whichever process."""
    if not only_reads(session):
        return _read(session)  # what a transaction changes is not kept: it may be taken back
    engine = session.get_bind().engine
    revision, count = session.execute(_STATE).one()
    kept = _kept.get(engine)
    if kept is None or kept[0] != (revision, count):
        # Several threads may read them at once; what they read is the same, or newer.
        kept = ((revision, count), _read(session))
        _kept[engine] = kept
    return kept[1]


def _read(session: Session) -> Vocabularies:
    terms: dict[str, dict[str, Term]] = {}
    for row in session.execute(_TERMS):
        term = Term(*row)
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

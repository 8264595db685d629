"""Editable vocabularies as reading needs them: finding a term by its code, its name or how people write it.

Ways of writing that are neither code nor name are in term_synonyms.tsv (vocabulary, code, names).
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class VocabularyTerm:
    """One term: its code, its Chinese and English names, and the code of the term above it."""

    code: str
    label_zh: str
    label_en: str = ""
    parent: str | None = None


Vocabularies = Mapping[str, Sequence[VocabularyTerm]]
"""Terms by vocabulary: industries, domains, disciplines, cooperation_modes, capability_kinds, organisation_kinds,
organisation_stages, ip_arrangements, maturity_levels, regions, towns."""

_PLACES = ("regions", "towns")
_PLACE_ENDING = re.compile(r"(?:省|市|县|区|镇|街道|乡|自治区|特别行政区)$")


@cache
def known_synonyms() -> dict[str, dict[str, str]]:
    """Vocabulary → folded name → code."""
    found: dict[str, dict[str, str]] = {}
    with files("matching.importing").joinpath("term_synonyms.tsv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            names = found.setdefault(row["vocabulary"], {})
            names.update((fold_term(name), row["code"]) for name in row["names"].split())
    return found


def fold_term(text: str) -> str:
    """A name as compared: half-width, lower case, no blanks and outer punctuation."""
    return re.sub(r"[\s_]+", "", unicodedata.normalize("NFKC", text).lower()).strip("()[]:;,.、。·-")


class TermFinder:
    """Finds the code that a text stands for. Made once per reading; remembers what it found.

    Without a vocabulary of that name only the synonyms and their codes are known, and `knows` says so.
    """

    def __init__(self, vocabularies: Vocabularies | None = None) -> None:
        self._vocabularies = vocabularies or {}
        self._indexes: dict[str, dict[str, str]] = {}
        self._found: dict[tuple[str, str], str | None] = {}

    def knows(self, vocabulary: str) -> bool:
        """Whether the vocabulary itself was given."""
        return vocabulary in self._vocabularies

    def find(self, text: str, vocabulary: str) -> str | None:
        """The code, None where there is no such term.

        Code, Chinese and English names and synonyms are understood, `C39 计算机…` too, and regions and towns by a
        shorter or a longer name (鹤山, 广东省江门市鹤山市).
        """
        folded = fold_term(text)
        if not folded:
            return None
        key = (vocabulary, folded)
        if key not in self._found:
            self._found[key] = self._look_up(folded, vocabulary)
        return self._found[key]

    def _look_up(self, folded: str, vocabulary: str) -> str | None:
        index = self._index(vocabulary)
        if (code := index.get(folded)) is not None:
            return code
        leading = re.match(r"[a-z]?\d{1,9}(?!\d)|[a-z](?=[^a-z])", folded)
        if leading and leading.group() != folded and (code := index.get(leading.group())) is not None:
            return code
        return self._place(folded, vocabulary) if vocabulary in _PLACES else None

    def _index(self, vocabulary: str) -> dict[str, str]:
        if vocabulary not in self._indexes:
            synonyms = known_synonyms().get(vocabulary, {})
            index: dict[str, str] = {}
            if vocabulary in self._vocabularies:
                terms = self._vocabularies[vocabulary]
                for term in terms:
                    for name in (term.code, term.label_zh, term.label_en):
                        if name:
                            index.setdefault(fold_term(name), term.code)
                codes = {term.code for term in terms}
            else:
                codes = set(synonyms.values())
                index.update((fold_term(code), code) for code in codes)
            for name, code in synonyms.items():
                if code in codes:
                    index.setdefault(name, code)
            self._indexes[vocabulary] = index
        return self._indexes[vocabulary]

    def _place(self, folded: str, vocabulary: str) -> str | None:
        """The longest, then lowest place whose name the text is or ends with."""
        best: tuple[int, str] | None = None
        for term in self._vocabularies.get(vocabulary, ()):
            name = fold_term(term.label_zh)
            stem = _PLACE_ENDING.sub("", name)
            if len(stem) >= 2 and (folded == stem or folded.endswith((name, stem))):
                rank = (len(name), term.code)
                best = rank if best is None or rank > best else best
        return best[1] if best else None

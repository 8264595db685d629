"""Phrases that two posts have in common, with their places in both texts and how much of the score hangs on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from matching.documents import PostDocument
from matching.ranking.pool import PoolStatistics
from matching.ranking.terms import character_terms
from matching.text.normalise import HAN, NormalisedText, Span, normalise_with_offsets
from matching.text.words import Word, cut_normalised, is_content_word, is_domain_term

_HAN = re.compile(f"[{HAN}]")
# A full stop ends a clause only before a blank: within a number it does not.
_CLAUSE = re.compile(r"(?:[^，。；;！!？?\n.]|\.(?!\s|$))+")

# A phrase in a title stands for the whole post: the title's own similarities have nearly half of the weight, and it is
# part of the whole text as well.
_TITLE_FACTOR = 3.0
_OTHER_SIDE_TITLE_FACTOR = 1.5


@dataclass(frozen=True, slots=True)
class SharedPhrase:
    """A phrase of both texts. Spans are of `full_text` of each side; `weight` orders phrases of one pair."""

    text: str
    need_span: Span
    capability_span: Span
    weight: float


@dataclass(frozen=True, slots=True)
class _Side:
    normal: NormalisedText
    words: list[Word]
    starts: dict[int, int]
    """Place in the normal form of each place of the original where a character begins."""
    title_end: int


def _read_side(document: PostDocument) -> _Side:
    normal = normalise_with_offsets(document.full_text)
    starts: dict[int, int] = {}
    for place, start in enumerate(normal.starts):
        starts.setdefault(start, place)
    return _Side(normal, cut_normalised(normal), starts, len(document.title))


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether Latin words and numbers are not cut at the edges of [start, end)."""

    def joins(left: str, right: str) -> bool:
        return left.isalnum() and right.isalnum() and not _HAN.match(left) and not _HAN.match(right)

    before = start > 0 and joins(text[start - 1], text[start])
    after = end < len(text) and joins(text[end - 1], text[end])
    return not before and not after


def _find(text: str, phrase: str) -> int:
    place = text.find(phrase)
    while place >= 0 and not _is_whole(text, place, place + len(phrase)):
        place = text.find(phrase, place + 1)
    return place


def find_shared_phrases(
    need: PostDocument, capability: PostDocument, pool: PoolStatistics, limit: int = 5
) -> list[SharedPhrase]:
    """The phrases both texts have, the ones the score hangs on most first; none overlaps another in the need.

    A phrase is a run of words of the need, the longest that the capability has too, without stop words at its ends.
    """
    first, second = _read_side(need), _read_side(capability)
    text = first.normal.text
    other = second.normal.text
    found: dict[str, tuple[Span, Span, float]] = {}
    place = 0
    while place < len(first.words):
        run = _longest_run(first, other, place)
        if run is None:
            place += 1
            continue
        last, start, end = run
        phrase = text[start:end]
        if phrase not in found:
            there = _find(other, phrase)
            need_span = first.normal.original_span(start, end)
            capability_span = second.normal.original_span(there, there + len(phrase))
            weight = _weigh(phrase, pool)
            if need_span[1] <= first.title_end:
                weight *= _TITLE_FACTOR
            if capability_span[1] <= second.title_end:
                weight *= _OTHER_SIDE_TITLE_FACTOR
            found[phrase] = (need_span, capability_span, weight)
        place = last + 1
    ordered = sorted(found.items(), key=lambda item: (-item[1][2], item[1][0]))
    kept: list[SharedPhrase] = []
    for phrase, (need_span, capability_span, weight) in ordered:
        if any(phrase in other_phrase.text for other_phrase in kept):
            continue
        written = capability.full_text[slice(*capability_span)] if need.language != "zh" else ""
        shown = written or need.full_text[slice(*need_span)]
        kept.append(SharedPhrase(" ".join(shown.split()), need_span, capability_span, weight))
    return kept[:limit]


def _longest_run(side: _Side, other: str, place: int) -> tuple[int, int, int] | None:
    """(last word, start, end) of the longest run of words from `place` that `other` has; start and end in normal
    form."""
    words = side.words
    if not is_content_word(words[place].text):
        return None
    text = side.normal.text
    start = side.starts[words[place].start]
    best: tuple[int, int, int] | None = None
    last = place
    end = start
    while last < len(words):
        begins = side.starts[words[last].start]
        if last > place and text[end:begins].strip(" -"):
            break
        end = begins + _length(side, words[last])
        if _find(other, text[start:end]) < 0:
            break
        if is_content_word(words[last].text):
            best = (last, start, end)
        last += 1
    return best


def _length(side: _Side, word: Word) -> int:
    start = side.starts[word.start]
    end = start
    while end < len(side.normal.text) and side.normal.ends[end] <= word.end:
        end += 1
    return end - start


def _weigh(phrase: str, pool: PoolStatistics) -> float:
    """How rare the phrase's characters and pairs are together; terms of the dictionary count a little more."""
    weight = sum(pool.characters.idf(term) ** 2 for term in character_terms(phrase))
    return weight * (1.2 if is_domain_term(phrase) else 1.0)


def clauses_of(document: PostDocument, limit: int = 24) -> Sequence[Span]:
    """Spans of the clauses of `full_text` that say enough to be compared, the first `limit` ones."""
    text = document.full_text
    spans: list[Span] = []
    for match in _CLAUSE.finditer(text):
        bare = match.group().strip()
        if len(bare) >= (4 if _HAN.search(bare) else 12):
            start = match.start() + len(match.group()) - len(match.group().lstrip())
            spans.append((start, start + len(bare)))
    return spans[:limit]

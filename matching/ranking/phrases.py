"""Phrases that two posts have in common, with their places in both texts and how much of the score hangs on them."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from matching.documents import PostDocument
from matching.ranking.pool import PoolStatistics
from matching.ranking.terms import PHRASE_BREAKS, character_terms
from matching.text.normalise import HAN, NormalisedText, Span, normalise_with_offsets
from matching.text.words import (
    cut_normalised,
    cut_words,
    is_content_word,
    is_domain_term,
    is_measure,
    is_telling_word,
    spell_word,
)

_HAN = re.compile(f"[{HAN}]")
# A full stop ends a clause only before a blank: within a number it does not.
_CLAUSE = re.compile(r"(?:[^，。；;！!？?\n.]|\.(?!\s|$))+")

# A phrase in a title stands for the whole post: the title's own similarities have nearly half of the weight, and it is
# part of the whole text as well.
_TITLE_FACTOR = 3.0
_OTHER_SIDE_TITLE_FACTOR = 1.5

# Words in more than this share of all posts tell posts apart no better than general words do.
_MOST_POSTS_SHARE = 0.15
_LEAST_POSTS_COUNTED = 100


@dataclass(frozen=True, slots=True)
class SharedPhrase:
    """A phrase of both texts. Spans are of `full_text` of each side; `weight` orders phrases of one pair."""

    text: str
    need_span: Span
    capability_span: Span
    weight: float


@dataclass(frozen=True, slots=True)
class _Side:
    """A text in normal form; `borders` are the places where words begin or end in it."""

    normal: NormalisedText
    borders: frozenset[int]
    title_end: int


@lru_cache(maxsize=512)
def _read_side(full_text: str, title_end: int) -> _Side:
    normal = normalise_with_offsets(full_text)
    borders: set[int] = set()
    for word in cut_normalised(normal):
        start = bisect_left(normal.starts, word.start)
        borders.add(start)
        borders.add(bisect_right(normal.ends, word.end, lo=start))
    return _Side(normal, frozenset(borders), title_end)


def find_shared_phrases(
    need: PostDocument, capability: PostDocument, pool: PoolStatistics, limit: int = 5
) -> list[SharedPhrase]:
    """The phrases both texts have, the ones the score hangs on most first; none contains another.

    A phrase is the longest run of characters both have that begins and ends where a word of either text does, or is a
    term of the dictionary: where 耐盐雾 is one word in the need, the capability's 盐雾 still finds it. At least one
    word of it tells what a post is about: general words (处理, 自动), bare quantities and units, and words that a good
    part of all posts have, are no phrases by themselves; stop words and measures are not at a phrase's ends.
    """
    first = _read_side(need.full_text, len(need.title))
    second = _read_side(capability.full_text, len(capability.title))
    found: dict[str, SharedPhrase] = {}
    place = 0
    while place < len(first.normal.text):
        run = _longest_run(first, second, place, pool)
        if run is None:
            place += 1
            continue
        start, there, length = run
        phrase = first.normal.text[start : start + length]
        if phrase not in found:
            need_span = first.normal.original_span(start, start + length)
            capability_span = second.normal.original_span(there, there + length)
            weight = _weigh(phrase, pool)
            if need_span[1] <= first.title_end:
                weight *= _TITLE_FACTOR
            if capability_span[1] <= second.title_end:
                weight *= _OTHER_SIDE_TITLE_FACTOR
            shown = " ".join(need.full_text[slice(*need_span)].split())
            found[phrase] = SharedPhrase(shown, need_span, capability_span, weight)
        place = start + length
    kept: dict[str, SharedPhrase] = {}
    for phrase, shared in sorted(found.items(), key=lambda item: (-item[1].weight, item[1].need_span)):
        if not any(phrase in other or other in phrase for other in kept):
            kept[phrase] = shared
    return list(kept.values())[:limit]


def _longest_run(first: _Side, second: _Side, place: int, pool: PoolStatistics) -> tuple[int, int, int] | None:
    """(start in the first, start in the second, length) of the longest phrase from `place`; None where there is
    none."""
    text, other = first.normal.text, second.normal.text
    if text[place].isspace() or other.find(text[place : place + 2]) < 0:
        return None
    length = 1
    while place + length < len(text) and not _breaks(text, place + length):
        if text[place : place + length + 1] not in other:
            break
        length += 1
    for size in range(length, 1, -1):
        there = _find_between_borders(first, second, place, size)
        if there is None:
            continue
        found = _telling_part(text[place : place + size], pool)
        if found is not None:
            lead, end = found
            return place + lead, there + lead, end - lead
    return None


def _breaks(text: str, place: int) -> bool:
    if text[place] in ",.":
        # Within a number or a name (1,000, 2.5, v1.2) it belongs there.
        around = text[place - 1] + text[place + 1 : place + 2]
        return not (len(around) == 2 and around.isascii() and around.isalnum())
    return text[place] in PHRASE_BREAKS


@lru_cache(maxsize=8192)
def _words_of(phrase: str) -> tuple[tuple[str, int, int], ...]:
    return tuple((word.text, word.start, word.end) for word in cut_words(phrase))


def _telling_part(phrase: str, pool: PoolStatistics) -> tuple[int, int] | None:
    """[start, end) of `phrase` without stop words and measures at its ends; None where no word of it is telling."""
    words = _words_of(phrase)
    if not any(is_telling_word(word) and not _is_common(word, pool) for word, _, _ in words) and not (
        is_domain_term(phrase) and is_telling_word(phrase) and not _is_common(phrase, pool)
    ):
        return None
    kept = [(start, end) for word, start, end in words if is_content_word(word) and not is_measure(word)]
    if not kept or kept[-1][1] - kept[0][0] < 2:
        return None
    return kept[0][0], kept[-1][1]


def _is_common(word: str, pool: PoolStatistics) -> bool:
    counted = pool.words.document_count
    return (
        counted >= _LEAST_POSTS_COUNTED
        and pool.words.document_frequency(spell_word(word)) > _MOST_POSTS_SHARE * counted
    )


def _find_between_borders(first: _Side, second: _Side, place: int, size: int) -> int | None:
    text, other = first.normal.text, second.normal.text
    phrase = text[place : place + size]
    there = other.find(phrase)
    while there >= 0:
        begins = place in first.borders or there in second.borders
        ends = place + size in first.borders or there + size in second.borders
        if (
            ((begins and ends) or is_domain_term(phrase))
            and _is_whole(other, there, there + size)
            and _is_whole(text, place, place + size)
        ):
            return there
        there = other.find(phrase, there + 1)
    return None


def _is_whole(text: str, start: int, end: int) -> bool:
    """Whether Latin words and numbers are not cut at the edges of [start, end)."""

    def joins(left: str, right: str) -> bool:
        return left.isalnum() and right.isalnum() and not _HAN.match(left) and not _HAN.match(right)

    before = start > 0 and joins(text[start - 1], text[start])
    after = end < len(text) and joins(text[end - 1], text[end])
    return not before and not after


@lru_cache(maxsize=4096)  # unlike whole texts, whose rows the pool keeps, phrases come again in pair after pair
def _terms_of(phrase: str) -> tuple[str, ...]:
    return tuple(character_terms(phrase))


def _weigh(phrase: str, pool: PoolStatistics) -> float:
    """How rare the phrase's characters and pairs are together; terms of the dictionary count a little more."""
    weight = sum(pool.characters.idf(term) ** 2 for term in _terms_of(phrase))
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

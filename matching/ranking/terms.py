"""The terms of a post that lexical features count: character terms, index words and phrases of two words."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache, lru_cache

from matching.documents import PostDocument
from matching.ranking.vectors import embedding_texts
from matching.text.normalise import HAN, normalise
from matching.text.words import cut_words, index_words, is_content_word, is_measure, spell_word, stop_words

_RUN = re.compile(f"[{HAN}]+|(?:(?![{HAN}])[^\\W_])+")
_HAN = re.compile(f"[{HAN}]")
# A phrase does not go on over these: 合作。此 is in both texts and is no phrase. Full marks are narrow in normal form.
PHRASE_BREAKS = frozenset("\n。、,;:!?()\"'“”‘’《》【】[]{}|·…")
_BREAK = re.compile(f"[{re.escape(''.join(sorted(PHRASE_BREAKS)))}，；：！？（）]|\\.(?=\\s|$)")
# Words every need and every achievement has; gone, the pairs of characters across them go as well. Words such as 设备
# and 工艺 stay: that a device and not a process is wanted does tell pairs apart.
_FILLER = re.compile("产业化|技术|研究|开发|研发|应用|关键|及其|推广|设计|项目|需求")


@cache
def _single_filler() -> frozenset[str]:
    return frozenset(word for word in stop_words() if len(word) == 1)


def character_terms(text: str) -> dict[str, int]:
    """Han characters and pairs of them, and Latin words with their character triples, with their counts.

    Pairs hold most of the meaning of Chinese technical words and need no dictionary; single characters let 猪 in 生猪
    meet 猪 in 猪舍.
    """
    counts: Counter[str] = Counter()
    single_filler = _single_filler()
    for run in _RUN.findall(_FILLER.sub(" ", normalise(text))):
        if _HAN.match(run):
            counts.update(character for character in run if character not in single_filler)
            counts.update(run[place : place + 2] for place in range(len(run) - 1))
        elif run not in stop_words():
            counts[run] += 1
            if run.isalpha() and len(run) > 4:
                counts.update(f"{run[place : place + 3]}~" for place in range(len(run) - 2))
    return counts


def word_terms(text: str) -> dict[str, int]:
    """Index words with their counts."""
    return Counter(index_words(text))


def phrase_terms(text: str) -> dict[tuple[str, str], int]:
    """Content words that follow each other, as index words spell them, with their counts.

    Stop words between two are passed over (变形的控制), marks are not, and quantities are compared elsewhere.
    """
    counts: Counter[tuple[str, str]] = Counter()
    stops = stop_words()
    before, end = "", 0
    for word in cut_words(text):
        if before and word.start > end and _BREAK.search(text, end, word.start):
            before = ""
        end = word.end
        if word.text in stops:
            continue
        spelled = _spell_telling(word.text)
        if before and spelled:
            counts[before, spelled] += 1
        before = spelled
    return counts


@lru_cache(maxsize=65_536)
def _spell_telling(word: str) -> str:
    return spell_word(word) if is_content_word(word) and not is_measure(word) else ""


def is_latin(document: PostDocument) -> bool:
    """Whether the text is written in Latin letters rather than Han characters; the text decides, not its label."""
    text = document.full_text
    return len(_HAN.findall(text)) * 8 < len(text.replace(" ", ""))


def term_texts(document: PostDocument) -> tuple[str, str]:
    """(title, whole text) that terms are counted in; a post without a title is represented by its text."""
    title, full = embedding_texts(document)
    return (title if title.strip() else full), full

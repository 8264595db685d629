"""Words of a text: cut for people (`cut_words`), for the index (`index_words`) and for a search (`query_words`).

Han text is cut by rjieba with the domain dictionary. Model numbers (AZ91D, PEEK-CF30, 5G), Latin words and numbers with
their units (≥1000h, 25℃, ±5%) are found before any dictionary and stay whole; dictionary terms that mix scripts
(HDI板, 5G通讯线路板) join whole words afterwards, longest first.

**Index words** go, joined by blanks, to an Elasticsearch whitespace analyzer and to SQLite FTS5. They consist only of
ASCII lower-case letters and digits and of the Han characters U+3400–U+4DB5 and U+4E00–U+9FCC, so no tokenizer parts,
folds or drops any of them, whatever its Unicode version. Everything else is spelled out: `±5%` → `5百分`, `0.5mm` →
`0点5mm`, `c++` → `c加加`, Greek letters by name, other letters as `x` + code point + `x`. The same
spelling is used for both sides, so it never shows in a result.
"""

from __future__ import annotations

import re
import threading
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol

from matching.errors import InvalidInput
from matching.text.normalise import HAN, NormalisedText, normalise, normalise_with_offsets
from matching.text.units import NUMBER_PATTERN, UNIT_PATTERN

_FOLDER = Path(__file__).parent

_COMPARATOR = r"[≥≤><=±≈~+\-]"
_ENDS_UNIT = r"(?![a-z])"
_QUANTITY = (
    rf"(?:(?<![a-z0-9]){_COMPARATOR}{{1,2}}\s?|(?<![a-z0-9.\-]))(?:{NUMBER_PATTERN})"
    rf"(?:\s?[~\-]\s?(?:{NUMBER_PATTERN}))?\s?(?:{UNIT_PATTERN}){_ENDS_UNIT}"
)
_LATIN = r"[^\W_]"
_LATIN_RUN = rf"(?:(?![{HAN}]){_LATIN}(?:[\u0300-\u036f])*)+"
_MODEL = rf"\.net(?![a-z])|{_LATIN_RUN}(?:[\-./&'_·+]{_LATIN_RUN})*(?:\+\+|#)?"
_TOKEN = re.compile(rf"(?P<quantity>{_QUANTITY})|(?P<latin>{_MODEL})|(?P<han>[{HAN}]+)")
_COMPARED_NUMBER = re.compile(rf"[≥≤><=±≈]{{1,2}}\s?(?:{NUMBER_PATTERN})(?![a-z0-9])")

_SAFE_WORD = re.compile("[0-9a-z\u3400-\u4db5\u4e00-\u9fcc]+")
_SPELLED = {
    "%": "百分", "‰": "千分", "/": "每", "°": "度", "+": "加", "#": "井", "^": "幂", "×": "乘", "&": "和", "@": "在",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi",
    "χ": "chi", "ψ": "psi", "ω": "omega", "ι": "iota", "κ": "kappa", "ο": "omicron", "υ": "upsilon",
}  # fmt: skip
_HAN_RUN = re.compile(f"[{HAN}]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word in normal form and its span [start, end) in the original text."""

    text: str
    start: int
    end: int


class _Cutter(Protocol):
    def cut(self, text: str) -> list[str]: ...
    def cut_for_search(self, text: str) -> list[str]: ...
    def add_word(self, word: str, freq: int | None, tag: str | None) -> int: ...


@dataclass(frozen=True, slots=True)
class Dictionary:
    """Terms in normal form; `longest` is the number of characters of the longest mixed term."""

    terms: frozenset[str]
    mixed: frozenset[str]
    longest: int


def read_terms(path: Path) -> list[str]:
    """The terms of a dictionary or stop word file in normal form, in the file's order.

    Raises InvalidInput naming file and line for a file that is not UTF-8 or a term over 40 characters.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (UnicodeDecodeError, OSError) as error:
        raise InvalidInput(
            "dictionary.unreadable", "词典文件无法读取（须为 UTF-8 文本）", where=str(path),
            message_en="The dictionary file cannot be read (it must be UTF-8 text)",
        ) from error  # fmt: skip
    terms: list[str] = []
    for number, line in enumerate(lines, start=1):
        if line.lstrip().startswith("#"):
            continue
        term = normalise(line)
        if not term:
            continue
        if len(term) > 40:
            raise InvalidInput(
                "dictionary.term_too_long", "词条超过 40 个字", where=f"{path}:{number}",
                message_en="A dictionary term has more than 40 characters",
            )  # fmt: skip
        terms.append(term)
    return terms


_extra_dictionary: Path | None = None
_lock = threading.Lock()


def use_extra_dictionary(path: Path | None) -> None:
    """Add the terms of `path` to the shipped dictionary, for the whole process; None goes back to the shipped one.

    Called once at start-up with the setting; words in the index must be cut with the same dictionary.
    Raises InvalidInput when the file cannot be read.
    """
    global _extra_dictionary
    if path is not None:
        read_terms(path)
    with _lock:
        _extra_dictionary = path
        _load_dictionary.cache_clear()
        _load_cutter.cache_clear()
        _cut_han.cache_clear()


@cache
def _load_dictionary() -> Dictionary:
    terms = read_terms(_FOLDER / "domain_dictionary.txt")
    if _extra_dictionary is not None:
        terms += read_terms(_extra_dictionary)
    mixed = frozenset(term for term in terms if not _HAN_RUN.fullmatch(term))
    return Dictionary(frozenset(terms), mixed, max((len(term) for term in mixed), default=0))


@cache
def _load_cutter() -> _Cutter:
    # A cutter of our own: the module's default one is shared with whoever else imports rjieba.
    import rjieba

    cutter: _Cutter = rjieba.Jieba()
    dictionary = _load_dictionary()
    for term in dictionary.terms:
        if len(term) > 1 and _HAN_RUN.fullmatch(term):
            # A count above that of common words keeps the term whole against any cut of its parts.
            cutter.add_word(term, 200_000, None)
    return cutter


@cache
def stop_words() -> frozenset[str]:
    """Words that say nothing about a technology, in normal form."""
    return frozenset(read_terms(_FOLDER / "stop_words.txt"))


@cache
def general_words() -> frozenset[str]:
    """Words of any technical text, in normal form: that two posts share one of them explains nothing."""
    return frozenset(read_terms(_FOLDER / "general_words.txt"))


@lru_cache(maxsize=8192)
def _cut_han(run: str) -> tuple[str, ...]:
    return tuple(_load_cutter().cut(run))


def _iterate_tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """(start, end, kind) over normal-form text; a compared number without a unit (≥1000) is a quantity too."""
    position = 0
    while position < len(text):
        found = _TOKEN.search(text, position)
        compared = _COMPARED_NUMBER.search(text, position, found.end() if found else len(text))
        if compared is not None and (found is None or compared.start() < found.start()):
            yield compared.start(), compared.end(), "quantity"
            position = compared.end()
            continue
        if found is None:
            return
        yield found.start(), found.end(), str(found.lastgroup)
        position = found.end()


def _cut_normalised(text: str) -> list[tuple[int, int, str]]:
    """(start, end, kind) of the words of normal-form text, mixed dictionary terms joined."""
    pieces: list[tuple[int, int, str]] = []
    for start, end, kind in _iterate_tokens(text):
        if kind != "han":
            pieces.append((start, end, kind))
            continue
        position = start
        for word in _cut_han(text[start:end]):
            pieces.append((position, position + len(word), kind))
            position += len(word)
    return _join_mixed(text, pieces)


def _join_mixed(text: str, pieces: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    dictionary = _load_dictionary()
    joined: list[tuple[int, int, str]] = []
    index = 0
    while index < len(pieces):
        start, end, kind = pieces[index]
        best = index
        last = index + 1
        while last < len(pieces) and pieces[last][0] <= pieces[last - 1][1] + 1:
            if pieces[last][1] - start > dictionary.longest:
                break
            if text[start : pieces[last][1]] in dictionary.mixed:
                best = last
            last += 1
        if best > index:
            joined.append((start, pieces[best][1], "mixed"))
        else:
            joined.append((start, end, kind))
        index = best + 1
    return joined


def cut_words(text: str) -> list[Word]:
    """The words of `text` in order, in normal form without blanks, with spans of `text` as given.

    Punctuation and symbols are left out unless they belong to a quantity (`≥1000h`) or a name (`c++`).
    """
    return cut_normalised(normalise_with_offsets(text))


def cut_normalised(normal: NormalisedText) -> list[Word]:
    """`cut_words` for a text that is normalised already; spans are of its original."""
    words = []
    for start, end, _ in _cut_normalised(normal.text):
        first, last = normal.original_span(start, end)
        words.append(Word(normal.text[start:end].replace(" ", ""), first, last))
    return words


@lru_cache(maxsize=65_536)
def spell_word(word: str) -> str:
    """`word` in the letters an index word may have (see the module); "" when nothing of it is left."""
    if _SAFE_WORD.fullmatch(word):
        return word
    spelled: list[str] = []
    for position, character in enumerate(word):
        if _SAFE_WORD.fullmatch(character):
            spelled.append(character)
        elif character in _SPELLED:
            spelled.append(_SPELLED[character])
        elif character == "." and re.match(r"\d\.\d", word[max(position - 1, 0) : position + 2]):
            spelled.append("点")
        elif character == "~" or (character == "-" and 0 < position < len(word) - 1 and word[position - 1].isdigit()):
            spelled.append("至" if word[position + 1 : position + 2].isdigit() else "")
        elif character == "-" and position == 0 and word[1:2].isdigit():
            spelled.append("负")
        elif unicodedata.category(character)[0] in "LN":
            spelled.append(_spell_letter(character))
    return "".join(spelled)


def _spell_letter(character: str) -> str:
    plain = "".join(
        part for part in unicodedata.normalize("NFKD", character) if unicodedata.category(part)[0] != "M"
    ).casefold()
    if plain and _SAFE_WORD.fullmatch(plain):
        return plain
    return f"x{ord(character):x}x"


def _index_parts(text: str, start: int, end: int, kind: str) -> list[str]:
    """Words below a word: parts of a compound name, words and pairs of characters inside a long Han word."""
    word = text[start:end].replace(" ", "")
    if kind == "han":
        if end - start < 3:
            return []
        parts = [part for part in _load_cutter().cut_for_search(word) if 2 < len(part) < len(word)]
        return parts + [word[position : position + 2] for position in range(len(word) - 1)]
    if kind == "mixed":
        parts = []
        for first, last, inner in _pieces_within(text, start, end):
            parts.append(text[first:last].replace(" ", ""))
            parts.extend(_index_parts(text, first, last, inner))
        return parts
    if kind == "latin":
        parts = [part for part in re.split(r"[\-./&'_·+#]+", word) if part]
        if len(parts) > 1:
            return parts
        # AZ91D is found by AZ91 and AZ too: what stands before a number or a last letter names a family.
        family = re.fullmatch(r"([a-z]{2,})(\d+)([a-z]?)", word)
        if family:
            return [family.group(1)] + ([family.group(1) + family.group(2)] if family.group(3) else [])
    return []


def _pieces_within(text: str, start: int, end: int) -> list[tuple[int, int, str]]:
    pieces = []
    for first, last, kind in _iterate_tokens(text[start:end]):
        if kind == "han":
            position = start + first
            for word in _cut_han(text[start + first : start + last]):
                pieces.append((position, position + len(word), kind))
                position += len(word)
        else:
            pieces.append((start + first, start + last, kind))
    return pieces


def _search_words(text: str) -> Iterator[str]:
    normal = normalise(text)
    stops = stop_words()
    found = False
    pieces = _cut_normalised(normal)
    for index, (start, end, kind) in enumerate(pieces):
        word = normal[start:end].replace(" ", "")
        if word in stops:
            continue
        for part in (word, *_index_parts(normal, start, end, kind)):
            spelled = spell_word(part)
            if spelled:
                found = True
                yield spelled
        # A pair of characters across a border of two words makes a text findable however its words are cut.
        if kind == "han" and index and pieces[index - 1][1] == start and pieces[index - 1][2] == "han":
            before = normal[pieces[index - 1][0] : start]
            if before not in stops:
                yield spell_word(normal[start - 1 : start + 1])
    if not found:
        # Nothing but stop words or symbols: then these are what the text can be found by.
        for start, end, _ in pieces:
            spelled = spell_word(normal[start:end])
            if spelled:
                found = True
                yield spelled
    if not found:
        yield from (f"x{ord(character):x}x" for character in normal if not character.isspace())


def index_words(text: str) -> tuple[str, ...]:
    """Words by which `text` can be found, in order, repeats kept; see the module for the letters they consist of.

    Besides the words themselves: the parts of compound names, dictionary words inside long ones, and pairs of
    neighbouring Han characters. Not empty unless the text is blank.
    """
    return tuple(_search_words(text))


def query_words(text: str) -> tuple[str, ...]:
    """Words to search for `text` with, each once, in order of first appearance; made as `index_words` makes them."""
    return tuple(dict.fromkeys(_search_words(text)))


def content_words(text: str) -> list[Word]:
    """`cut_words` without stop words, single Han characters of no dictionary and bare numbers."""
    return [word for word in cut_words(text) if is_content_word(word.text)]


def is_content_word(word: str) -> bool:
    """Whether a word in normal form says something about a technology."""
    if word in stop_words() or word.replace(".", "").replace(",", "").isdigit():
        return False
    if len(word) == 1:
        return word in _load_dictionary().terms
    return True


_QUANTITY_ONLY = re.compile(_QUANTITY)
_UNIT_PART = rf"(?:{UNIT_PATTERN}|[pnumkgμ]?(?:mol|j|w|v|a|n|pa|hz|g|m|s|l|k|h|d|min|kg|rad|cfu|iu)[23]?)"
_ONE_UNIT = re.compile(_UNIT_PART)
_SEPARATORS_OF_UNIT = 3
"""The most `/` and `·` that one unit of the list has within itself (w/(m·k))."""


def is_measure(word: str) -> bool:
    """Whether a word in normal form is nothing but a quantity or a unit."""
    return bool(_is_units(word) or _QUANTITY_ONLY.fullmatch(word) or _COMPARED_NUMBER.fullmatch(word))


def _is_units(word: str) -> bool:
    """Whether a word is units with `/` or `·` between them.

    Not one expression: units have separators within themselves too, and `g/g/g/…` would be tried in 2ⁿ ways.
    """
    ends = [place for place, character in enumerate(word) if character in "/·"] + [len(word)]
    starts = [0]
    for number, end in enumerate(ends):
        earliest = ends[number - _SEPARATORS_OF_UNIT - 1] if number > _SEPARATORS_OF_UNIT else -1
        if any(
            _ONE_UNIT.fullmatch(word, start, end) for start in starts[-_SEPARATORS_OF_UNIT - 1 :] if start > earliest
        ):
            starts.append(end + 1)
    return starts[-1] == len(word) + 1


def is_telling_word(word: str) -> bool:
    """Whether a word in normal form, by itself, tells what a post is about: not general, no bare quantity or unit."""
    return is_content_word(word) and not _is_general(word) and not is_measure(word)


@lru_cache(maxsize=65_536)
def _is_general(word: str) -> bool:
    """Whether the word is general or put together from general words (产品质量)."""
    general, stops = general_words(), stop_words()
    if word in general:
        return True
    if not _HAN_RUN.fullmatch(word) or is_domain_term(word):
        return False
    reached = {0}
    for end in range(1, len(word) + 1):
        if any(start in reached and (word[start:end] in general or word[start:end] in stops) for start in range(end)):
            reached.add(end)
    return len(word) in reached


def is_domain_term(word: str) -> bool:
    """Whether a word in normal form is in the domain dictionary (the extra one included)."""
    return word in _load_dictionary().terms


def count_words(words: Iterable[str]) -> dict[str, int]:
    """How often each word occurs."""
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return counts

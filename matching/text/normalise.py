"""One normal form of text for everything that compares texts, with the way back to the original.

The normal form: NFKC, case folded, dashes and tildes of one kind, no invisible characters, runs of blanks as one
blank, runs with a line break as one line break, and no blank beside a Han character (`HDI 板` and `HDI板` are one
term). Search, word cutting, quantities and reasons all start here. Reasons are shown in the text as it was written,
so `normalise_with_offsets` keeps for each character of the normal form the place it came from.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from dataclasses import dataclass

Span = tuple[int, int]
"""Half open [start, end) in characters (code points) of the original text."""

HAN = "\u2e80-\u2fdf\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af"
"""Ranges of Han characters for regular expressions, the rare ones of the higher planes included."""

_HAN_CHARACTER = re.compile(f"[{HAN}]")
_BLANKS = re.compile(r"\s+")
# Characters whose normal form is themselves and that never join a neighbour: most of any Chinese or English text.
_PLAIN = re.compile("[\u4e00-\u9fff\u3001\u3002\u300a\u300b0-9a-z!-@\\[-`{-~]+")

_DASHES = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d", "-")
_TILDES = dict.fromkeys("\u223c\u301c\uff5e\u02dc", "~")
_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789", strict=True))
_SINGLE: dict[str, str] = {
    **_DASHES,
    **_TILDES,
    "⁻": "-",
    "≧": "≥",
    "≦": "≤",
    "⩾": "≥",
    "⩽": "≤",
    "㎍": "μg",
    "\u00ad": "",
}


@dataclass(frozen=True, slots=True)
class NormalisedText:
    """`text` in normal form; its character i came from [starts[i], ends[i]) of the original."""

    text: str
    starts: array[int]
    ends: array[int]

    def original_span(self, start: int, end: int) -> Span:
        """The span of the original that [start, end) of the normal form came from; (0, 0) when it is empty."""
        if start >= end:
            return (0, 0)
        return (self.starts[start], self.ends[end - 1])


def is_han(character: str) -> bool:
    """Whether this one character is a Han ideograph."""
    return _HAN_CHARACTER.match(character) is not None


def _is_blank(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cs", "Co", "Zs", "Zl", "Zp")


def _fold_cluster(cluster: str) -> str:
    """NFKC and case folding until nothing changes (one round is not always enough: İ, ϓ)."""
    folded = cluster
    for _ in range(4):
        following = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
        if following == folded:
            break
        folded = following
    # A spacing accent (¯) folds into a blank and a mark that would join the next reading's neighbour.
    return " " if folded[:1] == " " else folded


def _is_invisible(character: str) -> bool:
    # Cf holds zero-width joiners, direction marks and the byte order mark; variation selectors choose a glyph only.
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f" or character == "\u034f"


def _is_enclosed_number(character: str) -> bool:
    # ① before 1000 h must not become 11000 h: list marks part words and say nothing.
    return "\u2460" <= character <= "\u249b" or "\u24ea" <= character <= "\u24ff" or "\u2776" <= character <= "\u2793"


def _normalise_odd(character: str, previous: str) -> str:
    if character in "\r\n\u2028\u2029\u0085\x0b\x0c":
        return "\n"
    if character in _SINGLE:
        return _SINGLE[character]
    if character in _SUPERSCRIPTS:
        # 10⁵ is a power, cm³ is a unit's name.
        return ("^" if previous.isdigit() else "") + _SUPERSCRIPTS[character]
    if _is_invisible(character):
        return ""
    if _is_blank(character) or _is_enclosed_number(character):
        return " "
    return _fold_cluster(character)


def normalise_with_offsets(text: str) -> NormalisedText:
    """Normal form of `text` and where each of its characters came from. Any str is accepted, lone surrogates too."""
    pieces: list[str] = []
    starts = array("l")
    ends = array("l")
    position = 0
    length = len(text)

    def add(piece: str, start: int, end: int) -> None:
        pieces.append(piece)
        starts.extend([start] * len(piece))
        ends.extend([end] * len(piece))

    while position < length:
        plain = _PLAIN.match(text, position)
        if plain is not None:
            end = plain.end()
            # A combining mark after the run belongs to its last character.
            if end < length and unicodedata.combining(text[end]):
                end -= 1
            if end > position:
                pieces.append(text[position:end])
                starts.extend(range(position, end))
                ends.extend(range(position + 1, end + 1))
                position = end
                continue
        end = position + 1
        while end < length and unicodedata.combining(text[end]):
            end += 1
        if end == position + 1:
            previous = pieces[-1][-1:] if pieces else ""
            add(_normalise_odd(text[position], previous), position, end)
        else:
            base = text[position]
            folded = "" if _is_invisible(base) else " " if _is_blank(base) else _fold_cluster(text[position:end])
            add(folded, position, end)
        position = end
    return _squeeze("".join(pieces), starts, ends)


def _squeeze(text: str, starts: array[int], ends: array[int]) -> NormalisedText:
    """Blanks as the module says."""
    kept: list[str] = []
    kept_starts = array("l")
    kept_ends = array("l")
    position = 0
    for blank in _BLANKS.finditer(text):
        start, end = blank.span()
        kept.append(text[position:start])
        kept_starts.extend(starts[position:start])
        kept_ends.extend(ends[position:start])
        position = end
        if start == 0 or end == len(text):
            continue
        broken = "\n" in blank.group()
        if not broken and (is_han(text[start - 1]) or is_han(text[end])):
            continue
        kept.append("\n" if broken else " ")
        kept_starts.append(starts[start])
        kept_ends.append(ends[end - 1])
    kept.append(text[position:])
    kept_starts.extend(starts[position:])
    kept_ends.extend(ends[position:])
    return NormalisedText("".join(kept), kept_starts, kept_ends)


def normalise(text: str) -> str:
    """Normal form of `text`, see the module. `normalise(normalise(t)) == normalise(t)`."""
    return normalise_with_offsets(text).text

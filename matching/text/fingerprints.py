"""How much of two texts agrees letter by letter, and hashes by which texts that agree are found among many.

    print = fingerprint(title, body)
    print.values                      # 33 numbers; texts of like wording share some of them
    compare(print, other)             # how alike exactly

A text is its set of three-letter pieces (shingles) of letters and digits in normal form: spaces, punctuation, width
and case do not count. The hashes are MinHash in bands (Broder 1997; Leskovec, Rajaraman, Ullman: Mining of Massive
Datasets, ch. 3): of two texts that share half of their pieces 99 in 100 share a value, of two that share a twentieth, 4
in 1,000.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.text.normalise import normalise

_NOT_LETTERS = re.compile(r"[\W_]+")
_PIECE = 3
_BANDS = 32
_ROWS = 3
_SEED = 20_261_125
"""Stored values were made with it: another one needs them all made anew."""

LEAST_RESEMBLANCE = 0.5
LEAST_SHARED = 0.85
LEAST_SHARED_WITH_TITLE = 0.45
"""Each lies in the middle of a wide gap between works posted twice and other works (`tests/bench/bench_duplicates.py`),
so none was chosen finely."""
_LEAST_LETTERS = 12
_LEAST_CONTAINED = 60

LEAST_TITLE = 6
"""Titles of fewer letters are shared by posts that have nothing else in common."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`pieces` are hashes of the text's shingles, `letters` how long it is, `title_key` 0 where the title is short."""

    pieces: frozenset[int]
    letters: int
    title_key: int
    values: frozenset[int]
    """Signed 64-bit numbers."""


@dataclass(frozen=True, slots=True)
class Likeness:
    """`shared`: part of the shorter text that is in the longer one; `resemblance`: shared pieces among all; 0 to 1."""

    shared: float
    resemblance: float
    same_title: bool


def bare_letters(text: str) -> str:
    """Letters and digits of `text` in normal form."""
    return _NOT_LETTERS.sub("", normalise(text))


def fingerprint(title: str, body: str) -> Fingerprint:
    """The fingerprint of a post's text; any text has one, an empty one shares no value with another."""
    bare_title = bare_letters(title)
    text = bare_title + bare_letters(body)
    pieces = frozenset(
        zlib.crc32(text[start : start + _PIECE].encode("utf-8", "replace"))
        for start in range(max(1, len(text) - _PIECE + 1))
    )
    title_key = _hash(b"title" + bare_title.encode("utf-8", "replace")) if len(bare_title) >= LEAST_TITLE else 0
    values = set(_bands(pieces)) if text else set()
    if title_key:
        values.add(title_key)
    return Fingerprint(pieces, len(text), title_key, frozenset(values))


def compare(first: Fingerprint, second: Fingerprint) -> Likeness:
    """How alike two texts are; symmetric."""
    if not first.letters or not second.letters:
        return Likeness(0.0, 0.0, False)
    common = len(first.pieces & second.pieces)
    return Likeness(
        shared=common / min(len(first.pieces), len(second.pieces)),
        resemblance=common / len(first.pieces | second.pieces),
        same_title=first.title_key != 0 and first.title_key == second.title_key,
    )


def nearly_agree(first: Fingerprint, second: Fingerprint) -> bool:
    """Whether two posts are to be taken for one and the same until somebody says otherwise.

    Either half of all they say is common to both, or the shorter one is nearly contained in the longer one, or
    they have the same title and much in common. Very short texts must be equal.
    """
    likeness = compare(first, second)
    if min(first.letters, second.letters) < _LEAST_LETTERS:
        return likeness.resemblance == 1.0
    return (
        likeness.resemblance >= LEAST_RESEMBLANCE
        or (likeness.shared >= LEAST_SHARED and min(first.letters, second.letters) >= _LEAST_CONTAINED)
        or (likeness.same_title and likeness.shared >= LEAST_SHARED_WITH_TITLE)
    )


def _bands(pieces: frozenset[int]) -> list[int]:
    factors, offsets = _permutations()
    numbers = np.fromiter(pieces, dtype=np.uint64, count=len(pieces))
    # Multiply-shift hashing: the upper half of a product modulo 2**64.
    least = ((numbers[None, :] * factors[:, None] + offsets[:, None]) >> np.uint64(32)).min(axis=1)
    rows = least.astype("<u4").reshape(_BANDS, _ROWS)
    return [_hash(bytes([band]) + row.tobytes()) for band, row in enumerate(rows)]


@cache
def _permutations() -> tuple[NDArray[Any], NDArray[Any]]:
    # From a hash rather than a random generator, whose stream may differ between versions of a library.
    numbers = [
        int.from_bytes(hashlib.blake2b(f"{_SEED}:{place}".encode(), digest_size=8).digest())
        for place in range(2 * _BANDS * _ROWS)
    ]
    drawn = np.array(numbers, dtype=np.uint64)
    return drawn[0::2] | np.uint64(1), drawn[1::2]


def _hash(content: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), signed=True)

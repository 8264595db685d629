"""What a person asked to see more or less of, applied to a list: an order that can be told in one sentence.

Scores stay what they are. What one asked for comes first, what one does not want comes last, and among equals the best
fit comes first; so the same pair has the same fit for everybody, and a reason can say truthfully why it stands where
it stands.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Wish:
    """`direction` is more or less; `kind` and `value` as in the table of wishes."""

    direction: str
    kind: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """Of a post, what a wish may be about. `organisation_id` is None where the reader is not told whose post it is: an
    order by a hidden name would tell it.
    """

    text: str
    domain: str | None = None
    industry_codes: tuple[str, ...] = ()
    cooperation_modes: tuple[str, ...] = ()
    organisation_id: str | None = None


def fold(text: str) -> str:
    """As words are compared: full width and case do not matter."""
    return unicodedata.normalize("NFKC", text).casefold()


def fulfils(traits: Traits, wish: Wish) -> bool:
    """Whether the post is what the wish is about; an industry includes those below it."""
    if wish.kind == "domain":
        return traits.domain == wish.value
    if wish.kind == "industry":
        return any(code.startswith(wish.value) for code in traits.industry_codes)
    if wish.kind == "cooperation_mode":
        return wish.value in traits.cooperation_modes
    if wish.kind == "organisation":
        return traits.organisation_id == wish.value
    return wish.kind == "keyword" and fold(wish.value) in fold(traits.text)


def fulfilled(traits: Traits, wishes: Iterable[Wish]) -> list[Wish]:
    """The wishes that the post meets, in their order."""
    return [wish for wish in wishes if fulfils(traits, wish)]


def lean(met: Iterable[Wish]) -> int:
    """1 where more of what was met is wanted than not, -1 where less, 0 between."""
    balance = sum(1 if wish.direction == "more" else -1 for wish in met)
    return (balance > 0) - (balance < 0)


def order_by_wishes(items: Sequence[Item], met: Callable[[Item], Iterable[Wish]]) -> list[Item]:
    """The items, which come best first: those that are wanted before, those that are not wanted after the rest."""
    return sorted(items, key=lambda item: -lean(met(item)))

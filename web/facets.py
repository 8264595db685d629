"""Facets beside a list: what a choice would leave, as links that work without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import request

from web.display import with_arguments


@dataclass(frozen=True, slots=True)
class FacetChoice:
    """One choice with its count and the page it leads to; the chosen one leads back."""

    label: str
    count: int
    url: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """A question with its choices."""

    name: str
    title: str
    choices: list[FacetChoice]

    @property
    def chosen(self) -> FacetChoice | None:
        """The choice that restricts the list now."""
        return next((choice for choice in self.choices if choice.chosen), None)


def make_facet(name: str, title: str, counts: Iterable[tuple[str, int]], label: Callable[[str], str]) -> Facet:
    """A facet of the argument `name`. A chosen code stays on the list when nothing is left of it."""
    chosen = request.args.get(name) or None
    rows = list(counts)
    if chosen and chosen not in {code for code, _ in rows}:
        rows.insert(0, (chosen, 0))
    choices = [
        FacetChoice(
            label(code),
            count,
            with_arguments(**{name: None if code == chosen else code, "page": None}),
            code == chosen,
        )
        for code, count in rows
    ]
    return Facet(name, title, choices)


def page_argument() -> int:
    """The page asked for; 1 for what is no number."""
    text = request.args.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def text_argument(name: str, limit: int = 100) -> str | None:
    """A query argument without outer blanks, None where it is empty."""
    return " ".join(request.args.get(name, "").split())[:limit].replace("\x00", "") or None

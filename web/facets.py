"""Facets beside a list: what a choice would leave, as links that work without scripts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from flask import request
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from matching.queries.libraries import LibrarySort
from matching.queries.profiles import list_regions
from web.display import with_arguments
from web.languages import in_language


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
    if chosen and chosen not in {code for code, _count in rows}:
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


def make_region_facet(reading: Session, counts: Iterable[tuple[str, int]]) -> Facet:
    """The facet of the argument `region`, a 行政区划代码, by the regions' names."""
    regions = {region.code: region for region in list_regions(reading)}

    def name(code: str) -> str:
        region = regions.get(code)
        return in_language(region.label_zh, region.label_en) if region else code

    return make_facet("region", _("地区"), counts, name)


def sort_argument() -> LibrarySort:
    """The order a library is asked in; by name where nothing known is asked."""
    match request.args.get("sort"):
        case "posts":
            return "posts"
        case "recent":
            return "recent"
        case _:
            return "name"


def page_argument() -> int:
    """The page asked for; 1 for what is no number."""
    text = request.args.get("page", "1")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 7 else 1


def text_argument(name: str, limit: int = 100) -> str | None:
    """A query argument without outer blanks, None where it is empty."""
    return " ".join(request.args.get(name, "").split())[:limit].replace("\x00", "") or None

"""A map of a region's towns: one tile a town, placed roughly where the town lies, no borders drawn.

Borders would have to come from somebody and be right; a tile says where to look and how many there are, which is all
that the list needs. Where nobody placed a region's towns, the same counts stand as bars.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import request

from matching.models import Region
from matching.queries.vocabularies import Term, Vocabularies
from web.display import with_arguments
from web.languages import label_of

TILE_WIDTH, TILE_HEIGHT, GAP = 112, 60, 6
SHADES = 4


@dataclass(frozen=True, slots=True)
class Town:
    """A town with its count; its link restricts the list to it, or lifts that. `shade` is 0 (none) to SHADES."""

    label: str
    count: int
    url: str
    chosen: bool
    shade: int
    x: int = 0
    y: int = 0


@dataclass(frozen=True, slots=True)
class RegionTowns:
    """The towns of one region: as tiles where they have places (`width` and `height` of the picture), else as bars."""

    label: str
    towns: tuple[Town, ...]
    width: int
    height: int
    most: int

    @property
    def tiled(self) -> bool:
        """Whether there is a picture."""
        return self.width > 0


def make_town_map(
    vocabularies: Vocabularies, regions: Mapping[str, Region], counts: Iterable[tuple[str, int]]
) -> list[RegionTowns]:
    """By region, those with the most first; regions without any count are left out. Towns that are on no list stand
    last, as bars under no name.
    """
    counted = dict(counts)
    chosen = request.args.get("town") or None
    if chosen:
        counted.setdefault(chosen, 0)
    most = max(counted.values(), default=0)
    listed: dict[str, list[Term]] = {}
    for term in vocabularies.active("town"):
        listed.setdefault(term.parent_code or "", []).append(term)
    found = []
    for code, terms in listed.items():
        if any(term.code in counted for term in terms):
            region = regions.get(code)
            found.append(_region(label_of(region) if region else "", terms, counted, chosen, most))
    known = {term.code for terms in listed.values() for term in terms}
    loose = [code for code in counted if code not in known]
    if loose:
        names = {code: label_of(vocabularies.find("town", code)) or code for code in loose}
        towns = [_town(names[code], code, counted, chosen, most) for code in loose]
        found.append(RegionTowns("", tuple(sorted(towns, key=lambda town: -town.count)), 0, 0, most))
    return sorted(found, key=lambda one: (not one.label, -sum(town.count for town in one.towns), one.label))


def make_region_bars(regions: Mapping[str, Region], counts: Iterable[tuple[str, int]]) -> list[RegionTowns]:
    """For a library whose rows lie in a region but in no town: the regions as bars, the same links by `region`."""
    counted = dict(counts)
    chosen = request.args.get("region") or None
    most = max(counted.values(), default=0)
    bars = tuple(
        Town(
            label_of(regions.get(code)) or code,
            count,
            with_arguments(region=None if code == chosen else code, page=None),
            code == chosen,
            0,
        )
        for code, count in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
    )
    return [RegionTowns("", bars, 0, 0, most)] if bars else []


def _region(label: str, terms: list[Term], counted: Mapping[str, int], chosen: str | None, most: int) -> RegionTowns:
    placed = [term for term in terms if term.map_column is not None and term.map_row is not None]
    if len(placed) < len(terms):  # a picture with some towns missing would say that nothing is there
        towns = [_town(label_of(term), term.code, counted, chosen, most) for term in terms]
        shown = [town for town in towns if town.count or town.chosen]
        return RegionTowns(label, tuple(sorted(shown, key=lambda town: -town.count)), 0, 0, most)
    tiles = tuple(
        _town(
            label_of(term),
            term.code,
            counted,
            chosen,
            most,
            x=(term.map_column or 0) * (TILE_WIDTH + GAP),
            y=(term.map_row or 0) * (TILE_HEIGHT + GAP),
        )
        for term in sorted(placed, key=lambda term: (term.map_row, term.map_column))
    )
    width = max(town.x for town in tiles) + TILE_WIDTH
    return RegionTowns(label, tiles, width, max(town.y for town in tiles) + TILE_HEIGHT, most)


def _town(
    label: str, code: str, counted: Mapping[str, int], chosen: str | None, most: int, *, x: int = 0, y: int = 0
) -> Town:
    count = counted.get(code, 0)
    # Any at all is visible; the fullest town has the full shade.
    shade = 0 if count == 0 else max(1, -(-SHADES * count // max(most, 1)))
    url = with_arguments(town=None if code == chosen else code, page=None)
    return Town(label, count, url, code == chosen, shade, x, y)

"""The map of towns beside a library: counts of the present filter, each tile a link, bars where nobody placed towns."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import VocabularyTerm
from matching.services.actor import SYSTEM
from matching.services.organisations import OrganisationFields, add_organisation
from tests.unit.web.conftest import Browser, Clock

TOWNS = (("t1", "甲镇", 0, 0), ("t2", "乙镇", 1, 0), ("t3", "丙镇", 0, 1))


@pytest.fixture
def towns(app: Flask, platform: Platform, clock: Clock) -> None:
    with platform.unit_of_work() as uow:
        for present in uow.session.query(VocabularyTerm).filter_by(vocabulary="town"):
            present.active = False
        for code, name, column, row in TOWNS:
            uow.session.add(
                VocabularyTerm(
                    vocabulary="town", code=code, parent_code="440784", label_zh=name, label_en=name,
                    map_column=column, map_row=row,
                )
            )  # fmt: skip
        uow.commit()
    for number, town in enumerate(("t1", "t1", "t1", "t1", "t2")):
        with platform.unit_of_work() as uow:
            fields = OrganisationFields(kind="enterprise", name=f"示例{number}厂", region_code="440784", town=town)
            add_organisation(uow, SYSTEM, fields, clock.moment, approved=True)


def tiles(page: str) -> list[tuple[str, str]]:
    """(shade, what a screen reader hears) of each tile."""
    picture = page.split('<svg class="dj-tiles"')[1].split("</svg>")[0]
    return re.findall(r'aria-label="([^"]+)">\s*<rect class="dj-tile-(\d)"', unescape(picture))


def test_each_town_has_a_tile_with_its_count(towns: None, open_browser: Callable[..., Browser]) -> None:
    page = open_browser().get("/organisations/?kind=enterprise").text
    assert tiles(page) == [("甲镇：4 个", "4"), ("乙镇：1 个", "1"), ("丙镇：0 个", "0")]
    assert 'viewBox="-2 -2 234 130"' in page


def test_a_tile_restricts_the_list_and_lifts_it_again(towns: None, open_browser: Callable[..., Browser]) -> None:
    browser = open_browser()
    page = browser.get("/organisations/?kind=enterprise&town=t2").text
    assert tiles(page)[0] == ("甲镇：4 个", "4")  # the other towns keep their counts
    assert "乙镇：1 个（已选，点击取消）" in unescape(page)
    [lift] = re.findall(r'<a href="([^"]+)" aria-current="true" aria-label', page)
    assert "town" not in lift
    filtered = browser.get("/organisations/?kind=enterprise&q=示例4").text
    assert [label for label, _shade in tiles(filtered)] == ["甲镇：0 个", "乙镇：1 个", "丙镇：0 个"]


def test_without_places_the_counts_stand_as_bars(
    towns: None, platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    with platform.unit_of_work() as uow:
        uow.session.get_one(VocabularyTerm, ("town", "t3")).map_column = None
        uow.commit()
    page = open_browser().get("/organisations/?kind=enterprise").text
    assert "dj-tiles" not in page
    assert re.findall(r'<meter min="0" max="4" value="(\d)"', page) == ["4", "1"]
    assert "在哪些镇街" not in open_browser().get("/organisations/?kind=university").text


def test_the_shipped_tiles_cover_every_town_of_the_seed_region_once(platform: Platform) -> None:
    from seed_data.loader import load_taxonomies

    load_taxonomies(platform)
    with platform.reading() as reading:
        rows = [
            row
            for row in reading.query(VocabularyTerm).filter_by(vocabulary="town", parent_code="440784")
            if row.code.startswith("440784")
        ]
    places = [(row.map_column, row.map_row) for row in rows]
    assert len(places) == 10
    assert None not in [part for place in places for part in place]
    assert len(set(places)) == len(places)

"""An expert's works: listed with year and source, hidden and shown by those who keep the entry, used where shown."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from html import unescape

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.importing.works import read_works_content
from matching.services.works import import_works
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability
from tests.unit.web.conftest import Browser, Clock

PROFESSOR, PEER, STAFF = "prof@example.edu.cn", "peer@example.cn", "staff@example.cn"
BIBTEX = """
@article{a, title={Warpage of copper-clad laminates}, author={Zhang, San}, year={2021}, journal={J. Boards},
  doi={10.1000/a}}
@article{b, title={Older study of lamination}, author={Zhang, San}, year={1999}, journal={J. Boards}}
"""


@pytest.fixture
def expert(app: Flask, platform: Platform, clock: Clock) -> str:
    professor: Member = make_member(platform, clock.moment, email=PROFESSOR, organisation="示例大学", kind="university")
    make_member(platform, clock.moment, email=PEER, organisation="别的企业")
    make_staff(platform, clock.moment, email=STAFF)
    expert_id = make_expert(platform, clock.moment, professor)
    make_capability(platform, professor, clock.moment, expert_ids=(expert_id,))
    bring(platform, professor, expert_id, BIBTEX, clock.moment)
    return expert_id


def bring(platform: Platform, member: Member, expert_id: str, text: str, now: datetime) -> None:
    with platform.unit_of_work() as uow:
        import_works(
            uow,
            member.actor,
            expert_id,
            read_works_content(text.encode(), "works.bib", now),
            now,
            source="导入：works.bib",
        )


def test_the_keeper_hides_and_shows_and_everybody_sees_the_rest(
    expert: str, open_browser: Callable[..., Browser]
) -> None:
    professor = open_browser(PROFESSOR)
    page = unescape(professor.get(f"/experts/{expert}/works/").text)
    assert page.index("Warpage of copper-clad") < page.index("Older study")
    assert page.count("用于匹配</li>") == 2
    assert "导入：works.bib" in page
    assert "1999" in page
    [first, _second] = re.findall(rf'action="(/experts/{expert}/works/[^"]+)"', page)
    assert professor.post(first, {"hidden": "y"}).status_code == 302
    page = professor.get(f"/experts/{expert}/works/").text
    assert (page.count("已隐藏</li>"), page.count("用于匹配</li>")) == (1, 1)
    for reader in (open_browser(PEER), open_browser()):
        seen = reader.get(f"/experts/{expert}/works/").text
        assert "Older study" in seen
        assert "Warpage of copper-clad" not in seen
        assert "works.bib" not in seen  # where it came from is for those who keep it
        assert "<form method" not in seen.split("<main")[1].split("</main")[0]
    professor.post(first, {"hidden": ""})
    assert "Warpage of copper-clad" in open_browser().get(f"/experts/{expert}/works/").text


def test_nobody_else_changes_them(expert: str, open_browser: Callable[..., Browser]) -> None:
    page = open_browser(PROFESSOR).get(f"/experts/{expert}/works/").text
    [first, _second] = re.findall(rf'action="(/experts/{expert}/works/[^"]+)"', page)
    peer = open_browser(PEER)
    peer.get("/")
    assert peer.post(first, {"hidden": "y"}).status_code in (403, 404)
    professor = open_browser(PROFESSOR)
    professor.get("/")
    assert professor.post(f"/experts/{expert}/works/none", {"hidden": "y"}).status_code == 404
    assert professor.get("/experts/none/works/").status_code == 404

"""Wishes and works for programs: the same as on pages, and one's own alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from matching.bootstrap import Platform
from matching.importing.works import read_works_content
from matching.services.works import import_works
from tests.factories.people import make_expert, make_member
from tests.unit.web.api.conftest import Api

Make = Callable[..., Api]


def test_wishes_are_said_turned_round_and_dropped_by_their_owner(api: Make, platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="firm@example.cn")
    other = make_member(platform, now, email="other@example.cn", organisation="别的企业")
    client = api(firm.user_id)
    said = client.post("/wishes", {"direction": "more", "kind": "keyword", "value": "翘曲"})
    assert said.status_code == 201
    client.post("/wishes", {"direction": "less", "kind": "keyword", "value": "翘曲"})
    assert [(one["direction"], one["value"]) for one in client.get("/wishes").json["items"]] == [("less", "翘曲")]
    assert client.post("/wishes", {"direction": "more", "kind": "domain", "value": "nix"}).status_code == 422
    stranger = api(other.user_id)
    assert stranger.get("/wishes").json["items"] == []
    assert stranger.delete(f"/wishes/{said.json['id']}").status_code == 404
    assert client.delete(f"/wishes/{said.json['id']}").status_code == 204
    assert api().get("/wishes").status_code == 401


def test_works_are_hidden_and_shown_by_their_keeper(api: Make, platform: Platform, now: datetime) -> None:
    professor = make_member(platform, now, email="prof@example.edu.cn", organisation="示例大学", kind="university")
    other = make_member(platform, now, email="other@example.cn", organisation="别的企业")
    expert = make_expert(platform, now, professor)
    text = "@article{a, title={Warpage of laminates}, author={Zhang, San}, year={2021}}"
    with platform.unit_of_work() as uow:
        reading = read_works_content(text.encode(), "works.bib", now)
        import_works(uow, professor.actor, expert, reading, now, source="导入：works.bib")
    keeper, stranger = api(professor.user_id), api(other.user_id)
    [work] = keeper.get(f"/experts/{expert}/works").json["items"]
    assert (work["year"], work["hidden"]) == (2021, False)
    path = f"/experts/{expert}/works/{work['id']}/visibility"
    assert stranger.post(path, {"hidden": True}).status_code in (403, 404)
    assert keeper.post(path, {"hidden": True}).status_code == 204
    assert [one["hidden"] for one in keeper.get(f"/experts/{expert}/works").json["items"]] == [True]
    assert stranger.get(f"/experts/{expert}/works").json["items"] == []

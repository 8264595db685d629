"""The libraries for programs: the same lists as on the pages."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from matching.bootstrap import Platform
from tests.factories.people import make_expert, make_member
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock


def test_organisations_and_experts_are_listed_as_everybody_may_know_them(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    firm = make_member(platform, clock.moment, email="f@example.cn", organisation="甲电路有限公司")
    prof = make_member(platform, clock.moment, email="p@example.cn", organisation="示例大学", kind="university")
    make_need(platform, firm, clock.moment)
    make_need(platform, firm, clock.moment, visibility="matched")
    named, unnamed = (
        make_expert(platform, clock.moment, who, name=name) for who, name in ((prof, "署名"), (firm, "没署名"))
    )
    make_capability(platform, prof, clock.moment, expert_ids=(named,))
    client = open_browser()
    found = client.get("/api/v1/organisations?kind=enterprise&q=电路").get_json()
    assert (found["total"], found["page"], found["pages"]) == (1, 1, 1)
    assert {name: found["items"][0][name] for name in ("name", "needs", "capabilities", "experts")} == {
        "name": "甲电路有限公司", "needs": 1, "capabilities": 0, "experts": 0,
    }  # fmt: skip
    people = client.get("/api/v1/experts?sort=posts").get_json()
    assert [(one["id"], one["capabilities"]) for one in people["items"]] == [(named, 1)]
    assert unnamed not in str(people)
    assert not {"email", "phone"} & set(people["items"][0])
    for path in ("/api/v1/organisations?kind=rockets", "/api/v1/experts?page=0", "/api/v1/experts?region=x"):
        assert client.get(path).status_code == 422

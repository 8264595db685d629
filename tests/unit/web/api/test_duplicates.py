"""Duplicates through the API: what the staff's page can do."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from matching.bootstrap import Platform
from matching.models import Post
from matching.services.duplicates import note_duplicates
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Clock

PROSE = "我公司生产的高频线路板在回流焊后翘曲超过千分之七，影响贴片良率。已经试过调整压合参数和铜厚平衡，翘曲仍有波动。"


def test_the_staff_list_and_settle_pairs(app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]) -> None:
    firm = make_member(platform, clock.moment, email="firm@example.cn", organisation="甲厂")
    rival = make_member(platform, clock.moment, email="rival@example.cn", organisation="乙厂")
    staff = make_staff(platform, clock.moment, email="staff@example.cn")
    rich = make_need(platform, firm, clock.moment, problem=PROSE, keywords=("翘曲",))
    poor = make_need(platform, rival, clock.moment, problem=PROSE)
    for post_id in (rich, poor):
        note_duplicates(platform, post_id, clock.moment)
    assert api(firm.user_id).get("/duplicates").status_code == 403
    office = api(staff.user_id)
    [pair] = office.get("/duplicates").json["items"]
    assert pair["proposed_to_stay"] == rich
    assert {pair["first"]["id"], pair["second"]["id"]} == {rich, poor}
    assert office.post(f"/duplicates/{pair['id']}/settle", {"decision": "nix"}).status_code == 422
    assert api(firm.user_id).post(f"/duplicates/{pair['id']}/settle", {"decision": "not_duplicate"}).status_code == 403
    decision = "close_first" if pair["first"]["id"] == poor else "close_second"
    settled = office.post(f"/duplicates/{pair['id']}/settle", {"decision": decision})
    assert (settled.status_code, settled.json["state"]) == (200, "closed")
    assert office.get("/duplicates").json == {"items": []}
    assert office.post(f"/duplicates/{pair['id']}/settle", {"decision": decision}).status_code == 409
    assert office.post("/duplicates/nobody/settle", {"decision": decision}).status_code == 404
    with platform.reading() as session:
        post = session.get(Post, poor)
        assert post is not None
        assert post.close_reason == "duplicate"

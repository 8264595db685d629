"""Sign-ins, preferences and colleagues over the API, with the rights that the pages have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from matching.bootstrap import Platform
from tests.factories.people import Member, make_member
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Browser

MakeApi = Callable[..., Api]


@pytest.fixture
def owner(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="owner@example.cn", organisation="甲厂", role="owner")


@pytest.fixture
def stranger(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="stranger@example.cn", organisation="乙厂", role="owner")


def test_sign_ins(api: MakeApi, open_browser: Callable[..., Browser], owner: Member, stranger: Member) -> None:
    browser, other = open_browser("owner@example.cn"), open_browser("owner@example.cn")
    listed = api(owner.user_id).get("/sign-ins").json["items"]
    assert len(listed) == 2
    assert api(stranger.user_id).get("/sign-ins").json == {"items": []}
    assert api(stranger.user_id).delete(f"/sign-ins/{listed[0]['id']}").status_code == 404
    assert api(owner.user_id, ("read",)).delete(f"/sign-ins/{listed[0]['id']}").status_code == 403
    assert api(owner.user_id).delete(f"/sign-ins/{listed[0]['id']}").status_code == 204
    assert len(api(owner.user_id).get("/sign-ins").json["items"]) == 1
    assert api(owner.user_id).delete("/sign-ins").status_code == 204
    assert {one.get("/account/").status_code for one in (browser, other)} == {302}
    assert api().get("/sign-ins").status_code == 401


def test_preferences(api: MakeApi, owner: Member) -> None:
    mine = api(owner.user_id)
    present = mine.get("/preferences").json
    assert (present["ways"]["suggestions"], present["quiet_hours"]) == ("digest", True)
    changed = mine.patch("/preferences", {"ways": {"suggestions": "off"}, "quiet_hours": False}).json
    assert changed == {"ways": present["ways"] | {"suggestions": "off"}, "quiet_hours": False}
    assert mine.patch("/preferences", {}).json == changed
    for wrong in ({"ways": {"suggestions": "never"}}, {"ways": {"nix": "off"}}, {"quiet_hours": "false"}):
        assert mine.patch("/preferences", wrong).status_code == 422
    assert api(owner.user_id, ("read",)).patch("/preferences", {}).status_code == 403


def test_colleagues(api: MakeApi, platform: Platform, now: datetime, owner: Member, stranger: Member) -> None:
    editor = make_member(platform, now, email="e@example.cn", organisation_id=owner.organisation_id)
    path = f"/members/{owner.organisation_id}"
    listed = api(editor.user_id).get(path).json["items"]
    assert [(one["role"], "email" in one) for one in listed] == [("owner", False), ("editor", False)]
    made = api(owner.user_id).post(f"{path}/invitations", {"email": "New@example.cn", "role": "reader"})
    assert made.status_code == 201
    assert (made.json["email"], made.json["role"]) == ("new@example.cn", "reader")
    assert api(owner.user_id).get(f"{path}/invitations").json == {"items": [made.json]}
    assert api(owner.user_id).post(f"{path}/invitations", {"email": "e@example.cn"}).status_code == 422
    assert api(owner.user_id).post(f"{path}/invitations", {"email": "no"}).status_code == 422
    for member, status in ((editor, 403), (stranger, 404)):
        assert api(member.user_id).get(f"{path}/invitations").status_code == status
        assert api(member.user_id).post(f"{path}/invitations", {"email": "x@example.cn"}).status_code == status
        assert api(member.user_id).delete(f"{path}/invitations/{made.json['id']}").status_code == 404
    assert api(stranger.user_id).get(path).status_code == 404
    assert api(owner.user_id).get("/members/none").status_code == 404
    assert api(owner.user_id).delete(f"{path}/invitations/{made.json['id']}").status_code == 204
    assert api(owner.user_id).get(f"{path}/invitations").json == {"items": []}

"""From a need that is written to whom it is suggested, and the messages about it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from matching.bootstrap import Platform
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.api.conftest import Api

MakeApi = Callable[..., Api]


def test_from_a_new_need_to_its_suggestions(api: MakeApi, platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="a@example.cn", organisation="甲厂")
    school = make_member(platform, now, email="b@example.cn", organisation="乙大学", kind="university")
    near = make_capability(
        platform,
        school,
        now,
        title="高频线路板翘曲预测与控制",
        abstract="翘曲 ≤ 0.3 %，已在产线验证",
        domain="electronics",
    )
    far = make_capability(platform, school, now, title="生猪养殖粪污处理", abstract="厌氧发酵")
    settle_everything(platform, now)
    client = api(firm.user_id)
    need = {"title": "高频线路板翘曲控制", "indicators": ["翘曲 ≤ 0.5 %"], "domain": "electronics"}
    made = client.post("/needs", need)
    path = f"/needs/{made.json['id']}"
    assert client.get(f"{path}/suggestions").json == {"items": [], "up_to_date": True}
    assert client.post(f"{path}/publish").json["status"] == "published"
    assert client.get(f"{path}/suggestions").json == {"items": [], "up_to_date": False}
    settle_everything(platform, now)
    listed = client.get(f"{path}/suggestions").json
    assert listed["up_to_date"] is True
    assert [one["rank"] for one in listed["items"]] == list(range(1, len(listed["items"]) + 1))
    scores = [one["score"] for one in listed["items"]]
    assert scores == sorted(scores, reverse=True)
    best = listed["items"][0]
    assert best["capability"]["id"] == near
    assert best["capability"]["title"] == "高频线路板翘曲预测与控制"
    assert best["capability"]["organisation"] == {"id": school.organisation_id, "name": "乙大学"}
    assert far not in [one["capability"]["id"] for one in listed["items"][:1]]
    # Spans point at the same words in both texts.
    phrases = [reason for reason in best["reasons"] if reason["kind"] == "phrase"]
    assert phrases
    texts = {
        "need": client.get(path).json["full_text"],
        "capability": client.get(f"/capabilities/{near}").json["full_text"],
    }
    for reason in phrases:
        start, end = reason["need_span"]
        first, last = reason["capability_span"]
        assert texts["need"][start:end] == texts["capability"][first:last]
        assert texts["need"][start:end] in reason["text"]
        assert reason["against"] is False
    english = client.get(f"{path}/suggestions", headers={"Accept-Language": "en"}).json["items"][0]["reasons"]
    assert next(reason["text"] for reason in english if reason["kind"] == "phrase").startswith("Both mention")
    assert len(client.get(f"{path}/suggestions", query={"limit": 1}).json["items"]) == 1
    # The other side sees the pair too, as a need.
    mirrored = api(school.user_id).get(f"/capabilities/{near}/suggestions").json["items"]
    assert [one["need"]["id"] for one in mirrored] == [made.json["id"]]
    assert mirrored[0]["id"] == best["id"]


def test_whose_suggestions_are_read(api: MakeApi, platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="a@example.cn")
    school = make_member(platform, now, email="b@example.cn")
    rival = make_member(platform, now, email="c@example.cn")
    bystander = make_member(platform, now, email="d@example.cn")
    staff = make_staff(platform, now, email="s@example.cn")
    need = make_need(platform, firm, now)
    first = make_capability(platform, school, now)
    second = make_capability(platform, rival, now, title="线路板翘曲测量")
    settle_everything(platform, now)

    def read(user_id: str) -> set[str]:
        items = api(user_id).get(f"/needs/{need}/suggestions").json["items"]
        return {one["capability"]["id"] for one in items}

    assert read(firm.user_id) == {first, second}
    assert read(staff.user_id or "") == {first, second}
    assert read(school.user_id) == {first}
    assert read(rival.user_id) == {second}
    assert read(bystander.user_id) == set()
    assert api().get(f"/needs/{need}/suggestions").status_code == 401


def test_a_hidden_name_stays_hidden_in_suggestions(api: MakeApi, platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="a@example.cn", organisation="无名铝业")
    school = make_member(platform, now, email="b@example.cn", organisation="乙大学")
    need = make_need(platform, firm, now, visibility="matched", contact={"name": "林工", "phone": "0750-8888888"})
    capability = make_capability(platform, school, now)
    settle_everything(platform, now)
    client = api(school.user_id)
    listed = client.get(f"/capabilities/{capability}/suggestions")
    assert [(one["need"]["id"], one["need"]["organisation"]) for one in listed.json["items"]] == [(need, None)]
    shown = client.get(f"/needs/{need}")
    inbox = client.get("/notifications")
    for answer in (listed, shown, inbox):
        assert answer.status_code == 200
        for secret in ("无名铝业", firm.organisation_id, "林工", "8888888"):
            assert secret not in answer.text


def test_the_inbox(api: MakeApi, platform: Platform, now: datetime) -> None:
    firm = make_member(platform, now, email="a@example.cn")
    school = make_member(platform, now, email="b@example.cn")
    needs = [make_need(platform, firm, now, title=f"线路板翘曲控制{number}") for number in ("甲", "乙")]
    capability = make_capability(platform, school, now)
    settle_everything(platform, now)
    client = api(school.user_id)
    page = client.get("/notifications", query={"limit": 1}).json
    assert page["unread"] == 2
    rest = client.get("/notifications", query={"limit": 1, "cursor": page["next"]}).json
    assert rest["next"] is None
    messages = page["items"] + rest["items"]
    assert {one["suggestion"]["need"]["id"] for one in messages} == set(needs)
    assert {one["suggestion"]["capability"]["id"] for one in messages} == {capability}
    assert all(one["suggestion"]["reasons"] and one["read_at"] is None for one in messages)
    read = client.post(f"/notifications/{messages[0]['id']}/read").json
    assert (read["id"], read["read_at"]) == (messages[0]["id"], "2026-11-25T01:00:00+00:00")
    unread = client.get("/notifications", query={"unread": "true"}).json
    assert [one["id"] for one in unread["items"]] == [messages[1]["id"]]
    assert unread["unread"] == 1
    assert api(firm.user_id).post(f"/notifications/{messages[1]['id']}/read").status_code == 404
    assert client.post("/notifications/read").status_code == 204
    assert client.get("/notifications").json["unread"] == 0
    assert api(firm.user_id).get("/notifications").json["unread"] > 0
    # What the reader may no longer see is no longer told, the message itself stays.
    api(firm.user_id).post(f"/needs/{needs[0]}/pause")
    hidden = [one for one in client.get("/notifications").json["items"] if one["suggestion"]["need"] is None]
    assert [(one["suggestion"]["reasons"], one["suggestion"]["capability"]["id"]) for one in hidden] == [
        ([], capability)
    ]

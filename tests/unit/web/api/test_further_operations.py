"""Imports, files, own data, events and the staff's work through the API; the document checks each answer."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import Event, EventParticipant, Expert, ImportJob, Membership, Need, Organisation
from matching.organisation_code import check_digit
from matching.services.event_publication import publish_timetable
from matching.services.events import announce_event
from matching.services.import_jobs import bring_import_on
from matching.services.registrations import RegistrationFields, confirm_registration, register
from matching.services.signed_links import sign
from tests.factories.events import make_event
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_need
from tests.unit.web.api.conftest import Api

Make = Callable[..., Api]


@pytest.fixture
def firm(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="firm@example.cn", organisation="甲厂", role="owner")


def table(*titles: str) -> str:
    text = "需求名称,现状与问题,单位\n" + "".join(f"{title},压合后翘曲,甲厂\n" for title in titles)
    return base64.b64encode(text.encode()).decode()


def test_a_table_goes_in_and_what_was_refused_comes_back(
    api: Make, platform: Platform, firm: Member, now: datetime
) -> None:
    client = api(firm.user_id)
    sent = {"kind": "needs", "file_name": "需求.csv", "content": table("高频线路板翘曲", "")}
    key = {"Idempotency-Key": "table-1"}
    first = client.post("/imports", sent, headers=key)
    assert (first.status_code, first.json["status"]) == (201, "reading")
    assert client.post("/imports", sent, headers=key).json["id"] == first.json["id"]
    other = client.post("/imports", {**sent, "file_name": "别的.csv"}, headers=key)
    assert (other.status_code, other.json["code"]) == (422, "idempotency.key_reused")
    job = f"/imports/{first.json['id']}"
    assert client.post(f"{job}/confirm", {}).status_code == 409  # nobody has read it yet
    assert bring_import_on(platform, first.json["id"], lambda: now)
    read = client.get(job).json
    assert (read["status"], read["rows_total"], read["rows_refused"]) == ("read", 2, 1)
    assert {"header": "需求名称", "field": "title"} in read["columns"]
    [refused] = client.get(f"{job}/rows", query={"status": "refused"}).json["items"]
    assert refused["findings"]
    assert refused["cells"]["现状与问题"] == "压合后翘曲"
    assert client.post(f"{job}/columns", {"columns": {"单位": "nothing"}}).status_code == 422
    assert client.post(f"{job}/confirm", {"then": "draft"}).json["status"] == "importing"
    assert bring_import_on(platform, first.json["id"], lambda: now)
    assert client.get(job).json["added"] == 1
    assert client.post(f"{job}/cancel").status_code == 409
    with platform.reading() as session:
        assert session.scalars(select(Need.title)).all() == ["高频线路板翘曲"]
        assert len(session.scalars(select(ImportJob)).all()) == 1
    stranger = make_member(platform, now, email="x@example.cn", organisation="乙厂")
    assert api(stranger.user_id).get(job).status_code == 404
    assert api().get("/imports").status_code == 401
    broken = client.post("/imports", {**sent, "content": "???"})
    assert (broken.status_code, broken.json["detail"]) == (422, "不是有效的 base64")


def test_files_of_a_post(api: Make, platform: Platform, firm: Member, now: datetime) -> None:
    need_id = make_need(platform, firm, now, visibility="members")
    client, files = api(firm.user_id), f"/posts/{need_id}/attachments"
    sent = {"file_name": "图纸.txt", "content": base64.b64encode("翘曲".encode()).decode()}
    made = client.post(files, sent)
    assert made.status_code == 201
    assert client.post(files, sent).json["id"] == made.json["id"]
    assert [one["file_name"] for one in client.get(files).json["items"]] == ["图纸.txt"]
    one = f"{files}/{made.json['id']}"
    assert base64.b64decode(client.get(one).json["content"]).decode() == "翘曲"
    assert api().get(one).status_code == api().get(files).status_code == 404
    stranger = make_member(platform, now, email="x@example.cn", organisation="乙厂")
    assert api(stranger.user_id).delete(one).status_code == 404
    assert client.post(files, {"file_name": "x.exe", "content": sent["content"]}).status_code == 422
    assert client.delete(one).status_code == 204
    assert client.get(files).json["items"] == []


def test_own_data_is_read_hidden_and_erased(api: Make, platform: Platform, firm: Member, now: datetime) -> None:
    client = api(firm.user_id)
    assert client.get("/me/data").json["held"]["account"]["email"] == "firm@example.cn"
    assert client.patch("/me/data", {"open_data": True}).status_code == 404
    expert_id = make_expert(platform, now, firm, name="丘老师")
    changed = client.patch(
        "/me/data", {"open_data": True, "hidden_fields": ["title"], "suggestions_wanted": False}
    ).json
    expert = changed["held"]["expert"]
    assert (expert["hidden_fields"], expert["suggestions_wanted"]) == (["title"], False)
    assert expert["open_data_since"]
    assert client.patch("/me/data", {"listed": False}).json["held"]["expert"]["hidden"] is True
    assert client.patch("/me/data", {"hidden_fields": ["email"]}).status_code == 422
    assert client.post("/me/data/empty", {"field": "intro"}).status_code == 200
    assert client.delete("/me/data/expert").status_code == 204
    with platform.reading() as session:
        assert session.get(Expert, expert_id) is None
    assert (platform.settings.data_dir / "erasures.jsonl").is_file()
    assert client.delete("/me/data/expert").status_code == 404
    assert api(firm.user_id, scopes=("read",)).patch("/me/data", {"listed": True}).status_code == 403


def test_an_organisation_and_an_expert_change_only_as_they_were_read(
    api: Make, platform: Platform, firm: Member, now: datetime
) -> None:
    client = api(firm.user_id)
    for path, change, shown in (
        (f"/organisations/{firm.organisation_id}", {"intro": "做线路板"}, ("intro", "做线路板")),
        (f"/experts/{make_expert(platform, now, firm)}", {"fields_of_work": ["翘曲"]}, ("fields_of_work", ["翘曲"])),
    ):
        read = client.get(path)
        etag = read.headers["ETag"]
        assert client.patch(path, change).status_code == 428
        changed = client.patch(path, change, etag)
        assert (changed.status_code, changed.json[shown[0]]) == (200, shown[1])
        assert changed.json["name"] == read.json["name"]
        assert client.patch(path, change, etag).status_code == 412
        assert changed.headers["ETag"] != etag
    stranger = make_member(platform, now, email="x@example.cn", organisation="乙厂")
    path = f"/organisations/{firm.organisation_id}"
    other = api(stranger.user_id)
    assert other.patch(path, {"intro": "x"}, other.get(path).headers["ETag"]).status_code == 403


def test_members_channels_and_filters(api: Make, platform: Platform, firm: Member, now: datetime) -> None:
    colleague = make_member(platform, now, email="two@example.cn", organisation_id=firm.organisation_id)
    client, members = api(firm.user_id), f"/members/{firm.organisation_id}"
    assert client.patch(f"{members}/{colleague.user_id}", {"role": "reader"}).status_code == 204
    assert client.patch(f"{members}/{firm.user_id}", {"role": "reader"}).status_code == 409
    assert client.delete(f"{members}/{colleague.user_id}").status_code == 204
    with platform.reading() as session:
        assert session.scalars(select(Membership.user_id)).all() == [firm.user_id]
    saved = client.post("/saved-filters", {"library": "experts", "name": "翘曲", "query": "q=翘曲"})
    assert saved.status_code == 201
    assert [one["name"] for one in client.get("/saved-filters").json["items"]] == ["翘曲"]
    assert client.delete(f"/saved-filters/{saved.json['id']}").status_code == 204
    assert client.delete(f"/saved-filters/{saved.json['id']}").status_code == 404
    entry = {"kind": "webhook", "name": "ERP", "url": "https://hooks.example.cn/x", "groups": ["suggestions"]}
    made = client.post("/channels", entry)
    assert made.status_code == 201
    assert "hooks.example.cn" not in made.text
    assert made.json["webhook_secret"]
    assert client.post("/channels", {**entry, "url": "ftp://hooks.example.cn/x"}).status_code == 422
    assert client.post(f"/channels/{made.json['id']}/try").status_code == 204
    assert client.get("/channels").json["items"][0]["last_state"] == "owed"
    assert api(colleague.user_id).delete(f"/channels/{made.json['id']}").status_code == 404
    assert client.delete(f"/channels/{made.json['id']}").status_code == 204


def test_taking_part_in_an_event(api: Make, platform: Platform, firm: Member, now: datetime) -> None:
    event = make_event(platform, now)
    client, here = api(firm.user_id), f"/events/{event.id}"
    assert client.post(f"{here}/register", {"organisation_id": firm.organisation_id}).status_code == 404
    with platform.unit_of_work() as uow:
        announce_event(uow, event.staff, event.id, now)
    assert client.post(f"{here}/register", {}).status_code == 422
    mine = client.post(f"{here}/register", {"organisation_id": firm.organisation_id})
    assert (mine.status_code, mine.json["status"]) == (201, "registered")
    part = f"{here}/participations/{mine.json['id']}"
    other_id = event.participants["张老师"]
    wished = client.post(f"{part}/wishes", {"wishes": [other_id], "unavailable": []})
    assert wished.json["wishes"] == [other_id]
    assert client.post(f"{part}/wishes", {"wishes": ["nobody"], "unavailable": []}).status_code == 422
    assert client.get(f"{here}/participations").json["items"] == [wished.json]
    stranger = make_member(platform, now, email="x@example.cn", organisation="乙厂")
    assert api(stranger.user_id).get(f"{part}/agenda").status_code == 404
    assert client.get(f"{part}/agenda").json == {"items": []}
    assert client.post(f"{part}/answer", {"comes": False}).json["status"] == "declined"
    staff = api(event.staff.user_id)
    meeting = event.meetings["甲电路", "张老师"]
    assert client.post(f"{here}/meetings/{meeting}/lock", {"locked": True}).status_code == 404
    placed = staff.post(f"{here}/meetings/{meeting}/place", {
        "slot_id": staff.get(here).json["slots"][0]["id"], "table": 1, "override": True,
    })  # fmt: skip
    assert placed.status_code == 200
    locked = staff.post(f"{here}/meetings/{meeting}/lock", {"locked": True}).json
    assert next(one for one in locked["meetings"] if one["id"] == meeting)["locked"] is True
    pair = [event.participants["乙照明"], event.participants["李老师"]]
    assert staff.post(f"{here}/meetings", {"participants": pair}).status_code == 201
    assert staff.post(f"{here}/wishes").status_code == 200
    assert staff.delete(f"{here}/meetings/{event.meetings['甲电路', '李老师']}").status_code == 204
    with platform.unit_of_work() as uow:
        publish_timetable(uow, event.staff, event.id, now, platform.settings)
    assert staff.post(f"{here}/end").json["status"] == "ended"
    with platform.reading() as session:
        assert session.get_one(Event, event.id).status == "ended"
        assert len(session.scalars(select(EventParticipant)).all()) == 5


def test_what_the_staff_look_after(api: Make, platform: Platform, firm: Member, now: datetime) -> None:
    staff = make_staff(platform, now, email="staff@example.cn")
    elsewhere = make_staff(platform, now, email="other@example.cn", region_code="440600")
    with platform.unit_of_work() as uow:
        link_id = register(
            uow,
            RegistrationFields(
                role="broker",
                email="new@example.cn",
                name="新人",
                organisation_kind="intermediary",
                organisation_name="新中介",
                uscc="91440784MA4UK0000" + check_digit("91440784MA4UK0000"),
                region_code="440784",
                locale="zh",
            ),
            now,
        )
    assert link_id is not None
    with platform.unit_of_work() as uow:
        token = sign(platform.settings, "confirm", link_id)
        row = confirm_registration(uow, platform.settings, token, "a long enough 密码 here", now)
    client = api(staff.user_id)
    assert [one["email"] for one in client.get("/registrations").json["items"]] == ["new@example.cn"]
    assert "password" not in client.get(f"/registrations/{row.id}").text
    assert api(elsewhere.user_id).get("/registrations").json["items"] == []
    assert api(firm.user_id).get("/registrations").status_code == 403
    assert client.post(f"/registrations/{row.id}/approve", {"organisation_id": None}).status_code == 204
    assert client.post(f"/registrations/{row.id}/refuse", {"reason": "x"}).status_code == 409
    with platform.reading() as session:
        assert "新中介" in session.scalars(select(Organisation.name)).all()
    owed = client.get("/deliveries", query={"state": "owed"})
    assert owed.json["owed"] == len(owed.json["items"]) > 0
    assert "new@example.cn" not in owed.text
    assert api(firm.user_id).get("/deliveries").status_code == 403
    assert client.get("/model-revisions").json["items"] == []
    assert client.post("/model-revisions/none/activate").status_code == 403
    assert client.get("/indicators").json == {"items": []}
    assert client.post("/indicators/none/values", {"year": 2025, "value": 1.5}).status_code == 404


def test_changes_of_a_post_and_its_door(api: Make, platform: Platform, firm: Member, now: datetime) -> None:
    need_id = make_need(platform, firm, now)
    client = api(firm.user_id)
    etag = client.get(f"/needs/{need_id}").headers["ETag"]
    assert client.patch(f"/needs/{need_id}", {"title": "新标题"}, etag).status_code == 200
    [change] = client.get(f"/posts/{need_id}/changes").json["items"]
    assert [(one["name"], one["after"]) for one in change["fields_changed"]] == [("title", "新标题")]
    stranger = make_member(platform, now, email="x@example.cn", organisation="乙厂")
    assert api(stranger.user_id).get(f"/posts/{need_id}/changes").status_code == 404
    assert client.post(f"/posts/{need_id}/interest", {"open": False}).status_code == 204
    with platform.reading() as session:
        assert session.get_one(Need, need_id).open_for_interest is False


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("text/html", 406),
        ("application/json;q=0", 406),
        ("*/*", 200),
        ("application/*", 200),
        ("text/csv, application/json", 200),
    ],
)
def test_who_takes_no_json_is_told(api: Make, accept: str, status: int) -> None:
    answer = api().get("/needs", headers={"Accept": accept, "Accept-Language": "en"})
    assert answer.status_code == status
    if status == 406:
        problem: dict[str, Any] = answer.json
        assert (problem["code"], problem["detail"]) == ("output.accept", "There is only application/json here")

"""Needs and capabilities: created, read, changed, and taken through their lives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from matching.bootstrap import Platform
from matching.models import AuditEntry, Post
from matching.services.accounts import join_organisation
from matching.services.actor import SYSTEM
from tests.factories.people import make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Clock

MakeApi = Callable[..., Api]

NEED: dict[str, Any] = {
    "title": "  高频线路板\n翘曲控制 ",
    "problem": "压合后翘曲超过 0.7 %",
    "indicators": ["翘曲 ≤ 0.5 %"],
    "expected_result": "稳定量产",
    "keywords": ["线路板", "翘曲", "线路板"],
    "industry_codes": ["C39"],
    "domain": "electronics",
    "cooperation_modes": ["development"],
    "budget": {"minimum": 20, "maximum": 30.5},
    "starts_on": "2027-01-01",
    "ends_on": "2027-06-30",
    "contact": {"name": "林工", "phone": "0750-8888888"},
}


def test_a_need_is_created_as_its_fields_say(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn", organisation="甲厂")
    made = api(member.user_id).post("/needs", NEED)
    assert made.status_code == 201
    assert made.headers["ETag"] == '"1"'
    assert made.headers["Location"] == f"/api/v1/needs/{made.json['id']}"
    assert made.headers["Cache-Control"] == "no-store"
    assert made.json == {
        "type": "need",
        "id": made.json["id"],
        "version": 1,
        "status": "draft",
        "visibility": "public",
        "open_for_interest": True,
        "title": "高频线路板 翘曲控制",
        "problem": "压合后翘曲超过 0.7 %",
        "indicators": ["翘曲 ≤ 0.5 %"],
        "expected_result": "稳定量产",
        "preferred_partners": "",
        "full_text": "高频线路板 翘曲控制\n线路板，翘曲\n翘曲 ≤ 0.5 %\n压合后翘曲超过 0.7 %\n稳定量产",
        "keywords": ["线路板", "翘曲"],
        "industry_codes": ["C39"],
        "domain": "electronics",
        "cooperation_modes": ["development"],
        "ip_arrangement": None,
        "budget": {"minimum": 20, "maximum": 30.5, "negotiable": False},
        "starts_on": "2027-01-01",
        "ends_on": "2027-06-30",
        "region_code": "440784",
        "town": None,
        "language": "zh",
        "organisation": {"id": member.organisation_id, "name": "甲厂"},
        "contact": {"name": "林工", "phone": "0750-8888888"},
        "return_reason": None,
        "return_notes": {},
        "close_reason": None,
        "created_at": "2026-11-25T01:00:00+00:00",
        "updated_at": "2026-11-25T01:00:00+00:00",
        "published_at": None,
        "expires_at": None,
    }
    again = api(member.user_id).get(f"/needs/{made.json['id']}")
    assert again.json == made.json
    assert again.headers["ETag"] == '"1"'


def test_a_capability_is_created_as_its_fields_say(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn", organisation="乙大学", kind="university")
    expert_id = make_expert(platform, now, member, name="丘研究员")
    entry = {
        "title": "Warpage prediction for high-frequency boards",
        "kind": "patent",
        "abstract": "A finite element model",
        "advantages": "0.3 % warpage",
        "applications": "5G boards",
        "maturity": 7,
        "price": {"negotiable": True},
        "ip_status": "granted",
        "ip_type": "invention",
        "ip_number": "ZL202110000001.0",
        "ipc": "H05K 3/00",
        "expert_ids": [expert_id],
    }
    made = api(member.user_id).post("/capabilities", entry)
    assert made.status_code == 201
    expected = {key: value for key, value in entry.items() if key not in ("expert_ids", "price")} | {
        "type": "capability",
        "price": {"minimum": None, "maximum": None, "negotiable": True},
        "experts": [{"id": expert_id, "name": "丘研究员", "title": None}],
        "language": "en",
        "discipline": None,
    }
    assert {key: made.json[key] for key in expected} == expected
    assert made.headers["Location"] == f"/api/v1/capabilities/{made.json['id']}"
    assert api(member.user_id).get(f"/needs/{made.json['id']}").status_code == 404


def test_prose_in_one_piece_goes_where_it_belongs(api: MakeApi, platform: Platform, now: datetime) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    assert client.post("/needs", {"title": "翘曲", "text": "压合后翘曲"}).json["problem"] == "压合后翘曲"
    assert client.post("/capabilities", {"title": "翘曲", "text": "有限元"}).json["abstract"] == "有限元"
    assert client.post("/needs", {"title": "翘曲", "text": "甲", "problem": "乙"}).json["problem"] == "乙"


def test_in_whose_name(api: MakeApi, platform: Platform, now: datetime) -> None:
    first = make_member(platform, now, email="a@example.cn", organisation="甲厂")
    second = make_member(platform, now, email="b@example.cn", organisation="乙厂")
    client = api(first.user_id)
    foreign = client.post("/needs", {"title": "翘曲", "organisation_id": second.organisation_id})
    assert (foreign.status_code, foreign.json["code"]) == (403, "post.not_yours")
    with platform.unit_of_work() as uow:
        join_organisation(uow, SYSTEM, first.user_id, second.organisation_id, "editor", now)
    unclear = client.post("/needs", {"title": "翘曲"})
    assert (unclear.status_code, unclear.json["where"]) == (422, "organisation_id")
    chosen = client.post("/needs", {"title": "翘曲", "organisation_id": second.organisation_id})
    assert chosen.json["organisation"] == {"id": second.organisation_id, "name": "乙厂"}
    reader = make_member(platform, now, email="c@example.cn", role="reader")
    assert api(reader.user_id).post("/needs", {"title": "翘曲"}).json["code"] == "post.no_organisation"
    staff = make_staff(platform, now, email="s@example.cn")
    assert api(staff.user_id).post("/needs", {"title": "翘曲"}).json["where"] == "organisation_id"
    by_staff = api(staff.user_id).post("/needs", {"title": "翘曲", "organisation_id": first.organisation_id})
    assert by_staff.status_code == 201
    assert "contact" not in by_staff.json


def test_an_expert_of_others_is_not_named(api: MakeApi, platform: Platform, now: datetime) -> None:
    own = make_member(platform, now, email="a@example.cn")
    other = make_member(platform, now, email="b@example.cn")
    expert_id = make_expert(platform, now, other)
    refused = api(own.user_id).post("/capabilities", {"title": "翘曲预测", "expert_ids": [expert_id]})
    assert (refused.status_code, refused.json["where"]) == (422, "expert_ids[0]")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"title": ""}, "title"),
        ({"title": " \n "}, "title"),
        ({"title": "长" * 201}, "title"),
        ({"title": None}, "title"),
        ({"title": ["翘曲"]}, "title"),
        ({"title": "翘\x00曲"}, "title"),
        ({"title": "翘\ud800曲"}, "title"),
        ({"problem": "长" * 20_001}, "problem"),
        ({"keywords": ["一", "二", "三", "四", "五", "六"]}, "keywords"),
        ({"keywords": ["一", 2]}, "keywords[1]"),
        ({"keywords": "一"}, "keywords"),
        ({"industry_codes": ["C39", "Z99"]}, "industry_codes[1]"),
        ({"domain": "astrology"}, "domain"),
        ({"cooperation_modes": ["marriage"]}, "cooperation_modes[0]"),
        ({"budget": 20}, "budget"),
        ({"budget": {"minimum": "20"}}, "budget.minimum"),
        ({"budget": {"minimum": -1}}, "budget.minimum"),
        ({"budget": {"minimum": 10_000_001}}, "budget.minimum"),
        ({"budget": {"maximum": 0.0000001}}, "budget.maximum"),
        ({"budget": {"minimum": True}}, "budget.minimum"),
        ({"budget": {"minimum": 30, "maximum": 20}}, "budget"),
        ({"budget": {"negotiable": "true"}}, "budget.negotiable"),
        ({"budget": {"currency": "EUR"}}, "budget.currency"),
        ({"starts_on": "2027-13-01"}, "starts_on"),
        ({"starts_on": "2027-02-01", "ends_on": "2027-01-01"}, "ends_on"),
        ({"visibility": "friends"}, "visibility"),
        ({"language": "fr"}, "language"),
        ({"contact": {"wechat": "x"}}, "contact.wechat"),
        ({"organisation_id": "a b"}, "organisation_id"),
        ({"status": "published"}, "status"),
        ({"region_code": "440100"}, "region_code"),
        ({"id": "mine"}, "id"),
        ({"author_id": "user"}, "author_id"),
    ],
)
def test_what_is_wrong_is_named_in_both_languages(
    api: MakeApi, platform: Platform, now: datetime, change: dict[str, Any], where: str
) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    chinese = client.post("/needs", NEED | change)
    english = client.post("/needs", NEED | change, headers={"Accept-Language": "en"})
    for answer in (chinese, english):
        assert (answer.status_code, answer.json["where"]) == (422, where)
    assert any("\u4e00" <= character <= "\u9fff" for character in chinese.json["detail"])
    assert not any("\u4e00" <= character <= "\u9fff" for character in english.json["detail"])
    assert (chinese.headers["Content-Language"], english.headers["Content-Language"]) == ("zh-CN", "en")
    assert client.get("/needs", query={"mine": "true"}).json["items"] == []


def test_all_faults_are_named_at_once(api: MakeApi, platform: Platform, now: datetime) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    answer = client.post("/needs", {"keywords": [1], "budget": {"minimum": "x"}, "colour": "red"})
    assert sorted(answer.json["errors"], key=lambda one: one["where"]) == [
        {"where": "budget.minimum", "detail": "应为数字"},
        {"where": "colour", "detail": "没有这一项"},
        {"where": "keywords[0]", "detail": "应为文字"},
        {"where": "title", "detail": "必须填写"},
    ]


def test_a_change_keeps_what_it_does_not_mention(api: MakeApi, platform: Platform, now: datetime, clock: Clock) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    made = client.post("/needs", NEED)
    path = f"/needs/{made.json['id']}"
    clock.advance(minutes=1)
    changed = client.patch(path, {"budget": None, "keywords": ["铝基板"]}, made.headers["ETag"])
    assert changed.status_code == 200
    assert changed.headers["ETag"] == '"2"'
    assert changed.json == made.json | {
        "version": 2,
        "budget": None,
        "keywords": ["铝基板"],
        "full_text": made.json["full_text"].replace("线路板，翘曲\n", "铝基板\n"),
        "updated_at": "2026-11-25T01:01:00+00:00",
    }
    same = client.patch(path, {"contact": None, "language": "en"}, '"2"').json
    assert (same["contact"], same["language"], same["keywords"]) == ({}, "en", ["铝基板"])


def test_a_capability_changes_too(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    expert_id = make_expert(platform, now, member)
    client = api(member.user_id)
    made = client.post("/capabilities", {"title": "翘曲预测", "expert_ids": [expert_id], "maturity": 4})
    path = f"/capabilities/{made.json['id']}"
    changed = client.patch(path, {"maturity": None, "kind": "service"}, made.headers["ETag"]).json
    assert (changed["maturity"], changed["kind"], changed["experts"]) == (None, "service", made.json["experts"])
    assert client.patch(path, {"expert_ids": []}, '"2"').json["experts"] == []


def test_changes_need_the_state_they_were_read_with(api: MakeApi, platform: Platform, now: datetime) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    path = f"/needs/{client.post('/needs', {'title': '翘曲'}).json['id']}"
    missing = client.patch(path, {"title": "甲"})
    assert (missing.status_code, missing.json["code"]) == (428, "precondition.missing")
    for etag in ('"2"', 'W/"1"', "2", '"x"', ""):
        stale = client.patch(path, {"title": "甲"}, headers={"If-Match": etag})
        assert (stale.status_code, stale.json["code"]) == (412, "post.edit_conflict"), etag
    assert client.patch(path, {"title": "乙"}, '"7", "1"').json["title"] == "乙"
    assert client.patch(path, {"title": "丙"}, "*").json["version"] == 3
    assert client.get(path).json["title"] == "丙"
    assert client.post(f"{path}/publish", headers={"If-Match": '"1"'}).status_code == 412
    assert client.post(f"{path}/publish", headers={"If-Match": '"3"'}).status_code == 200


def test_a_key_makes_one_post_only(api: MakeApi, platform: Platform, now: datetime, clock: Clock) -> None:
    first = api(make_member(platform, now, email="a@example.cn").user_id)
    second = api(make_member(platform, now, email="b@example.cn").user_id)
    key = {"Idempotency-Key": "order-1"}
    made = first.post("/needs", {"title": "翘曲", "problem": "甲"}, headers=key)
    again = first.post("/needs", {"problem": "甲", "title": "翘曲"}, headers=key)
    assert (again.status_code, again.json, again.headers["Location"]) == (201, made.json, made.headers["Location"])
    for path, body in (("/needs", {"title": "翘曲"}), ("/capabilities", {"title": "翘曲", "text": "甲"})):
        different = first.post(path, body, headers=key)
        assert (different.status_code, different.json["code"]) == (422, "idempotency.key_reused")
        assert different.json["where"] == "Idempotency-Key"
    assert second.post("/needs", {"title": "翘曲", "problem": "甲"}, headers=key).json["id"] != made.json["id"]
    assert first.post("/needs", {"title": "翘曲", "problem": "甲"}).json["id"] != made.json["id"]
    assert len(first.get("/needs", query={"mine": "true"}).json["items"]) == 2
    clock.advance(days=2)
    assert first.post("/needs", {"title": "翘曲", "problem": "甲"}, headers=key).json["id"] != made.json["id"]


def test_a_refused_creation_does_not_use_up_its_key(api: MakeApi, platform: Platform, now: datetime) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    key = {"Idempotency-Key": "order-1"}
    assert client.post("/needs", {"title": "翘曲", "domain": "astrology"}, headers=key).status_code == 422
    assert client.post("/needs", {"title": "翘曲"}, headers=key).status_code == 201
    for bad in ("", "a b", "钥匙".encode().decode("latin-1"), "x" * 201):
        answer = client.post("/needs", {"title": "翘曲"}, headers={"Idempotency-Key": bad})
        assert (answer.status_code, answer.json["where"]) == (422, "Idempotency-Key")


def test_a_life_with_review(api: MakeApi, platform: Platform, now: datetime) -> None:
    object.__setattr__(platform.settings, "review_before_publication", True)
    member = make_member(platform, now, email="a@example.cn")
    staff = api(make_staff(platform, now, email="s@example.cn").user_id)
    client = api(member.user_id)
    path = f"/needs/{client.post('/needs', {'title': '翘曲'}).json['id']}"
    assert client.post(f"{path}/publish").json["code"] == "post.review_first"
    assert staff.get(path).status_code == 404
    assert client.post(f"{path}/submit").json["status"] == "submitted"
    assert client.post(f"{path}/withdraw").json["status"] == "draft"
    assert client.post(f"{path}/submit").json["status"] == "submitted"
    assert client.post(f"{path}/return", {"reason": "太笼统"}).status_code == 403
    assert staff.post(f"{path}/return", {"reason": ""}).json["where"] == "reason"
    assert staff.post(f"{path}/return", {"reason": "太笼统"}).json["return_reason"] == "太笼统"
    assert client.get(path).json["return_reason"] == "太笼统"
    assert client.post(f"{path}/submit").json["return_reason"] is None
    published = staff.post(f"{path}/publish").json
    assert (published["status"], published["expires_at"]) == ("published", "2027-11-25T01:00:00+00:00")


def test_a_life_without_review(api: MakeApi, platform: Platform, now: datetime, clock: Clock) -> None:
    client = api(make_member(platform, now, email="a@example.cn").user_id)
    path = f"/capabilities/{client.post('/capabilities', {'title': '翘曲'}).json['id']}"
    assert client.post(f"{path}/pause").json["code"] == "post.illegal_move"
    states = []
    for move, body in (
        ("publish", None),
        ("pause", None),
        ("resume", None),
        ("renew", None),
        ("close", {"reason": "solved_here"}),
        ("archive", None),
    ):
        clock.advance(days=1)
        answer = client.post(f"{path}/{move}", body)
        states.append((answer.status_code, answer.json["status"], answer.json["expires_at"][:10]))
    assert states == [
        (200, "published", "2027-11-26"),
        (200, "paused", "2027-11-26"),
        (200, "published", "2027-11-26"),
        (200, "published", "2027-11-29"),
        (200, "closed", "2027-11-29"),
        (200, "archived", "2027-11-29"),
    ]
    assert client.get(path).json["close_reason"] == "solved_here"
    late = client.patch(path, {"title": "新"}, "*")
    assert (late.status_code, late.json["code"]) == (409, "post.illegal_move")
    assert client.post(f"{path}/close", {"reason": "bored"}).json["where"] == "reason"


def test_lists_are_paged_and_filtered(api: MakeApi, platform: Platform, now: datetime, clock: Clock) -> None:
    member = make_member(platform, now, email="a@example.cn")
    titles = [f"需求{number}" for number in range(5)]
    for title in titles:
        make_need(platform, member, clock(), title=title, domain="electronics" if title == "需求3" else None)
        clock.advance(seconds=1)
    make_need(platform, member, clock(), title="草稿", publish=False)
    make_capability(platform, member, clock(), title="供给", kind="patent")
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api().get("/needs", query={"limit": 2, "cursor": cursor}).json
        seen += [one["title"] for one in page["items"]]
        cursor = page["next"]
    assert seen == titles[::-1]
    own = api(member.user_id)
    assert [one["title"] for one in own.get("/needs", query={"mine": "true", "limit": 1}).json["items"]] == ["草稿"]
    assert [one["title"] for one in own.get("/needs", query={"status": "draft"}).json["items"]] == ["草稿"]
    assert api().get("/needs", query={"status": "draft"}).json["items"] == []
    assert api().get("/needs", query={"mine": "true"}).json == {"items": [], "next": None}
    assert [one["title"] for one in api().get("/needs", query={"domain": "electronics"}).json["items"]] == ["需求3"]
    assert [one["kind"] for one in api().get("/capabilities", query={"kind": "patent"}).json["items"]] == ["patent"]
    assert api().get("/capabilities", query={"kind": "service"}).json["items"] == []


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "W" * 301}, "cursor"),
        ({"cursor": "WyIwMDAxLTAxLTAxVDAwOjAwOjAwKzIzOjU5IiwgIngiXQ"}, "cursor"),
        ({"cursor": "WyIyMDI2LTAxLTAxVDAwOjAwOjAwKzAwOjAwIiwgIlx1ZDgwMCJd"}, "cursor"),
        ({"mine": "perhaps"}, "mine"),
        ({"status": "gone"}, "status"),
        ({"domain": "\x00"}, "domain"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_query_is_named(api: MakeApi, query: dict[str, str], where: str) -> None:
    answer = api().get("/needs", query=query)
    assert (answer.status_code, answer.json["where"]) == (422, where)


def test_contacts_are_for_the_organisation_and_logged_for_staff(
    api: MakeApi, platform: Platform, now: datetime
) -> None:
    member = make_member(platform, now, email="a@example.cn")
    other = make_member(platform, now, email="b@example.cn")
    near = make_staff(platform, now, email="s@example.cn")
    far = make_staff(platform, now, email="f@example.cn", region_code="440600")
    contact = {"name": "林工", "phone": "0750-8888888"}
    post_id = make_need(platform, member, now, contact=contact)
    path = f"/needs/{post_id}/contact"
    assert api().get(path).status_code == 401
    assert api(other.user_id).get(path).json["code"] == "contact.hidden"
    assert api(far.user_id).get(path).json["code"] == "contact.hidden"
    assert api(member.user_id).get(path).json == {"contact": contact}
    assert api(near.user_id).get(path).json == {"contact": contact}
    with platform.reading() as session:
        reveals = [
            (row.actor_id, row.subject_kind, row.subject_id, row.details)
            for row in session.query(AuditEntry).filter_by(action="contact.reveal")
        ]
    assert reveals == [(near.user_id, "need", post_id, {"to": "staff", "through": "api"})]


def test_nobody_changes_what_is_not_theirs(api: MakeApi, platform: Platform, now: datetime) -> None:
    member = make_member(platform, now, email="a@example.cn")
    stranger = api(make_member(platform, now, email="b@example.cn").user_id)
    shown = make_need(platform, member, now)
    hidden = make_need(platform, member, now, publish=False)
    for move, body in (
        ("publish", None),
        ("submit", None),
        ("pause", None),
        ("archive", None),
        ("close", {"reason": "dropped"}),
        ("return", {"reason": "x"}),
    ):
        assert stranger.post(f"/needs/{shown}/{move}", body).status_code == 403
        for etag in ('"1"', '"99"'):
            answer = stranger.post(f"/needs/{hidden}/{move}", body, headers={"If-Match": etag})
            assert answer.status_code == 404
    assert stranger.patch(f"/needs/{shown}", {"title": "x"}, "*").status_code == 403
    # Not even the missing If-Match tells that the hidden one is there.
    assert stranger.patch(f"/needs/{hidden}", {"title": "x"}).status_code == 404
    assert stranger.patch("/needs/no-such-need", {"title": "x"}).status_code == 404
    with platform.reading() as session:
        assert session.get_one(Post, shown).status == "published"

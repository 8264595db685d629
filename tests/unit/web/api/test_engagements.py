"""Answers, interests and engagements through the API, and who is told nothing of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from matching.bootstrap import Platform
from tests.factories.interests import find_suggestion
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.api.conftest import Api

MakeApi = Callable[..., Api]
ASKING = {"name": "林工", "phone": "0750-8888001", "email": "lin@example.cn"}
ASKED = {"name": "丘教授", "phone": "", "email": "qiu@example.edu.cn"}
ENTRY: dict[str, Any] = {"aim": "希望先做小试", "timing": "quarter", "contact": ASKING}
NOBODY = "no-such-id"


@dataclass(frozen=True)
class Scene:
    need: str
    capability: str
    suggestion: str
    firm: Api
    professor: Api
    manager: Api
    broker: Api
    broker_id: str
    stranger: Api
    staff: Api
    far: Api


@pytest.fixture
def scene(api: MakeApi, platform: Platform, now: datetime) -> Scene:
    def member(email: str, organisation: str, kind: str = "enterprise", **options: Any) -> Member:
        return make_member(platform, now, email=email, organisation=organisation, kind=kind, **options)

    firm = member("firm@example.cn", "示例电路")
    professor = member("prof@example.cn", "示例大学", "university", region_code="440700")
    manager = member("tto@example.cn", "", organisation_id=professor.organisation_id, role="owner")
    broker = member("broker@example.cn", "技术转移中心", "intermediary")
    stranger = member("other@example.cn", "别的企业")
    staff = make_staff(platform, now, email="staff@example.cn")
    far = make_staff(platform, now, email="far@example.cn", region_code="440600")
    expert = make_expert(platform, now, professor)
    need = make_need(platform, firm, now, visibility="matched")
    capability = make_capability(platform, professor, now, expert_ids=(expert,))
    settle_everything(platform, now)
    return Scene(
        need,
        capability,
        find_suggestion(platform, need, capability),
        api(firm.user_id),
        api(professor.user_id),
        api(manager.user_id),
        api(broker.user_id),
        broker.user_id,
        api(stranger.user_id),
        api(staff.user_id),
        api(far.user_id),
    )


def engaged(scene: Scene) -> str:
    asked = scene.firm.post("/interests", ENTRY | {"suggestion_id": scene.suggestion})
    assert asked.status_code == 201
    accepted = scene.professor.post(f"/interests/{asked.json['id']}/accept", {"contact": ASKED})
    assert accepted.status_code == 200
    return str(accepted.json["id"])


def test_a_suggestion_is_answered_and_undone(scene: Scene) -> None:
    address = f"/suggestions/{scene.suggestion}/answer"
    declined = scene.professor.post(address, {"kind": "decline", "reason_code": "time", "reason_text": "明年"})
    assert declined.status_code == 200
    assert (declined.json["side"], declined.json["kind"], declined.json["reason_code"]) == (
        "capability",
        "decline",
        "time",
    )
    assert scene.firm.get(f"/needs/{scene.need}/suggestions").json["items"] == []
    assert scene.professor.delete(address).status_code == 204
    assert scene.professor.delete(address).status_code == 409
    assert scene.professor.post(address, {"kind": "later"}).json["kind"] == "later"
    for body, where in (
        ({"kind": "decline"}, "reason_code"),
        ({"kind": "decline", "reason_code": "other"}, "reason_text"),
        ({"kind": "accept"}, "kind"),
    ):
        wrong = scene.professor.post(address, body)
        assert (wrong.status_code, wrong.json["where"]) == (422, where)
    for reader, status in ((scene.stranger, 404), (scene.staff, 404), (scene.manager, 403)):
        assert reader.post(address, {"kind": "later"}).status_code == status
        assert reader.delete(address).status_code == status


def test_an_interest_goes_its_way(scene: Scene) -> None:
    asked = scene.firm.post("/interests", ENTRY | {"post_id": scene.capability, "own_post_id": scene.need})
    assert asked.status_code == 201
    interest = asked.json
    assert (interest["status"], interest["side"], interest["received"]) == ("open", "need", False)
    assert scene.firm.post("/interests", ENTRY | {"suggestion_id": scene.suggestion}).status_code == 409
    seen = scene.professor.get("/interests").json["items"]
    assert [(one["id"], one["received"], one["from_organisation"]) for one in seen] == [(interest["id"], True, None)]
    assert seen[0]["on_behalf_of"]["organisation"] is None
    assert "contact" not in str(seen)
    assert "0750" not in str(seen)
    told = scene.professor.get("/notifications").json["items"]
    assert [one["kind"] for one in told if one["interest_id"] == interest["id"]] == ["interest_received"]
    address = f"/interests/{interest['id']}"
    declined = scene.professor.post(f"{address}/decline", {"reason_code": "time"})
    assert declined.json["status"] == "declined"
    assert scene.firm.get(address).json["reason_code"] == "time"
    assert scene.professor.post(f"{address}/reopen").json["status"] == "open"
    assert scene.firm.post(f"{address}/withdraw").json["status"] == "withdrawn"
    assert scene.professor.post(f"{address}/accept", {"contact": ASKED}).status_code == 409
    assert scene.firm.get("/interests", query={"box": "sent", "status": "withdrawn"}).json["items"][0]["id"]
    assert scene.firm.get("/interests", query={"box": "sent", "status": "open"}).json == {"items": [], "next": None}


def test_what_is_wrong_with_an_interest_is_named(scene: Scene) -> None:
    for body, status, where in (
        (ENTRY, 422, "post_id"),
        (ENTRY | {"post_id": scene.capability, "suggestion_id": scene.suggestion}, 422, "post_id"),
        (ENTRY | {"post_id": scene.capability, "aim": ""}, 422, "aim"),
        (ENTRY | {"post_id": scene.capability, "timing": "someday"}, 422, "timing"),
        (ENTRY | {"post_id": scene.capability, "contact": {"name": "林工"}}, 422, "contact.phone"),
        (ENTRY | {"post_id": scene.capability, "own_post_id": scene.capability}, 422, "own_id"),
        (ENTRY | {"post_id": NOBODY}, 422, "post_id"),
        (ENTRY | {"suggestion_id": NOBODY}, 422, "suggestion_id"),
    ):
        answer = scene.firm.post("/interests", body)
        assert (answer.status_code, answer.json.get("where")) == (status, where), body


def test_lists_come_in_pages(scene: Scene, api: MakeApi, platform: Platform, now: datetime) -> None:
    for number in range(3):
        firm = make_member(platform, now, email=f"f{number}@example.cn", organisation=f"企业{number}")
        assert api(firm.user_id).post("/interests", ENTRY | {"post_id": scene.capability}).status_code == 201
    first = scene.professor.get("/interests", query={"limit": 2}).json
    rest = scene.professor.get("/interests", query={"limit": 2, "cursor": first["next"]}).json
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (2, 1, None)
    for address in ("/interests", "/engagements"):
        assert scene.professor.get(address, query={"cursor": "x"}).status_code == 422


def test_an_engagement_from_contact_to_contract(scene: Scene) -> None:
    engagement_id = engaged(scene)
    address = f"/engagements/{engagement_id}"
    shown = scene.firm.get(address).json
    assert (shown["stage"], shown["role"], shown["suggestion_id"]) == ("contact", "need", scene.suggestion)
    assert shown["contacts"] == {"need": ASKING, "capability": {"name": "丘教授", "email": "qiu@example.edu.cn"}}
    assert scene.professor.get(f"/needs/{scene.need}").json["organisation"]["name"] == "示例电路"
    assert scene.firm.post(f"{address}/stage", {"stage": "contract"}).status_code == 409
    for stage in ("talk", "terms", "contract"):
        assert scene.firm.post(f"{address}/stage", {"stage": stage, "note": "好"}).json["stage"] == stage
    assert scene.professor.post(f"{address}/messages", {"text": "您好"}).json["messages"][0]["role"] == "capability"
    assert scene.professor.post(f"{address}/notes", {"text": "底线"}).json["notes"][0]["text"] == "底线"
    assert scene.firm.get(address).json["notes"] == []
    tasks = scene.firm.post(f"{address}/tasks", {"title": "寄样", "role": "need", "due_on": "2026-12-01"}).json["tasks"]
    done = scene.firm.post(f"{address}/tasks/{tasks[0]['id']}", {"done": True}).json["tasks"]
    assert done[0]["done_at"] is not None
    step = {"next_step": "签字", "next_step_on": "2026-12-05", "waits_for": "need"}
    assert scene.firm.post(f"{address}/next-step", step).json["waits_for"] == "need"
    assert scene.firm.post(f"{address}/close", {"outcome": "contract"}).status_code == 422
    version = scene.firm.get(address).json["version"]
    terms = {
        "contract_type": "development",
        "contract_amount": 48.5,
        "technology_amount": 40,
        "signed_on": "2026-12-05",
    }
    recorded = scene.firm.post(f"{address}/terms", terms | {"version": version})
    assert recorded.json["terms"]["contract_amount"] == 48.5
    assert scene.professor.post(f"{address}/terms", terms | {"version": version}).status_code == 409
    closed = scene.professor.post(f"{address}/close", {"outcome": "contract"})
    assert (closed.json["stage"], closed.json["outcome"]) == ("closed", "contract")
    assert [one["to_stage"] for one in closed.json["steps"]] == ["contact", "talk", "terms", "contract", "closed"]
    assert scene.firm.get("/engagements", query={"stage": "closed"}).json["items"][0]["id"] == engagement_id


def test_a_broker_joins_and_leaves(scene: Scene) -> None:
    address = f"/engagements/{engaged(scene)}"
    entry = {"user_id": scene.broker_id, "role": "broker"}
    assert scene.firm.post(f"{address}/participants", entry).status_code == 200
    assert scene.firm.post(f"{address}/participants", entry).status_code == 409
    assert scene.broker.get(address).status_code == 404
    assert scene.professor.post(f"{address}/participants/{scene.broker_id}/agree").status_code == 200
    assert scene.broker.get(address).json["contacts"]["need"] == ASKING
    assert scene.broker.delete(f"{address}/participants/{scene.broker_id}").status_code == 204
    assert scene.broker.get(address).status_code == 404


def test_staff_of_the_region_look_on_and_reveal_by_asking(scene: Scene) -> None:
    address = f"/engagements/{engaged(scene)}"
    shown = scene.staff.get(address)
    assert (shown.json["role"], shown.json["contacts"]) == ("staff", None)
    assert "0750-8888001" not in shown.text
    assert scene.staff.post(f"{address}/contacts").json["need"] == ASKING


def test_others_learn_nothing(scene: Scene, api: MakeApi) -> None:
    engagement_id = engaged(scene)
    interest_id = scene.firm.get("/interests", query={"box": "sent"}).json["items"][0]["id"]
    address = f"/engagements/{engagement_id}"
    assert api().get(address).status_code == 401
    for name, reader in (
        ("manager", scene.manager),
        ("broker", scene.broker),
        ("stranger", scene.stranger),
        ("far", scene.far),
    ):
        assert reader.get(address).status_code == 404, name
        assert reader.get("/engagements").json == {"items": [], "next": None}
        assert reader.get(f"/interests/{interest_id}").status_code == 404
        for box in ("received", "sent"):
            assert reader.get("/interests", query={"box": box}).json["items"] == []
        told = reader.get("/notifications").json["items"]
        assert [one for one in told if one["interest_id"] or one["engagement_id"]] == []
        for path, body in (
            ("contacts", None),
            ("stage", {"stage": "talk"}),
            ("close", {"outcome": "follow_up"}),
            ("messages", {"text": "x"}),
            ("notes", {"text": "x"}),
            ("tasks", {"title": "x", "role": "need"}),
            ("next-step", {}),
            ("terms", {}),
            ("participants", {"user_id": NOBODY, "role": "broker"}),
            (f"participants/{NOBODY}/agree", None),
            (f"tasks/{NOBODY}", {"done": True}),
        ):
            assert reader.post(f"{address}/{path}", body).status_code == 404, (name, path)
        assert reader.delete(f"{address}/participants/{NOBODY}").status_code == 404
        for path, body in (
            ("accept", {"contact": ASKED}),
            ("decline", {"reason_code": "time"}),
            ("withdraw", None),
            ("reopen", None),
        ):
            assert reader.post(f"/interests/{interest_id}/{path}", body).status_code == 404, (name, path)
        need = reader.get(f"/needs/{scene.need}")
        # What is suggested to an institution its members may read, but not whose it is.
        assert need.json.get("organisation") is None
        assert need.status_code == (200 if name == "manager" else 404)

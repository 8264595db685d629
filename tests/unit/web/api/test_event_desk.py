"""Events over the API as their staff work on them: what the pages do, and for nobody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from matching.bootstrap import Platform
from matching.models import Event, Notification
from tests.factories.events import MadeEvent, make_event
from tests.factories.people import make_member, make_staff
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Clock

MakeApi = Callable[..., Api]
ENTRY: dict[str, Any] = {
    "title": "照明对接会",
    "held_on": "2026-12-20",
    "region_code": "440784",
    "venue": "会议中心",
    "rooms": "一号厅 3",
    "sessions": "上午 09:00-11:00",
    "slot_minutes": 20,
}


def place_all(staff: Api, made: MadeEvent) -> list[str]:
    """Put the event's meetings into its first slots, one a slot."""
    path = f"/events/{made.id}"
    slots = [one["id"] for one in staff.get(f"{path}/timetable").json["slots"]]
    for number, meeting in enumerate(made.meetings.values()):
        body = {"slot_id": slots[number], "table": 1}
        assert staff.post(f"{path}/meetings/{meeting}/place", body).status_code == 200
    return slots


def test_an_event_is_made_once_changed_with_its_etag_and_called_off(
    app: Flask, platform: Platform, clock: Clock, api: MakeApi
) -> None:
    staff = api(make_staff(platform, clock.moment, email="s@example.cn").user_id)
    made = staff.post("/events", ENTRY, headers={"Idempotency-Key": "one"})
    again = staff.post("/events", ENTRY, headers={"Idempotency-Key": "one"})
    assert (made.status_code, again.json["id"]) == (201, made.json["id"])
    assert staff.post("/events", ENTRY | {"title": "别的"}, headers={"Idempotency-Key": "one"}).status_code == 422
    with platform.reading() as reading:
        assert reading.scalar(select(func.count()).select_from(Event)) == 1
    assert (len(made.json["slots"]), made.json["tables"][0]) == (6, "一号厅 1 号桌")
    path = f"/events/{made.json['id']}"
    shown = staff.get(f"{path}/plan")
    assert staff.patch(f"{path}/plan", {"venue": "二楼"}).status_code == 428
    changed = staff.patch(f"{path}/plan", {"venue": "二楼"}, shown.headers["ETag"])
    assert (changed.json["venue"], changed.json["title"]) == ("二楼", "照明对接会")
    assert staff.patch(f"{path}/plan", {"venue": "三楼"}, shown.headers["ETag"]).status_code == 412
    wrong = staff.patch(f"{path}/plan", {"sessions": "上午"}, changed.headers["ETag"])
    assert (wrong.status_code, wrong.json["where"]) == (422, "sessions")
    assert staff.post(f"{path}/announce").json["registration_open"] is True
    assert staff.post(f"{path}/close-registration").json["registration_open"] is False
    assert staff.post(f"{path}/cancel").json == {"messages": 0, "without_address": []}
    assert staff.post(f"{path}/cancel").status_code == 409


def test_participants_are_invited_kept_apart_signed_in_and_taken_out(
    app: Flask, platform: Platform, clock: Clock, api: MakeApi
) -> None:
    made = make_event(platform, clock.moment)
    staff = api(made.staff.user_id)
    path = f"/events/{made.id}"
    firm, expert = made.participants["甲电路"], made.participants["张老师"]
    rows = {one["name"]: one for one in staff.get(f"{path}/participants").json["items"]}
    assert {name: row["wanted"] for name, row in rows.items()} == {"甲电路": 2, "乙照明": 1, "张老师": 2, "李老师": 1}
    assert staff.post(f"{path}/participants", {}).status_code == 422
    same = staff.post(f"{path}/participants", {"organisation_id": rows["甲电路"]["organisation_id"]})
    assert (same.status_code, same.json["id"]) == (201, firm)
    body = {"contact_email": "lin@example.cn", "contact_name": "林工"}
    changed = staff.patch(f"{path}/participants/{firm}", body)
    assert (changed.json["contact_email"], changed.json["status"]) == ("lin@example.cn", rows["甲电路"]["status"])
    told = staff.post(f"{path}/invitations").json
    assert told["messages"] == 3
    before = staff.get(f"{path}/participants/{firm}").json["agenda_address"]
    assert staff.post(f"{path}/participants/{firm}/link").json["address"] != before
    apart = staff.post(f"{path}/participants/{firm}/apart", {"other_id": expert})
    assert apart.json["apart"] == [expert]
    assert staff.post(f"{path}/participants/{firm}/apart", {"other_id": expert, "apart": False}).json["apart"] == []
    assert staff.post(f"{path}/participants/{firm}/sign-in", {}).json["signed_in_at"] is not None
    assert staff.get(f"{path}/day").json["here"] == 1
    assert staff.post(f"{path}/participants/{firm}/sign-in", {"present": False}).json["signed_in_at"] is None
    assert staff.post(f"{path}/participants/{expert}/cancel").json == {"fallen": 0}
    assert staff.get(f"{path}/pairs").json == {"items": []}
    assert staff.post(f"{path}/pairs", {"suggestion_ids": ["no-such"]}).json == {"added": 0}


def test_a_host_is_in_one_meeting_at_a_time_unless_somebody_says_why(
    app: Flask, platform: Platform, clock: Clock, api: MakeApi
) -> None:
    made = make_event(platform, clock.moment)
    colleague = make_staff(platform, clock.moment, email="li@example.cn")
    staff = api(made.staff.user_id)
    path = f"/events/{made.id}"
    slots = place_all(staff, made)
    first, second, third = made.meetings.values()
    for meeting in (first, second):
        given = staff.post(f"{path}/meetings/{meeting}/host", {"user_id": colleague.user_id})
        assert (given.status_code, given.json["host_id"], given.json["conflicts"]) == (200, colleague.user_id, [])
    body: dict[str, Any] = {"slot_id": slots[1], "table": 2}
    assert staff.post(f"{path}/meetings/{third}/place", body).status_code == 200
    refused = staff.post(f"{path}/meetings/{third}/host", {"user_id": colleague.user_id})
    assert (refused.status_code, refused.json["code"]) == (422, "meeting.place_conflicts")
    override = {"user_id": colleague.user_id, "override": True, "reason": "两桌相邻"}
    knowingly = staff.post(f"{path}/meetings/{third}/host", override).json
    assert [(one["kind"], one["meeting_id"]) for one in knowingly["conflicts"]] == [("host_busy", second)]
    assert knowingly["override_reason"] == "两桌相邻"
    assert staff.post(f"{path}/publish").status_code == 200, "what was overridden knowingly is not asked again"
    assert staff.post(f"{path}/meetings/{third}/host", {"user_id": None}).json["host_id"] is None
    assert staff.post(f"{path}/hosts", {"user_ids": [colleague.user_id]}).json == {"given": 0, "left": 1}
    mine = [made.staff.user_id, colleague.user_id]
    assert staff.post(f"{path}/hosts", {"user_ids": mine}).json == {"given": 1, "left": 0}
    member = make_member(platform, clock.moment, email="firm@example.cn")
    assert staff.post(f"{path}/meetings/{third}/host", {"user_id": member.user_id}).status_code == 422
    with platform.reading() as reading:
        kinds = reading.scalars(select(Notification.kind).where(Notification.user_id == colleague.user_id)).all()
    assert set(kinds) == {"event_host"}


def test_a_meeting_is_constrained_noted_and_leads_to_an_engagement(
    app: Flask, platform: Platform, clock: Clock, api: MakeApi
) -> None:
    made = make_event(platform, clock.moment)
    staff = api(made.staff.user_id)
    path = f"/events/{made.id}/meetings"
    place_all(staff, made)
    first, second, _third = made.meetings.values()
    shown = staff.get(f"{path}/{first}").json
    assert (shown["origin"], shown["result"], len(shown["free_slots"])) == ("staff", None, 4)
    bound = staff.post(f"{path}/{second}/conditions", {"session": "上午", "after": [first]}).json
    assert (bound["session"], bound["after"]) == ("上午", [first])
    assert staff.post(f"{path}/{first}/conditions", {"after": [second]}).status_code == 422
    assert staff.post(f"{path}/{first}/engage", {}).status_code == 409, "it was not held yet"
    noted = {"result": "held", "minutes": "谈妥小试", "next_step": "寄样品", "next_step_on": "2026-12-20"}
    assert staff.post(f"{path}/{first}/result", noted).json["minutes"] == "谈妥小试"
    assert staff.post(f"{path}/{first}/result", {"next_step": "寄两份样品"}).json["minutes"] == "谈妥小试"
    assert staff.post(f"{path}/{first}/engage", {}).status_code == 422
    engaged = staff.post(f"{path}/{first}/engage", {"both_agreed": True}).json
    assert engaged["engagement_id"] is not None


def test_for_others_the_desk_of_an_event_is_not_there(
    app: Flask, platform: Platform, clock: Clock, api: MakeApi
) -> None:
    made = make_event(platform, clock.moment)
    meeting, firm = made.meetings["甲电路", "张老师"], made.participants["甲电路"]
    far = make_staff(platform, clock.moment, email="far@example.cn", region_code="440600")
    member = make_member(platform, clock.moment, email="firm@example.cn")
    reads = ("plan", "pairs", "participants", f"participants/{firm}", "day", f"meetings/{meeting}")
    writes: tuple[tuple[str, Any], ...] = (
        ("cancel", None), ("close-registration", None), ("invitations", None),
        ("pairs", {"suggestion_ids": ["x"]}), ("participants", {"expert_id": "x"}),
        (f"participants/{firm}/cancel", None), (f"participants/{firm}/link", None),
        (f"participants/{firm}/sign-in", {}), (f"participants/{firm}/apart", {"other_id": firm}),
        ("hosts", {"user_ids": [str(far.user_id)]}), (f"meetings/{meeting}/host", {"user_id": None}),
        (f"meetings/{meeting}/conditions", {}), (f"meetings/{meeting}/result", {}), (f"meetings/{meeting}/engage", {}),
    )  # fmt: skip
    for client in (api(far.user_id), api(member.user_id)):
        assert {client.get(f"/events/{made.id}/{one}").status_code for one in reads} == {404}
        assert {client.post(f"/events/{made.id}/{one}", body).status_code for one, body in writes} == {404}
        assert client.post("/events", ENTRY).status_code == 403
        assert client.patch(f"/events/{made.id}/plan", {"venue": "x"}, '"1"').status_code == 404


def test_a_host_lists_their_meetings_and_replaces_the_calendar(
    app: Flask, platform: Platform, clock: Clock, api: MakeApi
) -> None:
    made = make_event(platform, clock.moment)
    staff, host_id = api(made.staff.user_id), make_staff(platform, clock.moment, email="li@example.cn").user_id
    place_all(staff, made)
    meeting = made.meetings["甲电路", "李老师"]
    assert staff.post(f"/events/{made.id}/meetings/{meeting}/host", {"user_id": host_id}).status_code == 200
    host = api(host_id)
    shown = host.get("/events/hosted").json
    [one] = shown["items"]
    assert (one["id"], one["participants"], one["told"]) == (meeting, ["甲电路", "李老师"], False)
    renewed = host.post("/events/hosted/calendar").json
    assert renewed["items"] == shown["items"]
    assert renewed["calendar"] != shown["calendar"]
    assert staff.get("/events/hosted").json["items"] == []
    assert (
        api(make_member(platform, clock.moment, email="m@example.cn").user_id).get("/events/hosted").status_code == 403
    )

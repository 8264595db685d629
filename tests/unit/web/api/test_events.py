"""Events over the API: what visitors read, what staff do, and what is for nobody else."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from matching.bootstrap import Platform
from matching.services.events import announce_event
from tests.factories.events import make_event
from tests.factories.people import make_member, make_staff
from tests.factories.work import settle_everything
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Clock


def test_visitors_read_announced_events_only(
    app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]
) -> None:
    made = make_event(platform, clock.moment)
    visitor = api()
    assert visitor.get("/events").json == {"items": []}
    assert visitor.get(f"/events/{made.id}").status_code == 404
    with platform.unit_of_work() as uow:
        announce_event(uow, made.staff, made.id, clock.moment)
    [item] = visitor.get("/events").json["items"]
    assert (item["title"], item["held_on"]) == ("线路板对接会", "2026-12-10")
    shown = visitor.get(f"/events/{made.id}")
    assert len(shown.json["slots"]) == 6
    assert not any(name in shown.text for name in made.participants)
    assert visitor.get(f"/events/{made.id}/timetable").status_code == 401


def test_staff_compute_place_and_publish(app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]) -> None:
    made = make_event(platform, clock.moment)
    staff = api(made.staff.user_id)
    path = f"/events/{made.id}"
    assert staff.post(f"{path}/publish").status_code == 422, "nothing is placed"
    assert staff.post(f"{path}/timetable/compute", {"seconds": 500}).status_code == 422
    assert staff.post(f"{path}/timetable/compute", {"seconds": 10}).status_code == 202
    assert staff.post(f"{path}/timetable/compute", {}).status_code == 409
    settle_everything(platform, clock.moment)
    table = staff.get(f"{path}/timetable").json
    assert (table["run"]["status"], table["run"]["placed"]) == ("finished", 3)
    first, second = (made.meetings["甲电路", name] for name in ("张老师", "李老师"))
    places = {one["id"]: one["slot_id"] for one in table["meetings"]}
    wrong = staff.post(f"{path}/meetings/{second}/place", {"slot_id": places[first]})
    assert (wrong.status_code, wrong.json["code"]) == (422, "meeting.place_conflicts")
    done = staff.post(f"{path}/meetings/{second}/place", {"slot_id": places[first], "override": True})
    assert (done.status_code, done.json["code"]) == (422, "meeting.override_reason"), "an override says why"
    knowingly = {"slot_id": places[first], "override": True, "reason": "双方都带了两位同事"}
    done = staff.post(f"{path}/meetings/{second}/place", knowingly)
    assert {one["id"]: one["slot_id"] for one in done.json["meetings"]}[second] == places[first]
    assert staff.post(f"{path}/publish").json["messages"] > 0


def test_others_find_nothing_and_change_nothing(
    app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]
) -> None:
    made = make_event(platform, clock.moment)
    stranger = make_staff(platform, clock.moment, email="foshan@example.cn", region_code="440600")
    member = make_member(platform, clock.moment, email="firm@example.cn")
    meeting = made.meetings["甲电路", "张老师"]
    for user_id in (stranger.user_id, member.user_id):
        client = api(user_id)
        assert client.get(f"/events/{made.id}/timetable").status_code == 404
        assert client.post(f"/events/{made.id}/timetable/compute", {}).status_code == 404
        assert client.post(f"/events/{made.id}/publish").status_code == 404
        assert client.post(f"/events/{made.id}/meetings/{meeting}/place", {"slot_id": None}).status_code == 404
    reader = api(made.staff.user_id, scopes=("read",))
    assert reader.post(f"/events/{made.id}/publish").status_code == 403

"""Reports and indicators over the API: the figures of the pages, with the rows behind each, for the staff alone."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from flask import Flask

from matching.bootstrap import Platform
from matching.models import Engagement, Interest, Suggestion, SuggestionAnswer
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Clock

MakeApi = Callable[..., Api]
ROWS = ("needs", "unmet", "unasked", "interests", "contracts", "cooperation/rows", "answers?revision=m-1")


@pytest.fixture
def staff(app: Flask, platform: Platform, clock: Clock, api: MakeApi) -> Api:
    """Staff of 鹤山, where one of two needs came as far as a contract with a university of 佛山."""
    now = clock.moment
    made = make_staff(platform, now, email="staff@example.cn")
    firm = make_member(platform, now, email="firm@example.cn", organisation="甲电路公司")
    university = make_member(
        platform, now, email="u@example.cn", organisation="示例大学", kind="university", region_code="440600"
    )
    need = make_need(platform, firm, now, title="翘曲控制", town="440784001")
    make_need(platform, firm, now, title="没人能解的需求")
    capability = make_capability(platform, university, now, title="翘曲预测")
    hidden = make_capability(platform, university, now, title="秘密供给", visibility="matched")
    with platform.unit_of_work() as uow:
        for one in (capability, hidden):
            suggestion = Suggestion(
                need_id=need, capability_id=one, model_revision="m-1", need_rank=1, need_score=6.0, probability=0.9,
                need_version=1, capability_version=1, created_at=now, updated_at=now,
            )  # fmt: skip
            uow.session.add(suggestion)
        uow.session.flush()
        uow.session.add(
            SuggestionAnswer(
                suggestion_id=suggestion.id, need_id=need, capability_id=hidden, side="need", kind="decline",
                model_revision="m-1", answered_at=now,
            )
        )  # fmt: skip
        sides = {"from_organisation_id": firm.organisation_id, "to_organisation_id": university.organisation_id}
        uow.session.add(
            Interest(
                side="need", need_id=need, capability_id=capability, pair_key="x", aim="试样", timing="now",
                status="open", created_at=now, expires_at=now + timedelta(days=14), version=1, **sides,
            )
        )  # fmt: skip
        uow.session.add(
            Engagement(
                title="翘曲控制", need_id=need, capability_id=capability,
                need_organisation_id=firm.organisation_id, capability_organisation_id=university.organisation_id,
                need_contact={}, capability_contact={}, need_region_code="440784", capability_region_code="440600",
                stage="contract", stage_since=now, outcome="contract", signed_on=now.date(),
                contract_amount=Decimal("30.5"), technology_amount=Decimal(20), created_at=now, updated_at=now,
            )
        )  # fmt: skip
        uow.commit()
    return api(made.user_id)


def test_each_figure_is_the_number_of_its_rows(staff: Api) -> None:
    report = staff.get("/reports").json
    for stage, count in report["totals"].items():
        page = staff.get("/reports/needs", query={"stage": stage}).json
        assert (page["total"], len(page["items"])) == (count, count), stage
    [group] = [one for one in report["groups"] if one["key"] != "-"]
    behind = staff.get("/reports/needs", query={"by": "month", "group": group["key"]}).json
    assert behind["total"] == group["counts"]["posts"] == 2
    by_town = staff.get("/reports/needs", query={"by": "town", "group": "440784001"}).json
    assert [one["title"] for one in by_town["items"]] == ["翘曲控制"]
    assert staff.get("/reports/unmet").json["total"] == report["unmet_needs"]
    assert staff.get("/reports/unasked").json["total"] == report["unasked_capabilities"]
    assert staff.get("/reports/interests").json["total"] == report["answers"]["all"] == 1
    signed = staff.get("/reports/contracts").json
    assert (signed["total"], signed["amount"], signed["technology_amount"]) == (1, 30.5, 20)
    assert (report["contracts"], report["contract_amount"]) == (1, 30.5)
    [revision] = report["revisions"]
    for kind, count in (("made", revision["suggestions"]), ("decline", revision["declined"]), ("accept", 0)):
        page = staff.get("/reports/answers", query={"revision": "m-1", "kind": kind}).json
        assert (page["total"], len(page["items"])) == (count, count)
    cell = staff.get("/reports/cooperation").json["cells"][0]
    rows = staff.get("/reports/cooperation/rows", query={"line": cell["line"], "column": cell["column"]}).json
    assert rows["total"] == cell["count"] == 1
    assert staff.get("/reports/needs", query={"page": 2}).json == {"items": [], "total": 2, "page": 2, "pages": 1}


def test_what_is_not_told_on_pages_is_not_told_here(staff: Api) -> None:
    [declined] = staff.get("/reports/answers", query={"revision": "m-1", "kind": "decline"}).json["items"]
    assert declined["need"]["title"] == "翘曲控制"
    assert "秘密供给" in str(declined) or declined["capability"] is None
    assert all("秘密供给" not in staff.get(f"/reports/{path}").text for path in ROWS if not path.startswith("answers"))


def test_wrong_figures_are_named(staff: Api) -> None:
    for path, where in (("needs?stage=x", "stage"), ("interests?state=x", "state"), ("answers", "revision"),
                        ("contracts?first=2026-13-01", "first"), ("unmet?page=0", "page")):  # fmt: skip
        answer = staff.get(f"/reports/{path}")
        assert (answer.status_code, answer.json["where"]) == (422, where)


def test_indicators_are_added_changed_filled_from_a_table_and_removed(staff: Api) -> None:
    entry = {
        "name": "研发投入",
        "unit": "亿元",
        "base_year": 2020,
        "base_value": 2,
        "target_year": 2025,
        "target_value": 4,
    }
    made = staff.post("/indicators", entry | {"region_code": "440784"})
    assert made.status_code == 201
    path = f"/indicators/{made.json['id']}"
    assert staff.patch(path, {"target_year": 2019}).status_code == 422
    assert staff.patch(path, {"target_value": 5.5}).json["target_value"] == 5.5
    table = "指标,2023,2024\n研发投入,3,3.5\n没有的,1,\n".encode()
    body = {"file_name": "指标.csv", "content": base64.b64encode(table).decode()}
    read = staff.post("/indicators/tables", body).json
    assert [(one["year"], one["value"], one["before"]) for one in read["rows"]] == [(2023, 3, None), (2024, 3.5, None)]
    assert "没有的" in read["findings"][0]["detail"]
    values = [{name: row[name] for name in ("indicator_id", "year", "value", "source")} for row in read["rows"]]
    assert staff.post("/indicators/values", {"values": values}).json == {"changed": 2}
    assert staff.post("/indicators/values", {"values": values}).json == {"changed": 0}
    wrong = [*values, {"indicator_id": "no-such", "year": 2024, "value": 1}]
    refused = staff.post("/indicators/values", {"values": wrong})
    assert (refused.status_code, refused.json["where"]) == (422, "values[2].indicator_id")
    assert [one["value"] for one in staff.get("/indicators").json["items"][-1]["values"]] == [3, 3.5]
    assert staff.delete(path).status_code == 204
    assert staff.delete(path).status_code == 404


def test_special_days_are_set_and_taken_off(staff: Api) -> None:
    day = {"day": "2027-10-01", "works": False, "label": "国庆节"}
    assert staff.post("/indicators/special-days", day).status_code == 204
    assert day in staff.get("/indicators/special-days").json["items"]
    assert staff.post("/indicators/special-days", day | {"works": None}).status_code == 204
    assert day not in staff.get("/indicators/special-days").json["items"]


def test_members_and_visitors_get_no_figure(staff: Api, platform: Platform, clock: Clock, api: MakeApi) -> None:
    member = make_member(platform, clock.moment, email="other@example.cn", organisation="别的公司")
    for client, status in ((api(member.user_id), 403), (api(), 401)):
        paths = [*(f"/reports/{path}" for path in ROWS), "/reports", "/indicators", "/indicators/special-days"]
        assert {client.get(path).status_code for path in paths} == {status}
    foreign = api(make_staff(platform, clock.moment, email="f@example.cn", region_code="440600").user_id)
    assert foreign.get("/reports/needs").json["total"] == 0
    assert foreign.post("/indicators", {"name": "x", "region_code": "440784"}).status_code == 403
    assert api(member.user_id).post("/indicators/special-days", {"day": "2027-10-01", "works": True}).status_code == 403

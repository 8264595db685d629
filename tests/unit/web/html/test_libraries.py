"""The five libraries: what is listed, counted, found and exported is what the reader may see, at a fixed price."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import event

from matching.bootstrap import Platform
from matching.models import Expert, Organisation
from matching.services.actor import SYSTEM
from matching.services.organisations import ExpertFields, OrganisationFields, add_expert, add_organisation
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock

FIRM, PROFESSOR, STAFF = "firm@example.cn", "prof@example.edu.cn", "staff@example.cn"


@contextmanager
def counted(platform: Platform) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            statements.append(statement)

    event.listen(platform.engine, "before_cursor_execute", note)
    yield statements
    event.remove(platform.engine, "before_cursor_execute", note)


def add(platform: Platform, clock: Clock, name: str, **fields: object) -> str:
    with platform.unit_of_work() as uow:
        given = {"kind": "enterprise", "name": name, "region_code": "440784"} | fields
        return add_organisation(uow, SYSTEM, OrganisationFields(**given), clock.moment, approved=True).id  # type: ignore[arg-type]


def enrol(platform: Platform, clock: Clock, name: str, organisation_id: str, **fields: object) -> str:
    with platform.unit_of_work() as uow:
        given = {"name": name, "region_code": "440600", "organisation_id": organisation_id} | fields
        return add_expert(uow, SYSTEM, ExpertFields(**given), clock.moment).id  # type: ignore[arg-type]


@pytest.fixture
def city(app: Flask, platform: Platform, clock: Clock) -> dict[str, Member]:
    people = {
        "firm": make_member(platform, clock.moment, email=FIRM, organisation="甲电路有限公司"),
        "prof": make_member(platform, clock.moment, email=PROFESSOR, organisation="示例大学", kind="university"),
    }
    with platform.unit_of_work() as uow:
        row = uow.session.get(Organisation, people["firm"].organisation_id)
        assert row is not None
        row.town, row.stage, row.industry_codes, row.intro = "440784106", "high_tech", ["C398", "C39"], "做高频板"
        uow.commit()
    return people


def test_lists_are_searched_and_counted(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    add(platform, clock, "乙伞业有限公司", industry_codes=("C24",), town="440784101", stage="startup")
    make_need(platform, city["firm"], clock.moment)
    browser = open_browser()
    page = browser.get("/organisations/").text
    assert re.search(r"企业库 <span class=\"dj-soft\">2</span>", page)
    assert "1 项技术需求" in page
    assert re.search(r"高校库 <span class=\"dj-soft\">1</span>", page)
    for query, found in (
        ("q=高频", ["甲电路有限公司"]),
        ("q=伞业+乙", ["乙伞业有限公司"]),
        ("q=%25", []),
        ("town=440784101", ["乙伞业有限公司"]),
        ("stage=high_tech", ["甲电路有限公司"]),
        ("industry=C39", ["甲电路有限公司"]),
        ("industry=C39&town=440784101", []),
        ("region=440784&sort=posts", ["甲电路有限公司", "乙伞业有限公司"]),
        ("page=99&sort=recent", ["甲电路有限公司", "乙伞业有限公司"]),
    ):
        names = re.findall(r'translate="no"[^>]*>([^<]+)</a>', browser.get(f"/organisations/?{query}").text)
        assert sorted(names) == sorted(found), query
        if "sort=posts" in query:
            assert names == found
    facet = browser.get("/organisations/?industry=C39").text
    assert re.search(r'industry=C24[^>]*><span>C24</span> <span class="dj-soft">1</span>', facet)
    assert browser.get("/organisations/?kind=rockets").status_code == 404
    assert "企业库" not in browser.get("/organisations/?kind=university").text.split("<h1>")[1].split("</h1>")[0]


def test_a_list_costs_the_same_with_one_row_and_with_many(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(PROFESSOR)
    enrol(platform, clock, "专家一", city["prof"].organisation_id, fields=("线路板",))
    costs = []
    for _ in range(2):
        with counted(platform) as organisations:
            browser.get("/organisations/")
        with counted(platform) as experts:
            browser.get("/experts/")
        costs.append((len(organisations), len(experts)))
        for number in range(12):
            where = add(platform, clock, f"丁{number}厂", industry_codes=(f"C{10 + number}",), town=f"44078410{number}")
            enrol(platform, clock, f"专家{number}", where, fields=(f"方向{number}",))
    assert costs[0] == costs[1]


def test_a_matched_post_is_not_counted_under_its_owner(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    hidden = make_need(platform, city["firm"], clock.moment, visibility="matched", title="不能让人知道的")
    make_need(platform, city["firm"], clock.moment, visibility="staff", title="只给主管部门的")
    make_need(platform, city["firm"], clock.moment, visibility="members", title="登录才能看的")
    page = f"/organisations/{city['firm'].organisation_id}"
    make_staff(platform, clock.moment, email=STAFF)
    for reader, titles in (
        (None, set()),
        (PROFESSOR, {"登录才能看的"}),
        (FIRM, {"不能让人知道的", "只给主管部门的", "登录才能看的"}),
        (STAFF, {"不能让人知道的", "只给主管部门的", "登录才能看的"}),
    ):
        browser = open_browser(reader)
        text = browser.get(page).text
        assert {title for title in ("不能让人知道的", "只给主管部门的", "登录才能看的") if title in text} == titles
        listed = browser.get("/organisations/").text
        assert (f"{len(titles)} 项技术需求" in listed) == bool(titles)
        if reader:
            exported = browser.get("/exports/needs.csv").data.decode("utf-8-sig")
            rows = {row["需求名称"]: row for row in csv.DictReader(io.StringIO(exported))}
            assert set(rows) == titles
            if reader in (FIRM, STAFF):
                assert rows["不能让人知道的"]["单位名称"] == "甲电路有限公司"
    assert hidden not in open_browser(PROFESSOR).get("/exports/needs.csv").text


def test_contacts_leave_in_no_export(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    contact = {"name": "林工", "phone": "13800000001", "email": "secret@example.cn"}
    make_need(platform, city["firm"], clock.moment, contact=contact)
    enrol(platform, clock, "丘老师", city["prof"].organisation_id, email="hidden@example.cn", phone="13900000002")
    with platform.unit_of_work() as uow:
        row = uow.session.get(Organisation, city["firm"].organisation_id)
        assert row is not None
        row.extra = {"fields": {"contact_phones": ["13700000003"], "address": "某路 1 号"}, "columns": {"备注": "内部"}}
        uow.commit()
    secrets = ("13800000001", "secret@example.cn", "hidden@example.cn", "13900000002", "13700000003", "内部")
    make_staff(platform, clock.moment, email=STAFF)
    for reader, known in (
        (PROFESSOR, {secrets[2], secrets[3]}),
        (FIRM, {secrets[0], secrets[1], secrets[4], secrets[5]}),
        (STAFF, set()),
    ):
        browser = open_browser(reader)
        text = "".join(
            browser.get(f"/exports/{kind}.csv").data.decode("utf-8-sig")
            for kind in ("needs", "capabilities", "organisations", "experts")
        )
        assert {one for one in secrets if one in text} == known, reader
    assert open_browser().get("/exports/needs.csv").status_code == 302
    assert open_browser(FIRM).get("/exports/rockets.csv").status_code == 404
    book = openpyxl.load_workbook(io.BytesIO(open_browser(FIRM).get("/exports/organisations.xlsx?q=甲").data))
    assert [cell.value for cell in book.active["A"]][1:] == [city["firm"].organisation_id]


def test_a_hidden_person_and_a_hidden_field_are_found_nowhere(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    expert = make_expert(platform, clock.moment, city["prof"], name="丘致航")
    other = enrol(
        platform, clock, "林可见", city["prof"].organisation_id, fields=("暗物质",), intro="秘密简介", title="院士"
    )
    post = make_capability(platform, city["prof"], clock.moment, expert_ids=(expert, other))
    with platform.unit_of_work() as uow:
        for expert_id, changes in (
            (expert, {"hidden": True}),
            (other, {"hidden_fields": ["fields", "intro", "title"]}),
        ):
            row = uow.session.get(Expert, expert_id)
            assert row is not None
            for name, value in changes.items():
                setattr(row, name, value)
        uow.commit()
    for reader in (None, FIRM):
        browser = open_browser(reader)
        assert browser.get(f"/experts/{expert}").status_code == 404
        assert "丘致航" not in browser.get("/experts/").text
        assert "丘致航" not in browser.get(f"/posts/{post}").text
        assert "林可见" in browser.get(f"/posts/{post}").text
        for query in ("q=暗物质", "q=秘密简介", "q=院士", "field=暗物质"):
            assert "林可见" not in browser.get(f"/experts/?{query}").text
        text = browser.get(f"/experts/{other}").text + browser.get("/experts/").text
        assert [one for one in ("暗物质", "秘密简介", "院士") if one in text] == []
        if reader:
            exported = browser.get("/exports/experts.csv").data.decode("utf-8-sig")
            assert [one for one in ("丘致航", "暗物质", "秘密简介", "院士") if one in exported] == []
            assert "林可见" in exported
    assert "丘致航" in open_browser(PROFESSOR).get("/experts/").text
    answer = open_browser().get(f"/api/v1/capabilities/{post}").text
    assert "丘致航" not in answer
    assert open_browser().get(f"/api/v1/experts/{expert}").status_code == 404
    assert "暗物质" not in open_browser().get(f"/api/v1/experts/{other}").text


def test_visitors_see_experts_who_stand_behind_something_public(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    named = make_expert(platform, clock.moment, city["prof"], name="署名的人")
    unnamed = enrol(platform, clock, "没署名的人", city["prof"].organisation_id)
    matched = enrol(platform, clock, "匹配可见的人", city["prof"].organisation_id)
    make_capability(platform, city["prof"], clock.moment, expert_ids=(named,))
    make_capability(platform, city["prof"], clock.moment, title="另一项", visibility="matched", expert_ids=(matched,))
    visitor = open_browser()
    page = visitor.get("/experts/").text
    assert "署名的人" in page
    assert "没署名的人" not in page
    assert "匹配可见的人" not in page
    assert [visitor.get(f"/experts/{one}").status_code for one in (named, unnamed, matched)] == [200, 404, 404]
    member = open_browser(FIRM).get("/experts/").text
    assert "没署名的人" in member


def test_an_organisations_page_is_kept_by_its_editors_and_staff(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    address = f"/organisations/{city['firm'].organisation_id}"
    firm = open_browser(FIRM)
    form = firm.get(f"{address}/edit").text
    [version] = re.findall(r'name="version" value="(\d+)"', form)
    entered = {"name": "甲电路科技有限公司", "website": "www.example.cn", "intro": "新的简介", "version": version}
    assert firm.post(f"{address}/edit", entered | {"website": "javascript:alert(1)"}).status_code == 422
    wrong = firm.post(f"{address}/edit", entered | {"uscc": "9144"})
    assert wrong.status_code == 422
    assert "新的简介" in wrong.text
    assert firm.post(f"{address}/edit", entered).status_code == 302
    page = open_browser().get(address).text
    assert "甲电路科技有限公司" in page
    assert 'href="https://www.example.cn"' in page
    stale = firm.post(f"{address}/edit", entered | {"intro": "旧页面上写的"})
    assert stale.status_code == 409
    assert "旧页面上写的" in stale.text
    # A member does not move their organisation to another kind or region.
    [version] = re.findall(r'name="version" value="(\d+)"', firm.get(f"{address}/edit").text)
    firm.post(f"{address}/edit", entered | {"version": version, "kind": "government", "region_code": "440600"})
    with platform.reading() as session:
        row = session.get(Organisation, city["firm"].organisation_id)
        assert row is not None
        assert (row.kind, row.region_code) == ("enterprise", "440784")
    assert open_browser(PROFESSOR).get(f"{address}/edit").status_code == 403
    make_staff(platform, clock.moment, email=STAFF)
    assert open_browser(STAFF).get(f"{address}/edit").status_code == 200


def test_duplicates_are_merged_and_taken_back_on_a_page(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    other = add(platform, clock, "甲电路（集团）有限公司")
    make_staff(platform, clock.moment, email=STAFF)
    staff = open_browser(STAFF)
    page = staff.get("/organisations/duplicates").text
    assert "甲电路（集团）有限公司" in page
    kept = city["firm"].organisation_id
    staff.post("/organisations/merges", {"kept": kept, "one": [kept, other], "decision": "merged"})
    assert staff.get(f"/organisations/{other}").headers["Location"] == f"/organisations/{kept}"
    page = staff.get("/organisations/duplicates").text
    assert "没有发现重复" in page
    [merge] = re.findall(r"/organisations/merges/([0-9a-f-]{36})/undo", page)
    staff.post(f"/organisations/merges/{merge}/undo")
    assert staff.get(f"/organisations/{other}").status_code == 200
    assert open_browser(FIRM).get("/organisations/duplicates").status_code == 403


def test_a_person_rules_over_what_is_held_of_them(
    city: dict[str, Member], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    expert = make_expert(platform, clock.moment, city["prof"], name="丘致航")
    browser = open_browser(PROFESSOR)
    page = browser.get("/me/data/").text
    assert "我的个人信息" in page
    assert "丘致航" in page
    browser.post("/me/data/visibility", {"expert_id": expert, "shown": ["title"], "listed": "y"})
    with platform.reading() as session:
        row = session.get(Expert, expert)
        assert row is not None
        assert (row.hidden, row.hidden_fields) == (False, ["name_en", "fields", "intro"])
    browser.get("/me/data/")
    browser.post("/me/data/suggestions", {"expert_id": expert})
    assert "推荐已关闭" in browser.get("/me/data/").text
    held = json.loads(browser.get("/me/data/export.json").data)
    assert held["expert"]["name"] == "丘致航"
    assert held["expert"]["suggestions_wanted"] is False
    sheets = openpyxl.load_workbook(io.BytesIO(browser.get("/me/data/export.xlsx").data)).sheetnames
    assert sheets[:3] == ["account", "memberships", "expert"]
    stranger = open_browser(FIRM)
    stranger.get("/me/data/")
    for action in ("visibility", "suggestions", "empty", "erase", "claim"):
        data = {"expert_id": expert, "field": "intro", "sure": "y"}
        assert stranger.post(f"/me/data/{action}", data).status_code == 404
    browser.get("/me/data/")
    assert browser.post("/me/data/erase", {"expert_id": expert}).status_code == 422
    assert browser.post("/me/data/erase", {"expert_id": expert, "sure": "y"}).status_code == 302
    assert "专家库里没有您的资料" in browser.get("/me/data/").text
    assert open_browser().get("/me/data/").status_code == 302


def test_searches_are_kept_for_their_owner(city: dict[str, Member], open_browser: Callable[..., Browser]) -> None:
    firm = open_browser(FIRM)
    firm.get("/organisations/?kind=university&page=3")
    answer = firm.post(
        "/saved-filters/", {"library": "organisations", "name": "高校", "query": "kind=university&page=3"}
    )
    assert answer.headers["Location"] == "/organisations/?kind=university"
    page = firm.get("/organisations/").text
    assert 'href="/organisations/?kind=university">高校</a>' in page
    [kept] = re.findall(r"/saved-filters/([0-9a-f-]{36})/delete", page)
    other = open_browser(PROFESSOR)
    assert "高校</a>" not in other.get("/organisations/").text
    other.post(f"/saved-filters/{kept}/delete")
    assert kept in firm.get("/organisations/").text
    firm.post(f"/saved-filters/{kept}/delete")
    assert kept not in firm.get("/organisations/").text

"""The report: each figure is the number of rows that it opens, and nothing of another region is in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from html import unescape
from io import BytesIO

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.exporting.report_workbook import Sheet, write_report
from matching.models import (
    AuditEntry,
    Engagement,
    Indicator,
    IndicatorValue,
    Interest,
    Notification,
    Suggestion,
    SuggestionAnswer,
)
from matching.queries.reports import Period, answer_time, contracts, funnel, progress_of
from tests.factories.people import make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.conftest import Browser, Clock

STAFF, ELSEWHERE, FIRM = "staff@example.cn", "foshan@example.cn", "firm@example.cn"


@pytest.fixture
def told(app: Flask, platform: Platform, clock: Clock) -> dict[str, str]:
    """Four needs of 鹤山: three with a suggestion, two seen, one with all that follows; and a need of 佛山."""
    now = clock.moment
    make_staff(platform, now, email=STAFF)
    make_staff(platform, now, email=ELSEWHERE, region_code="440600")
    firm = make_member(platform, now, email=FIRM, organisation="甲电路公司")
    stranger = make_member(platform, now, email="f@example.cn", organisation="佛山公司", region_code="440600")
    university = make_member(
        platform, now, email="u@example.cn", organisation="示例大学", kind="university", region_code="440600"
    )
    needs = {
        name: make_need(
            platform, firm, now - timedelta(days=days), title=name, industry_codes=codes, town="440784001"
        )
        for name, days, codes in (
            ("甲", 0, ("C39",)), ("乙", 0, ("C39", "C")), ("丙", 40, ()), ("丁", 40, ()),
        )
    }  # fmt: skip
    make_need(platform, stranger, now, title="佛山的需求")
    capability = make_capability(platform, university, now, title="某供给")
    hidden = make_capability(platform, university, now, title="秘密供给", visibility="matched")
    suggested: dict[str, str] = {}
    with platform.unit_of_work() as uow:
        for name in ("甲", "乙", "丙"):
            suggestion = Suggestion(
                need_id=needs[name], capability_id=hidden if name == "丙" else capability, model_revision="m-1",
                need_rank=1, need_score=6.0, probability=0.8 if name != "丙" else 0.1, need_version=1,
                capability_version=1, created_at=now, updated_at=now,
            )  # fmt: skip
            uow.session.add(suggestion)
            uow.session.flush()
            suggested[name] = suggestion.id
            if name != "丙":
                uow.session.add(
                    Notification(
                        user_id=firm.user_id, kind="suggestion", once_key=f"k{name}", suggestion_id=suggestion.id,
                        created_at=now, read_at=now if name == "乙" else None,
                    )
                )  # fmt: skip
                uow.session.add(
                    SuggestionAnswer(
                        suggestion_id=suggestion.id, need_id=needs[name], capability_id=capability, side="need",
                        kind="accept" if name == "甲" else "decline", model_revision="m-1", answered_at=now,
                    )
                )  # fmt: skip
        sides = {"from_organisation_id": firm.organisation_id, "to_organisation_id": university.organisation_id}
        uow.session.add(
            Interest(
                side="need", need_id=needs["甲"], capability_id=capability, pair_key="x", timing="now",
                status="accepted", created_at=now, expires_at=now, ended_at=now + timedelta(days=2),
                suggestion_id=suggested["甲"], **sides,
            )
        )  # fmt: skip
        uow.session.add(
            Engagement(
                title="甲", need_id=needs["甲"], capability_id=capability, stage="closed", outcome="contract",
                need_organisation_id=firm.organisation_id, capability_organisation_id=university.organisation_id,
                need_region_code="440784", capability_region_code="440600", stage_since=now, created_at=now,
                updated_at=now, signed_on=date(2026, 11, 20), contract_amount=Decimal("80.5"),
                technology_amount=Decimal(60),
            )
        )  # fmt: skip
        uow.commit()
    return needs


GAPS = ("/reports/unmet", "/reports/unasked")
PERIOD = Period(date(2026, 1, 1), date(2026, 11, 25))


def test_the_funnel_counts_what_the_database_holds(told: dict[str, str], platform: Platform, clock: Clock) -> None:
    staff = make_staff(platform, clock.moment, email="two@example.cn")
    with platform.reading() as reading:
        found = funnel(reading, staff, PERIOD)
        assert {
            stage: found.ids(stage) for stage in ("suggested", "seen", "interest", "mutual", "met", "contract")
        } == {
            "suggested": {told["甲"], told["乙"], told["丙"]},
            # The message about 甲 was never opened, but its suggestion was answered.
            "seen": {told["甲"], told["乙"]},
            "interest": {told["甲"]},
            "mutual": {told["甲"]},
            "met": set(),
            "contract": {told["甲"]},
        }
        assert found.ids("posts") == set(told.values())
        assert {group: row["posts"] for group, row in found.table("month").items()} == {"2026-11": 2, "2026-10": 2}
        assert {group: row["posts"] for group, row in found.table("industry").items()} == {"C39": 2, "-": 2}
        [(institution, row)] = found.table("institution").items()
        assert row["suggested"] == 2, "the university is not named for what it shows only to matched posts"
        sums = contracts(reading, staff, PERIOD)
        assert (sums.count, sums.amount, sums.technology_amount) == (1, Decimal("80.5"), Decimal(60))
        assert answer_time(reading, staff, PERIOD) == timedelta(days=2)
        assert institution in {row.capability_organisation_id for row in sums.rows}


def test_every_number_opens_as_many_rows(told: dict[str, str], open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(STAFF)
    for by in ("month", "industry", "town", "institution"):
        page = browser.get(f"/reports/?by={by}").text
        links = re.findall(r'<a href="(/reports/[^"]+)">(\d+)\+?</a>', page)
        grouped = [path for path, _number in links if "group=" in path]
        assert len(grouped) >= 3, by
        for path, number in links:
            rows = browser.get(unescape(path)).text
            listed = rows.count('<li><a href="/posts/') if "/needs?" in path or path in GAPS else rows.count("<tr><td")
            assert listed == int(number), path


def test_nothing_of_another_region(told: dict[str, str], open_browser: Callable[..., Browser]) -> None:
    browser = open_browser(ELSEWHERE)
    page = browser.get("/reports/needs").text
    assert "佛山的需求" in page
    assert told["甲"] not in page
    group = browser.get("/reports/?by=institution").text
    assert "示例大学" not in group
    assert "佛山的需求" not in open_browser(STAFF).get("/reports/needs").text
    assert open_browser(FIRM).get("/reports/").status_code == 403
    assert open_browser().get("/reports/report.xlsx").status_code == 302


def test_demand_without_a_match(told: dict[str, str], open_browser: Callable[..., Browser]) -> None:
    page = open_browser(STAFF).get("/reports/unmet").text
    assert told["丙"] in page, "its only suggestion is unlikely"
    assert told["丁"] in page
    assert told["甲"] not in page
    page = open_browser(STAFF).get("/reports/unasked").text
    assert "某供给" not in page


def test_the_workbook_has_the_same_figures(told: dict[str, str], open_browser: Callable[..., Browser]) -> None:
    answer = open_browser(STAFF).get("/reports/report.xlsx")
    book = openpyxl.load_workbook(BytesIO(answer.data))
    funnel_sheet = {row[0]: row[1] for row in book["转化漏斗"].iter_rows(min_row=2, values_only=True)}
    assert funnel_sheet == {
        "发布的需求": 4, "有匹配建议": 3, "建议被查看": 2, "有人表示意向": 1, "双方有意": 1, "对接会洽谈": 0,
        "签订合同": 1,
    }  # fmt: skip
    [contract] = book["技术合同"].iter_rows(min_row=2, values_only=True)
    assert contract[4:6] == (80.5, 60)
    assert [row[1:4] for row in book["匹配建议的答复"].iter_rows(min_row=2, values_only=True)] == [(3, 1, 1)]


def test_a_text_that_calculates_is_neutralised() -> None:
    content = write_report([Sheet("a/b", ["=1+1"], [["=cmd|' /C calc'!A0"]]), Sheet("A b", ["x"], [])])
    book = openpyxl.load_workbook(BytesIO(content))
    assert book.sheetnames == ["a b", "A b 2"]
    assert book["a b"]["A2"].data_type == "s"
    assert str(book["a b"]["A2"].value).startswith("'=")


@pytest.mark.parametrize("query", ["from=2026-13-01", "from=2026-11-25&to=2026-01-01", "from=1900-01-01"])
def test_a_wrong_period_is_refused(
    query: str, app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=STAFF)
    assert open_browser(STAFF).get(f"/reports/?{query}").status_code == 422


def test_indicators_are_entered_corrected_logged_and_kept_to_their_region(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=STAFF)
    make_staff(platform, clock.moment, email=ELSEWHERE, region_code="440600")
    browser = open_browser(STAFF)
    page = browser.get("/reports/indicators").text
    region = re.search(r'name="region_code" value="(\d+)"', page)
    assert region is not None
    assert region[1] == "440784"
    data = {
        "region_code": "440784", "name": "高新技术企业数", "unit": "家", "base_year": "2020", "base_value": "100",
        "target_year": "2025", "target_value": "200",
    }  # fmt: skip
    wrong = browser.post("/reports/indicators", data | {"base_value": "很多"})
    assert wrong.status_code == 422
    assert "高新技术企业数" in wrong.text
    assert browser.post("/reports/indicators", data | {"region_code": "440600"}).status_code == 403
    browser.get("/reports/indicators")
    assert browser.post("/reports/indicators", data).status_code == 302
    with platform.reading() as reading:
        [indicator] = reading.scalars(select(Indicator))
    browser.get("/reports/indicators")
    for year, value in (("2023", "140"), ("2024", "1,50"), ("2024", "175")):
        browser.post(f"/reports/indicators/{indicator.id}/values", {"year": year, "value": value, "source": "年报"})
    assert "75%" in browser.get("/reports/").text
    stranger = open_browser(ELSEWHERE)
    stranger.get("/reports/indicators")
    assert "高新技术企业数" not in stranger.get("/reports/indicators").text
    path = f"/reports/indicators/{indicator.id}"
    assert stranger.post(f"{path}/values", {"year": "2024", "value": "1"}).status_code == 404
    assert stranger.post(f"{path}/remove").status_code == 404
    browser.get("/reports/indicators")
    browser.post(f"{path}/values", {"year": "2024", "value": ""})
    with platform.reading() as reading:
        assert [(row.year, row.value) for row in reading.scalars(select(IndicatorValue))] == [(2023, 140.0)]
        logged = reading.scalars(select(AuditEntry.details).where(AuditEntry.action == "indicator.value")).all()
        assert [(one["before"], one["after"]) for one in logged] == [
            (None, 140.0), (None, 150.0), (150.0, 175.0), (175.0, None),
        ]  # fmt: skip


def test_progress_goes_either_way() -> None:
    indicator = Indicator(base_value=10.0, target_value=4.0, values=[IndicatorValue(year=2021, value=7.0)])
    assert progress_of(indicator) == 0.5
    assert progress_of(Indicator(base_value=None, target_value=4.0, values=[])) is None


def test_special_days_are_kept_by_the_staff(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_staff(platform, clock.moment, email=STAFF)
    make_member(platform, clock.moment, email=FIRM)
    browser = open_browser(STAFF)
    browser.get("/reports/special-days")
    assert browser.post("/reports/special-days", {"day": "明天", "works": "n", "label": "元旦"}).status_code == 422
    assert (
        browser.post("/reports/special-days", {"day": "2027-01-01", "works": "n", "label": "元旦"}).status_code == 302
    )
    assert "元旦" in browser.get("/reports/special-days").text
    assert browser.post("/reports/special-days", {"day": "2027-01-01", "works": ""}).status_code == 302
    assert "元旦" not in browser.get("/reports/special-days").text
    assert open_browser(FIRM).get("/reports/special-days").status_code == 403


def test_who_cooperates_with_whom_opens_its_rows(
    told: dict[str, str], platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    for stage in ("interest", "mutual", "contract"):
        for by in ("town", "organisation"):
            page = browser.get(f"/reports/cooperation?stage={stage}&by={by}").text
            links = re.findall(r'<a href="(/reports/cooperation/rows[^"]+)">(\d+)</a>', page)
            assert len(links) == 4, "a cell, the ends of its line and its column, and all"
            for path, number in links:
                rows = browser.get(unescape(path)).text
                assert rows.count("<tr><td") == int(number) == 1
                assert "示例大学" in rows
    elsewhere = open_browser(ELSEWHERE).get("/reports/cooperation?stage=mutual&by=organisation").text
    assert "示例大学" in elsewhere, "its own institution's"
    assert open_browser(FIRM).get("/reports/cooperation").status_code == 403
    assert browser.get("/reports/cooperation?stage=nix").status_code == 422


def test_indicators_are_read_from_a_table_shown_and_entered(
    told: dict[str, str], platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    browser.get("/reports/indicators")
    for name in ("研发投入", "高企数量"):
        fields = {"region_code": "440784", "name": name, "unit": "%", "base_year": "2020", "target_year": "2025"}
        assert browser.post("/reports/indicators", fields).status_code == 302
    template = openpyxl.load_workbook(BytesIO(browser.get("/reports/indicators/template.xlsx").data)).active
    assert template is not None
    headings = [cell.value for cell in template[1]]
    assert headings[:2] == ["指标", "单位"]
    assert headings[-1] == "来源"
    assert [template.cell(row, 1).value for row in (2, 3)] == ["研发投入", "高企数量"]
    table = '指标,2023,2024,来源\n研发投入,2.9%,"3,000",年鉴\n高企数量,abc,12,\n没有的,1,2,\n'
    sent = {"file": (BytesIO(table.encode("gb18030")), "指标.csv")}
    preview = browser.post("/reports/indicators/import", sent, content_type="multipart/form-data").text
    assert "没有名为“没有的”的指标" in preview
    assert "指标.csv 第 3 行 B 列" in preview
    values = [unescape(one) for one in re.findall(r'name="value" value="([^"]+)"', preview)]
    assert len(values) == 3
    with platform.reading() as reading:
        assert reading.scalars(select(IndicatorValue)).all() == [], "nothing is entered yet"
    answer = browser.post("/reports/indicators/import/enter", {"value": values}, follow_redirects=True)
    assert "已填报 3 个数值" in answer.text
    with platform.reading() as reading:
        entered = {(row.year, row.value, row.source) for row in reading.scalars(select(IndicatorValue))}
    assert entered == {(2023, 2.9, "年鉴"), (2024, 3000.0, "年鉴"), (2024, 12.0, "")}
    other = open_browser(ELSEWHERE)
    other.get("/reports/indicators")
    assert other.post("/reports/indicators/import/enter", {"value": values}).status_code == 404
    for content, name in ((b"", "leer.csv"), (b"a,b\n1,2\n", "x.csv"), (b"%PDF-1.4", "x.pdf")):
        wrong = browser.post(
            "/reports/indicators/import", {"file": (BytesIO(content), name)}, content_type="multipart/form-data"
        )
        assert wrong.status_code == 422


def test_large_and_exact_values_of_an_indicator_survive_being_shown_and_saved(
    told: dict[str, str], platform: Platform, open_browser: Callable[..., Browser]
) -> None:
    browser = open_browser(STAFF)
    browser.get("/reports/indicators")
    data = {
        "region_code": "440784", "name": "技术合同成交额", "unit": "元", "base_year": "2020",
        "base_value": "12345678.25", "target_year": "2025", "target_value": "98765432",
    }  # fmt: skip
    assert browser.post("/reports/indicators", data).status_code == 302
    page = browser.get("/reports/indicators").text
    assert 'value="12345678.25"' in page
    assert "12,345,678.25" in page
    assert "e+0" not in page

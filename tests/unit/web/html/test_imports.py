"""Importing in the browser: nothing is put in before it was shown, and only its owner sees what a file holds."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.importing.fields import RECORD_KINDS
from matching.models import Organisation, Post
from matching.services.import_jobs import bring_import_on
from tests.factories.people import make_member, make_staff
from tests.unit.web.conftest import Browser, Clock

STAFF, FIRM = "staff@example.cn", "firm@example.cn"
TABLE = "单位名称,需求名称,现状与问题\n甲厂,翘曲控制,压合后翘曲严重\n乙厂,,没有名称\n丙厂,红茶发酵,\n"


def upload(browser: Browser, content: bytes, *, name: str = "需求.csv", kind: str = "needs") -> str:
    """Through the form; returns the address of the file's page."""
    browser.get("/imports/")
    answer = browser.post("/imports/", {"kind": kind, "file": (io.BytesIO(content), name)})
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


def work(platform: Platform, address: str, clock: Clock) -> None:
    """What the workers do."""
    assert bring_import_on(platform, address.rsplit("/", 1)[1], clock)


@pytest.fixture
def staff(app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]) -> Browser:
    make_staff(platform, clock.moment, email=STAFF)
    return open_browser(STAFF)


def test_a_clerk_looks_first_and_imports_then(staff: Browser, platform: Platform, clock: Clock) -> None:
    address = upload(staff, TABLE.encode())
    page = staff.get(address).text
    assert "正在读取" in page
    assert f'hx-get="{address}/progress"' in page
    assert "正在读取" in staff.get(f"{address}/progress", headers={"HX-Request": "true"}).text
    work(platform, address, clock)
    ended = staff.get(f"{address}/progress", headers={"HX-Request": "true"})
    assert (ended.status_code, ended.headers["HX-Refresh"]) == (204, "true")
    assert staff.get(f"{address}/progress").headers["Location"] == address
    page = staff.get(address).text
    for text in ("读到 3 行", "导入 2 行", "缺少“需求名称”", "内容不足", "下载退回的行"):
        assert text in page
    only_refused = staff.get(f"{address}?rows=refused").text
    assert "缺少“需求名称”" in only_refused
    assert "<h3>红茶发酵</h3>" not in only_refused
    with platform.reading() as session:
        assert session.scalars(select(Post)).all() == []
    staff.get(address)
    staff.post(f"{address}/confirm", {"then": "publish"})
    assert "正在导入：0 / 2 行" in staff.get(address).text
    work(platform, address, clock)
    page = staff.get(address).text
    assert "导入完成" in page
    assert re.search(r"<dt>新增</dt><dd>2</dd>", page)
    with platform.reading() as session:
        assert sorted(session.scalars(select(Post.title))) == ["红茶发酵", "翘曲控制"]
    assert "新增 2，更新 0，未变 0，退回 1" in staff.get("/imports/").text


def test_refused_rows_come_back_to_be_corrected(staff: Browser, platform: Platform, clock: Clock) -> None:
    address = upload(staff, TABLE.encode(), name="鹤山需求.csv")
    work(platform, address, clock)
    answer = staff.get(f"{address}/refused.xlsx")
    assert "filename*=UTF-8''%E9%B9%A4%E5%B1%B1%E9%9C%80%E6%B1%82-" in answer.headers["Content-Disposition"]
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
    [header, row] = [[cell.value for cell in cells] for cells in sheet.iter_rows()]
    assert header[:3] == ["单位名称", "需求名称", "现状与问题"]
    assert row[0] == "乙厂"
    assert "缺少“需求名称”" in row[3]
    sheet["B2"] = "补上的名称"
    corrected = io.BytesIO()
    sheet.parent.save(corrected)
    again = upload(staff, corrected.getvalue(), name="改好.xlsx")
    work(platform, again, clock)
    page = staff.get(again).text
    assert "导入 1 行" in page
    assert "补上的名称" in page


def test_columns_can_be_mapped_and_the_choice_is_kept(staff: Browser, platform: Platform, clock: Clock) -> None:
    content = "题,谁家\n翘曲控制,甲厂\n".encode()
    address = upload(staff, content)
    work(platform, address, clock)
    page = staff.get(address).text
    assert "没有认出哪一列是名称" in page
    assert "导入 1 行" not in page
    staff.post(f"{address}/columns", {"header": ["题", "谁家"], "field": ["title", "organisation_name"]})
    work(platform, address, clock)
    assert "导入 1 行" in staff.get(address).text
    again = upload(staff, content)
    work(platform, again, clock)
    assert "沿用上次的对应" in staff.get(again).text
    wrong = staff.post(f"{again}/columns", {"header": ["题"], "field": ["password"]})
    assert wrong.status_code == 422
    assert "不能对应到" in wrong.text
    assert staff.post(f"{again}/columns", {"header_row_0": "三"}).status_code == 422


def test_a_file_that_is_no_table_says_so(staff: Browser, platform: Platform, clock: Clock) -> None:
    staff.get("/imports/")
    for name, content, text in (("图.pdf", b"x", "不支持“.pdf”文件"), ("空.csv", b"", "文件是空的")):
        answer = staff.post("/imports/", {"kind": "needs", "file": (io.BytesIO(content), name)})
        assert answer.status_code == 422
        assert text in answer.text
    assert staff.post("/imports/", {"kind": "needs"}).status_code == 422
    address = upload(staff, b"PK\x03\x04 broken", name="坏.xlsx")
    work(platform, address, clock)
    page = staff.get(address).text
    assert "这个文件没有导入" in page
    assert "文件已损坏" in page


def test_formulas_and_markup_in_a_file_stay_text(staff: Browser, platform: Platform, clock: Clock) -> None:
    content = "单位名称,需求名称,现状与问题\n<script>alert(1)</script>,=cmd|'/c calc'!A0,\"a\r\nBcc: x\"\n".encode()
    address = upload(staff, content, name="<b>.csv")
    work(platform, address, clock)
    page = staff.get(address).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<h1>&lt;b&gt;.csv</h1>" in page


def test_nobody_else_sees_a_file(
    staff: Browser, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    address = upload(staff, TABLE.encode())
    work(platform, address, clock)
    make_staff(platform, clock.moment, email="second@example.cn")
    other = open_browser("second@example.cn")
    for path in (address, f"{address}/progress", f"{address}/refused.xlsx"):
        assert other.get(path).status_code == 404
    for action in ("confirm", "cancel", "columns"):
        assert other.post(f"{address}/{action}").status_code == 404
    assert "需求.csv" not in other.get("/imports/").text
    assert open_browser().get(address).headers["Location"].startswith("/sign-in?next=")


def test_members_are_offered_what_they_may_bring(
    app: Flask, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    make_member(platform, clock.moment, email=FIRM, organisation="甲厂")
    make_member(platform, clock.moment, email="reader@example.cn", organisation="乙厂", role="reader")
    firm = open_browser(FIRM)
    page = firm.get("/imports/").text
    assert 'id="kind-needs"' in page
    assert 'id="kind-organisations"' not in page
    answer = firm.post("/imports/", {"kind": "organisations", "file": (io.BytesIO(b"x"), "a.csv")})
    assert answer.status_code == 403
    address = upload(firm, TABLE.encode())
    work(platform, address, clock)
    firm.get(address)
    firm.post(f"{address}/confirm", {"then": "draft"})
    work(platform, address, clock)
    page = firm.get(address).text
    assert re.search(r"<dt>新增</dt><dd>1</dd>", page)
    assert "您不能以“丙厂”的名义导入" in page
    with platform.reading() as session:
        assert sorted(session.scalars(select(Organisation.name))) == ["乙厂", "甲厂"]
    reader = open_browser("reader@example.cn")
    assert reader.get("/imports/").status_code == 403
    assert "/imports/" not in reader.get("/").text


def test_hidden_rows_are_asked_about(staff: Browser, platform: Platform, clock: Clock) -> None:
    book = openpyxl.Workbook()
    for row in (("单位名称", "需求名称"), ("甲厂", "看得见的"), ("乙厂", "藏起来的")):
        book.active.append(row)
    book.active.row_dimensions[3].hidden = True
    content = io.BytesIO()
    book.save(content)
    address = upload(staff, content.getvalue(), name="表.xlsx")
    work(platform, address, clock)
    page = staff.get(address).text
    assert "有 1 行是隐藏的" in page
    assert "藏起来的" not in page
    staff.post(f"{address}/columns", {"include_hidden": "1"})
    work(platform, address, clock)
    page = staff.get(address).text
    assert "藏起来的" in page
    assert "导入 2 行" in page


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_templates_come_in_both_languages_and_are_read_back(
    app: Flask, kind: str, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    for language, sheet in (("zh", "词表"), ("en", "Vocabularies")):
        answer = open_browser(language=language).get(f"/imports/templates/{kind}.xlsx")
        assert answer.status_code == 200
        assert sheet in openpyxl.load_workbook(io.BytesIO(answer.data)).sheetnames
    assert open_browser().get("/imports/templates/rockets.xlsx").status_code == 404


def test_only_uploads_may_be_large(staff: Browser) -> None:
    large = io.BytesIO(b"x" * 3_000_000)
    staff.get("/imports/")
    assert staff.post("/imports/", {"kind": "needs", "file": (large, "a.csv")}).status_code == 302
    staff.get("/imports/")
    answer = staff.post("/needs/new", {"title": "x" * 3_000_000})
    assert answer.status_code == 413


def test_the_name_of_a_file_is_not_for_everybody(
    staff: Browser, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    address = upload(staff, TABLE.encode(), name="内部名单.csv")
    work(platform, address, clock)
    staff.get(address)
    staff.post(f"{address}/confirm", {"then": "publish"})
    work(platform, address, clock)
    with platform.reading() as session:
        post = session.scalars(select(Post).where(Post.title == "翘曲控制")).one()
    for path in (f"/posts/{post.id}", f"/organisations/{post.organisation_id}"):
        assert "内部名单" in staff.get(path).text
        seen = open_browser().get(path).text
        assert "内部名单" not in seen
        assert "单位或主管部门导入" in seen


def test_the_one_who_began_an_import_is_told_that_it_ended(
    staff: Browser, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    address = upload(staff, TABLE.encode(), name="三月需求.csv")
    work(platform, address, clock)
    assert "三月需求.csv" not in staff.get("/inbox/").text  # that it waits for a decision is on its own page
    staff.get(address)
    staff.post(f"{address}/confirm", {"then": "publish"})
    work(platform, address, clock)
    broken = upload(staff, b"PK\x03\x04 broken", name="坏.xlsx")
    work(platform, broken, clock)
    page = staff.get("/inbox/").text
    assert re.search(r"您的导入已完成</h2>[\s\S]{0,300}?" + f'href="{address}"[^>]*><span[^>]*>三月需求.csv', page)
    assert re.search(r"您的导入没有完成</h2>[\s\S]{0,300}?" + f'href="{broken}"[^>]*><span[^>]*>坏.xlsx', page)
    message = page.split("三月需求.csv")[1].split("</li>")[0]
    opening = re.findall(r'action="(/inbox/[^"]+)"', message)[0]
    assert staff.post(opening).headers["Location"].endswith(address)
    make_staff(platform, clock.moment, email="second@example.cn")
    assert "三月需求.csv" not in open_browser("second@example.cn").get("/inbox/").text
    staff.get("/language/en")
    assert "Your import has finished" in staff.get("/inbox/").text

"""A clerk brings a messy file: looks, maps, imports, takes the refused rows back; a second time changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest

from tests.e2e.conftest import Visit
from tests.e2e.pages import find_barriers, find_overflow

pytestmark = pytest.mark.e2e

STAFF, MANAGER = "staff@example.cn", "tto@example.edu.cn"


class ImportPage:
    """The pages of one file."""

    def __init__(self, visit: Visit) -> None:
        self.visit = visit
        self.page = visit.page

    def upload(self, kind: str, file: Path) -> None:
        """Choose and send a file; returns when it was read."""
        self.visit.open("/imports/")
        self.page.check(f"#kind-{kind}")
        self.page.set_input_files("#file", file)
        self.page.click("form[enctype] button[type=submit]")
        self.wait()

    def wait(self) -> None:
        """Until nothing is underway: the page asks by itself."""
        self.page.wait_for_url(re.compile(r"/imports/[0-9a-f-]{36}"))
        self.page.wait_for_selector("#progress", state="detached", timeout=300_000)
        self.page.wait_for_load_state()

    def counts(self) -> list[int]:
        """The figures of the page, in order."""
        return [int(text) for text in self.page.locator(".dj-figures dd").all_inner_texts()]

    def confirm(self) -> None:
        """Put the rows in; returns when it is done."""
        self.page.click("form[action$='/confirm'] button[type=submit]")
        self.wait()


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """A title above, a header in two levels, merged firms, a hidden row, a total, and a row without a name."""
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["鹤山市 2026 年企业技术需求征集表（演示）"],
        ["企业信息", None, "需求信息", None, None],
        ["企业名称*", "联系电话", "需求名称*", "概述", "拟投入经费（万元）"],
        ["鹤山演示新厂有限公司", "13800000001", "端到端导入的第一条需求", "压合后翘曲 1.2 %，希望降到 0.7 %", "20-30"],
        [None, None, "端到端导入的第二条需求", "插损偏大，28 GHz 时高 0.3 dB", "面议"],
        ["鹤山演示新厂有限公司", "13800000001", "藏起来的需求", "不该读", "5"],
        ["鹤山演示旧厂有限公司", "13900000002", None, "忘了写名称", "５万元"],
        ["合计", None, None, None, "60"],
    ):
        sheet.append(row)
    sheet.merge_cells("A2:B2")
    sheet.merge_cells("C2:E2")
    sheet.merge_cells("A4:A5")
    sheet.row_dimensions[6].hidden = True
    path = tmp_path / "征集表.xlsx"
    book.save(path)
    return path


def test_a_messy_file_goes_in_once(visit: Callable[..., Visit], messy: Path, tmp_path: Path) -> None:
    clerk = visit(STAFF)
    file = ImportPage(clerk)
    file.upload("needs", messy)
    assert file.counts() == [2, 0, 1]
    assert "有 1 行是隐藏的" in file.page.inner_text("main")
    assert find_overflow(clerk) == 0
    assert find_barriers(clerk) == []
    clerk.keep_picture("import-preview-1280")
    file.confirm()
    added, changed, unchanged, refused = file.counts()[:4]
    # Somebody may run this test on a product that knows the file from before.
    assert (added + unchanged, changed, refused) == (2, 0, 1)
    clerk.keep_picture("import-done-1280")
    with clerk.page.expect_download() as download:
        clerk.page.click("a[href$='/refused.xlsx']")
    refused_file = tmp_path / download.value.suggested_filename
    download.value.save_as(refused_file)
    assert refused_file.name == "征集表-待改正.xlsx"
    sheet = openpyxl.load_workbook(refused_file).active
    assert "缺少“需求名称”" in str([[cell.value for cell in row] for row in sheet.iter_rows()])
    file.upload("needs", messy)
    file.confirm()
    assert file.counts()[:4] == [0, 0, 2, 1]


def test_columns_are_mapped_on_a_phone_in_english(visit: Callable[..., Visit], tmp_path: Path) -> None:
    path = tmp_path / "topics.csv"
    path.write_text("Topic wording,Say more\nWarpage of laminates,It warps by 1.2 %\n", encoding="utf-8")
    manager = visit(MANAGER, width=390, language="en")
    manager.open("/language/en")
    file = ImportPage(manager)
    file.upload("capabilities", path)
    if not file.page.locator("#columns[open]").count():
        file.page.click("#columns > summary")
    file.page.locator("select[name=field]").nth(0).select_option("title")
    file.page.locator("select[name=field]").nth(1).select_option("abstract")
    assert find_overflow(manager) == 0
    manager.keep_picture("import-columns-390-en")
    file.page.click("#columns button[type=submit]")
    file.wait()
    assert file.counts() == [1, 0, 0]
    assert file.page.inner_text("#rows h3") == "Warpage of laminates"
    assert find_overflow(manager) == 0
    assert find_barriers(manager) == []
    manager.keep_picture("import-preview-390-en")


def test_five_thousand_rows_show_their_progress_and_can_be_left(visit: Callable[..., Visit], tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    lines = [f"鹤山演示{n % 50}号厂,批量需求 {n},第 {n} 条：翘曲 {n % 9}.{n % 7} %" for n in range(5000)]
    path.write_text("单位名称,需求名称,现状与问题\n" + "\n".join(lines), encoding="utf-8")
    clerk = visit(STAFF)
    file = ImportPage(clerk)
    file.upload("needs", path)
    assert file.counts() == [5000, 0, 0]
    clerk.page.check("#then-draft")  # the workers have enough to do
    clerk.page.click("form[action$='/confirm'] button[type=submit]")
    clerk.page.wait_for_selector("#progress progress[value]")
    address = clerk.page.url
    clerk.keep_picture("import-progress-1280")
    clerk.open("/")
    clerk.page.goto(address)
    file.wait()
    assert sum(file.counts()[:3]) == 5000

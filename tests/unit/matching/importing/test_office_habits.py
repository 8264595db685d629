"""Habits of offices that cost a row, a value or its meaning unless the reader knows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest

from matching.documents import MoneyRange
from matching.importing.fields import RecordKind
from matching.importing.records import ImportReading, read_records
from matching.importing.values import Unreadable, parse_date, split_list
from matching.importing.vocabularies import VocabularyTerm

HEADER = ("单位名称", "需求名称", "现状与问题")
VOCABULARIES = {
    "domains": [VocabularyTerm(code="materials", label_zh="新材料及其应用")],
    "organisation_kinds": [VocabularyTerm(code="enterprise", label_zh="企业")],
    "organisation_stages": [VocabularyTerm(code="high_tech", label_zh="高新技术企业")],
}


def write_book(
    path: Path, sheets: dict[str, Sequence[Sequence[Any]]], merged: Sequence[str] = (), hidden: Sequence[int] = ()
) -> Path:
    """A workbook of these sheets; ranges merged and rows hidden in the first."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append([None if cell == "" else cell for cell in row])
    for one in merged:
        book.worksheets[0].merge_cells(one)
    for row in hidden:
        book.worksheets[0].row_dimensions[row].hidden = True
    book.save(path)
    return path


def read(path: Path, kind: RecordKind = "needs") -> ImportReading:
    return read_records(path, kind, vocabularies=VOCABULARIES)


def field(reading: ImportReading, name: str) -> list[Any]:
    """One field of all records."""
    return [getattr(row.record, name) for row in reading.rows]


def test_three_header_rows_an_example_between_and_signatures_below(tmp_path: Path) -> None:
    path = write_book(
        tmp_path / "表.xlsx",
        {
            "汇总": [
                ("企业技术需求汇总表",),
                ("序号", "企业情况", "", "", "需求情况", "", ""),
                ("", "单位名称", "联系方式", "", "需求名称", "需求内容", "拟投入资金"),
                ("", "", "联系人", "手机号码", "", "", "（万元）"),
                (1, "甲电路有限公司", "陈一", "13800138000", "盲孔填铜", "空洞率高", "５０"),
                ("例", "某某有限公司", "王某", "13800000000", "示例需求", "……", "100"),
                (2, "乙伞业有限公司", "李二", "0750-8888888", "抗风伞骨", "八级风反折", "20－30"),
                ("制表人：张三", "", "", "审核人：李四", "", "", "制表日期：2026年3月5日"),
            ]
        },
        merged=("A1:G1", "A2:A4", "B2:D2", "E2:G2", "B3:B4", "C3:D3", "E3:E4", "F3:F4"),
    )
    reading = read(path)
    assert [(row.status, row.place.row) for row in reading.rows] == [("accepted", 5), ("accepted", 7)]
    assert field(reading, "contact_phones") == [("13800138000",), ("0750-8888888",)]
    assert field(reading, "budget") == [
        MoneyRange(minimum=Decimal(50), maximum=Decimal(50)),
        MoneyRange(minimum=Decimal(20), maximum=Decimal(30)),
    ]
    assert [(one.code, one.place.row) for one in reading.skipped] == [
        ("import.skipped_example", 6),
        ("import.skipped_note", 8),
    ]


def test_records_side_by_side_are_all_read(tmp_path: Path) -> None:
    rows = [
        ("企业名称", "甲厂", "乙厂", "丙厂"),
        ("需求名称", "盲孔填铜", "红茶萎凋", ""),
        ("需求描述", "空洞率高", "波动大", ""),
        ("备用栏", "一", "", ""),
    ]
    reading = read(write_book(tmp_path / "横.xlsx", {"表": rows}))
    assert field(reading, "title") == ["盲孔填铜", "红茶萎凋"]
    assert field(reading, "organisation_name") == ["甲厂", "乙厂"]
    assert [row.values["备用栏"] for row in reading.rows] == ["一", ""]


def test_a_form_with_two_labels_a_row_stays_one_record(tmp_path: Path) -> None:
    rows = [("需求名称", "盲孔填铜", "单位名称", "甲厂"), ("需求描述", "空洞率高", "联系电话", "13800138000")]
    reading = read(write_book(tmp_path / "表.xlsx", {"表": rows}))
    assert field(reading, "title") == ["盲孔填铜"]
    assert field(reading, "organisation_name") == ["甲厂"]


def test_sheets_that_explain_or_show_an_example_are_no_data(tmp_path: Path) -> None:
    explained = [("字段", "要求", "必填"), ("需求名称", "不超过 50 字", "是"), ("单位名称", "全称", "是")]
    sheets = {
        "填写说明": explained,
        "需求": [HEADER, ("甲厂", "盲孔填铜", "空洞率高")],
        "示例": [HEADER, ("XX公司", "××技术", "示例")],
    }
    reading = read(write_book(tmp_path / "模板.xlsx", sheets))
    assert field(reading, "title") == ["盲孔填铜"]
    assert sorted((one.code, one.place.sheet) for one in reading.notices) == [
        ("import.no_header", "填写说明"),
        ("import.sheet_explains", "示例"),
    ]
    alone = read(write_book(tmp_path / "一张.xlsx", {"示例": sheets["需求"]}))
    assert field(alone, "title") == ["盲孔填铜"]


def test_a_list_grouped_by_company_keeps_the_company(tmp_path: Path) -> None:
    rows = [
        ("序号", "需求名称", "需求描述"),
        ("一、甲电路有限公司（2项）",),
        (1, "盲孔填铜", "空洞率高"),
        (2, "铜箔压合", "起皱"),
        ("二、乙伞业有限公司",),
        (3, "抗风伞骨", "反折"),
    ]
    reading = read(write_book(tmp_path / "分组.xlsx", {"表": rows}, merged=("A2:C2", "A5:C5")))
    assert field(reading, "organisation_name") == ["甲电路有限公司", "甲电路有限公司", "乙伞业有限公司"]


def test_a_company_whose_merge_was_lost_is_taken_from_above_together_with_its_contact(tmp_path: Path) -> None:
    path = tmp_path / "表.csv"
    path.write_text("企业名称,联系人,需求名称,需求描述\n甲厂,张三,盲孔填铜,空洞\n,,铜箔压合,起皱\n", encoding="utf-8")
    reading = read(path)
    assert field(reading, "organisation_name") == ["甲厂", "甲厂"]
    assert [row.status for row in reading.rows] == ["accepted", "warned"]


@pytest.mark.parametrize(
    ("text", "name", "phones", "extra"),
    [
        ("王五（0750-8888888转12）", "王五", ("0750-8888888转12",), {}),
        ("微信同号13800138000", None, ("13800138000",), {}),
        ("陈工：13800138000，刘工：13900139000", "陈工", ("13800138000", "13900139000"), {"联系人": "刘工"}),
    ],
)
def test_contacts(tmp_path: Path, text: str, name: str | None, phones: tuple[str, ...], extra: dict[str, str]) -> None:
    rows = [(*HEADER, "联系人"), ("甲厂", "盲孔填铜", "空洞率高", text)]
    reading = read(write_book(tmp_path / "表.xlsx", {"表": rows}))
    assert (field(reading, "contact_name"), field(reading, "contact_phones")) == ([name], [phones])
    assert field(reading, "extra") == [extra]


def test_a_phone_shortened_to_an_exponent_beside_a_name_column_is_refused(tmp_path: Path) -> None:
    rows = [(*HEADER, "联系人及电话"), ("甲厂", "盲孔填铜", "空洞率高", "1.38E+10")]
    [row] = read(write_book(tmp_path / "表.xlsx", {"表": rows})).rows
    assert [finding.code for finding in row.findings] == ["import.digits_lost"]


def test_a_span_in_the_column_of_the_end_and_columns_that_differ_in_brackets(tmp_path: Path) -> None:
    rows = [(*HEADER, "完成时间"), ("甲厂", "盲孔填铜", "空洞率高", "2026.3-2027.3")]
    [row] = read(write_book(tmp_path / "一.xlsx", {"表": rows})).rows
    assert (row.record.starts_on, row.record.ends_on) == (date(2026, 3, 1), date(2027, 3, 31))  # type: ignore[union-attr]
    rows = [(*HEADER, "需求时间（起）", "需求时间（止）"), ("甲厂", "盲孔填铜", "空洞率高", "2026.1", "2026.12")]
    [row] = read(write_book(tmp_path / "二.xlsx", {"表": rows})).rows
    assert (row.record.starts_on, row.record.ends_on) == (date(2026, 1, 1), date(2026, 12, 31))  # type: ignore[union-attr]


@pytest.mark.parametrize("text", ["5-Mar-26", "26年3月5日", "26.3.5", "26/3/5"])
def test_years_of_two_digits(text: str) -> None:
    assert parse_date(text) == date(2026, 3, 5)


def test_a_short_year_that_may_be_a_day_is_not_guessed() -> None:
    with pytest.raises(Unreadable):
        parse_date("26.3.25")


def test_several_organisations_and_a_yearly_price_are_kept_beside_the_fields(tmp_path: Path) -> None:
    rows = [("成果名称", "成果简介", "完成单位", "转让价格"), ("发酵机", "控温", "鹤山大学；鹤山研究院", "20万/年")]
    [row] = read(write_book(tmp_path / "成果.xlsx", {"表": rows}), "capabilities").rows
    assert row.record is not None
    assert row.record.organisation_name == "鹤山大学"  # type: ignore[union-attr]
    assert row.record.extra == {"完成单位": "鹤山大学；鹤山研究院", "转让价格": "20万/年"}
    assert sorted(finding.code for finding in row.findings) == ["import.amount_yearly", "import.several_organisations"]


@pytest.mark.parametrize(
    ("least", "most"),
    [
        ("资金下限（万元）", "资金上限（万元）"),
        ("拟投入资金（下限）", "拟投入资金（上限）"),
        ("最低预算", "最高预算"),
        ("拟投入金额最小值（万元）", "拟投入金额最大值（万元）"),
        ("拟投入资金（万元） / 最低", "拟投入资金（万元） / 最高"),
        ("Budget min", "Budget max"),
    ],
)
def test_two_columns_hold_the_bounds_of_one_range(tmp_path: Path, least: str, most: str) -> None:
    rows = [
        (*HEADER, most, least),
        ("甲公司", "需求甲", "薄板注塑翘曲", "30", "20"),
        ("乙公司", "需求乙", "盲孔填铜空洞", "50万元", "无"),
        ("丙公司", "需求丙", "涂层盐雾寿命短", "", "10万以上"),
        ("丁公司", "需求丁", "铝材氧化色差", "面议", "5"),
        ("戊公司", "需求戊", "电机啸叫", "5", "8"),
    ]
    reading = read(write_book(tmp_path / "表.xlsx", {"汇总": rows}))
    assert field(reading, "budget") == [
        MoneyRange(minimum=Decimal(20), maximum=Decimal(30)),
        MoneyRange(maximum=Decimal(50)),
        MoneyRange(minimum=Decimal(10)),
        MoneyRange(minimum=Decimal(5), negotiable=True),
        MoneyRange(maximum=Decimal(5)),
    ]
    last = reading.rows[4]
    assert [finding.code for finding in last.findings] == ["import.budget_least_unreadable"]
    assert "下限 8 大于上限 5" in last.findings[0].zh
    assert last.record is not None
    assert last.record.extra == {least: "8"}


@pytest.mark.parametrize("second", [("最低", "最高"), ("下限", "上限")])
def test_two_levels_of_header_hold_the_bounds_of_one_range(tmp_path: Path, second: tuple[str, str]) -> None:
    rows = [
        (*HEADER, "拟投入资金（元）", ""),
        ("", "", "", *second),
        ("甲公司", "需求甲", "薄板注塑翘曲", "200000", "300000"),
    ]
    merged = ("A1:A2", "B1:B2", "C1:C2", "D1:E1")
    reading = read(write_book(tmp_path / "表.xlsx", {"汇总": rows}, merged))
    assert field(reading, "budget") == [MoneyRange(minimum=Decimal(20), maximum=Decimal(30))]


def test_what_a_firm_is_says_how_far_it_has_come_and_domains_have_short_names(tmp_path: Path) -> None:
    rows = [("企业名称", "企业类型"), ("甲厂", "高新技术企业"), ("乙厂", "企业")]
    reading = read(write_book(tmp_path / "企业.xlsx", {"表": rows}), "organisations")
    assert [(one.kind, one.stage) for one in (row.record for row in reading.rows)] == [  # type: ignore[union-attr]
        ("enterprise", "high_tech"),
        ("enterprise", None),
    ]
    rows = [(*HEADER, "技术领域"), ("甲厂", "盲孔填铜", "空洞率高", "□电子信息 ☑新材料")]
    assert field(read(write_book(tmp_path / "需求.xlsx", {"表": rows})), "domain") == ["materials"]


def test_numbered_lists_lose_their_numbers_and_names_keep_theirs() -> None:
    assert split_list("1.铝合金；2.压铸") == ("铝合金", "压铸")
    assert split_list("1、铝合金\n2、压铸、挤压") == ("铝合金", "压铸", "挤压")
    assert split_list("3.铝合金；2.压铸") == ("3.铝合金", "2.压铸")
    assert split_list("1,3-丁二烯；2,4-二硝基甲苯") == ("1,3-丁二烯", "2,4-二硝基甲苯")


def test_headings_of_a_document_are_labels_or_end_what_stands_above(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_heading("技术需求调查表", 0)
    for heading, text in (
        ("一、企业名称", "甲材料有限公司"),
        ("二、技术需求名称", "红茶萎凋在线检测"),
        ("三、需求描述", "现靠经验判断。"),
        ("四、联系人及电话", "王工 13800138000"),
        ("五、审批意见", "同意"),
    ):
        document.add_heading(heading, 2)
        document.add_paragraph(text)
    document.save(str(tmp_path / "表.docx"))
    reading = read(tmp_path / "表.docx")
    assert field(reading, "title") == ["红茶萎凋在线检测"]
    assert field(reading, "organisation_name") == ["甲材料有限公司"]
    assert (field(reading, "contact_name"), field(reading, "contact_phones")) == (["王工"], [("13800138000",)])

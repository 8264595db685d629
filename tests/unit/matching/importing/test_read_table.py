"""Files as they really come: encodings, layouts, damage and malice."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime
from pathlib import Path
from typing import Any

import docx
import openpyxl
import pytest

from matching.errors import InvalidInput
from matching.importing.layout import Table
from matching.importing.limits import ImportLimits
from matching.importing.read_table import read_tables
from tests.unit.matching.importing.files import sheet_data, write_raw_xlsx, write_text

ROWS = [["编号", "企业名称", "需求名称"], ["001", "示例甲", "填孔䶮𬭎"], ["2024-03", "示例乙", "-5℃ 发泡"]]
TEXTS = [{1: "001", 2: "示例甲", 3: "填孔䶮𬭎"}, {1: "2024-03", 2: "示例乙", 3: "-5℃ 发泡"}]


def _texts(table: Table) -> list[dict[int, str]]:
    return [{column: cell.text for column, cell in row.cells.items()} for row in table.rows]


def _only(path: Path, kind: Any = "needs", **options: Any) -> Table:
    tables = read_tables(path, kind, **options).tables
    assert len(tables) == 1
    return tables[0]


def _code(path: Path, kind: Any = "needs", **options: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_tables(path, kind, **options)
    assert caught.value.where is not None
    assert caught.value.where.startswith(path.name)
    return caught.value.code


# --- text tables -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "separator", "end", "name"),
    [
        ("utf-8", ",", "\n", "a.csv"),
        ("utf-8-sig", ",", "\r\n", "a.csv"),
        ("gb18030", ",", "\r\n", "a.csv"),
        ("utf-16", "\t", "\r\n", "a.txt"),
        ("utf-16-le", "\t", "\r\n", "a.txt"),
        ("utf-16-be", ",", "\n", "a.csv"),
        ("utf-8", ";", "\n", "a.csv"),
        ("utf-8", "|", "\n", "a.txt"),
        ("utf-8", "，", "\n", "a.csv"),
        ("utf-8", "\t", "\r", "a.tsv"),
        ("gb18030", ",", "\r", "a.csv"),
        ("utf-8", "\t", "\n", "a.xls"),
        ("utf-8", ",", "\n", "a.xlsx"),
    ],
)
def test_text_tables_in_every_dress(tmp_path: Path, encoding: str, separator: str, end: str, name: str) -> None:
    path = write_text(tmp_path / name, ROWS, encoding=encoding, separator=separator, end=end)

    assert _texts(_only(path)) == TEXTS


def test_quoted_cells_hold_separators_and_line_breaks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('编号,需求名称,需求描述\r\n1,"甲, 乙","一\r\n二 ""三"""\r\n'.encode())

    assert _texts(_only(path)) == [{1: "1", 2: "甲, 乙", 3: '一\n二 "三"'}]


def test_a_line_that_names_the_separator_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sep=;\n编号;需求名称\n1;甲\n", encoding="utf-8")

    table = _only(path)

    assert [row.number for row in table.rows] == [3]
    assert _texts(table) == [{1: "1", 2: "甲"}]


def test_an_open_quotation_mark_is_named_by_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('编号,需求名称\n1,甲\n2,"乙\n3,丙\n', encoding="utf-8")

    with pytest.raises(InvalidInput) as caught:
        read_tables(path, "needs")

    assert (caught.value.code, caught.value.where) == ("import.open_quote", "a.csv 第 3 行")


def test_utf8_broken_in_one_place_is_not_taken_for_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        "编号,需求名称\n1,高深径比微盲孔电镀填铜\n".encode() + b"2,\xe7\xe7\n" + "3,水性油墨附着力\n".encode()
    )

    with pytest.raises(InvalidInput) as caught:
        read_tables(path, "needs")

    assert (caught.value.code, caught.value.where) == ("import.undecodable", "a.csv 第 3 行")


def test_binary_rubbish_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(bytes(range(256)) * 40)

    assert _code(path) in ("import.not_a_table", "import.undecodable")


# --- layouts ---------------------------------------------------------------------------------------------------------

_TWO_LEVELS = [
    ["附件2：技术需求征集表", "", "", "", "", ""],
    ["填报单位（盖章）：____", "", "填报日期：", "", "", ""],
    ["序号", "企业信息", "", "需求信息", "", "预算（万元）"],
    ["", "名称*", "联系人", "名称*", "描述（限500字）", ""],
    ["说明", "填全称", "", "", "", "数字"],
    ["举例", "XX有限公司", "张三", "XX 技术", "……", "50"],
    ["是否必填", "M", "S", "M", "S", "S"],
    ["1", "示例甲", "张三", "填孔", "空洞多", "50"],
    ["2", "", "", "蚀刻", "废液", "面议"],
    ["3", "示例乙", "李四", "伞骨", "", ""],
    ["合计", "", "", "3 项", "", ""],
]
_MERGED = ("A1:F1", "A3:A4", "B3:C3", "D3:E3", "F3:F4", "B8:B9", "C8:C9")


def _two_level_workbook(path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in _TWO_LEVELS:
        sheet.append([value or None for value in row])
    for merged in _MERGED:
        sheet.merge_cells(merged)
    book.save(path)
    return path


def test_two_level_headers_notes_examples_merged_companies_and_totals(tmp_path: Path) -> None:
    table = _only(_two_level_workbook(tmp_path / "a.xlsx"))

    assert table.header_rows == (3, 4)
    assert [header.text for header in table.headers] == [
        "序号", "企业信息 / 名称*", "企业信息 / 联系人", "需求信息 / 名称*", "需求信息 / 描述（限500字）",
        "预算（万元）",
    ]  # fmt: skip
    assert [(row.number, row.reason) for row in table.skipped] == [
        (5, "note"), (6, "example"), (7, "note"), (11, "total"),
    ]  # fmt: skip
    assert _texts(table) == [
        {1: "1", 2: "示例甲", 3: "张三", 4: "填孔", 5: "空洞多", 6: "50"},
        {1: "2", 2: "示例甲", 3: "张三", 4: "蚀刻", 5: "废液", 6: "面议"},
        {1: "3", 2: "示例乙", 3: "李四", 4: "伞骨"},
    ]
    assert [row.filled for row in table.rows] == [frozenset(), frozenset((2, 3)), frozenset()]


def test_the_same_form_saved_as_text_loses_its_merges_but_is_understood(tmp_path: Path) -> None:
    table = _only(write_text(tmp_path / "a.csv", _TWO_LEVELS, encoding="gb18030"))

    assert table.header_rows == (3, 4)
    assert [header.text for header in table.headers] == [
        "序号", "企业信息 / 名称*", "企业信息 / 联系人", "需求信息 / 名称*", "需求信息 / 描述（限500字）",
        "预算（万元）",
    ]  # fmt: skip
    assert _texts(table)[1] == {1: "2", 2: "示例甲", 3: "张三", 4: "蚀刻", 5: "废液", 6: "面议"}
    assert table.rows[1].inherited == frozenset((2, 3))


@pytest.mark.parametrize("above", [0, 1, 2, 5, 20])
def test_the_header_may_stand_in_any_of_the_first_rows(tmp_path: Path, above: int) -> None:
    rows = [[f"关于征集技术需求的通知（{number}）", "", ""] for number in range(above)]

    table = _only(write_text(tmp_path / "a.csv", [*rows, *ROWS]))

    assert table.header_rows == (above + 1,)
    assert _texts(table) == TEXTS


def test_a_header_in_english_with_a_title_above(tmp_path: Path) -> None:
    rows = [
        ["Call for needs", "", ""],
        ["Need title *", "Company name", "Budget (RMB)"],
        ["Via filling", "Example Ltd", "500000"],
    ]

    table = _only(write_text(tmp_path / "a.csv", rows))

    assert _texts(table) == [{1: "Via filling", 2: "Example Ltd", 3: "500000"}]


def test_repeated_headers_groups_notes_and_numbered_blanks_are_no_records(tmp_path: Path) -> None:
    rows = [
        ["序号", "企业名称", "需求名称", "需求描述"],
        ["一、电子信息", "", "", ""],
        ["1", "示例甲", "填孔", "一"],
        ["序号", "企业名称", "需求名称", "需求描述"],
        ["2", "示例乙", "发泡", "二"],
        ["3", "", "", ""],
        ["", "", "小计：2", ""],
        ["注：以上为初步统计", "", "", ""],
    ]

    table = _only(write_text(tmp_path / "a.csv", rows))

    assert [row.number for row in table.rows] == [3, 5]
    assert [(row.number, row.reason) for row in table.skipped] == [
        (2, "group"), (4, "repeated_header"), (6, "empty"), (7, "total"), (8, "note"),
    ]  # fmt: skip


def test_one_record_over_several_merged_rows_is_one_record(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (
        ["需求名称", "企业名称", "技术指标"],
        ["填孔", "示例甲", "空洞率 ≤ 0.5 %"],
        [None, None, "面铜 ≤ 25 μm"],
    ):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet.merge_cells("B2:B3")
    book.save(tmp_path / "a.xlsx")

    assert _texts(_only(tmp_path / "a.xlsx")) == [{1: "填孔", 2: "示例甲", 3: "空洞率 ≤ 0.5 %\n面铜 ≤ 25 μm"}]


def test_a_form_in_a_sheet_is_one_record_with_the_places_of_its_values(tmp_path: Path) -> None:
    rows = [
        ["企业技术需求表", "", "", ""],
        ["企业名称", "示例甲", "联系人", "张三"],
        ["需求名称", "填孔", "预算（万元）", "20-30"],
        ["需求描述", "空洞率约 3%", "", ""],
    ]

    table = _only(write_text(tmp_path / "a.csv", rows))

    assert table.form
    assert [header.text for header in table.headers] == ["企业名称", "联系人", "需求名称", "预算（万元）", "需求描述"]
    assert _texts(table) == [{1: "示例甲", 2: "张三", 3: "填孔", 4: "20-30", 5: "空洞率约 3%"}]
    assert table.rows[0].places[4] == (3, 4)


def test_hidden_sheets_rows_and_columns_are_marked(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (*ROWS, ["3", "示例丙", "内部"]):
        sheet.append(row)
    sheet.row_dimensions[4].hidden = True
    sheet.column_dimensions["B"].hidden = True
    secret = book.create_sheet("内部评审")
    for row in ROWS:
        secret.append(row)
    secret.sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")

    shown, hidden = read_tables(tmp_path / "a.xlsx", "needs").tables

    assert [row.hidden for row in shown.rows] == [False, False, True]
    assert shown.hidden_columns == (2,)
    assert (shown.hidden, hidden.hidden) == (False, True)


def test_any_header_lets_a_person_map_unknown_columns(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", [["甲列", "乙列"], ["1", "2"]])

    assert _code(path) == "import.no_header"
    assert [header.text for header in _only(path, any_header=True).headers] == ["甲列", "乙列"]
    assert _texts(_only(path, known_headers=("乙列", "甲列"))) == [{1: "1", 2: "2"}]


# --- workbooks -------------------------------------------------------------------------------------------------------


def test_numbers_dates_and_formulas_read_as_people_see_them(tmp_path: Path) -> None:
    styles = (
        '<numFmts><numFmt numFmtId="164" formatCode="000000"/>'
        '<numFmt numFmtId="165" formatCode="yyyy&quot;年&quot;m&quot;月&quot;"/></numFmts>'
        '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/><xf numFmtId="10"/>'
        '<xf numFmtId="165"/><xf numFmtId="20"/></cellXfs>'
    )
    cells = {
        "A": "需求名称", "B": '<c r="{ref}"><v>13800138000</v></c>', "C": '<c r="{ref}" s="2"><v>123</v></c>',
        "D": '<c r="{ref}" s="1"><v>45356</v></c>', "E": '<c r="{ref}" s="3"><v>0.035</v></c>',
        "F": '<c r="{ref}"><v>0.30000000000000004</v></c>', "G": '<c r="{ref}"><v>9.1440784123456794E+17</v></c>',
        "H": '<c r="{ref}"><f>1+1</f><v></v></c>', "I": '<c r="{ref}" t="str"><f>A1</f><v>结果</v></c>',
        "J": '<c r="{ref}" t="e"><v>#REF!</v></c>', "K": '<c r="{ref}" t="b"><v>1</v></c>',
        "L": '<c r="{ref}" s="4"><v>45356.75</v></c>', "M": '<c r="{ref}" t="str"><f>A2</f><v></v></c>',
        "N": '<c r="{ref}" t="d"><v>2024-03-05T00:00:00</v></c>', "O": '<c r="{ref}" s="5"><v>0.5</v></c>',
        "P": '<c r="{ref}"><v>1E3</v></c>',
    }  # fmt: skip
    header = {letter: f"表头{letter}" for letter in cells} | {"A": "需求名称", "B": "联系电话", "C": "编号"}
    path = write_raw_xlsx(tmp_path / "a.xlsx", sheet_data({1: header, 2: cells}), styles=styles)

    row = _only(path).rows[0]

    assert {column: cell.text for column, cell in row.cells.items()} == {
        1: "需求名称", 2: "13800138000", 3: "000123", 4: "2024-03-05", 5: "3.5%", 6: "0.3", 7: "914407841234567940",
        8: "",
        9: "结果", 10: "#REF!", 11: "TRUE", 12: "2024-03-05 18:00", 14: "2024-03-05", 15: "12:00", 16: "1000",
    }  # fmt: skip
    assert {column: cell.problem for column, cell in row.cells.items() if cell.problem} == {
        7: "precision_lost", 8: "formula_without_value", 10: "error_value",
    }  # fmt: skip


def test_dates_of_workbooks_that_count_from_1904(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.active.append(["需求名称", "截止日期"])
    book.active.append(["填孔", datetime(2024, 3, 5)])  # noqa: DTZ001
    book.save(tmp_path / "a.xlsx")

    table = _only(tmp_path / "a.xlsx")

    assert table.epoch_1904
    assert table.rows[0].cells[2].text == "2024-03-05"


def test_dimensions_and_merges_that_lie_cost_nothing(tmp_path: Path) -> None:
    data = sheet_data(
        {1: {"A": "编号", "B": "需求名称"}, 2: {"A": "1", "B": "填孔"}, 1048576: {"XFD": '<c r="{ref}" s="1"/>'}}
    )
    sheet = f'<dimension ref="A1:XFD1048576"/>{data}<mergeCells><mergeCell ref="A3:XFD1048576"/></mergeCells>'

    assert _texts(_only(write_raw_xlsx(tmp_path / "a.xlsx", sheet))) == [{1: "1", 2: "填孔"}]


def test_shared_strings_keep_rich_text_and_drop_phonetic_guides(tmp_path: Path) -> None:
    strings = (
        "<si><t>需求名称</t></si><si><r><t>微</t></r><r><t>盲孔_x000D_</t></r><rPh sb='0' eb='1'><t>wei</t></rPh></si>"
    )
    shared = '<c r="{ref}" t="s"><v>%d</v></c>'
    path = write_raw_xlsx(
        tmp_path / "a.xlsx", sheet_data({1: {"A": shared % 0}, 2: {"A": shared % 1}}), strings=strings
    )

    assert _texts(_only(path)) == [{1: "微盲孔"}]


def test_rows_and_cells_without_references_are_counted(tmp_path: Path) -> None:
    cell = '<c t="inlineStr"><is><t>%s</t></is></c>'
    rows = "".join(f"<row>{''.join(cell % text for text in row)}</row>" for row in ROWS)

    assert _texts(_only(write_raw_xlsx(tmp_path / "a.xlsx", f"<sheetData>{rows}</sheetData>"))) == TEXTS


def test_strict_workbooks_are_read(tmp_path: Path) -> None:
    path = write_raw_xlsx(tmp_path / "a.xlsx", sheet_data({1: {"A": "需求名称"}, 2: {"A": "填孔"}}))
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name).decode() for name in package.namelist()}
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            content = content.replace(
                "http://schemas.openxmlformats.org/spreadsheetml/2006/main",
                "http://purl.oclc.org/ooxml/spreadsheetml/main",
            )
            content = content.replace(
                "http://schemas.openxmlformats.org/officeDocument/2006/relationships",
                "http://purl.oclc.org/ooxml/officeDocument/relationships",
            )
            package.writestr(name, content)

    assert _texts(_only(path)) == [{1: "填孔"}]


def test_a_workbook_called_xls_is_read_by_its_content(tmp_path: Path) -> None:
    path = write_raw_xlsx(tmp_path / "a.xls", sheet_data({1: {"A": "需求名称"}, 2: {"A": "填孔"}}))

    reading = read_tables(path, "needs")

    assert reading.format == "xlsx"
    assert [notice.code for notice in reading.notices] == ["import.suffix_differs"]


def test_html_saved_as_xls_with_spans_and_hidden_rows(tmp_path: Path) -> None:
    html = """<html><head><meta http-equiv="Content-Type" content="text/html; charset=gb2312">
    <style>td{mso-number-format:"\\@"}</style></head>
    <body><table><tr><th rowspan=2>编号</th><th colspan=2>需求信息</th><th rowspan=2>企业名称</th></tr>
    <tr><th>名称</th><th>描述</th></tr>
    <tr><td>001<td>填&nbsp;孔<td>一<br>二</td><td rowspan=2>示例甲</td></tr>
    <tr><td>002</td><td>发泡</td><td>&lt;三&gt;</td></tr>
    <tr style="display:none"><td>003</td><td>内部</td><td></td><td>示例乙</td></tr></table></body></html>"""
    path = tmp_path / "a.xls"
    path.write_bytes(html.encode("gb18030"))

    table = _only(path)

    assert [header.text for header in table.headers] == ["编号", "需求信息 / 名称", "需求信息 / 描述", "企业名称"]
    assert _texts(table) == [
        {1: "001", 2: "填 孔", 3: "一\n二", 4: "示例甲"},
        {1: "002", 2: "发泡", 3: "<三>", 4: "示例甲"},
        {1: "003", 2: "内部", 4: "示例乙"},
    ]
    assert [row.hidden for row in table.rows] == [False, False, True]


def test_spreadsheet_xml_of_2003(tmp_path: Path) -> None:
    xml = """<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet"
    xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet">
    <Worksheet ss:Name="需求"><Table><Row><Cell><Data ss:Type="String">编号</Data></Cell><Cell>
    <Data ss:Type="String">需求名称</Data></Cell></Row>
    <Row ss:Index="4"><Cell ss:Index="2"><Data ss:Type="String">填孔</Data></Cell></Row>
    <Row><Cell><Data ss:Type="Number">12</Data></Cell><Cell><Data ss:Type="String">发泡</Data></Cell></Row></Table>
    </Worksheet></Workbook>"""
    path = tmp_path / "a.xls"
    path.write_text(xml, encoding="utf-8")

    table = _only(path)

    assert [(row.number, text) for row, text in zip(table.rows, _texts(table), strict=True)] == [
        (4, {2: "填孔"}), (5, {1: "12", 2: "发泡"}),
    ]  # fmt: skip


# --- documents -------------------------------------------------------------------------------------------------------


def test_a_word_form_with_ticked_boxes_and_lines_outside_its_table(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("企业技术需求表")
    table = document.add_table(rows=4, cols=4)
    for index, (label, value) in enumerate(
        [("需求名称", "填孔"), ("需求描述", "空洞率约 3%"), ("合作方式", "☑联合开发 □技术转让")]
    ):
        table.cell(index, 0).text = label
        table.cell(index, 1).merge(table.cell(index, 3)).text = value
    for column, text in enumerate(["企业名称", "示例甲", "联系电话", "138 0013 8000"]):
        table.cell(3, column).text = text
    document.save(tmp_path / "a.docx")

    found = _only(tmp_path / "a.docx")

    assert found.form
    assert {header.text: found.rows[0].cells[header.column].text for header in found.headers} == {
        "需求名称": "填孔", "需求描述": "空洞率约 3%", "合作方式": "☑联合开发 □技术转让", "企业名称": "示例甲",
        "联系电话": "138 0013 8000",
    }  # fmt: skip


def test_a_word_table_with_rows_and_merged_companies(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=3, cols=3)
    for row, texts in enumerate([["企业名称", "需求名称", "需求描述"], ["示例甲", "填孔", "一"], ["", "发泡", "二"]]):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    document.save(tmp_path / "a.docx")

    assert _texts(_only(tmp_path / "a.docx")) == [
        {1: "示例甲", 2: "填孔", 3: "一"},
        {1: "示例甲", 2: "发泡", 3: "二"},
    ]


def test_paragraphs_after_a_label_belong_to_it_and_a_second_title_starts_a_second_record(tmp_path: Path) -> None:
    document = docx.Document()
    for line in (
        "关于征集技术需求的函", "一、需求名称：填孔", "二、需求描述：", "现状：空洞多", "已试过脉冲电镀",
        "三、单位名称：示例甲",
        "需求名称：发泡", "需求描述：回弹衰减",
    ):  # fmt: skip
        document.add_paragraph(line)
    document.save(tmp_path / "a.docx")

    found = _only(tmp_path / "a.docx")

    assert [header.text for header in found.headers] == ["一、需求名称", "二、需求描述", "三、单位名称"]
    assert _texts(found) == [{1: "填孔", 2: "现状：空洞多\n已试过脉冲电镀", 3: "示例甲"}, {1: "发泡", 2: "回弹衰减"}]


def test_label_and_value_in_one_cell_of_a_form(tmp_path: Path) -> None:
    rows = [["需求名称：填孔", "单位名称：示例甲"], ["需求描述", "空洞多：约 3%"]]

    assert _texts(_only(write_text(tmp_path / "a.csv", rows))) == [{1: "填孔", 2: "示例甲", 3: "空洞多：约 3%"}]


def test_part_names_with_backslashes_are_found(tmp_path: Path) -> None:
    path = write_raw_xlsx(tmp_path / "a.xlsx", sheet_data({1: {"A": "需求名称"}, 2: {"A": "填孔"}}))
    with zipfile.ZipFile(path) as package:
        parts = {name: package.read(name) for name in package.namelist()}
    with zipfile.ZipFile(path, "w") as package:
        for name, content in parts.items():
            package.writestr(name.replace("worksheets/sheet1", "Worksheets\\Sheet1"), content)

    assert _texts(_only(path)) == [{1: "填孔"}]


def test_commas_of_prose_do_not_cut_a_single_column(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("需求名称\n填孔，空洞多\n发泡，回弹差\n", encoding="utf-8")

    assert _texts(_only(path)) == [{1: "填孔，空洞多"}, {1: "发泡，回弹差"}]


def test_labelled_paragraphs_are_a_form(tmp_path: Path) -> None:
    document = docx.Document()
    for line in ("需求名称：微盲孔填铜", "单位名称： 示例甲", "技术指标：空洞率 ≤ 0.5 %"):
        document.add_paragraph(line)
    document.save(tmp_path / "a.docx")

    found = _only(tmp_path / "a.docx")

    assert {header.text: found.rows[0].cells[header.column].text for header in found.headers} == {
        "需求名称": "微盲孔填铜", "单位名称": "示例甲", "技术指标": "空洞率 ≤ 0.5 %",
    }  # fmt: skip


# --- damage and malice -----------------------------------------------------------------------------------------------


def _workbook_bytes() -> bytes:
    book = openpyxl.Workbook()
    for row in ROWS:
        book.active.append(row)
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


@pytest.mark.parametrize("name", ["a.xlsx", "a.xls"])
def test_a_password_protected_workbook_says_so(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "EncryptedPackage".encode("utf-16-le") + bytes(600)
    )

    assert _code(path) == "import.password_protected"


def test_an_old_word_document_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600) + "WordDocument".encode("utf-16-le") + bytes(600))

    assert _code(path) == "import.old_word"


@pytest.mark.parametrize("cut", [40, 1000, -200, -22])
def test_a_cut_off_workbook_is_damaged(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(_workbook_bytes()[:cut])

    assert _code(path) == "import.damaged"


def test_a_broken_old_workbook_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 20)

    assert _code(path) == "import.damaged"


def test_any_single_wrong_byte_is_either_read_or_refused(tmp_path: Path) -> None:
    content = _workbook_bytes()
    path = tmp_path / "a.xlsx"
    codes = set()
    for position in range(0, len(content), 97):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x5A]) + content[position + 1 :])
        try:
            read_tables(path, "needs")
        except InvalidInput as error:
            codes.add(error.code)

    assert codes <= {"import.damaged", "import.not_a_table", "import.no_header", "import.password_protected",
                     "import.not_a_workbook", "import.undecodable", "import.empty"}  # fmt: skip


def test_any_single_wrong_byte_of_a_word_document_is_either_read_or_refused(tmp_path: Path) -> None:
    document = docx.Document()
    table = document.add_table(rows=2, cols=2)
    for row, texts in enumerate([["需求名称", "填孔"], ["单位名称", "示例甲"]]):
        for column, text in enumerate(texts):
            table.cell(row, column).text = text
    document.save(tmp_path / "good.docx")
    content = (tmp_path / "good.docx").read_bytes()
    path = tmp_path / "a.docx"
    codes = set()
    for position in range(0, len(content), 499):
        path.write_bytes(content[:position] + bytes([content[position] ^ 0x20]) + content[position + 1 :])
        try:
            read_tables(path, "needs")
        except InvalidInput as error:
            codes.add(error.code)

    assert codes == {"import.damaged"}


def test_entities_in_a_sheet_are_refused(tmp_path: Path) -> None:
    head = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    path = write_raw_xlsx(tmp_path / "a.xlsx", sheet_data({1: {"A": "&b;"}}), head=head)

    assert _code(path) == "import.damaged"


def test_entities_in_a_word_document_are_refused(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("需求名称：甲")
    document.save(tmp_path / "a.docx")
    with zipfile.ZipFile(tmp_path / "a.docx") as package:
        parts = {name: package.read(name) for name in package.namelist()}
    parts["word/document.xml"] = b'<!DOCTYPE x [<!ENTITY a "a">]>' + parts["word/document.xml"].split(b"?>", 1)[1]
    with zipfile.ZipFile(tmp_path / "b.docx", "w") as package:
        for name, content in parts.items():
            package.writestr(name, content)

    assert _code(tmp_path / "b.docx") == "import.damaged"


@pytest.mark.parametrize("name", ["a.xlsx", "a.docx"])
def test_a_zip_bomb_is_not_unpacked(tmp_path: Path, name: str) -> None:
    folder = "xl" if name == "a.xlsx" else "word"
    with zipfile.ZipFile(tmp_path / name, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr(f"{folder}/document.xml", b" " * 3_000_000)

    assert _code(tmp_path / name, limits=ImportLimits(max_unpacked_bytes=1_000_000)) == "import.unpacks_too_large"


def test_a_size_that_lies_is_counted_while_reading(tmp_path: Path) -> None:
    strings = "<si><t>" + "需" * 400_000 + "</t></si>"
    path = write_raw_xlsx(tmp_path / "a.xlsx", sheet_data({1: {"A": "需求名称"}}), strings=strings)
    content = path.read_bytes()
    true_size = len(f'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{strings}</sst>'.encode())
    path.write_bytes(content.replace(true_size.to_bytes(4, "little"), (10).to_bytes(4, "little")))

    assert _code(path, limits=ImportLimits(max_unpacked_bytes=500_000)) in (
        "import.damaged",
        "import.unpacks_too_large",
    )


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (ImportLimits(max_rows=2), "import.too_many_rows"),
        (ImportLimits(max_columns=2), "import.too_many_columns"),
        (ImportLimits(max_bytes=20), "import.too_large"),
        (ImportLimits(max_cells=5), "import.too_many_cells"),
        (ImportLimits(max_cell_characters=4), "import.cell_too_long"),
    ],
)
@pytest.mark.parametrize("name", ["a.xlsx", "a.csv"])
def test_limits_stop_the_reading(tmp_path: Path, limits: ImportLimits, code: str, name: str) -> None:
    path = tmp_path / name
    if name == "a.csv":
        write_text(path, ROWS)
    else:
        path.write_bytes(_workbook_bytes())

    assert _code(path, limits=limits) == code


def test_the_time_limit_stops_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    path.write_bytes(_workbook_bytes())

    assert _code(path, limits=ImportLimits(max_seconds=-1)) == "import.too_slow"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"%PDF-1.7 ...", "import.not_a_table"),
        (b"\x89PNG\r\n", "import.not_a_table"),
        (b"MIME-Version: 1.0\r\nContent-Type: multipart/related", "import.mhtml"),
        (b"<html><body>nothing</body></html>", "import.no_table"),
    ],
)
def test_other_files_in_disguise(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.xls"
    path.write_bytes(content)

    assert _code(path) == code

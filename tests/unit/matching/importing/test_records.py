"""Rows become records, with warnings or reasons at their places."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from matching.documents import MoneyRange
from matching.errors import InvalidInput
from matching.exporting.cells import neutralise
from matching.importing.records import CapabilityRecord, ExpertRecord, NeedRecord, OrganisationRecord, read_records
from matching.importing.refused import write_refused
from matching.importing.template import write_template
from matching.importing.vocabularies import VocabularyTerm
from tests.unit.matching.importing.files import sheet_data, write_raw_xlsx, write_text

VOCABULARIES = {
    "cooperation_modes": (VocabularyTerm(code="development", label_zh="技术开发", label_en="Technology development"),),
    "domains": (VocabularyTerm(code="electronics", label_zh="电子信息", label_en="Electronics"),),
    "industries": (
        VocabularyTerm(code="C", label_zh="制造业", label_en="Manufacturing"),
        VocabularyTerm(code="C39", label_zh="计算机、通信和其他电子设备制造业"),
        VocabularyTerm(code="C14", label_zh="食品制造业"),
    ),
    "maturity_levels": (VocabularyTerm(code="6", label_zh="TRL 6 工程样机"),),
}


def _codes(row: Any) -> list[str]:
    return [finding.code for finding in row.findings]


def test_rows_are_accepted_warned_or_refused_each_with_its_place(tmp_path: Path) -> None:
    rows = [
        ["编号", "企业名称", "需求名称", "需求描述", "预算（万元）", "联系电话", "部门"],
        ["1", "示例甲", "填孔", "空洞多", "20-30", "13800138000", "研发"],
        ["2", "示例乙", "发泡", "", "看情况", "1390013900", ""],
        ["3", "示例丙", "", "有描述", "", "", ""],
        ["1", "示例丁", "重复的编号", "描述", "", "", ""],
        ["", "示例甲", "填 孔", "空洞多", "", "", ""],
        ["", "示例甲", "填孔", "又一次", "", "", ""],
    ]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "needs")

    assert [row.status for row in reading.rows] == ["accepted", "warned", "refused", "refused", "accepted", "refused"]
    assert reading.records[0] == NeedRecord(
        external_id="1", title="填孔", problem="空洞多", budget=MoneyRange(minimum=Decimal(20), maximum=Decimal(30)),
        organisation_name="示例甲", contact_phones=("13800138000",), extra={"部门": "研发"},
    )  # fmt: skip
    assert reading.records[1] == NeedRecord(
        external_id="2", title="发泡", organisation_name="示例乙", contact_phones=("1390013900",),
        extra={"预算（万元）": "看情况"},
    )  # fmt: skip
    assert [str(finding) for finding in reading.rows[1].findings] == [
        "a.csv 第 3 行 E 列（预算（万元））：看不出金额：看情况；已保留原文",
        "a.csv 第 3 行 F 列（联系电话）：电话号码位数不对：1390013900；已按原文保留",
        "a.csv 第 3 行：内容不足：只有名称，没有说明，匹配只能按字词进行",
    ]
    assert [str(row.findings[0]) for row in reading.refused] == [
        "a.csv 第 4 行 C 列（需求名称）：缺少“需求名称”",
        "a.csv 第 5 行：编号 1 与 a.csv 第 2 行 重复",
        "a.csv 第 7 行：与 a.csv 第 6 行 是同一条（名称和单位相同）",
    ]
    assert reading.rows[2].findings[0].place.en == "a.csv, row 4, column C (需求名称)"


def test_codes_stored_as_numbers_are_refused_with_the_row_and_exact_texts_are_not(tmp_path: Path) -> None:
    number = '<c r="{ref}"><v>9.1330106673959654E+17</v></c>'
    phone = '<c r="{ref}"><v>13800138000.0</v></c>'
    header = {"A": "单位名称", "B": "统一社会信用代码", "C": "联系电话"}
    path = write_raw_xlsx(
        tmp_path / "a.xlsx",
        sheet_data(
            {
                1: header,
                2: {"A": "示例甲", "B": number, "C": phone},
                3: {"A": "示例乙", "B": "91330106673959654P", "C": phone},
                4: {"A": "示例丙", "B": "91330106673959654Q"},
            }
        ),
    )

    reading = read_records(path, "organisations")

    assert [_codes(row) for row in reading.rows] == [["import.digits_lost"], [], ["organisation_code.check_digit"]]
    assert str(reading.rows[0].findings[0].place) == "a.xlsx 工作表“需求” 第 2 行 B 列（统一社会信用代码）"
    assert reading.records == (
        OrganisationRecord(name="示例乙", uscc="91330106673959654P", contact_phones=("13800138000",)),
    )


def test_numbers_shortened_in_a_text_table_are_refused(tmp_path: Path) -> None:
    rows = [
        ["需求名称", "企业名称", "信用代码", "手机"],
        ["甲", "示例", "9.14408E+17", ""],
        ["乙", "示例", "", "1.38E+10"],
    ]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "needs")

    assert [_codes(row) for row in reading.rows] == [["import.digits_lost"]] * 2


def test_a_wrong_code_beside_a_post_is_a_warning_and_is_kept(tmp_path: Path) -> None:
    rows = [["需求名称", "需求描述", "企业名称", "信用代码"], ["甲", "一", "示例", "91330106673959654Q"]]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "needs")

    assert _codes(reading.rows[0]) == ["organisation_code.check_digit"]
    assert reading.records[0].extra == {"信用代码": "91330106673959654Q"}


def test_formulas_without_values_and_errors_refuse_the_row_and_cached_values_count(tmp_path: Path) -> None:
    header = {"A": "需求名称", "B": "需求描述", "C": "备注"}
    path = write_raw_xlsx(
        tmp_path / "a.xlsx",
        sheet_data(
            {
                1: header,
                2: {"A": '<c r="{ref}"><f>B1</f></c>', "B": "一"},
                3: {
                    "A": '<c r="{ref}" t="str"><f>B1</f><v>填孔</v></c>',
                    "B": "二",
                    "C": '<c r="{ref}" t="e"><v>#N/A</v></c>',
                },
                4: {"A": "发泡", "B": '<c r="{ref}" t="e"><v>#REF!</v></c>'},
            }
        ),
    )

    reading = read_records(path, "needs")

    assert [_codes(row) for row in reading.rows] == [["import.formula_without_value"], [], ["import.error_value"]]
    assert reading.records == (NeedRecord(title="填孔", problem="二", extra={"备注": "#N/A"}),)


def test_ids_that_look_like_dates_stay_text_and_real_dates_are_pointed_out(tmp_path: Path) -> None:
    styles = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    path = write_raw_xlsx(
        tmp_path / "a.xlsx",
        sheet_data(
            {
                1: {"A": "编号", "B": "需求名称", "C": "描述"},
                2: {"A": "3-5", "B": "甲", "C": "一"},
                3: {"A": '<c r="{ref}" s="1"><v>45356</v></c>', "B": "乙", "C": "二"},
                4: {"A": '<c r="{ref}"><v>007</v></c>', "B": "丙", "C": "三"},
            }
        ),
        styles=styles,
    )

    reading = read_records(path, "needs")

    assert [record.external_id for record in reading.records] == ["3-5", "2024-03-05", "7"]
    assert [_codes(row) for row in reading.rows] == [[], ["import.id_is_date"], []]


def test_terms_by_name_code_ticked_box_and_the_rest_is_kept(tmp_path: Path) -> None:
    rows = [
        ["需求名称", "需求描述", "合作方式", "所属领域", "应用行业"],
        ["甲", "一", "技术开发；魔法", "☑电子信息 □其他：____", "计算机、通信和其他电子设备制造业"],
        ["乙", "二", "☑委托开发 □技术转让", "炼金术", "C39；食品制造业；造梦"],
    ]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "needs", vocabularies=VOCABULARIES)

    assert reading.records == (
        NeedRecord(
            title="甲", problem="一", cooperation_modes=("development",), domain="electronics",
            industry_codes=("C39",),
            extra={"合作方式": "魔法"},
        ),
        NeedRecord(
            title="乙", problem="二", cooperation_modes=("development",), industry_codes=("C39", "C14"),
            extra={"所属领域": "炼金术", "应用行业": "造梦"},
        ),
    )  # fmt: skip
    assert [_codes(row) for row in reading.rows] == [
        ["import.cooperation_modes_unknown"], ["import.domain_unknown", "import.industry_codes_unknown"],
    ]  # fmt: skip


def test_an_unreadable_visibility_is_the_narrowest(tmp_path: Path) -> None:
    rows = [["需求名称", "需求描述", "是否公开"], ["甲", "一", "看领导意见"], ["乙", "二", "仅平台内可见"]]

    records = read_records(write_text(tmp_path / "a.csv", rows), "needs").records

    assert [record.visibility for record in records if isinstance(record, NeedRecord)] == ["staff", "members"]


def test_classified_achievements_are_refused(tmp_path: Path) -> None:
    rows = [["成果名称", "简介", "密级"], ["甲", "一", "秘密"], ["乙", "二", "公开"], ["丙", "三", "非涉密"]]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "capabilities")

    assert [_codes(row) for row in reading.rows] == [["import.secret"], [], []]


def test_identity_card_numbers_are_not_read(tmp_path: Path) -> None:
    rows = [["专家姓名", "身份证号", "所在单位"], ["李示例", "440784199001011234", "示例大学"]]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "experts")

    assert reading.records == (ExpertRecord(name="李示例", organisation_name="示例大学"),)
    assert "440784199001011234" not in str(reading.rows)


def test_people_of_one_name_in_one_place_are_told_apart_or_refused(tmp_path: Path) -> None:
    rows = [
        ["姓名", "单位", "邮箱"], ["李示例", "示例大学", "a@example.org"], ["李示例", "示例大学",
        "b@example.org"], ["李示例", "示例大学", ""],
        ["李示例", "示例大学", ""],
    ]  # fmt: skip

    reading = read_records(write_text(tmp_path / "a.csv", rows), "experts")

    assert [row.status for row in reading.rows] == ["accepted", "accepted", "accepted", "refused"]


def test_hidden_things_are_asked_about_and_taken_on_demand(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "需求"
    for row in (["需求名称", "需求描述", "备注"], ["甲", "一", "内部"], ["乙", "二", "内部"]):
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["C"].hidden = True
    other = book.create_sheet("内部")
    other.append(["需求名称"])
    other.append(["丙"])
    other.sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")

    reading = read_records(tmp_path / "a.xlsx", "needs")
    everything = read_records(tmp_path / "a.xlsx", "needs", include_hidden=True)

    assert reading.records == (NeedRecord(title="甲", problem="一"),)
    assert [(item.kind, item.rows, item.headers, item.records) for item in reading.questions] == [
        ("hidden_rows", (3,), (), 1), ("hidden_columns", (), ("备注",), 0), ("hidden_sheet", (), (), 1),
    ]  # fmt: skip
    assert [getattr(record, "title", None) for record in everything.records] == ["甲", "乙", "丙"]
    assert everything.records[0].extra == {"备注": "内部"}
    assert everything.questions == ()


def test_a_sheet_without_a_title_beside_one_with_it_is_noticed(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["需求名称", "需求描述"], ["甲", "一"]):
        book.active.append(row)
    other = book.create_sheet("词表")
    for row in (["技术领域", "合作方式"], ["电子信息", "技术开发"]):
        other.append(row)
    book.save(tmp_path / "a.xlsx")

    reading = read_records(tmp_path / "a.xlsx", "needs")

    assert reading.records == (NeedRecord(title="甲", problem="一"),)
    assert [(notice.code, notice.place.sheet) for notice in reading.notices] == [("import.no_title_column", "词表")]


def test_a_hidden_title_column_is_an_error_of_its_own(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["需求名称", "需求描述"], ["甲", "一"]):
        book.active.append(row)
    book.active.column_dimensions["A"].hidden = True
    book.save(tmp_path / "a.xlsx")

    with pytest.raises(InvalidInput) as caught:
        read_records(tmp_path / "a.xlsx", "needs")

    assert caught.value.code == "import.title_hidden"


def test_a_column_map_takes_a_file_whose_headers_nobody_knows(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.csv", [["题", "说", "号"], ["甲", "一", "N-1"]])

    reading = read_records(path, "needs", column_map={"题": "title", "说": "problem", "号": "external_id"})

    assert reading.records == (NeedRecord(external_id="N-1", title="甲", problem="一"),)


def test_without_a_column_for_the_title_the_opening_of_the_text_serves(tmp_path: Path) -> None:
    rows = [
        ["需求方", "需求内容", "联系方式"],
        ["示例甲", "解决填孔空洞问题" * 10, "张三，13800138000"],
        ["示例乙", "", "李四 a@Example.org"],
    ]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "needs")

    assert reading.records == (
        NeedRecord(
            title=("解决填孔空洞问题" * 10)[:60] + "…", problem="解决填孔空洞问题" * 10, organisation_name="示例甲",
            contact_name="张三", contact_phones=("13800138000",),
        ),
    )  # fmt: skip
    assert [_codes(row) for row in reading.rows] == [["import.title_from_text"], ["import.title_missing"]]


def test_a_cell_for_contacts_may_hold_a_name_a_phone_and_an_address(tmp_path: Path) -> None:
    rows = [
        ["需求名称", "描述", "联系方式"],
        ["甲", "一", "张三 13800138000 邮箱：a@Example.org"],
        ["乙", "二", "李四"],
    ]

    records = read_records(write_text(tmp_path / "a.csv", rows), "needs").records

    assert records == (
        NeedRecord(
            title="甲",
            problem="一",
            contact_name="张三",
            contact_phones=("13800138000",),
            contact_emails=("a@example.org",),
        ),
        NeedRecord(title="乙", problem="二", contact_name="李四"),
    )


def test_progress_is_told_and_can_stop_the_reading(tmp_path: Path) -> None:
    path = write_text(
        tmp_path / "a.csv", [["需求名称", "编号"], *([f"需求{number}", str(number)] for number in range(250))]
    )
    seen: list[tuple[int, int]] = []

    read_records(path, "needs", on_progress=lambda done, total: seen.append((done, total)))

    def cancel(done: int, total: int) -> None:
        raise KeyboardInterrupt

    assert seen == [(100, 250), (200, 250), (250, 250)]
    with pytest.raises(KeyboardInterrupt):
        read_records(path, "needs", on_progress=cancel)


def test_a_span_gives_both_dates_and_single_columns_win(tmp_path: Path) -> None:
    rows = [
        ["需求名称", "需求描述", "需求时限", "截止日期"],
        ["甲", "一", "2024年至2026年", ""],
        ["乙", "二", "2024年至2026年", "2025.6"],
    ]

    records = read_records(write_text(tmp_path / "a.csv", rows), "needs").records

    assert [(record.starts_on, record.ends_on) for record in records if isinstance(record, NeedRecord)] == [
        (date(2024, 1, 1), date(2026, 12, 31)), (date(2024, 1, 1), date(2025, 6, 30)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "header", "length"),
    [("title", "需求名称", 301), ("external_id", "编号", 201), ("organisation_name", "企业名称", 201)],
)
def test_texts_too_long_for_their_field_are_refused(tmp_path: Path, field: str, header: str, length: int) -> None:
    rows = [["需求名称", "描述", "编号", "企业名称"], ["甲", "一", "1", "示例"]]
    rows[1][rows[0].index(header)] = "长" * length

    reading = read_records(write_text(tmp_path / "a.csv", rows), "needs")

    assert _codes(reading.rows[0])[0] == f"import.{field}_too_long"


def test_a_long_remark_in_a_short_field_is_kept_beside_the_fields(tmp_path: Path) -> None:
    rows = [["成果名称", "简介", "知识产权情况"], ["甲", "一", "已授权发明专利三项，" * 10]]

    reading = read_records(write_text(tmp_path / "a.csv", rows), "capabilities")

    assert reading.records == (
        CapabilityRecord(title="甲", abstract="一", extra={"知识产权情况": "已授权发明专利三项，" * 10}),
    )
    assert _codes(reading.rows[0]) == ["import.ip_status_too_long"]


def test_refused_rows_come_back_in_a_file_that_can_be_corrected(tmp_path: Path) -> None:
    rows = [
        ["编号", "企业名称", "需求名称", "描述", "备注"],
        ["1", "示例甲", "填孔", "一", "x"],
        ["2", "示例乙", "", "=二", "y"],
        ["1", "示例丙", "发泡", "三", "z"],
    ]
    reading = read_records(write_text(tmp_path / "a.csv", rows), "needs")

    assert write_refused(reading, tmp_path / "fix.xlsx") == 2

    book = openpyxl.load_workbook(tmp_path / "fix.xlsx")
    sheet = book.worksheets[0]
    assert [[cell.value for cell in row] for row in sheet] == [
        ["编号", "企业名称", "需求名称", "描述", "备注", "未导入原因", "原位置"],
        ["2", "示例乙", None, neutralise("=二"), "y", "需求名称：缺少“需求名称”", "a.csv 第 3 行"],
        ["1", "示例丙", "发泡", "三", "z", "编号 1 与 a.csv 第 2 行 重复", "a.csv 第 4 行"],
    ]
    sheet["C2"] = "补上的名称"
    sheet["A3"] = "3"
    book.save(tmp_path / "fix.xlsx")
    corrected = read_records(tmp_path / "fix.xlsx", "needs")
    assert corrected.records == (
        NeedRecord(external_id="2", organisation_name="示例乙", title="补上的名称", problem="=二", extra={"备注": "y"}),
        NeedRecord(external_id="3", organisation_name="示例丙", title="发泡", problem="三", extra={"备注": "z"}),
    )


def test_no_file_is_made_when_nothing_was_refused(tmp_path: Path) -> None:
    reading = read_records(write_text(tmp_path / "a.csv", [["需求名称"], ["甲"]]), "needs")

    assert write_refused(reading, tmp_path / "fix.xlsx") == 0
    assert not (tmp_path / "fix.xlsx").exists()


@pytest.mark.parametrize("kind", ["needs", "capabilities", "experts", "organisations"])
@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_template_is_understood_and_its_explanations_are_passed_over(
    tmp_path: Path, kind: Any, language: Any
) -> None:
    write_template(kind, tmp_path / "t.xlsx", VOCABULARIES, language=language)

    with pytest.raises(InvalidInput) as caught:
        read_records(tmp_path / "t.xlsx", kind)
    assert caught.value.code == "import.no_rows"

    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    sheet = book.worksheets[0]
    title = next(cell.column for cell in sheet[1] if str(cell.value).endswith("*"))
    sheet.cell(4, title).value = "填写的一行"
    book.save(tmp_path / "t.xlsx")
    reading = read_records(tmp_path / "t.xlsx", kind, vocabularies=VOCABULARIES)
    assert [getattr(record, "title", None) or getattr(record, "name", None) for record in reading.records] == [
        "填写的一行"
    ]
    assert [finding.code for finding in reading.skipped] == ["import.skipped_note", "import.skipped_example"]
    assert all(guess.field for guess in reading.columns[0].columns)


def test_a_template_offers_the_vocabularies_on_a_second_sheet(tmp_path: Path) -> None:
    write_template("needs", tmp_path / "t.xlsx", VOCABULARIES)

    book = openpyxl.load_workbook(tmp_path / "t.xlsx")
    assert book.sheetnames == ["技术需求", "词表"]
    assert [[cell.value for cell in row] for row in book["词表"]][:2] == [
        ["行业", "技术领域", "合作方式"], ["C 制造业", "电子信息", "技术开发"],
    ]  # fmt: skip
    formulas = {validation.formula1 for validation in book["技术需求"].data_validations.dataValidation}
    assert formulas == {"'词表'!$A$2:$A$4", "'词表'!$B$2:$B$2", "'词表'!$C$2:$C$2"}

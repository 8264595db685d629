"""Headers as offices write them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from matching.errors import InvalidInput
from matching.importing.columns import apply_column_map, guess_columns, header_unit, match_header, normalise_header
from matching.importing.fields import FIELDS, RECORD_KINDS
from matching.importing.layout import Header, Table
from matching.importing.read_table import read_tables

PROVINCIAL_FORM = {
    "编号": "external_id", "机构全称": "organisation_name", "所在地域": "region_code", "电子信箱": "contact_emails",
    "联系人": "contact_name", "固定电话": "contact_phones", "手机": "contact_phones", "需求名称": "title",
    "需求时限（____年至____年）": "span", "概述（主要问题，500字以内）": "problem", "技术关键与指标": "indicators",
    "预期目标": "expected_result", "关键字（1-5个）": "keywords", "拟投入资金（万元）": "budget",
    "解决方式": "cooperation_modes",
    "合作意向单位": "preferred_partners", "学科分类": "discipline", "技术领域": "domain", "应用行业": "industry_codes",
}  # fmt: skip
REGISTRATION_FORM = {
    "成果名称": "title", "登记号": "registration_number", "推荐单位": "organisation_name", "登记日期": "registered_on",
    "研究起止时间": "research_span", "密级": "secrecy", "成果属性": "origin", "关键词": "keywords",
    "成果体现形式": "form",
    "成果水平": "evaluation", "所处阶段": "maturity",
}  # fmt: skip
EXPERT_TEMPLATE = {
    "专家姓名": "name", "身份证号": None, "性别": None, "出生年份": None, "所在单位": "organisation_name",
    "职称": "title",
    "职务": "position", "联系电话": "contact_phones", "专业领域": "fields",
}  # fmt: skip
ORGANISATION_FORM = {
    "机构全称": "name", "归口管理部门": "supervising_department", "通讯地址": "address", "网址": "website",
    "法人代表": "legal_representative",
    "邮编": "postcode", "传真": "fax", "机构属性": "kind", "机构简介（500字以内）": "intro",
    "统一社会信用代码*": "uscc",
}  # fmt: skip
ENGLISH = {
    "Need title *": "title", "Company": "organisation_name", "Description": "problem", "Budget (RMB)": "budget",
    "Keywords": "keywords", "Deadline": "ends_on", "E-mail": "contact_emails", "Phone": "contact_phones",
    "Industry": "industry_codes",
}  # fmt: skip


def _table(*headers: str | tuple[str, ...]) -> Table:
    parts = [header if isinstance(header, tuple) else (header,) for header in headers]
    return Table(
        sheet=None, headers=[Header(number, part) for number, part in enumerate(parts, start=1)], rows=[], skipped=[]
    )


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("needs", PROVINCIAL_FORM),
        ("capabilities", REGISTRATION_FORM),
        ("experts", EXPERT_TEMPLATE),
        ("organisations", ORGANISATION_FORM),
        ("needs", ENGLISH),
    ],
)
def test_the_headers_of_known_forms(kind: Any, expected: dict[str, str | None]) -> None:
    guesses = guess_columns(_table(*expected), kind)

    assert {guess.header: guess.field for guess in guesses} == expected


@pytest.mark.parametrize("kind", RECORD_KINDS)
@pytest.mark.parametrize("language", ["zh", "en", "name"])
def test_the_headers_we_write_ourselves_are_certain(kind: Any, language: str) -> None:
    written = [field for field in FIELDS[kind] if field.written]

    guesses = guess_columns(_table(*(getattr(field, language) for field in written)), kind)

    assert [(guess.field, guess.confidence) for guess in guesses] == [(field.name, 1.0) for field in written]


def test_groups_tell_generic_names_apart() -> None:
    guesses = guess_columns(
        _table(("企业信息", "名称"), ("需求信息", "名称"), ("联系人信息", "电话"), ("需求信息", "描述")), "needs"
    )

    assert [guess.field for guess in guesses] == ["organisation_name", "title", "contact_phones", "problem"]


def test_of_two_columns_for_one_field_the_surer_is_taken_and_prose_is_joined() -> None:
    guesses = guess_columns(_table("技术需求", "需求名称", "主要问题", "现有基础", "企业名称", "所属单位"), "needs")

    assert [guess.field for guess in guesses] == [
        None, "title", "problem", "problem", "organisation_name", None,
    ]  # fmt: skip
    assert guesses[0].alternatives[:1] == ("title",)
    assert guesses[5].alternatives == ("organisation_name",)


def test_a_misspelt_header_is_a_guess_with_little_confidence() -> None:
    (guess,) = guess_columns(_table("拟投人经费"), "needs")

    assert (guess.field, guess.confidence < 0.6) == ("budget", True)


def test_unknown_headers_are_left_to_a_person() -> None:
    (guess,) = guess_columns(_table("今天天气"), "needs")

    assert (guess.field, guess.confidence, guess.alternatives) == (None, 0.0, ())


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("  需求名称 *", "需求名称"), ("（一）需求 名称：", "需求名称"), ("1、需求名称（必填）", "需求名称"),
        ("★需求名称【50字】", "需求名称"),
        ("Need_Title", "needtitle"), ("ＩＤ", "id"), ("（万元）", "(万元)"),
    ],
)  # fmt: skip
def test_headers_are_compared_in_a_normal_form(written: str, normal: str) -> None:
    assert normalise_header(written) == normal


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("预算（万元）", "万元"),
        ("金额(元)", "元"),
        ("预算 单位：元", "元"),
        ("Budget (RMB)", "元"),
        ("预算", None),
        ("Budget (10,000 CNY)", "万元"),
    ],
)
def test_units_of_money_in_headers(written: str, unit: str | None) -> None:
    assert header_unit(written) == unit


def test_a_remembered_map_overrides_the_guess() -> None:
    guesses = guess_columns(_table("需求名称", "备注", "联系电话"), "needs")

    mapped = apply_column_map(guesses, {"备注*": "title", "联系电话": None}, "needs")

    assert [(guess.field, guess.confidence) for guess in mapped] == [(None, 0.0), ("title", 1.0), (None, 0.0)]


def test_a_map_to_a_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInput) as caught:
        apply_column_map([], {"备注": "nothing"}, "needs")

    assert caught.value.code == "import.no_such_field"


def test_long_texts_are_no_headers() -> None:
    assert match_header(("需求名称" * 30,), "needs") == ()


def test_the_longest_column_is_the_prose_where_no_header_names_it(tmp_path: Path) -> None:
    file = tmp_path / "needs.csv"
    file.write_text(
        "单位名称,需求名称,我们想解决的事情\n甲厂,线路板翘曲,高频板压合后翘曲 0.9%，要求 ≤ 0.5%\n", encoding="utf-8"
    )
    guesses = guess_columns(read_tables(file, "needs").tables[0], "needs")
    assert [(guess.header, guess.field, guess.confidence) for guess in guesses] == [
        ("单位名称", "organisation_name", 1.0),
        ("需求名称", "title", 1.0),
        ("我们想解决的事情", "problem", 0.5),
    ]

"""What is exported comes back unchanged when it is imported."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from matching.documents import MoneyRange
from matching.errors import InvalidInput
from matching.exporting.posts_workbook import write_records
from matching.importing.fields import FIELDS, RECORD_KINDS, RecordKind
from matching.importing.records import (
    RECORD_TYPES,
    AnyRecord,
    CapabilityRecord,
    ExpertRecord,
    NeedRecord,
    OrganisationRecord,
    read_records,
)
from matching.importing.values import is_nothing
from matching.importing.vocabularies import VocabularyTerm
from matching.organisation_code import ALPHABET, check_digit

VOCABULARIES = {
    "cooperation_modes": (
        VocabularyTerm(code="development", label_zh="技术开发"),
        VocabularyTerm(code="joint_research", label_zh="合作研发"),
    ),
    "domains": (
        VocabularyTerm(code="electronics", label_zh="电子信息"),
        VocabularyTerm(code="materials", label_zh="新材料及其应用"),
    ),
    "industries": (
        VocabularyTerm(code="C39", label_zh="计算机、通信和其他电子设备制造业"),
        VocabularyTerm(code="C", label_zh="制造业"),
    ),
    "capability_kinds": (
        VocabularyTerm(code="achievement", label_zh="成果"),
        VocabularyTerm(code="patent", label_zh="专利"),
    ),
    "organisation_kinds": (
        VocabularyTerm(code="enterprise", label_zh="企业"),
        VocabularyTerm(code="university", label_zh="高校"),
    ),
    "organisation_stages": (VocabularyTerm(code="high_tech", label_zh="高新技术企业"),),
    "disciplines": (VocabularyTerm(code="430", label_zh="材料科学"),),
    "regions": (VocabularyTerm(code="440784", label_zh="鹤山市"),),
    "towns": (VocabularyTerm(code="440784001", label_zh="沙坪街道"),),
    "ip_arrangements": (VocabularyTerm(code="shared", label_zh="双方共有"),),
}

NEED = NeedRecord(
    external_id="2024-03",
    title="HDI 板微盲孔电镀填铜",
    problem="=1+1 不是公式\n第二段，含“引号”和, 逗号",
    indicators=("空洞率 ≤ 0.5 %；面铜 ≤ 25 μm",),
    expected_result="-5℃～40℃ 不变形",
    keywords=("HDI 板", "1,3-丁二烯", "C/C 复合材料"),
    industry_codes=("C39", "C"),
    domain="electronics",
    discipline="430",
    region_code="440784",
    town="440784001",
    starts_on=date(2026, 1, 31),
    ends_on=date(2026, 12, 1),
    budget=MoneyRange(minimum=Decimal("20.5"), negotiable=True),
    cooperation_modes=("development", "joint_research"),
    ip_arrangement="shared",
    preferred_partners="示例大学、示例研究院",
    visibility="matched",
    organisation_name="示例电路（集团）有限公司",
    uscc="91440784MA4UXXXX0" + check_digit("91440784MA4UXXXX0"),
    contact_name="张工",
    contact_phones=("13800138000", "0750-8888888转801"),
    contact_emails=("contact@example.org",),
    extra={"序号": "007", "备注": "@某人"},
)
CAPABILITY = CapabilityRecord(
    external_id="123456789012345678",
    kind="patent",
    title="脉冲电镀填孔",
    maturity=6,
    ip_number="ZL202310000000.0",
    experts=("李示例", "王示例"),
    price=MoneyRange(negotiable=True),
    registered_on=date(2025, 5, 6),
    research_starts_on=date(2020, 1, 1),
    research_ends_on=date(2021, 1, 1),
    visibility="public",
)
EXPERT = ExpertRecord(name="李示例", title="教授", fields=("电镀", "表面 处理"), orcid="0000-0002-1825-0097")
ORGANISATION = OrganisationRecord(
    name="示例大学", kind="university", postcode="052000", region_code="440784", stage="high_tech"
)


@pytest.mark.parametrize("suffix", [".xlsx", ".csv"])
@pytest.mark.parametrize("vocabularies", [None, VOCABULARIES], ids=["codes", "names"])
@pytest.mark.parametrize(
    ("kind", "record"),
    [("needs", NEED), ("capabilities", CAPABILITY), ("experts", EXPERT), ("organisations", ORGANISATION)],
)
def test_a_full_record_comes_back(
    tmp_path: Path, kind: RecordKind, record: AnyRecord, vocabularies: Any, suffix: str
) -> None:
    write_records([record], kind, tmp_path / f"out{suffix}", vocabularies=vocabularies)

    reading = read_records(tmp_path / f"out{suffix}", kind, vocabularies=vocabularies)

    assert reading.records == (record,)
    assert [row.findings for row in reading.rows if row.status == "refused"] == []


def test_every_field_of_every_kind_is_written_and_is_a_field_of_the_record() -> None:
    for kind in RECORD_KINDS:
        names = {field.name for field in FIELDS[kind] if field.written}
        own = set(RECORD_TYPES[kind].__dataclass_fields__) - {"natural_key", "extra"}
        assert names == own


def test_codes_phones_and_dates_are_text_and_dates_in_the_workbook(tmp_path: Path) -> None:
    write_records([NEED], "needs", tmp_path / "out.xlsx")

    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx").active
    cells = dict(zip([cell.value for cell in sheet[1]], sheet[2], strict=True))
    assert (cells["统一社会信用代码"].value, cells["统一社会信用代码"].data_type) == (NEED.uscc, "s")
    assert (cells["联系电话"].value, cells["联系电话"].data_type) == ("13800138000；0750-8888888转801", "s")
    assert cells["截止日期"].value.date() == date(2026, 12, 1)
    assert cells["现状与问题"].value.startswith("'=1+1")
    assert cells["预期目标"].value == "-5℃～40℃ 不变形"
    assert cells["附加：备注"].value == "'@某人"


def test_other_suffixes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        write_records([NEED], "needs", tmp_path / "out.xls")

    assert caught.value.code == "export.wrong_suffix"


_CHARACTERS = st.characters(exclude_categories=("C", "Z"), include_characters=" ；，、/=+-@'\"℃䶮\U0002cb2d😀")
_LINE = st.text(_CHARACTERS, min_size=1, max_size=30).map(str.strip).filter(lambda text: text and not is_nothing(text))
_PROSE = st.lists(_LINE, min_size=1, max_size=3).map("\n".join)
_ITEM = _LINE.filter(lambda text: not any(mark in text for mark in "☑☒✓✔√■●◉⊠□☐○◯◻▢〇◇"))
_AMOUNT = st.integers(0, 10**9).map(lambda fen: Decimal(fen) / 10**4)
_USCC = st.text(st.sampled_from(ALPHABET), min_size=17, max_size=17).map(lambda first: first + check_digit(first))


def _money(draw: Any) -> MoneyRange:
    low, high = sorted((draw(_AMOUNT), draw(_AMOUNT)))
    negotiable = draw(st.booleans())
    return draw(
        st.sampled_from(
            [
                MoneyRange(minimum=low, maximum=high, negotiable=negotiable),
                MoneyRange(minimum=low, negotiable=negotiable),
                MoneyRange(maximum=high, negotiable=negotiable),
                MoneyRange(minimum=high, maximum=high, negotiable=negotiable),
                MoneyRange(negotiable=True),
            ]
        )
    )


@st.composite
def _needs(draw: Any) -> NeedRecord:
    def maybe(strategy: Any) -> Any:
        return draw(st.none() | strategy)

    def several(strategy: Any) -> tuple[str, ...]:
        return tuple(draw(st.lists(strategy, max_size=3, unique=True)))

    return NeedRecord(
        external_id=maybe(_LINE),
        title=draw(_LINE),
        problem=draw(st.just("") | _PROSE),
        indicators=several(_ITEM.filter(lambda text: not text.startswith('"'))),
        expected_result=draw(st.just("") | _PROSE),
        keywords=several(_ITEM),
        industry_codes=several(st.sampled_from(["C", "C39", "A01", "C3982"])),
        discipline=maybe(st.sampled_from(["430", "52010"])),
        region_code=maybe(st.sampled_from(["440784", "440000"])),
        starts_on=maybe(st.dates(date(1990, 1, 1), date(2020, 1, 1))),
        ends_on=maybe(st.dates(date(2020, 1, 1), date(2099, 12, 31))),
        budget=_money(draw) if draw(st.booleans()) else None,
        cooperation_modes=several(st.sampled_from(["development", "transfer", "testing"])),
        preferred_partners=draw(st.just("") | _LINE),
        visibility=maybe(st.sampled_from(["public", "members", "matched", "staff"])),
        organisation_name=maybe(_LINE),
        uscc=maybe(_USCC),
        contact_phones=several(
            st.sampled_from(["13800138000", "0750-8888888", "010-12345678转12", "400-820-8820", "+49 30 123456"])
        ),
        contact_emails=several(st.sampled_from(["a@example.org", "B.c+d@example.com.cn"])),
        extra=draw(st.dictionaries(st.sampled_from(["备注", "合作方式", "序号", "需求名称"]), _PROSE, max_size=3)),
    )


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_needs(), min_size=1, max_size=4), st.sampled_from([".csv", ".xlsx"]))
def test_any_needs_come_back_from_either_kind_of_file(needs: list[NeedRecord], suffix: str) -> None:
    # Records of one file have ids of their own, as they do when they are exported.
    needs = [
        replace(need, external_id=f"{number} {need.external_id or ''}".strip()) for number, need in enumerate(needs)
    ]
    assume(all(len(need.title) <= 300 for need in needs))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"out{suffix}"
        write_records(needs, "needs", path)

        reading = read_records(path, "needs")

    assert reading.records == tuple(needs)


def test_importing_twice_finds_the_same_keys(tmp_path: Path) -> None:
    needs = [NEED, NeedRecord(title="水性油墨附着力", organisation_name="示例印刷有限公司")]
    write_records(needs, "needs", tmp_path / "a.xlsx")
    write_records(needs, "needs", tmp_path / "b.csv")

    first = read_records(tmp_path / "a.xlsx", "needs").records
    second = read_records(tmp_path / "b.csv", "needs").records

    assert [record.natural_key for record in first] == [record.natural_key for record in second]
    assert len({record.natural_key for record in first}) == 2

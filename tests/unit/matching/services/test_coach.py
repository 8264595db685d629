"""The coach: what it says, and what it must not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.documents import MoneyRange, PostDocument
from matching.services.coach import coach_post

GOOD_NEED = PostDocument(
    id="n",
    side="need",
    title="压铸铝合金表面耐盐雾涂层",
    text=(
        "压铸件在海边使用半年后涂层起泡脱落，返修率较高。已经试过两种环氧底漆，附着力仍然不够，"
        "前处理液每周更换一次，成本偏高。希望找到适合现有喷涂线的配方和前处理工艺，经过小试和中试后在产线上使用。"
    ),
    indicators=("盐雾试验 ≥ 1000 小时", "附着力 0 级"),
    keywords=("压铸铝", "涂层"),
    domain="materials",
    money=MoneyRange(minimum=Decimal(20), maximum=Decimal(30)),
    ends_on=date(2027, 6, 30),
    organisation_name="示例铝业有限公司",
)
GOOD_CAPABILITY = PostDocument(
    id="c",
    side="capability",
    kind="achievement",
    title="水性环氧防腐涂料",
    text=(
        "以水性环氧树脂为基体，加入片状填料，盐雾试验达到 1200 小时，适合铝合金压铸件和户外栏杆，"
        "施工时不需要改动现有喷涂设备，挥发物比溶剂型涂料低得多，已经在两条产线上用过，涂层均匀，返修很少。"
    ),
    keywords=("涂料",),
    maturity=7,
    money=MoneyRange(negotiable=True),
    cooperation_modes=("transfer",),
)


def codes(document: PostDocument, visibility: str = "public") -> list[str]:
    return [finding.code for finding in coach_post(document, visibility=visibility)]


def test_has_nothing_to_say_about_complete_posts() -> None:
    assert codes(GOOD_NEED) == []
    assert codes(GOOD_CAPABILITY) == []


def test_names_everything_an_empty_need_lacks() -> None:
    empty = PostDocument(id="n", side="need", title="")
    assert codes(empty) == [
        "text_too_short",
        "indicator_missing",
        "budget_missing",
        "deadline_missing",
        "field_missing",
        "keywords_missing",
    ]


def test_names_everything_an_empty_capability_lacks() -> None:
    empty = PostDocument(id="c", side="capability", title="", kind="achievement")
    assert codes(empty) == [
        "text_too_short",
        "maturity_missing",
        "benefit_missing",
        "price_missing",
        "modes_missing",
        "keywords_missing",
    ]


def test_an_expertise_needs_no_maturity() -> None:
    assert codes(replace(GOOD_CAPABILITY, kind="expertise", maturity=None)) == []
    assert codes(replace(GOOD_CAPABILITY, maturity=None)) == ["maturity_missing"]


def test_a_figure_in_the_text_is_an_indicator() -> None:
    assert codes(replace(GOOD_NEED, indicators=())) == ["indicator_missing"]
    assert codes(replace(GOOD_NEED, indicators=(), text=GOOD_NEED.text + "厚度 20 μm。")) == []
    assert codes(replace(GOOD_NEED, indicators=(), text=GOOD_NEED.text + "寿命不低于 5 年。")) == []


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("请打13800138000找我", "13800138000"),
        ("电话 138 0013 8000。", "138 0013 8000"),
        ("电话：＋86-138-0013-8000", "+86-138-0013-8000"),
        ("座机0750-8881234。", "0750-8881234"),
        ("热线４００-８００-１２３４", "400-800-1234"),
        ("邮箱 li.ming@example.com.cn，", "li.ming@example.com.cn"),
        ("微信号：duijie_2026", "微信号:duijie_2026"),
    ],
)
def test_finds_contact_details(written: str, shown: str) -> None:
    [finding] = coach_post(replace(GOOD_NEED, text=GOOD_NEED.text + written), visibility="staff")
    assert (finding.code, finding.field, finding.severity) == ("contact_in_text", "problem", "warning")
    assert shown in finding.text_zh
    assert shown in finding.text_en


@pytest.mark.parametrize(
    "harmless",
    [
        "执行 GB/T 34670-2017 标准。",
        "年产 13800138 件。",
        "转速 12000 r/min，电压 0750 V。",
        "产品编号 20260101-0012345。",
        "统一社会信用代码 91440784123456789X。",
        "频率 138.00138000 MHz。",
    ],
)
def test_technical_numbers_are_no_contact_details(harmless: str) -> None:
    assert codes(replace(GOOD_NEED, text=GOOD_NEED.text + harmless)) == []


def test_contact_details_in_the_title_point_to_the_title() -> None:
    [finding] = coach_post(replace(GOOD_NEED, title="涂层问题找13800138000"), visibility="public")
    assert (finding.code, finding.field) == ("contact_in_text", "title")


def test_prices_matter_only_where_others_read_them() -> None:
    priced = replace(GOOD_NEED, text=GOOD_NEED.text + "目前采购价约 3.5 元/件。")
    assert codes(priced) == ["price_in_text"]
    assert codes(priced, "staff") == []


def test_a_named_firm_is_a_warning_only_where_it_should_stay_hidden() -> None:
    named = replace(
        GOOD_NEED,
        organisation_name="鹤山市蓝湾铝业（集团）有限公司",
        text=GOOD_NEED.text + "鹤山市蓝湾铝业自有喷涂线。",
    )
    assert [(f.code, f.severity) for f in coach_post(named, visibility="public")] == [("company_in_text", "advice")]
    assert [(f.code, f.severity) for f in coach_post(named, visibility="matched")] == [("company_in_text", "warning")]
    assert codes(named, "staff") == []


@pytest.mark.parametrize("title", ["寻求产学研技术合作", "智能化改造", "Seeking technical cooperation", "产品质量提升"])
def test_titles_that_name_nothing(title: str) -> None:
    assert "title_too_general" in codes(replace(GOOD_NEED, title=title))


@pytest.mark.parametrize("title", ["制鞋胶水提升", "5G通讯线路板", "HDI", "涂层", "Coating development"])
def test_titles_that_name_something(title: str) -> None:
    assert "title_too_general" not in codes(replace(GOOD_NEED, title=title))


def test_identity_numbers_are_found() -> None:
    assert "identity_in_text" in codes(replace(GOOD_NEED, text=GOOD_NEED.text + "身份证440784199001011234"))


@given(title=st.text(max_size=300), text=st.text(max_size=2000), side=st.sampled_from(["need", "capability"]))
def test_any_text_is_answered_in_both_languages(title: str, text: str, side: str) -> None:
    document = PostDocument(id="x", side=side, title=title, text=text)  # type: ignore[arg-type]
    for finding in coach_post(document, visibility="public"):
        assert finding.text_zh
        assert finding.text_en
        assert finding.severity in ("warning", "advice")

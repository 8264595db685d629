"""Money, dates, phones, lists and terms as people write them."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.documents import MoneyRange
from matching.importing.values import (
    Phones,
    Unreadable,
    format_money,
    is_nothing,
    join_lines,
    join_list,
    parse_contact,
    parse_date,
    parse_emails,
    parse_industry,
    parse_maturity,
    parse_money,
    parse_phones,
    parse_span,
    parse_visibility,
    read_ticked,
    section_of_division,
    split_lines,
    split_list,
)
from matching.importing.vocabularies import TermFinder, VocabularyTerm


def _range(low: str | None, high: str | None, *, negotiable: bool = False) -> MoneyRange:
    return MoneyRange(
        minimum=None if low is None else Decimal(low),
        maximum=None if high is None else Decimal(high),
        negotiable=negotiable,
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("50", _range("50", "50")),
        ("50.0", _range("50", "50")),
        ("50万元", _range("50", "50")),
        ("８万元", _range("8", "8")),
        ("10 万", _range("10", "10")),
        ("20-30", _range("20", "30")),
        ("20—30万元", _range("20", "30")),
        ("20～30", _range("20", "30")),
        ("20万至30万元", _range("20", "30")),
        ("20万-30万", _range("20", "30")),
        ("50万元-1亿元", _range("50", "10000")),
        ("约50万", _range("50", "50")),
        ("50万左右", _range("50", "50")),
        ("100万元以上", _range("100", None)),
        ("≥30", _range("30", None)),
        ("不低于30万元", _range("30", None)),
        ("200+", _range("200", None)),
        ("不超过50万", _range(None, "50")),
        ("≤50", _range(None, "50")),
        ("50万以内", _range(None, "50")),
        ("1.5亿", _range("15000", "15000")),
        ("500000元", _range("50", "50")),
        ("￥500,000 元", _range("50", "50")),
        ("1,200", _range("1200", "1200")),
        ("五十万元", _range("50", "50")),
        ("三百二十万", _range("320", "320")),
        ("十万", _range("10", "10")),
        ("人民币伍拾万元整", _range("50", "50")),
        ("5千元", _range("0.5", "0.5")),
        ("2百万", _range("200", "200")),
        ("30w", _range("30", "30")),
        ("0.5", _range("0.5", "0.5")),
        ("0", _range("0", "0")),
        ("面议", _range(None, None, negotiable=True)),
        ("另行商议", _range(None, None, negotiable=True)),
        ("面议（50万以内）", _range(None, "50", negotiable=True)),
        ("20-30万，可面议", _range("20", "30", negotiable=True)),
        ("", None),
        ("无", None),
        ("-", None),
        ("/", None),
    ],
)
def test_money_is_read_in_wan_yuan(text: str, expected: MoneyRange | None) -> None:
    assert parse_money(text) == expected


def test_a_header_in_yuan_counts_for_numbers_without_a_unit() -> None:
    assert parse_money("500000", unit="元") == _range("50", "50")
    assert parse_money("50万", unit="元") == _range("50", "50")
    assert parse_money("100000-200000", unit="元") == _range("10", "20")


@pytest.mark.parametrize(
    "text",
    ["5万美元", "$500", "30-20", "视情况", "20 30 40", "10万、20万", "-5", "第三期再看，共五个子课题每个子课题另算"],
)
def test_money_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_money(text)


@given(
    st.integers(0, 10**12),
    st.integers(0, 10**12),
    st.sampled_from(["both", "low", "high", "one", "none"]),
    st.booleans(),
)
def test_money_comes_back_from_how_it_is_written(first: int, second: int, shape: str, negotiable: bool) -> None:
    low, high = sorted((Decimal(first) / 10**6, Decimal(second) / 10**6))
    money = {
        "both": MoneyRange(minimum=low, maximum=high, negotiable=negotiable),
        "low": MoneyRange(minimum=low, negotiable=negotiable),
        "high": MoneyRange(maximum=high, negotiable=negotiable),
        "one": MoneyRange(minimum=low, maximum=low, negotiable=negotiable),
        "none": MoneyRange(negotiable=True),
    }[shape]

    assert parse_money(format_money(money)) == money


@given(st.text(max_size=30))
def test_any_text_is_an_amount_or_unreadable(text: str) -> None:
    try:
        money = parse_money(text)
    except Unreadable:
        return
    if money is not None and money.minimum is not None and money.maximum is not None:
        assert Decimal(0) <= money.minimum <= money.maximum


@pytest.mark.parametrize(
    "text",
    [
        "2024年3月5日", "2024-03-05", "2024/3/5", "2024.3.5", "20240305", "2024年03月05号", "2024-03-05 00:00:00",
        "2024-03-05T08:30:00+08:00", "5 March 2024", "Mar 5, 2024", "２０２４．０３．０５", "45356",
        "二〇二四年三月五日",
        "5-Mar-2024", "2024 年 3 月 5 日",
    ],
)  # fmt: skip
def test_days_are_read_however_they_are_written(text: str) -> None:
    assert parse_date(text) == date(2024, 3, 5)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024.7", date(2024, 7, 1), date(2024, 7, 31)),
        ("2024年2月", date(2024, 2, 1), date(2024, 2, 29)),
        ("2024年二月", date(2024, 2, 1), date(2024, 2, 29)),
        ("2024-12", date(2024, 12, 1), date(2024, 12, 31)),
        ("2024年", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("2024年底", date(2024, 1, 1), date(2024, 12, 31)),
        ("June 2024", date(2024, 6, 1), date(2024, 6, 30)),
    ],
)
def test_months_and_years_have_a_first_and_a_last_day(text: str, first: date, last: date) -> None:
    assert (parse_date(text, edge="start"), parse_date(text, edge="end")) == (first, last)


@pytest.mark.parametrize("text", ["", "长期", "待定", "/"])
def test_open_ends_are_no_dates(text: str) -> None:
    assert parse_date(text) is None


def test_month_and_day_are_told_apart_only_where_they_can_be() -> None:
    assert parse_date("25/12/2024") == date(2024, 12, 25)
    assert parse_date("12/25/2024") == date(2024, 12, 25)
    with pytest.raises(Unreadable):
        parse_date("03/04/2024")


@pytest.mark.parametrize("text", ["2024-02-30", "2024年13月", "明年", "12345678", "1e5", "99999"])
def test_texts_that_are_no_dates_say_so(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_date(text)


def test_day_numbers_of_1904_workbooks() -> None:
    assert parse_date("43894", epoch_1904=True) == date(2024, 3, 5)


@given(
    st.dates(date(1990, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d"]),
)
def test_every_day_comes_back_from_every_style(day: date, style: str) -> None:
    assert parse_date(day.strftime(style)) == day


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)))
def test_every_day_comes_back_from_its_number(day: date) -> None:
    assert parse_date(str((day - date(1899, 12, 30)).days)) == day


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2018.01-2020.12", (date(2018, 1, 1), date(2020, 12, 31))),
        ("2024年至2026年", (date(2024, 1, 1), date(2026, 12, 31))),
        ("2024年1月—2024年12月", (date(2024, 1, 1), date(2024, 12, 31))),
        ("2024年3月-8月", (date(2024, 3, 1), date(2024, 8, 31))),
        ("2024-01-01 至 2024-06-30", (date(2024, 1, 1), date(2024, 6, 30))),
        ("2024-01-01~2024-06-30", (date(2024, 1, 1), date(2024, 6, 30))),
        ("2024/1/1 - 2024/6/30", (date(2024, 1, 1), date(2024, 6, 30))),
        ("2024-2026", (date(2024, 1, 1), date(2026, 12, 31))),
        ("2024年3月5日", (None, date(2024, 3, 5))),
        ("长期", (None, None)),
        ("", (None, None)),
    ],
)
def test_spans(text: str, expected: tuple[date | None, date | None]) -> None:
    assert parse_span(text) == expected


def test_a_span_that_ends_before_it_starts_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        parse_span("2026年至2024年")


@given(
    st.dates(date(1990, 1, 1), date(2090, 1, 1)),
    st.integers(0, 3000),
    st.sampled_from(["至", "-", "~", " - ", "—", "到"]),
)
def test_spans_come_back_whatever_stands_between(start: date, length: int, mark: str) -> None:
    end = start + timedelta(days=length)

    assert parse_span(f"{start.isoformat()}{mark}{end.isoformat()}") == (start, end)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("13800138000", ("13800138000",)),
        ("13800138000.0", ("13800138000",)),
        ("138 0013 8000", ("13800138000",)),
        ("+86 138-0013-8000", ("13800138000",)),
        ("+86 138 0013 8000", ("13800138000",)),
        ("１３８００１３８０００", ("13800138000",)),
        ("13800138000/13900139000", ("13800138000", "13900139000")),
        ("13800138000、0750-8888888", ("13800138000", "0750-8888888")),
        ("13800138000 13900139000", ("13800138000", "13900139000")),
        ("13800138000\n13900139000", ("13800138000", "13900139000")),
        ("０７５０－８８８８８８８８", ("0750-88888888",)),
        ("(0750) 8888888", ("0750-8888888",)),
        ("07508888888", ("0750-8888888",)),
        ("010-12345678转12", ("010-12345678转12",)),
        ("86-750-8888888转801", ("0750-8888888转801",)),
        ("0750-8888888-801", ("0750-8888888转801",)),
        ("0750-8888888/8888889", ("0750-8888888", "0750-8888889")),
        ("8888888", ("8888888",)),
        ("400-820-8820", ("400-820-8820",)),
        ("+49 (30) 123456", ("+49 30 123456",)),
        ("手机：13800138000", ("13800138000",)),
        ("", ()),
        ("无", ()),
    ],
)
def test_phones_are_brought_to_one_way_of_writing(text: str, numbers: tuple[str, ...]) -> None:
    assert parse_phones(text) == Phones(numbers, ())


def test_numbers_of_the_wrong_length_are_kept_as_doubtful() -> None:
    assert parse_phones("1390013900；13800138000") == Phones(("13800138000",), ("1390013900",))


@given(
    st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True),
    st.from_regex(r"0[3-9][0-9]{2}-[0-9]{7,8}", fullmatch=True),
    st.sampled_from(["/", "、", "；", " / ", "\n", "，"]),
)
def test_two_phones_in_one_cell_are_two(mobile: str, landline: str, mark: str) -> None:
    assert parse_phones(f"{mobile}{mark}{landline}") == Phones((mobile, landline), ())


@pytest.mark.parametrize(
    ("text", "name", "numbers"),
    [
        ("张三 13800138000", "张三", ("13800138000",)),
        ("张三/0750-8888888", "张三", ("0750-8888888",)),
        ("张三", "张三", ()),
        ("13800138000", "", ("13800138000",)),
    ],
)
def test_a_name_and_a_phone_in_one_cell(text: str, name: str, numbers: tuple[str, ...]) -> None:
    assert parse_contact(text) == (name, Phones(numbers, ()))


def test_mail_addresses() -> None:
    assert parse_emails("A.b@Example.ORG；c@d.cn") == ("A.b@example.org", "c@d.cn")
    assert parse_emails("") == ()
    with pytest.raises(Unreadable):
        parse_emails("没有邮箱")


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("HDI 板、电镀，填孔;盲孔；铜", ("HDI 板", "电镀", "填孔", "盲孔", "铜")),
        ("电镀/填孔", ("电镀", "填孔")),
        ("电镀 填孔　盲孔", ("电镀", "填孔", "盲孔")),
        ("HDI 板", ("HDI 板",)),
        ("machine learning", ("machine learning",)),
        ("1,3-丁二烯, 苯乙烯", ("1,3-丁二烯", "苯乙烯")),
        ("C/C 复合材料；刹车盘", ("C/C 复合材料", "刹车盘")),
        ('"1,3-丁二烯、苯"；橡胶', ("1,3-丁二烯、苯", "橡胶")),
        ("电镀、电镀", ("电镀",)),
        ("☑联合开发 ☑委托开发 □技术转让", ("联合开发", "委托开发")),
        ("", ()),
    ],
)
def test_lists(text: str, items: tuple[str, ...]) -> None:
    assert split_list(text) == items


_ITEMS = st.lists(
    st.text(st.characters(exclude_categories=("C", "Z"), include_characters=' 、，,；;/|"'), min_size=1, max_size=12)
    .map(str.strip)
    .filter(lambda text: text and not is_nothing(text) and read_ticked(text) is None),
    max_size=5,
    unique=True,
)


@given(_ITEMS)
def test_lists_come_back_from_how_they_are_written(items: list[str]) -> None:
    if read_ticked("".join(items)) is None:
        assert split_list(join_list(items)) == tuple(items)


@given(_ITEMS)
def test_indicators_come_back_from_how_they_are_written(items: list[str]) -> None:
    if not any(item.startswith('"') for item in items):
        assert split_lines(join_lines(items)) == tuple(items)


def test_ticked_boxes() -> None:
    assert read_ticked("☑电子信息 □装备制造 □其他：____") == ["电子信息"]
    assert read_ticked("■ 是  □ 否") == ["是"]
    assert read_ticked("□是 □否") == []
    assert read_ticked("电子信息") is None


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("TRL 6", 6), ("TRL6", 6), ("trl-7", 7), ("6", 6), ("6.0", 6), ("6级", 6), ("第6级", 6), ("六级", 6),
        ("TRL 4-5", 4),
        ("TRL 6 工程样机", 6), ("小试", 4), ("中试阶段", 6), ("已量产", 9), ("产业化", 9), ("样机", 6), ("试生产",
        7), ("实验室阶段", 4),
        ("未评价", None), ("", None), ("□小试 ☑中试 □量产", 6),
    ],
)  # fmt: skip
def test_maturity(text: str, level: int | None) -> None:
    assert parse_maturity(text) == level


@pytest.mark.parametrize("text", ["TRL 12", "10", "很好"])
def test_maturity_that_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises(Unreadable):
        parse_maturity(text)


TERMS = TermFinder(
    {
        "industries": (
            VocabularyTerm(code="C", label_zh="制造业", label_en="Manufacturing"),
            VocabularyTerm(code="C39", label_zh="计算机、通信和其他电子设备制造业"),
        ),
        "regions": (VocabularyTerm(code="440700", label_zh="江门市"), VocabularyTerm(code="440784", label_zh="鹤山市")),
        "cooperation_modes": (VocabularyTerm(code="joint_research", label_zh="合作研发"),),
    }
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("C39", "C39"), ("39", "C39"), ("3982", "C3982"), ("c3982", "C3982"),
        ("C39 计算机、通信和其他电子设备制造业", "C39"),
        ("计算机、通信和其他电子设备制造业", "C39"), ("manufacturing", "C"), ("制造业", "C"), ("A39", None),
        ("99", None), ("造船", None),
    ],
)  # fmt: skip
def test_industries(text: str, code: str | None) -> None:
    assert parse_industry(text, TERMS) == code


def test_sections_of_divisions() -> None:
    assert [section_of_division(number) for number in (0, 1, 13, 39, 43, 44, 73, 97, 98)] == [
        None, "A", "C", "C", "C", "D", "M", "T", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "vocabulary", "code"),
    [
        ("鹤山", "regions", "440784"),
        ("广东省江门市鹤山市", "regions", "440784"),
        ("440784", "regions", "440784"),
        ("联合开发", "cooperation_modes", "joint_research"),
        ("Joint_research", "cooperation_modes", "joint_research"),
        ("技术转让", "cooperation_modes", None),
        ("火星", "regions", None),
    ],
)
def test_terms_by_code_name_synonym_and_place(text: str, vocabulary: str, code: str | None) -> None:
    assert TERMS.find(text, vocabulary) == code


@pytest.mark.parametrize(
    ("text", "visibility"),
    [
        ("公开", "public"), ("是", "public"), ("不公开", "staff"), ("否", "staff"), ("仅平台内可见", "members"),
        ("登录可见", "members"),
        ("仅匹配对象", "matched"), ("仅工作人员", "staff"), ("□公开 ☑仅平台内可见 □不公开", "members"),
        ("□公开 □不公开", None), ("", None),
    ],
)  # fmt: skip
def test_visibility(text: str, visibility: str | None) -> None:
    assert parse_visibility(text) == visibility


def test_a_visibility_that_cannot_be_told_says_so() -> None:
    with pytest.raises(Unreadable):
        parse_visibility("看情况")

"""Texts that nearly agree are told from others, and found by the hashes they share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matching.text.fingerprints import compare, fingerprint, nearly_agree

PROSE = (
    "我公司生产的高频线路板在回流焊后翘曲超过千分之七，影响贴片良率。已经试过调整压合参数和铜厚平衡，"
    "翘曲仍有波动，希望找到能够预测并控制翘曲的方法，并在现有产线上验证。"
)
OTHER = (
    "铝合金压铸件在盐雾试验中三百小时出现白锈，客户要求达到一千小时。现有前处理为无铬钝化，"
    "需要新的涂层体系或前处理工艺，不增加烘烤温度。"
)


def test_spacing_punctuation_width_and_case_do_not_count() -> None:
    plain = fingerprint("5G HDI板翘曲控制", PROSE)
    varied = fingerprint("５ＧhdI 板 翘曲控制。", PROSE.replace("，", ", ").replace("。", "．\n"))
    assert plain.values == varied.values
    assert compare(plain, varied).resemblance == 1.0


def test_a_few_changed_words_leave_a_duplicate() -> None:
    first = fingerprint("高频线路板翘曲控制技术", PROSE)
    second = fingerprint("高频线路板的翘曲控制", PROSE.replace("我公司", "某企业").replace("贴片良率", "良率"))
    assert nearly_agree(first, second)
    assert first.values & second.values


def test_a_shorter_version_within_a_longer_one_is_a_duplicate() -> None:
    assert nearly_agree(fingerprint("", PROSE), fingerprint("", f"{OTHER}{PROSE}{OTHER[::-1]}"))


def test_other_works_are_none() -> None:
    assert not nearly_agree(fingerprint("线路板翘曲控制", PROSE), fingerprint("压铸件防腐涂层", OTHER))


def test_a_shared_heading_for_a_title_makes_no_duplicate() -> None:
    first, second = fingerprint("企业技术需求征集表", PROSE), fingerprint("企业技术需求征集表", OTHER)
    assert compare(first, second).same_title
    assert not nearly_agree(first, second)


def test_the_same_title_with_half_of_the_text_in_common_is_a_duplicate() -> None:
    half = PROSE[: len(PROSE) // 2]
    assert nearly_agree(fingerprint("高频线路板翘曲控制", PROSE), fingerprint("高频线路板翘曲控制", half + OTHER))


def test_very_short_texts_must_be_equal() -> None:
    assert nearly_agree(fingerprint("线路板翘曲控制", ""), fingerprint("线路板 翘曲控制", ""))
    assert not nearly_agree(fingerprint("线路板翘曲控制", ""), fingerprint("线路板翘曲检测", ""))


def test_empty_texts_are_like_nothing() -> None:
    empty = fingerprint(" ", "，。")
    assert empty.values == frozenset()
    assert not nearly_agree(empty, empty)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=200))
def test_comparing_is_symmetric_and_bounded(title: str, first_body: str, second_body: str) -> None:
    first, second = fingerprint(title, first_body), fingerprint(title, second_body)
    likeness = compare(first, second)
    assert likeness == compare(second, first)
    assert 0 <= likeness.resemblance <= likeness.shared <= 1
    assert nearly_agree(first, second) == nearly_agree(second, first)
    assert nearly_agree(first, first) == (first.letters > 0)
    assert all(-(2**63) <= value < 2**63 for value in first.values)

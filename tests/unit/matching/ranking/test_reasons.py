from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.documents import MoneyRange, PostDocument
from matching.ranking.phrases import clauses_of, find_shared_phrases
from matching.ranking.pool import PoolStatistics
from matching.ranking.reasons import Reason, explain_pair
from matching.ranking.structured import compare_fields, describe_money
from matching.text.normalise import normalise
from tests.unit.matching.ranking.posts import (
    CAPABILITIES,
    NEEDS,
    HashedEmbedder,
    embed_all,
    make_capability,
    make_need,
    pool_of,
)


def explain(need: PostDocument, capability: PostDocument, **options: object) -> list[Reason]:
    pool, vectors = pool_of([*NEEDS, *CAPABILITIES, need, capability])
    return explain_pair(need, capability, pool=pool, vectors=vectors, **options)  # type: ignore[arg-type]


def of_kind(reasons: list[Reason], kind: str) -> list[Reason]:
    return [reason for reason in reasons if reason.kind == kind]


def test_shared_phrase_is_shown_as_written_with_its_places() -> None:
    need = make_need("n", "铝件表面处理", "要求 ＨＤＩ　板 上的 微弧氧化 膜层均匀")
    capability = make_capability("c", "微弧氧化电源", "也用于HDI板")
    phrases = of_kind(explain(need, capability), "phrase")
    spans = {
        need.full_text[slice(*reason.need_span or (0, 0))]: capability.full_text[
            slice(*reason.capability_span or (0, 0))
        ]
        for reason in phrases
    }
    assert spans["微弧氧化"] == "微弧氧化"
    assert spans["ＨＤＩ　板"] == "HDI板"


def test_longest_run_of_words_is_one_phrase() -> None:
    need = make_need("n", "含铜电镀废水处理")
    capability = make_capability("c", "电镀废水回用")
    pool, _ = pool_of([need, capability, *NEEDS, *CAPABILITIES])
    assert [phrase.text for phrase in find_shared_phrases(need, capability, pool)] == ["电镀废水"]


def test_a_word_inside_a_longer_one_is_found() -> None:
    need, capability = make_need("n", "提高涂层耐盐雾时间"), make_capability("c", "中性盐雾试验箱")
    pool, _ = pool_of([need, capability, *NEEDS, *CAPABILITIES])
    assert [phrase.text for phrase in find_shared_phrases(need, capability, pool)] == ["盐雾"]


def test_latin_words_are_not_cut() -> None:
    need = make_need("n", "LED driver", language="en")
    capability = make_capability("c", "OLED driver design", language="en")
    pool, _ = pool_of([need, capability])
    assert [phrase.text for phrase in find_shared_phrases(need, capability, pool)] == ["driver"]


def test_stop_words_are_no_reason() -> None:
    need, capability = make_need("n", "关于提高关键技术的研究"), make_capability("c", "关键技术的研究与应用")
    pool, _ = pool_of([need, capability])
    assert find_shared_phrases(need, capability, pool) == []


def test_indicators_met_and_not_met() -> None:
    need = make_need("n", "防腐涂料", indicators=("盐雾 ≥ 1000 h", "VOC ≤ 100 g/L"))
    capability = make_capability("c", "防腐涂料", "盐雾 1500 h，VOC 180 g/L")
    met, missed = sorted(of_kind(explain(need, capability), "indicator"), key=lambda reason: reason.against)
    assert (met.text_zh, met.against) == ("指标满足：盐雾 需求 ≥ 1000 h，供给 1500 h", False)
    assert (missed.text_zh, missed.against) == ("指标未达到：voc 需求 ≤ 100 g/L，供给 180 g/L", True)
    assert need.full_text[slice(*met.need_span or (0, 0))].strip() == "≥ 1000 h"


def test_fields_for_and_against() -> None:
    labels = {
        "C33": ("金属制品业", "Metal products"),
        "C334": ("金属丝绳", "Wire"),
        "development": ("技术开发", "Development"),
    }
    need = make_need(
        "n", "防腐", industry_codes=("C33",), cooperation_modes=("development",), maturity=7,
        money=MoneyRange(minimum=Decimal(20), maximum=Decimal(30)), ends_on=date(2027, 1, 1),
    )  # fmt: skip
    capability = make_capability(
        "c", "防腐", industry_codes=("C334",), cooperation_modes=("development", "transfer"), maturity=4,
        money=MoneyRange(minimum=Decimal(50), maximum=Decimal(50)),
    )  # fmt: skip
    reasons = {reason.kind: reason for reason in explain(need, capability, labels=labels)}
    assert reasons["industry"].text_zh == "行业一致：金属制品业"
    assert reasons["cooperation_mode"].text_en == "Same kind of cooperation: Development"
    assert reasons["money"].text_zh == "报价高于预算：预算 20–30 万元，报价 50 万元"
    assert reasons["maturity"].text_zh == "成熟度不足：TRL 4（要求至少 7）"
    assert {kind for kind, reason in reasons.items() if reason.against} == {"money", "maturity"}


def test_unknown_fields_say_nothing() -> None:
    full = make_need("n", "防腐", industry_codes=("C33",), domain="materials", maturity=5)
    assert compare_fields(full, make_capability("c", "防腐")) == []
    assert compare_fields(make_need("n", "防腐"), make_capability("c", "防腐", maturity=2)) == []


@pytest.mark.parametrize(
    ("budget", "price", "agrees"),
    [
        ((None, 30), (20, 20), [True]),
        ((None, 30), (40, 60), [False]),
        ((20, None), (40, 60), []),
        ((20, 30), (None, None), []),
    ],
)
def test_budget_against_price(
    budget: tuple[int | None, int | None], price: tuple[int | None, int | None], agrees: list[bool]
) -> None:
    def money(bounds: tuple[int | None, int | None]) -> MoneyRange:
        low, high = (None if bound is None else Decimal(bound) for bound in bounds)
        return MoneyRange(minimum=low, maximum=high, negotiable=low is None and high is None)

    found = compare_fields(make_need("n", "x", money=money(budget)), make_capability("c", "x", money=money(price)))
    assert [agreement.agrees for agreement in found] == agrees


def test_money_is_written_as_people_do() -> None:
    assert describe_money(MoneyRange(minimum=Decimal("20.50"), maximum=Decimal("30"))) == "20.5–30"
    assert describe_money(MoneyRange(negotiable=True)) == "面议"
    assert describe_money(MoneyRange(minimum=Decimal(100), maximum=Decimal(100))) == "100"


def test_meaning_names_the_nearest_clauses() -> None:
    need = make_need("n", "表面问题", "我公司成立多年，压铸铝件的微弧氧化膜层不均匀。希望合作。")
    capability = make_capability("c", "成果", "团队二十人。压铸铝件微弧氧化膜层均匀。获奖三项。")
    for nearness, opening in ((4.2, ["意思很相近："]), (3.2, ["意思相近：需"]), (2.8, [])):
        found = of_kind(explain(need, capability, embedder=HashedEmbedder(), nearness=nearness), "meaning")
        assert [reason.text_zh[:6] for reason in found] == opening
    meaning = of_kind(explain(need, capability, embedder=HashedEmbedder(), nearness=4.2), "meaning")
    assert need.full_text[slice(*meaning[0].need_span or (0, 0))] == "压铸铝件的微弧氧化膜层不均匀"
    assert capability.full_text[slice(*meaning[0].capability_span or (0, 0))] == "压铸铝件微弧氧化膜层均匀"


def test_pair_far_apart_has_no_reason() -> None:
    assert [reason for reason in explain(NEEDS[1], CAPABILITIES[3]) if not reason.against] == []


def test_reasons_for_come_first_and_strongest_first() -> None:
    need = make_need("n", "防腐涂料", "盐雾 ≥ 1000 h", maturity=8)
    capability = make_capability("c", "防腐涂料", "盐雾 1200 h", maturity=3)
    reasons = explain(need, capability)
    assert [reason.against for reason in reasons] == sorted(reason.against for reason in reasons)
    weights = [reason.weight for reason in reasons if not reason.against]
    assert weights == sorted(weights, reverse=True)


def test_json_has_the_contract_keys() -> None:
    content = explain(NEEDS[0], CAPABILITIES[0])[0].to_json()
    assert {"kind", "text", "need_span", "capability_span"} <= set(content)
    assert content["need_span"] == list(content["need_span"])


def test_clauses_do_not_part_numbers() -> None:
    document = make_capability("c", "Title of it", "The film is 2.5 mm thick. It lasts long enough.")
    assert [document.full_text[slice(*span)] for span in clauses_of(document)] == [
        "The film is 2.5 mm thick",
        "It lasts long enough",
    ]


def test_blank_posts_can_be_explained() -> None:
    blank, other = make_need("n", ""), make_capability("c", "微弧氧化")
    vectors = embed_all([blank, other])
    assert [
        reason.kind
        for reason in explain_pair(blank, other, pool=PoolStatistics.of_posts([blank, other], vectors), vectors=vectors)
    ] == ["weak"]


def pool_with_many() -> PoolStatistics:
    """A hundred posts more, a fifth of which are about batteries."""
    others = [
        make_need(f"o{number}", "锂电池包" if number % 5 == 0 else f"{number}号纱线染整") for number in range(120)
    ]
    pool, _ = pool_of([*NEEDS, *CAPABILITIES, *others])
    return pool


@pytest.mark.parametrize(
    "shared",
    ["处理", "mm", "两家", "自动", "0.5 mm", "以上", "μmol/J", "25%", "直接", "system", "提高产品质量", "产学研合作"],
)
def test_words_of_any_text_and_measures_are_no_reasons(shared: str) -> None:
    need = make_need("n", "茶叶萎凋", f"希望{shared}，避免返青")
    capability = make_capability("c", "伞骨成型", f"能{shared}，用于户外")
    pool, _ = pool_of([need, capability, *NEEDS, *CAPABILITIES])
    assert find_shared_phrases(need, capability, pool) == []


def test_what_a_good_part_of_all_posts_have_is_no_reason() -> None:
    need, capability = make_need("n", "锂电池极片涂布"), make_capability("c", "锂电池隔膜涂布")
    assert [phrase.text for phrase in find_shared_phrases(need, capability, pool_with_many())] == ["涂布"]


def test_a_phrase_does_not_go_on_over_a_mark() -> None:
    need = make_need("n", "线路板，压合翘曲。盐雾1,000小时、红茶")
    capability = make_capability("c", "用于线路板，压合翘曲。盐雾1,000小时、红茶")
    pool, _ = pool_of([need, capability, *NEEDS, *CAPABILITIES])
    assert {phrase.text for phrase in find_shared_phrases(need, capability, pool, limit=9)} == {
        "线路板",
        "压合翘曲",
        "盐雾",
        "红茶",
    }


def test_a_telling_word_keeps_the_general_words_within_its_phrase() -> None:
    need, capability = make_need("n", "合金企业的新材料合作"), make_capability("c", "面向合金企业的新材料")
    pool, _ = pool_of([need, capability, *NEEDS, *CAPABILITIES])
    assert [phrase.text for phrase in find_shared_phrases(need, capability, pool)] == ["合金企业的新材料"]


PIECES = ("盐雾", "处理", "，", "mm", "0.5", "红茶", "的", "\n", "。")


@given(
    st.lists(
        st.sampled_from(["盐雾", "处理", "ＨＤＩ　板", "，", "mm", "0.5", "红茶", "的", "\n", "Mini LED", "。"]),
        max_size=12,
    ),
    st.lists(
        st.sampled_from(["盐雾", "处理", "HDI板", "，", "mm", "0.5", "红茶", "的", "\n", "mini  LED", "。"]),
        max_size=12,
    ),
)
def test_spans_hold_the_same_phrase_in_both_texts(first: list[str], second: list[str]) -> None:
    need, capability = make_need("n", "线路板", "".join(first)), make_capability("c", "茶叶", "".join(second))
    pool = PoolStatistics()
    for phrase in find_shared_phrases(need, capability, pool, limit=9):
        texts = [
            normalise(document.full_text[slice(*span)])
            for document, span in ((need, phrase.need_span), (capability, phrase.capability_span))
        ]
        assert texts[0] == texts[1] != ""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.text.quantities import (
    Bound,
    Fulfilment,
    Quantity,
    compare_quantities,
    find_quantities,
    match_quantities,
)


def only(text: str) -> Quantity:
    found = find_quantities(text)
    assert len(found) == 1, found
    return found[0]


@pytest.mark.parametrize(
    ("text", "bound", "low", "high", "unit"),
    [
        ("盐雾 ≥ 1000 h", Bound.AT_LEAST, 1000, math.inf, "h"),
        ("盐雾试验不低于1000小时", Bound.AT_LEAST, 1000, math.inf, "h"),
        ("循环寿命10万次以上", Bound.AT_LEAST, 100_000, math.inf, "次"),
        ("VOC含量 ≤100 g/L", Bound.AT_MOST, -math.inf, 100, "g/L"),
        ("偏差 ±5 %", Bound.TOLERANCE, -5, 5, "%"),
        ("厚度 0.1~0.5 mm", Bound.RANGE, 0.1, 0.5, "mm"),
        ("孔径 2–3 μm", Bound.RANGE, 0.002, 0.003, "mm"),
        ("耐温 -40℃~120℃", Bound.RANGE, -40, 120, "℃"),
        ("温度 25±2℃", Bound.RANGE, 23, 27, "℃"),
        ("功率 5 MW", Bound.EXACT, 5e6, 5e6, "W"),
        ("功率 5 mW", Bound.EXACT, 0.005, 0.005, "W"),
        ("绝缘电阻 1×10^3 Ω", Bound.EXACT, 1000, 1000, "Ω"),
        ("salt spray at least 1,000 h", Bound.AT_LEAST, 1000, math.inf, "h"),
        ("压力 10 bar", Bound.EXACT, 1, 1, "MPa"),
    ],
)
def test_reading(text: str, bound: Bound, low: float, high: float, unit: str) -> None:
    quantity = only(text)
    assert (quantity.bound, quantity.unit) == (bound, unit)
    assert (quantity.low, quantity.high) == pytest.approx((low, high))


def test_span_and_property() -> None:
    text = "要求：中性盐雾 ≥ 1000 h，附着力良好"
    quantity = only(text)
    assert text[slice(*quantity.span)].strip() == "≥ 1000 h"
    assert "中性盐雾" in "".join(sorted(quantity.properties)) or "盐雾" in quantity.properties


@pytest.mark.parametrize("text", ["2020-2023年", "AZ91D镁合金", "GB/T 4754-2017", "13800001234", ""])
def test_what_is_no_quantity(text: str) -> None:
    assert find_quantities(text) == ()


@pytest.mark.parametrize(
    ("need", "capability", "expected"),
    [
        ("盐雾 ≥ 1000 h", "耐盐雾 1200小时", Fulfilment.MET),
        ("盐雾 ≥ 1000 h", "中性盐雾 ≥ 1200 h", Fulfilment.MET),
        ("盐雾 ≥ 1000 h", "盐雾 500 h", Fulfilment.NOT_MET),
        ("盐雾 ≥ 1000 h", "盐雾 ≥ 500 h", Fulfilment.NOT_MET),
        ("盐雾 ≥ 1000 h", "保温时间 2 h", Fulfilment.UNKNOWN),
        ("盐雾 ≥ 1000 h", "盐雾 1200 次", Fulfilment.UNKNOWN),
        ("VOC ≤ 100 g/L", "VOC 80000 mg/L", Fulfilment.MET),
        ("VOC ≤ 100 g/L", "VOC 150 g/L", Fulfilment.NOT_MET),
        ("厚度 0.1~0.5 mm", "厚度 200 μm", Fulfilment.MET),
        ("厚度 0.1~0.5 mm", "厚度 0.3~0.8 mm", Fulfilment.UNKNOWN),
        ("厚度 0.1~0.5 mm", "厚度 2 mm", Fulfilment.NOT_MET),
        ("精度 ±5 %", "精度 ±3 %", Fulfilment.MET),
        ("精度 ±5 %", "精度 ±8 %", Fulfilment.NOT_MET),
        ("厚度 5 μm", "厚度 5 μm", Fulfilment.MET),
        ("厚度 5 μm", "厚度 8 μm", Fulfilment.UNKNOWN),
        ("能量密度 ≥ 300 Wh/kg", "电池达到 320 Wh/kg", Fulfilment.MET),
    ],
)
def test_comparing(need: str, capability: str, expected: Fulfilment) -> None:
    assert compare_quantities(only(need), only(capability)) is expected


def test_a_capability_is_taken_at_its_best() -> None:
    matches = match_quantities(find_quantities("盐雾 ≥ 1000 h"), find_quantities("原工艺盐雾 200 h，改进后盐雾 1500 h"))
    assert [match.fulfilment for match in matches] == [Fulfilment.MET]
    assert matches[0].capability.low == 1500


@given(st.text(st.sampled_from("0123456789.,-~±≥≤ xe^×h%mμgLk/年次℃盐雾厚度不低于以上()（）\n"), max_size=40))
@settings(max_examples=300)
def test_any_text_can_be_read(text: str) -> None:
    for quantity in find_quantities(text):
        assert quantity.low <= quantity.high
        assert 0 <= quantity.span[0] < quantity.span[1] <= len(text)

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from matching.text.normalise import normalise, normalise_with_offsets


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("ＨＤＩ　板", "hdi板"),
        ("HDI 板", "hdi板"),
        ("高 频 覆铜板", "高频覆铜板"),
        ("Li-ion  battery\tpack", "li-ion battery pack"),
        ("一行\r\n\r\n  二行", "一行\n二行"),
        ("2–3 μm", "2-3 μm"),
        ("0.1～0.5", "0.1~0.5"),
        ("10⁵次", "10^5次"),
        ("g/cm³", "g/cm3"),
        ("①1000 h", "1000 h"),
        ("25℃", "25°c"),
        ("\ufeff零\u200b宽", "零宽"),
        ("䶮𬭎😀", "䶮𬭎😀"),
        ("坏\ud83d字", "坏字"),
        ("cafe\u0301", "café"),
        ("", ""),
        (" \n ", ""),
    ],
)
def test_normal_form(written: str, normal: str) -> None:
    assert normalise(written) == normal


def test_span_points_into_the_text_as_written() -> None:
    written = "采用 ＨＤＩ　板 的方案"
    normal = normalise_with_offsets(written)
    start = normal.text.index("hdi板")
    first, last = normal.original_span(start, start + 4)
    assert written[first:last] == "ＨＤＩ　板"


@given(st.text())
@settings(max_examples=300)
def test_normal_form_is_stable_and_every_character_has_a_place(text: str) -> None:
    normal = normalise_with_offsets(text)
    assert normalise(normal.text) == normal.text
    assert len(normal.text) == len(normal.starts) == len(normal.ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(normal.starts, normal.ends, strict=True))
    assert list(normal.starts) == sorted(normal.starts)

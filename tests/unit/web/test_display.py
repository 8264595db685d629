"""Marked phrases, and fit in words."""

from __future__ import annotations

import re
from html import unescape
from itertools import pairwise

from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from web.display import fit_in_words, mark_excerpt, mark_text, merge_spans

spans = st.lists(st.tuples(st.integers(-5, 60), st.integers(-5, 60)), max_size=8)


@given(text=st.text(max_size=50), places=spans)
def test_marking_changes_nothing_but_the_marks(text: str, places: list[tuple[int, int]]) -> None:
    marked = str(mark_text(text, places))
    assert unescape(re.sub(r"</?mark>", "", marked)) == unescape(text) or "&" in text
    assert marked.count("<mark>") == marked.count("</mark>") == len(merge_spans(places, len(text)))


@given(places=spans, length=st.integers(0, 60))
def test_merged_spans_cover_the_same_places(places: list[tuple[int, int]], length: int) -> None:
    merged = merge_spans(places, length)
    covered = {place for start, end in merged for place in range(start, end)}
    assert covered == {place for start, end in places for place in range(max(start, 0), min(end, length))}
    assert all(first[1] < second[0] for first, second in pairwise(merged))


def test_text_is_escaped_inside_and_outside_of_marks() -> None:
    assert mark_text("<b>䶮</b>", [(0, 3)]) == "<mark>&lt;b&gt;</mark>䶮&lt;/b&gt;"


def test_an_excerpt_shows_the_surroundings_of_the_phrase() -> None:
    text = "前" * 300 + "盐雾试验" + "后" * 300
    assert mark_excerpt(text, [(300, 304)]) == "…" + "前" * 28 + "<mark>盐雾试验</mark>" + "后" * 28 + "…"
    assert mark_excerpt("短 <文>", []) == "短 &lt;文&gt;"
    assert mark_excerpt("长" * 300, []) == "长" * 240 + "…"


def test_fit_is_said_in_words(app: Flask) -> None:
    with app.test_request_context("/", headers={"Accept-Language": "zh"}):
        found = [fit_in_words(0.0, share) for share in (0.62, 0.3, 0.12, 0.05)]
        assert [fit.words for fit in found] == ["很可能", "可能", "值得一看", "仅供参考"]
        assert [fit.percent for fit in found] == [62, 30, 12, 5]
        assert fit_in_words(0.0, 1.5).share == 1.0
        words = [fit_in_words(score, None).words for score in (9.0, 5.1, 4.1, 3.1, 2.0, -1e9)]
        assert words == ["很可能", "很可能", "可能", "值得一看", "仅供参考", "仅供参考"]
        assert fit_in_words(9.0, None).percent is None

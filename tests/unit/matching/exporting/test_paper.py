"""PDF pages: Chinese text is in the file and in its fonts, and what no font has is said instead of drawn as a box."""

from __future__ import annotations

import io
import re

import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from matching.errors import PartUnavailable
from matching.exporting.paper import FontFile, Paper, first_font, installed_fonts

pytestmark = pytest.mark.skipif(first_font() is None, reason="no Chinese font is installed")


def read(content: bytes) -> str:
    """All text, blanks left out: where one stands in a PDF is the viewer's guess."""
    return re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))


def fewer(without: str) -> list[FontFile]:
    """The first installed font as if it lacked those characters."""
    first = installed_fonts()[0]
    return [FontFile(first.path, first.number, first.characters - {ord(one) for one in without})]


def test_text_with_rare_characters_is_in_the_file_with_its_font() -> None:
    paper = Paper("对接会")
    paper.new_page()
    paper.line("鹤山 䶮 𬭎 示例电路", 14)
    paper.table(("时段", "双方"), [("09:00–09:20", "甲电路 × 张老师")], (20, 80))
    content = paper.finish("缺字：")
    text = read(content)
    for wanted in ("鹤山", "示例电路", "09:00–09:20", "甲电路×张老师"):
        assert wanted in text
    for character in "䶮𬭎":  # as itself, or told
        assert character in text or f"U+{ord(character):04X}" in text
    fonts = PdfReader(io.BytesIO(content)).pages[0]["/Resources"]["/Font"]
    for font in fonts.values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_a_character_that_no_font_has_is_spelt_out_and_named_at_the_end() -> None:
    paper = Paper("胸卡", fonts=fewer("𬭎"))
    paper.new_page()
    paper.line("𬭎工", 14)
    text = read(paper.finish("缺字："))
    assert "[U+2CB4E]工" in text
    assert "缺字：U+2CB4E" in text


def test_it_is_drawn_and_not_only_written() -> None:
    paper = Paper("对接会")
    paper.new_page()
    paper.line("鹤山市对接会", 40)
    page = pypdfium2.PdfDocument(paper.finish(""))[0]
    picture = page.render(scale=0.5).to_pil().convert("L")
    dark = sum(1 for value in picture.tobytes() if value < 128)
    assert dark > 500


def test_without_a_font_it_is_said_what_to_do() -> None:
    with pytest.raises(PartUnavailable) as raised:
        Paper("x", fonts=[])
    assert "fonts-noto-cjk" in raised.value.message


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=60))
def test_any_text_makes_a_file(text: str) -> None:
    paper = Paper("x")
    paper.new_page()
    paper.line(text, 12)
    paper.fitted(text, 20, 60, 40, 20)
    assert paper.finish("缺：").startswith(b"%PDF-")


@pytest.mark.parametrize(
    "text", ["鹤山示例水暖卫浴有限公司（示例）与（另一家）", "甲、乙，丙；丁（戊）己", "（（（（（（））））））"]
)
@pytest.mark.parametrize("width", [17.0, 23.0, 40.0])
def test_no_line_begins_with_what_closes_nor_ends_with_what_opens(text: str, width: float) -> None:
    paper = Paper("x")
    paper.pdf.set_font("cjk0", size=10)
    lines = paper._lines(text, width)
    assert "".join(lines) == text
    inner = width - 2 * paper.pdf.c_margin
    assert all(paper.pdf.get_string_width(line) <= inner for line in lines)
    if "（（" not in text:
        assert all(line[0] not in "）、，；" for line in lines), lines
        assert all(line[-1] != "（" for line in lines), lines

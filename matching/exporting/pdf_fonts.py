"""Fonts in PDF files that every reader of their text understands.

fpdf2 embeds the OpenType fonts of the Noto family with a table of codes of its own (an embedded CMap), which viewers
draw well and many programs that read text out of PDF files do not follow. Where a glyph's code in the file is its
number in the font, the predefined `Identity-H` says the same, and everybody knows that one.
"""

from __future__ import annotations

from typing import Any

from fpdf import FPDF
from fpdf.fonts import Glyph, SubsetMap, TTFFont
from fpdf.output import OutputProducer
from fpdf.syntax import Name


class _CodesAreNumbers(SubsetMap):
    """Gives each glyph its number in the font as its code, the blank and the missing glyph included."""

    def __init__(self, font: TTFFont) -> None:
        super().__init__(font)
        present = list(self._char_id_per_glyph)
        self._char_id_per_glyph = {}
        for glyph in present:
            self.pick_glyph(glyph)

    def pick_glyph(self, glyph: Glyph | None) -> int | None:
        """The glyph's code; taken into the file with it."""
        if glyph is None:
            return None
        name = glyph.glyph_name
        number = int(name[3:]) if name.startswith("cid") and name[3:].isdigit() else glyph.glyph_id
        return self._char_id_per_glyph.setdefault(glyph, number)


class _Producer(OutputProducer):
    """Names the predefined encoding where the codes are the numbers."""

    def _add_fonts(self, *arguments: Any, **options: Any) -> Any:
        made = super()._add_fonts(*arguments, **options)
        for index, font in self.fpdf.fonts.items():
            if isinstance(getattr(font, "subset", None), _CodesAreNumbers):
                made[self.fpdf.fonts[index].i].encoding = Name("Identity-H")  # type: ignore[misc]
        return made


def embed_font(pdf: FPDF, family: str, path: str, number: int) -> None:
    """Make a font file's face known to the document under that name."""
    pdf.add_font(family, fname=path, collection_font_number=number)
    font = pdf.fonts[family]
    if isinstance(font, TTFFont) and font.is_cff and font.is_cid_keyed:
        font.subset = _CodesAreNumbers(font)


def bytes_of(pdf: FPDF) -> bytes:
    """The finished file."""
    return bytes(pdf.output(output_producer_class=_Producer))

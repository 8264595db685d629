"""PDF pages with Chinese text: fonts found on the machine go into the file, so that every reader shows the same.

A character that none of the fonts has would come out as an empty box, and nobody would notice before the badge hangs
round its owner's neck. Here it is looked for in all installed Chinese fonts, and where none has it, its code point is
printed in its place, in brackets, and told to the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from matching.errors import PartUnavailable

if TYPE_CHECKING:
    from fpdf import FPDF

_PLACES = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-cjk-fonts/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/opentype/source-han-sans/SourceHanSansSC-Regular.otf",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/System/Library/Fonts/Hiragino Sans GB.ttc",
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simsunb.ttf",
)
"""Where systems keep fonts with Chinese characters, the fullest first."""
_FAMILIES = ("SC", "CN", "Hans", "GB", "")
"""Faces of a collection, the simplified Chinese one first."""
_CHINESE = "对"
MARGIN = 15.0
_NOT_FIRST = frozenset("）》〉」』】〕、，。；：！？…％’”)]},.;:!?%")
"""What does not begin a line of Chinese."""
_NOT_LAST = frozenset("（《〈「『【〔‘“([{")
"""What does not end one."""
_PADDING = 1


@dataclass(frozen=True, slots=True)
class FontFile:
    """A font of the machine: the file, the face in it where it holds several, and the characters it has."""

    path: str
    number: int
    characters: frozenset[int]


@lru_cache(maxsize=1)
def first_font() -> FontFile | None:
    """The font to set text in; read once a process."""
    return next((font for place in _present() if (font := _read_font(place)) is not None), None)


@lru_cache(maxsize=1)
def installed_fonts() -> tuple[FontFile, ...]:
    """All fonts with Chinese characters, the first included; read only where a character is missing there."""
    return tuple(font for place in _present() if (font := _read_font(place)) is not None)


def _present() -> list[str]:
    return [place for place in _PLACES if Path(place).is_file()]


@lru_cache(maxsize=len(_PLACES))
def _read_font(path: str) -> FontFile | None:
    from fontTools.ttLib import TTCollection, TTFont  # type: ignore[import-untyped]
    from fontTools.ttLib.ttFont import TTLibError  # type: ignore[import-untyped]

    try:
        if path.endswith(".ttc"):
            faces = TTCollection(path, lazy=True).fonts
            names = [str(face["name"].getDebugName(1) or "") for face in faces]
            number = next(
                index for family in _FAMILIES for index, name in enumerate(names) if not family or name.endswith(family)
            )
            face = faces[number]
        else:
            number, face = 0, TTFont(path, lazy=True)
        characters = frozenset(face.getBestCmap())
    except (TTLibError, OSError, KeyError):
        return None
    return FontFile(path, number, characters) if ord(_CHINESE) in characters else None


class Paper:
    """A PDF that is being written, A4, in millimetres. `missing` are the characters that no font has."""

    def __init__(self, title: str, *, landscape: bool = False, fonts: Sequence[FontFile] | None = None) -> None:
        first = first_font() if fonts is None else next(iter(fonts), None)
        if first is None:
            raise PartUnavailable(
                "fonts",
                "服务器上没有中文字体，不能生成 PDF；请安装 fonts-noto-cjk，或用浏览器打印",
                message_en="The server has no Chinese font for PDF files; install fonts-noto-cjk, or print the page",
            )
        self._fonts: tuple[FontFile, ...] = (first,) if fonts is None else tuple(fonts)
        self._all_looked_at = fonts is not None
        self.missing: set[str] = set()
        self._used: set[int] = set()
        self.pdf = _new_pdf(landscape)
        self.pdf.set_title(title)
        self.pdf.set_creator("Duijie")
        self._use(0)

    def _use(self, number: int) -> str:
        family = f"cjk{number}"
        if number not in self._used:
            from matching.exporting.pdf_fonts import embed_font

            font = self._fonts[number]
            embed_font(self.pdf, family, font.path, font.number)
            self._used.add(number)
            if number:
                self.pdf.set_fallback_fonts([f"cjk{one}" for one in sorted(self._used) if one])
        return family

    def shown(self, text: str) -> str:
        """The text with what no font has spelt out; further fonts are taken into the file as they are needed."""
        parts = []
        for character in " ".join(text.replace("\n", " ").split()):
            code = ord(character)
            number = self._find(code)
            if number is None:
                self.missing.add(character)
                parts.append(f"[U+{code:04X}]")
                continue
            self._use(number)
            parts.append(character)
        return "".join(parts)

    def _find(self, code: int) -> int | None:
        number = next((place for place, font in enumerate(self._fonts) if code in font.characters), None)
        if number is None and not self._all_looked_at:
            self._fonts, self._all_looked_at = installed_fonts(), True
            return self._find(code)
        return number

    def new_page(self) -> None:
        """Begin a page."""
        self.pdf.add_page()

    def line(self, text: str, size: float, *, soft: bool = False, gap: float = 1.5, centred: bool = False) -> None:
        """A paragraph over the whole width; long ones wrap between any two characters."""
        self.pdf.set_text_color(*((90, 100, 112) if soft else (20, 25, 32)))
        self.pdf.set_font("cjk0", size=size)
        lines = self._lines(self.shown(text), self.pdf.epw)
        self._wrap(0, size * 0.55, "\n".join(lines), align="C" if centred else "L")
        self.pdf.ln(gap)

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[int], size: float = 10
    ) -> None:
        """Rows with borders; the head is repeated on every page."""
        self.pdf.set_text_color(20, 25, 32)
        self.pdf.set_draw_color(150, 160, 172)
        self.pdf.set_font("cjk0", size=size)
        from fpdf.enums import WrapMode
        from fpdf.fonts import FontFace

        with self.pdf.table(
            col_widths=tuple(widths),
            line_height=size * 0.62,
            text_align="LEFT",
            headings_style=FontFace(emphasis=None, fill_color=(233, 241, 250)),
            wrapmode=WrapMode.CHAR,
            padding=_PADDING,
        ) as table:
            for cells in (head, *rows):
                row = table.row()
                for cell, share in zip(cells, widths, strict=True):
                    width = self.pdf.epw * share / sum(widths) - 2 * _PADDING
                    row.cell("\n".join(self._lines(self.shown(cell), width)))

    def fitted(self, text: str, x: float, y: float, width: float, largest: float, *, least: float = 8) -> float:
        """Text in a box of that width: as large as it fits on one line, else wrapped at the least size on up to three
        lines. Returns where the next thing may stand.
        """
        shown, size = self.shown(text), largest
        self.pdf.set_text_color(20, 25, 32)
        self.pdf.set_font("cjk0", size=size)
        while size > least and self.pdf.get_string_width(shown) > width:
            size -= 0.5
            self.pdf.set_font("cjk0", size=size)
        self.pdf.set_xy(x, y)
        lines = self._lines(shown, width)
        kept = lines[:3]
        if len(lines) > len(kept):
            kept[-1] = kept[-1][:-1] + "…"
        self._wrap(width, size * 0.5, "\n".join(kept))
        return float(self.pdf.get_y())

    def _wrap(self, width: float, height: float, text: str, *, align: str = "L") -> None:
        from fpdf.enums import WrapMode

        # Wrapping between any two characters: Chinese has no blanks to wrap at.
        self.pdf.multi_cell(width, height, text, align=align, new_x="LMARGIN", new_y="NEXT", wrapmode=WrapMode.CHAR)

    def _lines(self, text: str, width: float) -> list[str]:
        lines, line = [], ""
        inner = width - 2 * self.pdf.c_margin
        if self.pdf.get_string_width(text) <= inner:
            return [text]
        wide = {character: self.pdf.get_string_width(character) for character in set(text)}
        for character in text:
            if line and sum(wide[one] for one in line) + wide[character] > inner:
                # Latin words stay whole where there is a blank to break at.
                kept, blank, begun = (
                    line.rpartition(" ") if character.isascii() and character != " " else (line, "", "")
                )
                if not blank:
                    kept, begun = _break_before(line, character)
                lines.append(kept)
                line = begun
            line += character
        return [*lines, line]

    def code(self, text: str, x: float, y: float, side: float) -> None:
        """A QR code as drawn squares: sharp at any size, and no picture in the file."""
        import segno

        matrix = segno.make(text, error="m").matrix
        quiet = 4
        step = side / (len(matrix) + 2 * quiet)
        self.pdf.set_fill_color(0, 0, 0)
        for down, line in enumerate(matrix):
            start = None
            # Neighbours in a line are one rectangle: between two a viewer may show a hairline.
            for across, dark in enumerate([*line, 0]):
                if dark and start is None:
                    start = across
                elif not dark and start is not None:
                    self.pdf.rect(
                        x + (quiet + start) * step, y + (quiet + down) * step, (across - start) * step, step, style="F"
                    )
                    start = None

    def finish(self, note: str) -> bytes:
        """The file. Where characters were missing, `note` and their code points stand at the end."""
        if self.missing:
            codes = " ".join(f"U+{ord(one):04X}" for one in sorted(self.missing))
            self.line(f"{note} {codes}", 8, soft=True)
        from matching.exporting.pdf_fonts import bytes_of

        return bytes_of(self.pdf)


def _break_before(line: str, following: str) -> tuple[str, str]:
    """What stays of a full line, and what goes to the next one with the following character."""
    at = len(line)
    # At most two characters back: a line of brackets alone is broken where it is full.
    while at > 1 and len(line) - at < 2 and ((line[at:] or following)[0] in _NOT_FIRST or line[at - 1] in _NOT_LAST):
        at -= 1
    return line[:at], line[at:]


def _new_pdf(landscape: bool) -> FPDF:
    from fpdf import FPDF

    pdf = FPDF(orientation="landscape" if landscape else "portrait", unit="mm", format="A4")
    pdf.set_margin(MARGIN)
    pdf.set_auto_page_break(True, MARGIN)
    return pdf

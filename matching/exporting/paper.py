"""PDF pages with Chinese text: fonts found on the machine go into the file, so that every reader shows the same.

A character that none of the fonts has would come out as an empty box, and nobody would notice before the badge hangs
round its owner's neck. Here it is looked for in all installed Chinese fonts, and where none has it, its code point is
printed in its place, in brackets, and told to the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
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
_LEADING = 0.5
"""Millimetres from line to line in a table, for each point of the text's size."""
_BASELINE = 0.38
"""Millimetres from the top of a line to where its letters stand, for each point."""
_LEAST_SIZE = 5.5
BETWEEN = " × "
"""What stands between the two sides of a meeting."""
_MASK = 3

_Cells = list[list[str]]
"""The lines of each cell of a row."""


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


def code_matrix(text: str) -> Sequence[bytes]:
    """The squares of a QR code, line by line, 1 for the dark ones.

    The standard lets a writer try all eight masks for the most even picture, which is five sixths of the work; a reader
    takes any. What stands in ours is a signature: even enough under one.
    """
    import segno

    return [bytes(line) for line in segno.make(text, error="m", mask=_MASK).matrix]


def dark_runs(line: bytes) -> Iterator[tuple[int, int]]:
    """(from, how many) of the dark squares of a line of a code, neighbours together."""
    start = line.find(1)
    while start >= 0:
        end = line.find(0, start)
        end = len(line) if end < 0 else end
        yield start, end - start
        start = line.find(1, end)


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
        self,
        head: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: Sequence[float],
        size: float = 10,
        *,
        room: float | None = None,
    ) -> None:
        """Rows with borders; the head is repeated on every page. With `room`, millimetres, the whole table is set as
        small as it has to be to stand in them, so long as it stays legible.
        """
        pdf = self.pdf
        inner = [pdf.epw * share / sum(widths) - 2 * _PADDING for share in widths]
        shown = [[self.shown(cell) for cell in cells] for cells in (head, *rows)]
        laid = self._lay(shown, inner, size)
        while room is not None and size > _LEAST_SIZE and sum(height for _, height in laid) > room:
            size = max(_LEAST_SIZE, size - 0.5)
            laid = self._lay(shown, inner, size)
        pdf.set_draw_color(150, 160, 172)
        pdf.set_line_width(0.2)
        pdf.set_text_color(20, 25, 32)
        pdf.set_fill_color(233, 241, 250)
        pdf.set_font("cjk0", size=size)
        heading, *body = laid
        self._row(*heading, inner, size, filled=True)
        for cells, height in body:
            if pdf.get_y() + height > pdf.page_break_trigger:
                pdf.add_page()
                self._row(*heading, inner, size, filled=True)
            self._row(cells, height, inner, size)

    def _lay(self, rows: Sequence[Sequence[str]], inner: Sequence[float], size: float) -> list[tuple[_Cells, float]]:
        """The lines of each cell of that size, and the height of each row."""
        self.pdf.set_font("cjk0", size=size)
        laid = []
        for cells in rows:
            lines = [self._lines(cell, width, spare=0) for cell, width in zip(cells, inner, strict=True)]
            laid.append((lines, max(len(one) for one in lines) * size * _LEADING + 2 * _PADDING))
        return laid

    def _row(self, cells: _Cells, height: float, inner: Sequence[float], size: float, *, filled: bool = False) -> None:
        # Boxes and text by themselves: fpdf's own tables break every line a second time, at ten times the cost.
        pdf, x, y = self.pdf, self.pdf.l_margin, self.pdf.get_y()
        for lines, width in zip(cells, inner, strict=True):
            pdf.rect(x, y, width + 2 * _PADDING, height, style="DF" if filled else "D")
            top = y + (height - len(lines) * size * _LEADING) / 2
            for number, line in enumerate(lines):
                self._put(line, x + _PADDING, top + number * size * _LEADING + size * _BASELINE)
            x += width + 2 * _PADDING
        pdf.set_xy(pdf.l_margin, y + height)

    def _put(self, line: str, x: float, baseline: float) -> None:
        """One line of text at that place."""
        if all(ord(one) in self._fonts[0].characters for one in line):
            self.pdf.text(x, baseline, line)
            return
        # Only a cell looks into the further fonts; it puts its baseline where this undoes.
        self.pdf.set_xy(x - self.pdf.c_margin, baseline - 0.3 * self.pdf.font_size)
        self.pdf.cell(0, 0, line)

    def width_of(self, text: str, size: float) -> float:
        """Millimetres that a line of that text takes in a table's cell, its padding included."""
        self.pdf.set_font("cjk0", size=size)
        return float(self.pdf.get_string_width(self.shown(text))) + 2 * _PADDING + 0.1

    def number_pages(self, size: float = 8) -> None:
        """Put 1 / 3 and so on at the foot of each page, where there are several."""
        pdf, pages = self.pdf, self.pdf.page
        if pages < 2:
            return
        pdf.set_auto_page_break(False)
        for number in range(1, pages + 1):
            pdf.page = number
            # Each page is a stream of its own: only a change of size writes the font into it.
            pdf.set_font("cjk0", size=size + 1)
            pdf.set_font("cjk0", size=size)
            pdf.set_text_color(90, 100, 112)
            text = f"{number} / {pages}"
            pdf.text((pdf.w - pdf.get_string_width(text)) / 2, pdf.h - MARGIN / 2, text)

    def fitted(self, text: str, x: float, y: float, width: float, largest: float, *, least: float = 8) -> float:
        """Text in a box of that width: as large as it fits on one line, else wrapped at the least size on up to three
        lines. Returns where the next thing may stand.
        """
        shown, size = self.shown(text), largest
        inner = width - 2 * self.pdf.c_margin
        self.pdf.set_text_color(20, 25, 32)
        self.pdf.set_font("cjk0", size=size)
        while size > least and self.pdf.get_string_width(shown) > inner:
            size -= 0.5
            self.pdf.set_font("cjk0", size=size)
        self.pdf.set_xy(x, y)
        lines = self._balanced(shown, width)
        kept = lines[:3]
        if len(lines) > len(kept):
            kept[-1] = kept[-1][:-1] + "…"
        self._wrap(width, size * 0.5, "\n".join(kept))
        return float(self.pdf.get_y())

    def _balanced(self, text: str, width: float) -> list[str]:
        """Lines of about one length: a name's last character does not stand alone."""
        lines = self._lines(text, width)
        for share in (0.9, 0.8, 0.7, 0.6):
            narrower = self._lines(text, width * share)
            if len(narrower) > len(lines):
                break
            lines = narrower
        return lines

    def _wrap(self, width: float, height: float, text: str, *, align: str = "L") -> None:
        from fpdf.enums import WrapMode

        # Wrapping between any two characters: Chinese has no blanks to wrap at.
        self.pdf.multi_cell(width, height, text, align=align, new_x="LMARGIN", new_y="NEXT", wrapmode=WrapMode.CHAR)

    def _lines(self, text: str, width: float, *, spare: float | None = None) -> list[str]:
        inner = width - (2 * self.pdf.c_margin if spare is None else spare)
        if self.pdf.get_string_width(text) <= inner:
            return [text]
        left, between, right = text.partition(BETWEEN)
        if between and right:
            # The two sides of a meeting: the other one begins a line rather than its last character.
            return [
                *self._lines(f"{left}{between.rstrip()}", width, spare=spare),
                *self._lines(right, width, spare=spare),
            ]
        wide = {character: self.pdf.get_string_width(character) for character in set(text)}
        lines, line, taken = [], "", 0.0
        for character in text:
            if line and taken + wide[character] > inner:
                # Latin words stay whole where there is a blank to break at.
                kept, blank, begun = (
                    line.rpartition(" ") if character.isascii() and character != " " else (line, "", "")
                )
                if not blank:
                    kept, begun = _break_before(line, character)
                lines.append(kept)
                line, taken = begun, sum(wide[one] for one in begun)
            line += character
            taken += wide[character]
        return [*lines, line]

    def code(self, text: str, x: float, y: float, side: float) -> None:
        """A QR code as drawn squares: sharp at any size, and no picture in the file."""
        matrix = code_matrix(text)
        quiet = 4
        step = side / (len(matrix) + 2 * quiet)
        scale, height = self.pdf.k, self.pdf.h
        # One path of all squares, filled once: neighbours in a line are one, between two a viewer may show a hairline.
        path = [
            f"{(x + (quiet + start) * step) * scale:.3f} {(height - y - (quiet + down) * step) * scale:.3f} "
            f"{length * step * scale:.3f} {-step * scale:.3f} re"
            for down, line in enumerate(matrix)
            for start, length in dark_runs(line)
        ]
        self.pdf._out("q 0 g\n" + "\n".join(path) + "\nf Q")

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

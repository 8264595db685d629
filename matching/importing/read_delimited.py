"""Text tables (.csv, .tsv, .txt): which encoding, which separator, which rows."""

from __future__ import annotations

import codecs
import csv
import io
from collections import Counter

from charset_normalizer import from_bytes

from matching.importing.grid import Cell, Grid, clean_text
from matching.importing.limits import Budget
from matching.importing.places import Place, refuse

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATORS = (",", "\t", ";", "|", "，", "；")


def decode_text(content: bytes, place: Place) -> tuple[str, str]:
    """The text and the name of its encoding.

    A byte order mark decides; else UTF-16 is told by its zero bytes, UTF-8 by being valid, and what is neither is
    GB18030 (which holds GBK and GB2312) or, failing that, what charset-normalizer makes of it. Raises InvalidInput
    with the line for UTF-8 that is broken in a few places, since guessing would spoil the rest.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            try:
                return content.decode(encoding), encoding.removesuffix("-sig")
            except UnicodeDecodeError as error:
                raise _undecodable(content, error.start, encoding, place) from error
    if (wide := _wide_encoding(content)) is not None:
        try:
            return content.decode(wide), wide
        except UnicodeDecodeError as error:
            raise _undecodable(content, error.start, wide, place) from error
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        lenient = content.decode("utf-8", "replace")
        broken = lenient.count("\ufffd")
        whole = sum(1 for character in lenient if character > "\x7f") - broken
        if whole > 3 * broken:
            raise _undecodable(content, error.start, "UTF-8", place) from error
    try:
        return content.decode("gb18030"), "gb18030"
    except UnicodeDecodeError as error:
        best = from_bytes(content, cp_isolation=["gb18030", "big5", "cp1252", "shift_jis", "euc_kr"]).best()
        if best is None:
            raise _undecodable(content, error.start, "GB18030", place) from error
        return str(best), best.encoding


def _wide_encoding(content: bytes) -> str | None:
    """UTF-16 without a mark: in its ASCII part (separators, line ends, digits) every other byte is zero.

    A few zeros stand on the other side too, as in 一 (4E 00).
    """
    head = content[:4000]
    if len(head) < 4 or len(content) % 2:
        return None
    even, odd = head[0::2].count(0), head[1::2].count(0)
    least = max(2, len(head) // 100)
    if odd >= least and odd >= 5 * even:
        return "utf-16-le"
    if even >= least and even >= 5 * odd:
        return "utf-16-be"
    return None


def _undecodable(content: bytes, position: int, encoding: str, place: Place) -> Exception:
    line = content.count(b"\n", 0, position) + 1
    return refuse(
        "import.undecodable",
        f"文字编码有误：按 {encoding} 读不出来，请另存为 UTF-8 编码的 CSV 后再导入",
        f"the text is not valid {encoding}; save it as CSV in UTF-8",
        place.at(row=line),
    )


def guess_separator(text: str) -> str:
    """The separator that cuts the first rows most evenly into most columns; a comma where none does."""
    head = text[:200_000]
    best, best_score = ",", 0.0
    for separator in _SEPARATORS:
        if separator not in head:
            continue
        widths = []
        try:
            for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator):
                if any(cell.strip() for cell in row):
                    widths.append(len(row))
                if len(widths) == 60:
                    break
        except csv.Error:
            continue
        width, count = (
            Counter(width for width in widths if width > 1).most_common(1)[0]
            if any(width > 1 for width in widths)
            else (1, 0)
        )
        score = count / max(len(widths), 1) * (1 + min(width, 20) / 20)
        if separator in "，；":
            # They are prose before they are separators.
            score = score * 0.5 if count >= 0.95 * len(widths) else 0.0
        if score > best_score + 1e-9:
            best, best_score = separator, score
    return best


def read_delimited(text: str, budget: Budget, *, separator: str | None = None) -> Grid:
    """The rows of a text table; rows are counted as a spreadsheet program shows them.

    Raises InvalidInput where a quotation mark opens and never closes, which would swallow the rest of the file.
    """
    place = budget.place
    text = text.replace("\x00", "")
    first_line = text.split("\n", 1)[0].strip().lower()
    offset = 0
    if first_line.startswith("sep=") and len(first_line) == 5:
        separator = first_line[4]
        text = text.split("\n", 1)[1] if "\n" in text else ""
        offset = 1
    separator = separator or guess_separator(text)
    csv.field_size_limit(max(csv.field_size_limit(), budget.limits.max_cell_characters + 1))
    grid = Grid(sheet=None)
    number = offset
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        for row in reader:
            number += 1
            filled = False
            for column, raw in enumerate(row, start=1):
                cleaned = clean_text(raw)
                if cleaned:
                    budget.count_cell(cleaned, place.at(row=number, column=column))
                    grid.put(number, column, Cell(cleaned))
                    filled = True
            if filled:
                budget.check_extent(len(grid.rows), len(row) if len(row) > budget.limits.max_columns else 0, place)
    except csv.Error as error:
        raise refuse(
            "import.damaged",
            f"这一行读不出来（{error}）",
            f"this row cannot be read ({error})",
            place.at(row=number + 1),
        ) from error
    _check_quotes(text, separator, offset, place)
    budget.check_extent(len(grid.rows), len(grid.columns), place)
    return grid


def _check_quotes(text: str, separator: str, offset: int, place: Place) -> None:
    number = offset
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True):
            number += 1
    except csv.Error as error:
        if "unexpected end" in str(error):
            raise refuse(
                "import.open_quote",
                "从这一行起有一个双引号没有配对，后面的内容会被并成一格；请补上引号",
                "a quotation mark opens here and never closes, so the rest would become one cell",
                place.at(row=number + 1),
            ) from error

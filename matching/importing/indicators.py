"""Yearly values of a plan's indicators from a table: one line a value (指标, 年份, 数值, 来源), or one an indicator
with a column for each year, as statistical yearbooks have it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import PurePath

import xlsxwriter

from matching.exporting.cells import cell_text
from matching.importing.grid import Grid
from matching.importing.limits import Budget, ImportLimits
from matching.importing.places import Finding, Place, refuse
from matching.importing.read_delimited import decode_text, read_delimited

LIMITS = ImportLimits(
    max_bytes=2_000_000, max_unpacked_bytes=40_000_000, max_rows=2000, max_cells=60_000, max_seconds=20
)
FIRST_YEAR, LAST_YEAR = 2000, 2100
_HEADER_WITHIN = 10
_NAMES = ("指标", "指标名称", "名称", "indicator", "name")
_YEARS = ("年份", "年度", "年", "year")
_VALUES = ("数值", "值", "完成值", "value")
_SOURCES = ("来源", "数据来源", "备注", "source")
_YEAR = re.compile(r"(20\d\d|2100)年?")


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """A value as read: of which indicator, for which year, and in which row of the file it stands."""

    row: int
    indicator_id: str
    name: str
    year: int
    value: float
    source: str


@dataclass(frozen=True, slots=True)
class IndicatorReading:
    """What a file holds, and what in it cannot be taken, each with its place."""

    rows: Sequence[IndicatorRow]
    errors: Sequence[Finding]


def read_indicators(content: bytes, file_name: str, known: Mapping[str, str]) -> IndicatorReading:
    """Values of the `known` indicators (name in either language → id). Raises InvalidInput for a file that is no table,
    has no headings of ours, or too much in it.
    """
    place = Place(file=PurePath(file_name).name or "file")
    grid = _open(content, place)
    names = {_folded(name): indicator_id for name, indicator_id in known.items() if name.strip()}
    header_row, columns = _find_header(grid, place)
    rows: list[IndicatorRow] = []
    errors: list[Finding] = []
    seen: dict[tuple[str, int], int] = {}
    for number in sorted(grid.rows):
        if number <= header_row:
            continue
        name = grid.text(number, columns.name)
        here = place.at(row=number)
        cells = _cells_of(grid, number, columns)
        if not name and not any(text for _year, text, _column in cells):
            continue
        indicator_id = names.get(_folded(name))
        if indicator_id is None:
            errors.append(
                _finding(
                    "indicator.unknown",
                    f"没有名为“{name}”的指标，请先添加",
                    f"There is no indicator named “{name}”; add it first",
                    place.at(row=number, column=columns.name),
                )
            )  # fmt: skip
            continue
        for year, text, column in cells:
            if not text and columns.value is None:
                continue
            found, error = _read_value(year, text, place.at(row=number, column=column))
            if error is not None or found is None:
                errors.append(error or _finding("indicator.number", "请填写数字", "Please enter a number", here))
                continue
            if (indicator_id, found[0]) in seen:
                first = seen[indicator_id, found[0]]
                errors.append(
                    _finding(
                        "indicator.twice", f"与第 {first} 行是同一指标同一年", f"The same year as in row {first}", here
                    )
                )
                continue
            seen[indicator_id, found[0]] = number
            source = grid.text(number, columns.source) if columns.source else ""
            rows.append(IndicatorRow(number, indicator_id, name, found[0], found[1], source[:200]))
    if not rows and not errors:
        raise refuse("indicator.empty", "表里没有数值", "There are no values in the table", place)
    return IndicatorReading(rows, errors)


def write_indicator_template(names: Sequence[tuple[str, str]], years: Sequence[int], *, english: bool) -> bytes:
    """A workbook to fill in: a line for each indicator (name, unit) and a column for each year."""
    buffer = BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False})
    bold = book.add_format({"bold": True, "bottom": 1})
    page = book.add_worksheet("Indicators" if english else "规划指标")
    page.freeze_panes(1, 1)
    page.set_column(0, 0, 48)
    headings = (
        ["Indicator", "Unit", *map(str, years), "Source"] if english else ["指标", "单位", *map(str, years), "来源"]
    )
    for column, heading in enumerate(headings):
        page.write_string(0, column, heading, bold)
    for row, (name, measured) in enumerate(names, 1):
        page.write_string(row, 0, cell_text(name))
        page.write_string(row, 1, cell_text(measured))
    book.close()
    return buffer.getvalue()


@dataclass(frozen=True, slots=True)
class _Columns:
    name: int
    year: int | None
    value: int | None
    source: int | None
    years: Sequence[tuple[int, int]]
    """(year, column)."""


def _open(content: bytes, place: Place) -> Grid:
    if not content:
        raise refuse("import.empty", "文件是空的", "The file is empty", place)
    if len(content) > LIMITS.max_bytes:
        raise refuse("import.too_large", "文件太大，最多 2 MB", "The file is too large: at most 2 MB", place)
    budget = Budget(LIMITS, place)
    if content.startswith(b"PK"):
        from matching.importing.read_xlsx import read_xlsx

        grids = [grid for grid in read_xlsx(content, budget) if not grid.hidden and grid.rows]
        if not grids:
            raise refuse("import.empty", "工作簿里没有内容", "The workbook is empty", place)
        return grids[0]
    if content.startswith((b"\xd0\xcf\x11\xe0", b"%PDF")):
        raise refuse(
            "import.format", "请另存为 .xlsx 或 .csv 后再上传", "Please save it as .xlsx or .csv and send that", place
        )
    return read_delimited(decode_text(content, place)[0], budget)


def _find_header(grid: Grid, place: Place) -> tuple[int, _Columns]:
    for number in sorted(grid.rows)[:_HEADER_WITHIN]:
        by_text = {_folded(cell.text): column for column, cell in sorted(grid.rows[number].items(), reverse=True)}
        name = _first(by_text, _NAMES)
        if name is None:
            continue
        year, value = _first(by_text, _YEARS), _first(by_text, _VALUES)
        years = [
            (int(found[1]), column)
            for text, column in sorted(by_text.items(), key=lambda item: item[1])
            if (found := _YEAR.fullmatch(text)) is not None
        ]
        if years or (year is not None and value is not None):
            source = _first(by_text, _SOURCES)
            return number, _Columns(name, None if years else year, None if years else value, source, years)
    raise refuse(
        "indicator.header",
        "没有找到表头：需要“指标”一列，以及“年份”“数值”两列或以年份为名的列",
        "No headings: there must be a column Indicator, and either Year and Value or a column for each year",
        place,
    )


def _cells_of(grid: Grid, row: int, columns: _Columns) -> list[tuple[str, str, int]]:
    if columns.year is not None and columns.value is not None:
        return [(grid.text(row, columns.year), grid.text(row, columns.value), columns.value)]
    return [(str(year), grid.text(row, column), column) for year, column in columns.years]


def _read_value(year: str, text: str, place: Place) -> tuple[tuple[int, float] | None, Finding | None]:
    found = _YEAR.fullmatch(_folded(year))
    if found is None or not FIRST_YEAR <= int(found[1]) <= LAST_YEAR:
        return None, _finding("indicator.year", f"年份无效：{year or '空'}", f"Invalid year: {year or 'none'}", place)
    plain = unicodedata.normalize("NFKC", text).replace(",", "").strip()
    share = plain.endswith("%")
    try:
        value = float(plain.removesuffix("%"))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or abs(value) > 1e15:
        return None, _finding(
            "indicator.number", f"不是数字：{text or '空'}", f"Not a number: {text or 'empty'}", place
        )
    # 3.2 % is entered as 3.2 where the unit says %, as people write it in such tables.
    return (int(found[1]), round(value, 10) if share else value), None


def _first(by_text: Mapping[str, int], wanted: Sequence[str]) -> int | None:
    return next((by_text[text] for text in wanted if text in by_text), None)


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).strip("*:：").lower()


def _finding(code: str, zh: str, en: str, place: Place) -> Finding:
    return Finding(code=code, zh=zh, en=en, place=place)

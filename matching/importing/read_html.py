"""HTML saved as .xls, as many administration systems export it, and Excel's XML Spreadsheet 2003."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from xml.etree.ElementTree import ParseError

import defusedxml.ElementTree
from defusedxml.common import DefusedXmlException

from matching.importing.grid import Cell, Grid, MergedRange, clean_text
from matching.importing.limits import Budget
from matching.importing.number_text import number_cell
from matching.importing.places import Place, refuse
from matching.importing.read_delimited import decode_text
from matching.importing.read_xlsx import damaged

_CHARSET = re.compile(rb"charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all|visibility\s*:\s*(?:hidden|collapse)", re.IGNORECASE)
_CHINESE = frozenset(("gb2312", "gbk", "gb_2312-80", "x-gbk", "gb18030", "cp936"))
_SPAN_LIMIT = 1000
_SPREADSHEET = "{urn:schemas-microsoft-com:office:spreadsheet}"


class _Tables(HTMLParser):
    """Collects every table as a Grid. Nested tables become grids of their own; scripts and styles are not text."""

    def __init__(self, budget: Budget) -> None:
        super().__init__(convert_charrefs=True)
        self.grids: list[Grid] = []
        self._budget = budget
        self._open: list[_OpenTable] = []
        self._ignored = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag in ("script", "style", "title"):
            self._ignored += 1
        elif tag == "table":
            if len(self._open) > 50:
                raise damaged(self._budget.place, "tables nested too deeply")
            grid = Grid(sheet=f"表格{len(self.grids) + 1}")
            self.grids.append(grid)
            self._open.append(_OpenTable(grid, self._budget))
        elif self._open and tag == "tr":
            self._open[-1].start_row(hidden=_is_hidden(values))
        elif self._open and tag in ("td", "th"):
            self._open[-1].start_cell(_span(values.get("rowspan")), _span(values.get("colspan")))
        elif self._open and tag in ("br", "p", "div", "li"):
            self._open[-1].write("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style", "title"):
            self._ignored = max(0, self._ignored - 1)
        elif self._open and tag in ("td", "th", "tr"):
            self._open[-1].end_cell()
        elif self._open and tag == "table":
            self._open.pop().end_cell()

    def handle_data(self, data: str) -> None:
        if self._open and not self._ignored:
            # Source line breaks are only blanks in HTML; <br> is the line break.
            self._open[-1].write(re.sub(r"[ \t\r\n]+", " ", data))


def _span(value: str | None) -> int:
    return max(1, min(int(value), _SPAN_LIMIT)) if value and value.strip().isdigit() and len(value) < 9 else 1


def _is_hidden(values: dict[str, str]) -> bool:
    return "hidden" in values or bool(_HIDDEN.search(values.get("style", "")))


class _OpenTable:
    def __init__(self, grid: Grid, budget: Budget) -> None:
        self.grid = grid
        self._budget = budget
        self._place = Place(file=budget.place.file, sheet=grid.sheet)
        self._row = 0
        self._column = 0
        self._spans = (1, 1)
        self._parts: list[str] | None = None
        self._occupied: dict[int, int] = {}
        """Column → last row that a cell from above still covers."""

    def start_row(self, *, hidden: bool) -> None:
        self.end_cell()
        self._row += 1
        self._column = 0
        if hidden:
            self.grid.hidden_rows.add(self._row)
        if self._row % 1000 == 0:
            self._budget.check_time()

    def start_cell(self, rowspan: int, colspan: int) -> None:
        self.end_cell()
        self._row = max(self._row, 1)
        self._column += 1
        while self._occupied.get(self._column, 0) >= self._row:
            self._column += 1
        self._spans = (rowspan, colspan)
        self._parts = []

    def write(self, text: str) -> None:
        if self._parts is not None:
            self._parts.append(text)

    def end_cell(self) -> None:
        if self._parts is None:
            return
        text = clean_text(re.sub(r"(?<! ) *+\n *", "\n", "".join(self._parts).replace("\xa0", " ")))
        self._parts = None
        rowspan, colspan = self._spans
        if text:
            self._budget.count_cell(text, self._place.at(row=self._row, column=self._column))
            self.grid.put(self._row, self._column, Cell(text))
            self._budget.check_extent(len(self.grid.rows), 0, self._place)
        bottom, right = self._row + rowspan - 1, self._column + colspan - 1
        if rowspan > 1 or colspan > 1:
            self.grid.merged.append(MergedRange(self._row, self._column, bottom, right))
        if rowspan > 1:
            self._occupied.update(dict.fromkeys(range(self._column, right + 1), bottom))
        self._column = right


def read_html(content: bytes, budget: Budget) -> list[Grid]:
    """Every table of an HTML file. Raises InvalidInput when there is none."""
    declared = _CHARSET.search(content[:4096])
    encoding = declared.group(1).decode("ascii").lower() if declared else ""
    if encoding in _CHINESE and not content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        try:
            text = content.decode("gb18030")
        except UnicodeDecodeError:
            text, _ = decode_text(content, budget.place)
    else:
        text, _ = decode_text(content, budget.place)
    parser = _Tables(budget)
    parser.feed(text)
    parser.close()
    for grid in parser.grids:
        budget.check_extent(len(grid.rows), len(grid.columns), budget.place)
    grids = [grid for grid in parser.grids if grid.rows]
    if not grids:
        raise refuse("import.no_table", "网页中没有表格", "there is no table in this page", budget.place)
    return grids


def read_spreadsheet_xml(content: bytes, budget: Budget) -> list[Grid]:
    """The sheets of an XML Spreadsheet 2003 file. Raises InvalidInput for damage and entity tricks."""
    budget.count_unpacked(len(content))
    try:
        root = defusedxml.ElementTree.fromstring(content, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise damaged(budget.place, str(error)[:200]) from error
    grids = []
    for sheet in root.iter(f"{_SPREADSHEET}Worksheet"):
        name = sheet.get(f"{_SPREADSHEET}Name", "")
        place = Place(file=budget.place.file, sheet=name)
        hidden = any("Hidden" in (item.text or "") for item in sheet.iter() if _local(item.tag) == "Visible")
        grid = Grid(sheet=name, hidden=hidden)
        row_number = 0
        for row in sheet.iter(f"{_SPREADSHEET}Row"):
            row_number = _index(row.get(f"{_SPREADSHEET}Index"), row_number + 1)
            if row.get(f"{_SPREADSHEET}Hidden") == "1":
                grid.hidden_rows.add(row_number)
            column = 0
            for item in row.iter(f"{_SPREADSHEET}Cell"):
                column = _index(item.get(f"{_SPREADSHEET}Index"), column + 1)
                across = _index(item.get(f"{_SPREADSHEET}MergeAcross"), 0)
                down = _index(item.get(f"{_SPREADSHEET}MergeDown"), 0)
                if across or down:
                    grid.merged.append(MergedRange(row_number, column, row_number + down, column + across))
                data = item.find(f"{_SPREADSHEET}Data")
                if data is not None:
                    cell = _xml_cell("".join(data.itertext()), data.get(f"{_SPREADSHEET}Type", "String"))
                    budget.count_cell(cell.text, place.at(row=row_number, column=column))
                    grid.put(row_number, column, cell)
                elif item.get(f"{_SPREADSHEET}Formula"):
                    grid.put(row_number, column, Cell("", "text", "formula_without_value"))
                column += across
        budget.check_extent(len(grid.rows), len(grid.columns), place)
        grids.append(grid)
    return grids


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _index(value: str | None, otherwise: int) -> int:
    return min(int(value), 1_048_576) if value and value.isdigit() and len(value) < 9 else otherwise


def _xml_cell(text: str, kind: str) -> Cell:
    if kind == "Number":
        return number_cell(text)
    if kind == "DateTime":
        day, _, time = text.partition("T")
        return Cell(day if time.startswith("00:00:00") or not time else f"{day} {time[:8]}", "date")
    if kind == "Error":
        return Cell(text, "text", "error_value")
    return Cell(clean_text(text))

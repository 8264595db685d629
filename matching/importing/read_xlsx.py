"""Excel workbooks (.xlsx, .xlsm): a streaming reader that believes only the cells.

Written on zipfile and a SAX parser without DTDs instead of a spreadsheet library, because none of them gives stored
text, merged ranges, hidden rows and columns and formulas without values in one pass, and their in-memory tables follow
the sheet's stated dimensions and merged ranges, which lie (`A1:XFD1048576`). See docs/decisions/0005.
Format: ECMA-376 part 1, transitional and strict.
"""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from datetime import datetime
from typing import IO
from urllib.parse import unquote
from xml.etree.ElementTree import Element, ParseError
from xml.sax import SAXException
from xml.sax.handler import ContentHandler
from xml.sax.xmlreader import AttributesImpl, InputSource

import defusedxml.ElementTree
import defusedxml.expatreader
from defusedxml.common import DefusedXmlException
from openpyxl.utils import column_index_from_string
from openpyxl.utils.escape import unescape

from matching.importing.grid import Cell, Grid, MergedRange, clean_text
from matching.importing.limits import Budget
from matching.importing.number_text import date_cell, date_text, format_of, number_cell, shows_date
from matching.importing.places import Place, refuse

_MAX_ROW = 1_048_576
_MAX_COLUMN = 16_384


class _CountingStream(io.RawIOBase):
    """Counts what comes out of a packed part, since the size written in the file may lie."""

    def __init__(self, stream: IO[bytes], budget: Budget) -> None:
        self._stream = stream
        self._budget = budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(65_536 if size < 0 else min(size, 65_536))
        self._budget.count_unpacked(len(chunk))
        self._budget.check_time()
        return chunk


def open_package(content: bytes, budget: Budget) -> zipfile.ZipFile:
    """A packed Office file, checked for damage, passwords and the size it claims to unpack to."""
    place = budget.place
    try:
        package = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise damaged(place, str(error)) from error
    names = [entry.filename for entry in package.infolist()]
    if len(names) > 10_000 or len(set(names)) != len(names):
        raise damaged(place, "the package lists parts twice or too many")
    if any(entry.flag_bits & 1 for entry in package.infolist()):
        raise password_protected(place)
    claimed = sum(entry.file_size for entry in package.infolist())
    if claimed > budget.limits.max_unpacked_bytes:
        budget.count_unpacked(claimed)
    return package


def damaged(place: Place, detail: str) -> Exception:
    """The error for a file whose inside is broken."""
    return refuse(
        "import.damaged",
        f"文件已损坏或不完整，请用 Excel 或 WPS 打开后另存一次再导入（{detail}）",
        f"the file is damaged or incomplete; open it in a spreadsheet program and save it again ({detail})",
        place,
    )


def password_protected(place: Place) -> Exception:
    """The error for an encrypted file."""
    return refuse(
        "import.password_protected",
        "文件有打开密码，无法读取；请去掉密码后再导入",
        "the file is protected by a password; remove it and import again",
        place,
    )


def _open_part(package: zipfile.ZipFile, name: str) -> IO[bytes]:
    """A part by its name; some programs write backslashes or another case. Raises KeyError."""
    try:
        return package.open(name)
    except KeyError:
        for entry in package.infolist():
            if entry.filename.replace("\\", "/").lower() == name.lower():
                return package.open(entry)
        raise


def _read_part(package: zipfile.ZipFile, name: str, budget: Budget) -> bytes | None:
    try:
        with _open_part(package, name) as stream:
            counted = _CountingStream(stream, budget)
            chunks = []
            while chunk := counted.read():
                chunks.append(chunk)
            return b"".join(chunks)
    except KeyError:
        return None


def _parse_part(package: zipfile.ZipFile, name: str, budget: Budget) -> Element | None:
    content = _read_part(package, name, budget)
    return None if content is None else defusedxml.ElementTree.fromstring(content, forbid_dtd=True)


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _relationships(package: zipfile.ZipFile, part: str, budget: Budget) -> dict[str, tuple[str, str]]:
    """Relationship id → (kind, part name) of a part."""
    folder, name = posixpath.split(part)
    root = _parse_part(package, posixpath.join(folder, "_rels", f"{name}.rels"), budget)
    found: dict[str, tuple[str, str]] = {}
    for element in root if root is not None else ():
        if element.get("TargetMode") == "External":
            continue
        target = unquote(element.get("Target", "")).replace("\\", "/")
        path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
        found[element.get("Id", "")] = (element.get("Type", "").rpartition("/")[2], path)
    return found


def _date_styles(root: Element | None) -> tuple[list[str], list[bool]]:
    """Number format and whether it shows a date, per cell style."""
    custom: dict[int, str] = {}
    formats: list[str] = []
    for element in root if root is not None else ():
        if _local(element.tag) == "numFmts":
            for item in element:
                try:
                    custom[int(item.get("numFmtId", ""))] = item.get("formatCode", "General")
                except ValueError:
                    continue
        elif _local(element.tag) == "cellXfs":
            for item in element:
                format_id = item.get("numFmtId", "0")
                formats.append(format_of(int(format_id) if format_id.isdigit() else 0, custom))
    return formats, [shows_date(number_format) for number_format in formats]


class _SharedStrings(ContentHandler):
    """The workbook's table of texts; phonetic guides are not text."""

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._budget = budget
        self._parts: list[str] = []
        self._in_text = False
        self._phonetic = 0

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - named by xml.sax
        name = name.rpartition(":")[2]
        if name == "t":
            self._in_text = True
        elif name == "si":
            self._parts = []
        elif name == "rPh":
            self._phonetic += 1

    def endElement(self, name: str) -> None:  # noqa: N802 - named by xml.sax
        name = name.rpartition(":")[2]
        if name == "t":
            self._in_text = False
        elif name == "rPh":
            self._phonetic -= 1
        elif name == "si":
            text = clean_text(_unescape("".join(self._parts)))
            self._budget.count_cell(text, self._budget.place)
            self.texts.append(text)

    def characters(self, content: str) -> None:
        if self._in_text and not self._phonetic:
            self._parts.append(content)


def _unescape(text: str) -> str:
    return unescape(text) if "_x" in text else text


class _SheetHandler(ContentHandler):
    """Fills a Grid from the events of one sheet."""

    def __init__(
        self, grid: Grid, texts: list[str], formats: list[str], dates: list[bool], budget: Budget, place: Place
    ) -> None:
        super().__init__()
        self._grid = grid
        self._texts = texts
        self._formats = formats
        self._dates = dates
        self._budget = budget
        self._place = place
        self._row = 0
        self._column = 0
        self._type = "n"
        self._style = 0
        self._has_formula = False
        self._parts: list[str] = []
        self._capture = False
        self._phonetic = 0
        self._rows_hidden_by_default = False
        self._shown_rows: set[int] = set()

    def startElement(self, name: str, attrs: AttributesImpl) -> None:  # noqa: N802 - named by xml.sax
        name = name.rpartition(":")[2]
        if name == "c":
            self._start_cell(attrs)
        elif name == "v" or (name == "t" and not self._phonetic):
            self._capture = True
        elif name == "f":
            self._has_formula = True
        elif name == "row":
            self._start_row(attrs)
        elif name == "rPh":
            self._phonetic += 1
        elif name == "col":
            self._hide_columns(attrs)
        elif name == "mergeCell":
            self._merge(attrs.get("ref", ""))
        elif name == "sheetFormatPr":
            self._rows_hidden_by_default = _true(attrs.get("zeroHeight"))

    def endElement(self, name: str) -> None:  # noqa: N802 - named by xml.sax
        name = name.rpartition(":")[2]
        if name in ("v", "t"):
            self._capture = False
        elif name == "c":
            self._end_cell()
        elif name == "rPh":
            self._phonetic -= 1

    def characters(self, content: str) -> None:
        if self._capture:
            self._parts.append(content)

    def _start_row(self, attrs: AttributesImpl) -> None:
        number = attrs.get("r", "")
        self._row = int(number) if number.isdigit() else self._row + 1
        if not 1 <= self._row <= _MAX_ROW:
            raise damaged(self._place, f"row {number}")
        self._column = 0
        flat = _true(attrs.get("customHeight")) and attrs.get("ht") in ("0", "0.0")
        hidden = attrs.get("hidden")
        if _true(hidden) or flat or (hidden is None and self._rows_hidden_by_default):
            self._grid.hidden_rows.add(self._row)

    def _start_cell(self, attrs: AttributesImpl) -> None:
        reference = attrs.get("r", "")
        letters = reference.rstrip("0123456789")
        try:
            self._column = column_index_from_string(letters) if letters else self._column + 1
        except ValueError as error:
            raise damaged(self._place, f"cell {reference[:20]}") from error
        if not 1 <= self._column <= _MAX_COLUMN:
            raise damaged(self._place, f"cell {reference[:20]}")
        self._type = attrs.get("t", "n")
        style = attrs.get("s", "0")
        self._style = int(style) if style.isdigit() else 0
        self._has_formula = False
        self._parts = []

    def _end_cell(self) -> None:
        raw = "".join(self._parts)
        cell = self._understand(raw)
        if cell is None:
            return
        place = self._place.at(row=self._row, column=self._column)
        self._budget.count_cell(cell.text, place)
        if self._row not in self._grid.rows:
            self._budget.check_extent(len(self._grid.rows) + 1, 0, self._place)
        self._grid.put(self._row, self._column, cell)

    def _understand(self, raw: str) -> Cell | None:
        if self._type == "s":
            if not raw.strip():
                return None
            index = int(raw)
            if not 0 <= index < len(self._texts):
                raise damaged(self._place.at(row=self._row, column=self._column), f"shared text {index}")
            return Cell(self._texts[index])
        if self._type in ("str", "inlineStr"):
            return Cell(clean_text(_unescape(raw)))
        if not raw.strip():
            return Cell("", "text", "formula_without_value") if self._has_formula else None
        if self._type == "e":
            return Cell(clean_text(raw), "text", "error_value")
        if self._type == "b":
            return Cell("TRUE" if raw.strip() == "1" else "FALSE", "boolean")
        if self._type == "d":
            return _iso_cell(raw)
        if self._style < len(self._dates) and self._dates[self._style]:
            return date_cell(raw, epoch_1904=self._grid.epoch_1904)
        number_format = self._formats[self._style] if self._style < len(self._formats) else "General"
        return number_cell(raw, number_format)

    def _hide_columns(self, attrs: AttributesImpl) -> None:
        if not (_true(attrs.get("hidden")) or attrs.get("width") in ("0", "0.0")):
            return
        first, last = attrs.get("min", ""), attrs.get("max", "")
        if first.isdigit() and last.isdigit():
            self._grid.hidden_columns.update(range(int(first), min(int(last), _MAX_COLUMN) + 1))

    def _merge(self, reference: str) -> None:
        first, _, last = reference.replace("$", "").partition(":")
        try:
            top, left = _coordinates(first)
            bottom, right = _coordinates(last or first)
        except ValueError:
            return
        self._grid.merged.append(MergedRange(top, left, bottom, right))
        if len(self._grid.merged) % 1000 == 0:
            self._budget.check_time()


def _coordinates(reference: str) -> tuple[int, int]:
    letters = reference.rstrip("0123456789")
    return int(reference[len(letters) :]), column_index_from_string(letters)


def _iso_cell(raw: str) -> Cell:
    try:
        return Cell(date_text(datetime.fromisoformat(raw.strip()).replace(tzinfo=None)), "date")
    except ValueError:
        return Cell(clean_text(raw))


def _true(value: str | None) -> bool:
    return value in ("1", "true", "on")


def _parse_stream(package: zipfile.ZipFile, name: str, handler: ContentHandler, budget: Budget) -> bool:
    try:
        stream = _open_part(package, name)
    except KeyError:
        return False
    with stream:
        parser = defusedxml.expatreader.DefusedExpatParser(forbid_dtd=True)
        parser.setContentHandler(handler)
        source = InputSource()
        source.setByteStream(_CountingStream(stream, budget))
        parser.parse(source)
    return True


def read_xlsx(content: bytes, budget: Budget) -> list[Grid]:
    """All worksheets in order; chart and dialogue sheets are none.

    Raises InvalidInput for damage, passwords, entity tricks and whatever passes the budget's limits.
    """
    place = budget.place
    try:
        with open_package(content, budget) as package:
            return _read_workbook(package, budget)
    except (
        zipfile.BadZipFile, zlib.error, EOFError, SAXException, ParseError, DefusedXmlException,
        LookupError, OSError, RuntimeError, UnicodeError, ValueError,
    ) as error:  # fmt: skip
        raise damaged(place, f"{type(error).__name__}: {error}"[:200]) from error


def _read_workbook(package: zipfile.ZipFile, budget: Budget) -> list[Grid]:
    place = budget.place
    start = [part for kind, part in _relationships(package, "", budget).values() if kind == "officeDocument"]
    workbook_part = start[0] if start else "xl/workbook.xml"
    workbook = _parse_part(package, workbook_part, budget)
    if workbook is None or _local(workbook.tag) != "workbook":
        raise refuse("import.not_a_workbook", "这不是 Excel 工作簿", "this is not an Excel workbook", place)
    related = _relationships(package, workbook_part, budget)
    parts = dict(related.values())
    strings = _SharedStrings(budget)
    _parse_stream(package, parts.get("sharedStrings", "xl/sharedStrings.xml"), strings, budget)
    formats, dates = _date_styles(_parse_part(package, parts.get("styles", "xl/styles.xml"), budget))
    epoch_1904 = any(
        _local(element.tag) == "workbookPr" and _true(element.get("date1904")) for element in workbook.iter()
    )
    sheets = [element for element in workbook.iter() if _local(element.tag) == "sheet"]
    if len(sheets) > budget.limits.max_sheets:
        raise refuse(
            "import.too_many_sheets",
            f"工作表超过 {budget.limits.max_sheets} 个",
            f"more than {budget.limits.max_sheets} sheets",
            place,
        )
    grids = []
    for sheet in sheets:
        relation = next((value for key, value in sheet.attrib.items() if _local(key) == "id" and "}" in key), "")
        kind, part = related.get(relation, ("", ""))
        if kind != "worksheet":
            continue
        name = sheet.get("name", "")
        grid = Grid(sheet=name, hidden=sheet.get("state", "visible") != "visible", epoch_1904=epoch_1904)
        sheet_place = Place(file=place.file, sheet=name)
        handler = _SheetHandler(grid, strings.texts, formats, dates, budget, sheet_place)
        if not _parse_stream(package, part, handler, budget):
            raise damaged(sheet_place, f"{part} is missing")
        budget.check_extent(len(grid.rows), len(grid.columns), sheet_place)
        grids.append(grid)
    return grids

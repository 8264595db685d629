"""Old Excel workbooks (.xls, BIFF), with xlrd: merged cells, hidden rows and stored formula results included."""

from __future__ import annotations

import io
import struct

import xlrd
import xlrd.compdoc

from matching.importing.grid import Cell, Grid, MergedRange, clean_text
from matching.importing.limits import Budget
from matching.importing.number_text import date_cell, number_cell
from matching.importing.places import Place, refuse
from matching.importing.read_xlsx import damaged, password_protected

OLE_SIGNATURE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def read_xls(content: bytes, budget: Budget) -> list[Grid]:
    """All worksheets in order. Raises InvalidInput for passwords, damage and other kinds of OLE files."""
    place = budget.place
    if "EncryptedPackage".encode("utf-16-le") in content:
        raise password_protected(place)
    if content.startswith(OLE_SIGNATURE) and "WordDocument".encode("utf-16-le") in content:
        raise refuse(
            "import.old_word",
            "这是旧版 Word 文档（.doc），请另存为 .docx 后再导入",
            "this is an old Word document (.doc); save it as .docx",
            place,
        )
    try:
        book = xlrd.open_workbook(
            file_contents=content, formatting_info=True, ragged_rows=True, logfile=io.StringIO(), on_demand=True
        )
        if book.nsheets > budget.limits.max_sheets:
            raise refuse(
                "import.too_many_sheets",
                f"工作表超过 {budget.limits.max_sheets} 个",
                f"more than {budget.limits.max_sheets} sheets",
                place,
            )
        return [_read_sheet(book, index, budget) for index in range(book.nsheets)]
    except xlrd.XLRDError as error:
        if "encrypt" in str(error).lower() or "password" in str(error).lower():
            raise password_protected(place) from error
        raise damaged(place, str(error)[:200]) from error
    except _XLRD_TRIPS as error:
        raise damaged(place, f"{type(error).__name__}: {error}"[:200]) from error


# What xlrd trips over in damaged files: it indexes into records without checking their length.
_XLRD_TRIPS = (
    AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError, OverflowError, RecursionError,
    TypeError, UnicodeError, ValueError, ZeroDivisionError, NotImplementedError, xlrd.compdoc.CompDocError,
    struct.error,
)  # fmt: skip


def _read_sheet(book: xlrd.book.Book, index: int, budget: Budget) -> Grid:
    sheet = book.sheet_by_index(index)
    place = Place(file=budget.place.file, sheet=sheet.name)
    grid = Grid(sheet=sheet.name, hidden=sheet.visibility != 0, epoch_1904=book.datemode == 1)
    grid.hidden_rows = {row + 1 for row, info in sheet.rowinfo_map.items() if info.hidden}
    grid.hidden_columns = {column + 1 for column, info in sheet.colinfo_map.items() if info.hidden}
    grid.merged = [MergedRange(top + 1, left + 1, bottom, right) for top, bottom, left, right in sheet.merged_cells]
    for row in range(sheet.nrows):
        for column in range(sheet.row_len(row)):
            cell = _understand(book, sheet.cell(row, column))
            if cell is not None:
                budget.count_cell(cell.text, place.at(row=row + 1, column=column + 1))
                grid.put(row + 1, column + 1, cell)
    budget.check_extent(len(grid.rows), len(grid.columns), place)
    book.unload_sheet(index)
    return grid


def _understand(book: xlrd.book.Book, cell: xlrd.sheet.Cell) -> Cell | None:
    if cell.ctype == xlrd.XL_CELL_TEXT:
        return Cell(clean_text(cell.value))
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        form = book.format_map.get(book.xf_list[cell.xf_index].format_key) if cell.xf_index is not None else None
        return number_cell(repr(float(cell.value)), form.format_str if form else "General")
    if cell.ctype == xlrd.XL_CELL_DATE:
        return date_cell(repr(float(cell.value)), epoch_1904=book.datemode == 1)
    if cell.ctype == xlrd.XL_CELL_BOOLEAN:
        return Cell("TRUE" if cell.value else "FALSE", "boolean")
    if cell.ctype == xlrd.XL_CELL_ERROR:
        return Cell(xlrd.error_text_from_code.get(cell.value, "#ERROR"), "text", "error_value")
    return None

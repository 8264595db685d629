"""The bureau's report as a workbook: one sheet for each table, headings in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO

import xlsxwriter

from matching.exporting.cells import cell_text

Cell = str | int | float | Decimal | date | None


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table with a name, headings and rows."""

    name: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def write_report(sheets: Sequence[Sheet]) -> bytes:
    """The workbook as bytes. Texts that a spreadsheet program might calculate are neutralised."""
    buffer = BytesIO()
    book = xlsxwriter.Workbook(buffer, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    bold = book.add_format({"bold": True, "bottom": 1, "text_wrap": True, "valign": "top"})
    plain = book.add_format({"text_wrap": True, "valign": "top"})
    day = book.add_format({"num_format": "yyyy-mm-dd", "align": "left", "valign": "top"})
    taken: set[str] = set()
    for sheet in sheets:
        page = book.add_worksheet(_name(sheet.name, taken))
        page.freeze_panes(1, 1)
        page.set_landscape()
        page.set_paper(9)
        page.fit_to_pages(1, 0)
        page.repeat_rows(0)
        widths = [len(heading) * 2 + 2 for heading in sheet.headings]
        for column, heading in enumerate(sheet.headings):
            page.write_string(0, column, cell_text(heading), bold)
        for number, row in enumerate(sheet.rows, 1):
            for column, value in enumerate(row):
                if value is None:
                    continue
                if isinstance(value, str):
                    page.write_string(number, column, cell_text(value), plain)
                elif isinstance(value, date):
                    page.write_datetime(number, column, value, day)
                else:
                    page.write_number(number, column, float(value), plain)
                length = sum(2 if ord(character) > 255 else 1 for character in str(value))
                widths[column] = max(widths[column], length + 2)
        for column, width in enumerate(widths):
            page.set_column(column, column, min(max(width, 8), 60))
    book.close()
    return buffer.getvalue()


def _name(name: str, taken: set[str]) -> str:
    """A sheet's name as spreadsheet programs allow it: at most 31 characters, none of []:*?/\\, each once."""
    short = "".join(" " if character in "[]:*?/\\" else character for character in name).strip("' ")[:28] or "1"
    chosen, number = short, 2
    while chosen.casefold() in taken:
        chosen, number = f"{short} {number}", number + 1
    taken.add(chosen.casefold())
    return chosen

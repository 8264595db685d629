"""The file of refused rows: everything they held, with the reason beside it, to correct and import again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xlsxwriter

from matching.errors import InvalidInput
from matching.exporting.atomic import replacing
from matching.exporting.cells import cell_text
from matching.importing.fields import PLACE_HEADER, REASON_HEADER
from matching.importing.records import ImportReading, RowReading

_FORBIDDEN_IN_NAMES = str.maketrans(dict.fromkeys("[]:*?/\\'", " "))


def write_refused(reading: ImportReading, path: Path | str) -> int:
    """The refused rows of a reading as `write_refused_rows` writes them."""
    return write_refused_rows(reading.refused, path)


def write_refused_rows(refused: Sequence[RowReading], path: Path | str) -> int:
    """Write refused rows (by the reading, or later by the rules) to a .xlsx file, one sheet for each they came from.

    Returns how many rows were written; without any, no file is made. All cells are text, so that codes retyped there
    stay whole; cells at fault are coloured. The columns for reason and place are passed over when the file is imported.
    Raises InvalidInput for another suffix or a place that cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".xlsx":
        raise InvalidInput(
            "export.wrong_suffix",
            "待改正的行只能输出为 .xlsx",
            where=str(path),
            message_en="refused rows go to .xlsx only",
        )
    if not refused:
        return 0
    sheets: dict[str, list[RowReading]] = {}
    for row in refused:
        sheets.setdefault(row.place.sheet or "", []).append(row)
    with replacing(path) as temporary, xlsxwriter.Workbook(str(temporary), {"strings_to_formulas": False}) as book:
        font = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top", "text_wrap": True, "num_format": "@"}
        formats = (
            book.add_format({**font, "bold": True, "bg_color": "#DCE6F1", "border": 1}),
            book.add_format(font),
            book.add_format({**font, "bg_color": "#FFF2CC"}),
            book.add_format({**font, "font_color": "#9C2B12"}),
        )
        for number, (name, rows) in enumerate(sheets.items(), start=1):
            sheet = book.add_worksheet(_sheet_name(name, number, book.sheetnames))
            _fill(sheet, rows, formats)
    return len(refused)


def _sheet_name(name: str, number: int, taken: dict[str, object]) -> str:
    wanted = name.translate(_FORBIDDEN_IN_NAMES).strip()[:31] or f"待改正{number}"
    return wanted if wanted.lower() not in {one.lower() for one in taken} else f"{wanted[:25]} ({number})"


def _fill(sheet: xlsxwriter.worksheet.Worksheet, rows: Sequence[RowReading], formats: tuple[object, ...]) -> None:
    header_format, text, fault, reason = formats
    headers = list(dict.fromkeys(header for row in rows for header in row.values))
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(headers) - 1, 18, text)
    sheet.set_column(len(headers), len(headers), 60, text)
    sheet.set_column(len(headers) + 1, len(headers) + 1, 36, text)
    for index, header in enumerate((*headers, REASON_HEADER, PLACE_HEADER)):
        sheet.write_string(0, index, cell_text(header), header_format)
    for number, row in enumerate(rows, start=1):
        at_fault = {finding.place.column_name for finding in row.findings}
        for index, header in enumerate(headers):
            value = row.values.get(header, "")
            cell_format = fault if header in at_fault else text
            if value:
                sheet.write_string(number, index, cell_text(value), cell_format)
            elif header in at_fault:
                sheet.write_blank(number, index, None, cell_format)
        reasons = "\n".join(_reason(row, index) for index in range(len(row.findings)))
        sheet.write_string(number, len(headers), cell_text(reasons), reason)
        sheet.write_string(number, len(headers) + 1, cell_text(row.place.zh), text)


def _reason(row: RowReading, index: int) -> str:
    finding = row.findings[index]
    column = f"{finding.place.column_name}：" if finding.place.column_name else ""
    return f"{column}{finding.zh}"

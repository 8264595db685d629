"""Numbers and dates of spreadsheets as the text a person sees in the cell."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from matching.importing.grid import Cell, clean_text

_ZEROS = re.compile(r"^0{2,}$")
_PERCENT = re.compile(r"^[#,0]*(\.0*)?%$")
_BUILTIN_DATES = frozenset((*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)))
"""Built-in formats that show dates; 27–36 and 50–58 are those of Chinese, Japanese and Korean programs."""
MAX_EXACT = Decimal(10) ** 15
"""Spreadsheet programs keep 15 significant digits: beyond, the last ones are already lost."""


def format_of(format_id: int, custom: dict[int, str]) -> str:
    """The number format of an id, `General` where unknown, `yyyy-mm-dd` for a built-in date."""
    if format_id in custom:
        return custom[format_id]
    if format_id in _BUILTIN_DATES:
        return "yyyy-mm-dd"
    from openpyxl.styles.numbers import BUILTIN_FORMATS  # not before a file is read: the package takes 15 MB

    return str(BUILTIN_FORMATS.get(format_id, "General"))


def shows_date(number_format: str) -> bool:
    """Whether the format shows a date or a time."""
    from openpyxl.styles.numbers import is_date_format

    return bool(is_date_format(number_format))


def plain_number(value: Decimal) -> str:
    """The number without exponent and trailing zeros: 13800138000.0 is `13800138000`."""
    if value == value.to_integral_value():
        return str(int(value))
    text = format(value, "f")
    return text.rstrip("0").rstrip(".")


def number_cell(raw: str, number_format: str = "General") -> Cell:
    """A numeric cell from its stored text and number format.

    16 digits and more are `precision_lost`; binary noise (0.30000000000000004) is rounded away at 15 digits, as
    spreadsheet programs do when they show it.
    """
    try:
        value = Decimal(raw.strip())
    except InvalidOperation:
        return Cell(clean_text(raw), "text", "error_value")
    if not value.is_finite():
        return Cell(clean_text(raw), "text", "error_value")
    if abs(value) >= MAX_EXACT:
        shown = plain_number(value) if value.adjusted() < 40 else raw.strip()
        return Cell(shown, "number", "precision_lost")
    rounded = Decimal(f"{value:.15g}") if len(value.as_tuple().digits) > 15 else value
    section = number_format.split(";")[0].strip()
    if _PERCENT.match(section):
        return Cell(plain_number(rounded * 100) + "%", "number")
    text = plain_number(rounded)
    if _ZEROS.match(section) and text.isdigit():
        text = text.zfill(len(section))
    return Cell(text, "number")


def date_text(moment: datetime | date) -> str:
    """`2024-03-05`, with ` 14:30` or ` 14:30:05` where there is a time of day."""
    if not isinstance(moment, datetime) or (moment.hour, moment.minute, moment.second) == (0, 0, 0):
        return moment.strftime("%Y-%m-%d") if moment.year >= 1000 else moment.isoformat()[:10]
    return moment.strftime("%Y-%m-%d %H:%M:%S" if moment.second else "%Y-%m-%d %H:%M")


def date_of_serial(serial: float, *, epoch_1904: bool = False) -> datetime | None:
    """The moment a spreadsheet's day number stands for, or None outside 1900–9999.

    Counted from 1904-01-01, or from 1899-12-30 with the 1900 programs' phantom 29 February 1900 taken into account.
    """
    if not 0 <= serial < 2_958_466:
        return None
    epoch = datetime(1904, 1, 1) if epoch_1904 else datetime(1899, 12, 30)  # noqa: DTZ001 - sheets know no zones
    if not epoch_1904 and serial < 60:
        serial += 1
    try:
        moment = epoch + timedelta(days=serial)
    except OverflowError:
        return None
    return (moment + timedelta(milliseconds=500)).replace(microsecond=0)


def date_cell(raw: str, *, epoch_1904: bool, number_format: str = "yyyy-mm-dd") -> Cell:
    """A date cell from its stored number; a time of day alone is `14:30`, nonsense stays the number it is."""
    try:
        serial = float(raw)
    except ValueError:
        return Cell(clean_text(raw), "text", "error_value")
    moment = date_of_serial(serial, epoch_1904=epoch_1904)
    if moment is None:
        return number_cell(raw)
    if serial < 1 and not epoch_1904:
        return Cell(moment.strftime("%H:%M:%S" if moment.second else "%H:%M"), "text")
    return Cell(date_text(moment), "date")

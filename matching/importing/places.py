"""Where in a file something is, and what was found there."""

from __future__ import annotations

from dataclasses import dataclass, replace

from matching.errors import InvalidInput


def _column_letters(number: int) -> str:
    """What a spreadsheet program calls a column: 28 is AB."""
    from openpyxl.utils import get_column_letter  # when something is told: the package takes 15 MB

    return str(get_column_letter(number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A file, and as far as known its sheet, row and column (both from 1, as a spreadsheet program counts)."""

    file: str
    sheet: str | None = None
    row: int | None = None
    column: int | None = None
    column_name: str | None = None

    def at(self, *, row: int | None = None, column: int | None = None, column_name: str | None = None) -> Place:
        """The same file and sheet, at a row and column."""
        return replace(self, row=row, column=column, column_name=column_name)

    @property
    def zh(self) -> str:
        """As a Chinese reader says it: `需求.xlsx 工作表“Sheet1” 第 5 行 C 列（联系电话）`."""
        parts = [self.file]
        if self.sheet:
            parts.append(f"工作表“{self.sheet}”")
        if self.row is not None:
            parts.append(f"第 {self.row} 行")
        if self.column is not None:
            parts.append(f"{_column_letters(self.column)} 列" + (f"（{self.column_name}）" if self.column_name else ""))
        return " ".join(parts)

    @property
    def en(self) -> str:
        """As an English reader says it: `needs.xlsx, sheet "Sheet1", row 5, column C (phone)`."""
        parts = [self.file]
        if self.sheet:
            parts.append(f'sheet "{self.sheet}"')
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.column is not None:
            name = f" ({self.column_name})" if self.column_name else ""
            parts.append(f"column {_column_letters(self.column)}{name}")
        return ", ".join(parts)

    def __str__(self) -> str:
        return self.zh


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to tell about a place: why a row was refused, or what to look at in one that was accepted.

    `code` is stable (`import.title_missing`); `zh` and `en` are whole sentences without the place.
    """

    code: str
    zh: str
    en: str
    place: Place

    def __str__(self) -> str:
        return f"{self.place.zh}：{self.zh}"


def refuse(code: str, zh: str, en: str, place: Place) -> InvalidInput:
    """The error for a file that cannot be read at all, naming its place."""
    return InvalidInput(code, zh, where=place.zh, message_en=en)

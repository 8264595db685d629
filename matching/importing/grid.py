"""A sheet as it stands in the file, before anything is understood of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

CellKind = Literal["text", "number", "date", "boolean"]
CellProblem = Literal["precision_lost", "formula_without_value", "error_value"]

_LINE_ENDS = re.compile("\r\n?|\x0b|\x0c|\x85|\u2028|\u2029")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")


def clean_text(text: str) -> str:
    """Text with one kind of line end, without control characters and byte order marks, and without outer blanks."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return _CONTROLS.sub("", _LINE_ENDS.sub("\n", text)).strip()


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell with something in it.

    `text` is what a person reads in it: whole numbers without `.0`, dates as `2024-03-05`, percentages as `3%`.
    `problem` says that the text cannot be trusted: a number of more than 15 digits, a formula without a stored value,
    or an error such as `#REF!`.
    """

    text: str
    kind: CellKind = "text"
    problem: CellProblem | None = None


@dataclass(frozen=True, slots=True)
class MergedRange:
    """Merged cells, corners included, counted from 1."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(slots=True)
class Grid:
    """A sheet (or a table of a document): only cells that hold text, by row and column from 1.

    `epoch_1904`: whether plain numbers that mean dates count from 1904.
    `records`: the rows are already records (JSON lines) and the first row holds their keys.
    """

    sheet: str | None
    rows: dict[int, dict[int, Cell]] = field(default_factory=dict)
    merged: list[MergedRange] = field(default_factory=list)
    hidden: bool = False
    hidden_rows: set[int] = field(default_factory=set)
    hidden_columns: set[int] = field(default_factory=set)
    epoch_1904: bool = False
    records: bool = False

    def cell(self, row: int, column: int) -> Cell | None:
        """The cell, or None where there is nothing."""
        cells = self.rows.get(row)
        return cells.get(column) if cells else None

    def text(self, row: int, column: int) -> str:
        """The cell's text, empty where there is nothing."""
        cell = self.cell(row, column)
        return cell.text if cell else ""

    def put(self, row: int, column: int, cell: Cell) -> None:
        """Store a cell; one without text and without a problem is nothing."""
        if cell.text or cell.problem:
            self.rows.setdefault(row, {})[column] = cell

    @property
    def row_numbers(self) -> list[int]:
        """Rows that hold something, in order."""
        return sorted(self.rows)

    @property
    def columns(self) -> set[int]:
        """Columns that hold something."""
        found: set[int] = set()
        for cells in self.rows.values():
            found.update(cells)
        return found

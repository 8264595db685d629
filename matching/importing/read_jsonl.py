"""JSON lines: one record a line, read exactly (whole numbers of any length, no float rounding)."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from matching.importing.grid import Cell, Grid, clean_text
from matching.importing.limits import Budget
from matching.importing.number_text import number_cell
from matching.importing.places import refuse


def read_objects(text: str, budget: Budget) -> list[tuple[int, dict[str, Any]]]:
    """Line number and object of every line with something on it; fractions are Decimals.

    Raises InvalidInput naming the line that is not a JSON object.
    """
    found: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(text.lstrip("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        place = budget.place.at(row=number)
        try:
            value = json.loads(line, parse_float=Decimal, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            detail = getattr(error, "msg", str(error) or type(error).__name__)
            zh, en = f"这一行不是有效的 JSON（{detail}）", f"this line is not valid JSON ({detail})"
            raise refuse("import.bad_json", zh, en, place) from error
        if not isinstance(value, dict):
            raise refuse("import.not_an_object", "这一行不是 JSON 对象", "this line is not a JSON object", place)
        budget.check_extent(len(found) + 1, len(value), budget.place)
        for item in value.values():
            budget.count_cell(item if isinstance(item, str) else "", place)
        found.append((number, value))
    return found


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def value_cell(value: Any) -> Cell:
    """A JSON value as a cell: lists are joined by `；` (lists of sentences by line breaks)."""
    if value is None:
        return Cell("")
    if isinstance(value, bool):
        return Cell("TRUE" if value else "FALSE", "boolean")
    if isinstance(value, int):
        return Cell(str(value), "number")
    if isinstance(value, Decimal):
        return number_cell(str(value))
    if isinstance(value, list):
        texts = [value_cell(item).text for item in value]
        return Cell(clean_text(("\n" if any("；" in text for text in texts) else "；").join(filter(None, texts))))
    if isinstance(value, dict):
        return Cell(clean_text(json.dumps(value, ensure_ascii=False, default=str)))
    return Cell(clean_text(str(value)))


def read_jsonl(text: str, budget: Budget) -> Grid:
    """The records as a Grid whose row 0 holds the keys; other rows are numbered by line."""
    grid = Grid(sheet=None, records=True)
    columns: dict[str, int] = {}
    for number, value in read_objects(text, budget):
        for key, item in value.items():
            column = columns.setdefault(key, len(columns) + 1)
            grid.put(number, column, value_cell(item))
        grid.rows.setdefault(number, {})
    budget.check_extent(len(grid.rows), len(columns), budget.place)
    for key, column in columns.items():
        grid.put(0, column, Cell(clean_text(key)))
    return grid

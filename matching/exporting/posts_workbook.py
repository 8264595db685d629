"""Needs, capabilities, experts and organisations as files that people edit and the import reads back unchanged."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import xlsxwriter

from matching.documents import MoneyRange
from matching.errors import InvalidInput
from matching.exporting.atomic import replacing
from matching.exporting.cells import cell_text, neutralise
from matching.importing.fields import EXTRA_PREFIX, FIELDS, Field, RecordKind
from matching.importing.records import AnyRecord
from matching.importing.values import format_money, join_lines, join_list
from matching.importing.vocabularies import Vocabularies

SUFFIXES = (".xlsx", ".csv")
_SHEET_NAMES = {"needs": "技术需求", "capabilities": "技术供给", "experts": "专家", "organisations": "单位"}
_VISIBILITIES = {"public": "公开", "members": "登录可见", "matched": "仅匹配对象", "staff": "仅工作人员"}
_WIDE = frozenset(("prose", "lines"))


def write_records(
    records: Iterable[AnyRecord], kind: RecordKind, path: Path | str, *, vocabularies: Vocabularies | None = None
) -> int:
    """Write records of one kind to .xlsx or .csv (UTF-8 with a byte order mark), as `read_records` reads them back.

    With vocabularies, terms are written by their Chinese names and must be read with the same vocabularies; without,
    by their codes. What the fields do not hold (`extra`) follows in columns of its own. The file appears whole or not
    at all. Returns how many records were written. Raises InvalidInput for another suffix.
    """
    path = Path(path)
    records = list(records)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = " ".join(SUFFIXES)
        raise InvalidInput(
            "export.wrong_suffix",
            f"不能输出“{path.suffix or path.name}”文件；可用：{known}",
            where=str(path),
            message_en=f"cannot write {path.suffix or path.name} files; use one of: {known}",
        )
    names = _TermNames(vocabularies)
    columns = [field for field in FIELDS[kind] if field.written]
    extras = list(dict.fromkeys(key for record in records for key in record.extra))
    headers = [field.zh for field in columns] + [f"{EXTRA_PREFIX}{key}" for key in extras]
    with replacing(path) as temporary:
        if suffix == ".csv":
            with temporary.open("w", encoding="utf-8-sig", newline="") as out:
                writer = csv.writer(out)
                writer.writerow(headers)
                for values in _rows(records, columns, extras, names):
                    writer.writerow([neutralise(_plain(value)) for value in values])
        else:
            _write_sheet(records, kind, columns, headers, extras, names, temporary)
    return len(records)


def _rows(
    records: Sequence[AnyRecord], columns: Sequence[Field], extras: Sequence[str], names: _TermNames
) -> Iterator[list[str | date]]:
    for record in records:
        values: list[str | date] = [_value(getattr(record, field.name), field, names) for field in columns]
        yield values + [record.extra.get(key, "") for key in extras]


def _plain(value: str | date) -> str:
    return value if isinstance(value, str) else value.isoformat()


class _TermNames:
    """Names of terms by vocabulary and code."""

    def __init__(self, vocabularies: Vocabularies | None) -> None:
        self._names = {
            vocabulary: {term.code: term.label_zh for term in terms}
            for vocabulary, terms in (vocabularies or {}).items()
        }

    def name(self, code: str, vocabulary: str | None) -> str:
        """The Chinese name, the code itself where there is none."""
        return self._names.get(vocabulary or "", {}).get(code) or code

    def industry(self, code: str) -> str:
        """`C39 name`, or the code alone."""
        name = self._names.get("industries", {}).get(code)
        return f"{code} {name}" if name else code


def _value(value: Any, field: Field, names: _TermNames) -> str | date:
    """A field's value as its column shows it."""
    if value is None or value == () or value == "":
        return ""
    match field.kind:
        case "money":
            assert isinstance(value, MoneyRange)
            return format_money(value)
        case "date":
            day: date = value
            return day
        case "lines":
            return join_lines(value)
        case "list":
            return join_list(value)
        case "phones" | "emails":
            return "；".join(value)
        case "term":
            return names.name(str(value), field.vocabulary)
        case "terms":
            return "；".join(names.name(code, field.vocabulary) for code in value)
        case "industries":
            return "；".join(names.industry(code) for code in value)
        case "maturity":
            return f"TRL {value}"
        case "visibility":
            return _VISIBILITIES.get(str(value), str(value))
        case _:
            return str(value)


def _write_sheet(
    records: Sequence[AnyRecord],
    kind: RecordKind,
    columns: Sequence[Field],
    headers: Sequence[str],
    extras: Sequence[str],
    names: _TermNames,
    path: Path,
) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        font = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top"}
        header = book.add_format({**font, "bold": True, "bg_color": "#DCE6F1", "text_wrap": True, "border": 1})
        text = book.add_format({**font, "num_format": "@"})
        wrapped = book.add_format({**font, "num_format": "@", "text_wrap": True})
        day = book.add_format({**font, "num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet(_SHEET_NAMES[kind])
        sheet.freeze_panes(1, 0)
        for index in range(len(headers)):
            wide = index < len(columns) and columns[index].kind in _WIDE
            named = index < len(columns) and columns[index].required
            # Empty cells below are text too, so that codes and phones typed there stay whole.
            is_day = index < len(columns) and columns[index].kind == "date"
            sheet.set_column(index, index, 50 if wide else 30 if named else 16, day if is_day else text)
        for index, title in enumerate(headers):
            sheet.write_string(0, index, title, header)
        for number, values in enumerate(_rows(records, columns, extras, names), start=1):
            for index, value in enumerate(values):
                if isinstance(value, date):
                    if value.year >= 1901:
                        sheet.write_datetime(number, index, value, day)
                    else:
                        sheet.write_string(number, index, value.isoformat(), text)
                elif value:
                    wide = index < len(columns) and columns[index].kind in _WIDE
                    sheet.write_string(number, index, cell_text(value), wrapped if wide else text)
        if records:
            sheet.autofilter(0, 0, len(records), len(headers) - 1)

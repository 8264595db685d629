"""Files of needs and capabilities for matching at once (`duijie match`, `duijie evaluate`), without a database."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from matching.documents import PostDocument, Side, WorkText
from matching.errors import InvalidInput
from matching.importing.columns import ColumnGuess, guess_columns
from matching.importing.fields import RecordKind, title_field
from matching.importing.layout import Table, TableRow
from matching.importing.limits import DEFAULT_LIMITS, ImportLimits
from matching.importing.places import Finding, Place
from matching.importing.read_table import TableReading, read_tables
from matching.importing.records import (
    AnyRecord,
    OrganisationRecord,
    ParsedRow,
    RowParser,
    hidden_things,
    no_rows,
    understand_tables,
    visible_columns,
)
from matching.importing.vocabularies import TermFinder, Vocabularies


class LeftOut(NamedTuple):
    """Something of a file that takes no part in matching: where it is and why. Chinese, and English in `_en`."""

    place: str
    reason: str
    place_en: str
    reason_en: str


class DocumentReading(NamedTuple):
    """`documents, left_out = read_documents(...)`."""

    documents: list[PostDocument]
    left_out: list[LeftOut]


# Only these faults keep a post from being matched; a code or a phone that cannot be read does not matter here.
_DECISIVE = frozenset(("external_id", "title", "name", "secrecy"))
_TEXTS = ("problem", "expected_result", "indicators", "abstract", "advantages", "applications")


def read_documents(
    path: Path | str,
    side: Side,
    *,
    vocabularies: Vocabularies | None = None,
    include_hidden: bool = False,
    limits: ImportLimits = DEFAULT_LIMITS,
) -> DocumentReading:
    """The posts of a file, and what was left out of it and why (faulty rows, hidden rows and sheets).

    Any file of `read_table.SUFFIXES`. JSON lines are `{"id", "title", "text"?, "keywords"?, "industry"?, "budget"?}`;
    keys that are no field are ignored, and `id` is required; `works` of a capability, a list of titles or of `{"title",
    "text"?, "year"?}`, are what the person behind it wrote and did. In tables a row without an id is called by its
    number (`R5`). A list of experts serves as capabilities of the kind `expertise`. A post without a title is taken
    when it has text. Raises InvalidInput naming the file where nothing can be read.
    """
    kind: RecordKind = "needs" if side == "need" else "capabilities"
    reading, kind = _read(path, kind, limits)
    parser = RowParser(kind, TermFinder(vocabularies))
    result = DocumentReading([], [])
    first_places: dict[str, Place] = {}
    tables = [table for table in reading.tables if include_hidden or not table.hidden]
    if reading.format == "jsonl":
        understood = [(table, Place(file=reading.file), _exact(table, kind)) for table in tables]
    else:
        understood, notices = understand_tables(tables, reading, kind)
        result.left_out.extend(_left_out(notice) for notice in (*reading.notices, *notices))
    several = len(understood) > 1
    for number, (table, place, columns) in enumerate(understood, start=1):
        taken = visible_columns(table, columns, place, kind, include_hidden=include_hidden)
        for row in table.rows:
            if row.hidden and not include_hidden:
                continue
            parsed = parser.parse(table, row, taken, place)
            where = place.at(row=row.number)
            fault = _fault(parsed, kind)
            if fault is not None:
                result.left_out.append(_left_out(fault))
                continue
            record = parser.build(parsed)
            document_id = record.external_id or ""
            if not document_id and reading.format == "jsonl":
                result.left_out.append(LeftOut(where.zh, "缺少 id", where.en, "the id is missing"))
                continue
            document_id = document_id or _row_id(row, number if several else None)
            if document_id in first_places:
                first = first_places[document_id]
                result.left_out.append(
                    LeftOut(
                        where.zh,
                        f"编号 {document_id} 与 {first.zh} 重复，只用前一条",
                        where.en,
                        f"the id {document_id} is already used at {first.en}; the first is taken",
                    )
                )
                continue
            first_places[document_id] = where
            result.documents.append(_document(record, document_id))
        result.left_out.extend(_skipped(table, place))
    hidden = hidden_things(reading, include_hidden=include_hidden)
    result.left_out.extend(LeftOut(item.place.zh, item.zh, item.place.en, item.en) for item in hidden)
    if not result.documents and not result.left_out:
        raise no_rows(reading)
    if side == "capability" and reading.format == "jsonl":
        works = _read_works(Path(path))
        result.documents[:] = [replace(post, works=works.get(post.id, ())) for post in result.documents]
    return result


def _read_works(path: Path) -> dict[str, tuple[WorkText, ...]]:
    """By id the works of the lines that have some, the latest first; ages are counted from the latest year of all."""
    found: dict[str, list[WorkText]] = {}
    for line in path.read_text(encoding="utf-8-sig", errors="replace").splitlines():
        if '"works"' not in line:
            continue
        value = json.loads(line)
        works = value.get("works")
        if isinstance(works, list) and value.get("id") is not None:
            told = [_work(number, work) for number, work in enumerate(works)]
            found.setdefault(str(value["id"]), [work for work in told if work is not None])
    latest = max((work.year for works in found.values() for work in works if work.year is not None), default=0)
    return {
        post_id: tuple(
            replace(work, age=None if work.year is None else float(latest - work.year))
            for work in sorted(works, key=lambda work: -(work.year or 0))
        )
        for post_id, works in found.items()
    }


def _work(number: int, value: object) -> WorkText | None:
    if isinstance(value, str):
        return WorkText(id=str(number), title=value) if value.strip() else None
    if not isinstance(value, dict) or not str(value.get("title") or "").strip():
        return None
    year = value.get("year")
    return WorkText(
        id=str(number),
        title=str(value["title"]),
        text=str(value.get("text") or value.get("abstract") or ""),
        year=year if isinstance(year, int) and 1800 <= year <= 2200 else None,
    )


def _read(path: Path | str, kind: RecordKind, limits: ImportLimits) -> tuple[TableReading, RecordKind]:
    """The tables, as experts where a file of capabilities is a list of people."""
    try:
        reading = read_tables(path, kind, limits=limits)
    except InvalidInput as error:
        if kind != "capabilities" or error.code != "import.no_header":
            raise
        return read_tables(path, "experts", limits=limits), "experts"
    if kind == "capabilities" and not any(_has_title(table, kind) for table in reading.tables):
        try:
            experts = read_tables(path, "experts", limits=limits)
        except InvalidInput:
            return reading, kind
        if any(_has_title(table, "experts") for table in experts.tables):
            return experts, "experts"
    return reading, kind


def _has_title(table: Table, kind: RecordKind) -> bool:
    return any(guess.field == title_field(kind).name for guess in guess_columns(table, kind))


def _exact(table: Table, kind: RecordKind) -> list[ColumnGuess]:
    """The columns of JSON lines: keys are names, so only certain ones count."""
    return [guess if guess.confidence >= 0.9 else replace(guess, field=None) for guess in guess_columns(table, kind)]


def _fault(parsed: ParsedRow, kind: RecordKind) -> Finding | None:
    has_text = any(parsed.values.get(name) for name in _TEXTS)
    for name, finding in parsed.refusals:
        missing = finding.code == f"import.{title_field(kind).name}_missing"
        if name in _DECISIVE and not (missing and has_text):
            return finding
    return None


def _left_out(finding: Finding) -> LeftOut:
    return LeftOut(finding.place.zh, finding.zh, finding.place.en, finding.en)


def _row_id(row: TableRow, table: int | None) -> str:
    return f"R{row.number}" if table is None else f"T{table}R{row.number}"


def _document(record: AnyRecord, document_id: str) -> PostDocument:
    if isinstance(record, OrganisationRecord):
        raise TypeError("organisations are not posts")
    return record.to_document(document_id)


def _skipped(table: Table, place: Place) -> list[LeftOut]:
    reasons = {"group": ("分组标题", "a heading of a group"), "total": ("合计行", "a total")}
    found = []
    for row in table.skipped:
        if row.reason in ("note", "example", "repeated_header", "empty"):
            zh, en = f"不是数据行：{row.text[:60]}", f"not a record: {row.text[:60]}"
        else:
            zh, en = (f"{reason}：{row.text[:60]}" for reason in reasons[row.reason])
        where = place.at(row=row.number)
        found.append(LeftOut(where.zh, zh, where.en, en))
    return found

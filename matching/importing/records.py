"""From the rows of a file to records, each accepted, accepted with a warning, or refused with its reason and place."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

from matching.documents import MoneyRange, PostDocument
from matching.errors import InvalidInput
from matching.exporting.cells import restore
from matching.importing.columns import ColumnGuess, apply_column_map, guess_columns
from matching.importing.fields import EXTRA_PREFIX, FIELDS, Field, RecordKind, title_field
from matching.importing.grid import Cell
from matching.importing.layout import Table, TableRow, names_organisation
from matching.importing.limits import DEFAULT_LIMITS, ImportLimits
from matching.importing.places import Finding, Place, refuse
from matching.importing.read_table import Question, TableReading, read_tables
from matching.importing.values import (
    Unreadable,
    find_emails,
    fold,
    is_nothing,
    is_scientific,
    parse_contact,
    parse_date,
    parse_emails,
    parse_industry,
    parse_maturity,
    parse_money,
    parse_phones,
    parse_span,
    parse_visibility,
    read_ticked,
    split_lines,
    split_list,
    without_emails,
)
from matching.importing.vocabularies import TermFinder, Vocabularies
from matching.organisation_code import check_uscc

_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    """What all records have: the file's own id, a key by which a second import finds the first, and other columns."""

    external_id: str | None = None
    natural_key: str = field(default="", compare=False)
    """Stable over files: made from the organisation and the id, or without an id from the names."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """Columns without a field, and values that could not be read, by header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedRecord(_Record):
    """A technical need as a file brings it. Codes are those of the vocabularies; texts are as written."""

    title: str = ""
    problem: str = ""
    indicators: tuple[str, ...] = ()
    expected_result: str = ""
    keywords: tuple[str, ...] = ()
    industry_codes: tuple[str, ...] = ()
    domain: str | None = None
    discipline: str | None = None
    region_code: str | None = None
    town: str | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    budget: MoneyRange | None = None
    cooperation_modes: tuple[str, ...] = ()
    ip_arrangement: str | None = None
    preferred_partners: str = ""
    visibility: str | None = None
    organisation_name: str | None = None
    uscc: str | None = None
    contact_name: str | None = None
    contact_phones: tuple[str, ...] = ()
    contact_emails: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All prose below the title."""
        return "\n".join(part for part in (self.problem, self.expected_result) if part)

    @property
    def language(self) -> str:
        """`zh` or `en`, by the characters."""
        return language_of(self.title + self.text)

    def to_document(self, document_id: str) -> PostDocument:
        """The need as matching sees it."""
        return PostDocument(
            id=document_id,
            side="need",
            title=self.title,
            text=self.text,
            keywords=self.keywords,
            indicators=self.indicators,
            language=self.language,
            industry_codes=self.industry_codes,
            domain=self.domain,
            discipline=self.discipline,
            cooperation_modes=self.cooperation_modes,
            money=self.budget,
            starts_on=self.starts_on,
            ends_on=self.ends_on,
            organisation_name=self.organisation_name,
            region_code=self.region_code,
            town=self.town,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityRecord(_Record):
    """A capability as a file brings it, the fields of the 成果登记 form included."""

    kind: str | None = None
    title: str = ""
    abstract: str = ""
    advantages: str = ""
    applications: str = ""
    maturity: int | None = None
    ip_status: str | None = None
    ip_type: str | None = None
    ip_number: str | None = None
    discipline: str | None = None
    ipc: str | None = None
    keywords: tuple[str, ...] = ()
    industry_codes: tuple[str, ...] = ()
    domain: str | None = None
    cooperation_modes: tuple[str, ...] = ()
    price: MoneyRange | None = None
    experts: tuple[str, ...] = ()
    registration_number: str | None = None
    registered_on: date | None = None
    research_starts_on: date | None = None
    research_ends_on: date | None = None
    secrecy: str | None = None
    origin: str | None = None
    form: str | None = None
    evaluation: str | None = None
    visibility: str | None = None
    organisation_name: str | None = None
    uscc: str | None = None
    region_code: str | None = None
    town: str | None = None
    contact_name: str | None = None
    contact_phones: tuple[str, ...] = ()
    contact_emails: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All prose below the title."""
        return "\n".join(part for part in (self.abstract, self.advantages, self.applications) if part)

    @property
    def language(self) -> str:
        """`zh` or `en`, by the characters."""
        return language_of(self.title + self.text)

    def to_document(self, document_id: str) -> PostDocument:
        """The capability as matching sees it."""
        return PostDocument(
            id=document_id,
            side="capability",
            title=self.title,
            text=self.text,
            keywords=self.keywords,
            language=self.language,
            kind=self.kind,
            industry_codes=self.industry_codes,
            domain=self.domain,
            discipline=self.discipline,
            cooperation_modes=self.cooperation_modes,
            money=self.price,
            maturity=self.maturity,
            organisation_name=self.organisation_name,
            region_code=self.region_code,
            town=self.town,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpertRecord(_Record):
    """A person with expertise as a file brings them."""

    name: str = ""
    name_en: str | None = None
    title: str | None = None
    position: str | None = None
    organisation_name: str | None = None
    uscc: str | None = None
    department: str | None = None
    fields: tuple[str, ...] = ()
    intro: str = ""
    contact_phones: tuple[str, ...] = ()
    contact_emails: tuple[str, ...] = ()
    orcid: str | None = None
    discipline: str | None = None
    region_code: str | None = None

    @property
    def language(self) -> str:
        """`zh` or `en`, by the characters."""
        return language_of(self.name + "".join(self.fields) + self.intro)

    def to_document(self, document_id: str) -> PostDocument:
        """The expert as a capability of the kind `expertise`; the fields of work are its keywords."""
        return PostDocument(
            id=document_id,
            side="capability",
            title=" ".join(part for part in ("、".join(self.fields[:3]), f"（{self.name}）") if part),
            text=self.intro,
            keywords=self.fields,
            language=self.language,
            kind="expertise",
            discipline=self.discipline,
            organisation_name=self.organisation_name,
            region_code=self.region_code,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganisationRecord(_Record):
    """An organisation as a file brings it."""

    name: str = ""
    name_en: str | None = None
    uscc: str | None = None
    kind: str | None = None
    region_code: str | None = None
    town: str | None = None
    address: str | None = None
    postcode: str | None = None
    website: str | None = None
    supervising_department: str | None = None
    legal_representative: str | None = None
    intro: str = ""
    stage: str | None = None
    industry_codes: tuple[str, ...] = ()
    contact_name: str | None = None
    contact_phones: tuple[str, ...] = ()
    fax: str | None = None
    contact_emails: tuple[str, ...] = ()

    @property
    def language(self) -> str:
        """`zh` or `en`, by the characters."""
        return language_of(self.name + self.intro)


AnyRecord = NeedRecord | CapabilityRecord | ExpertRecord | OrganisationRecord
RECORD_TYPES: dict[RecordKind, type[AnyRecord]] = {
    "needs": NeedRecord,
    "capabilities": CapabilityRecord,
    "experts": ExpertRecord,
    "organisations": OrganisationRecord,
}

RowStatus = Literal["accepted", "warned", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowReading:
    """What became of one row.

    `record` is None exactly when the row is refused. `findings` are the reasons of a refused row, the warnings of an
    accepted one. `values` are the texts of the row as they stand in the file, by header.
    """

    place: Place
    status: RowStatus
    record: AnyRecord | None
    findings: tuple[Finding, ...]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumns:
    """How the columns of one sheet were understood, for a preview to show and change.

    `header_rows` are the header's rows, empty for forms and JSON lines; `records` counts the rows below. `samples` are
    the first texts of each column. `taken` is False for a sheet that the caller left out or that has no title column.
    """

    place: Place
    columns: tuple[ColumnGuess, ...]
    header_rows: tuple[int, ...] = ()
    records: int = 0
    samples: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    taken: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReading:
    """A file read as records: every row with what became of it, and everything that was not taken."""

    file: str
    kind: RecordKind
    rows: tuple[RowReading, ...]
    columns: tuple[SheetColumns, ...]
    skipped: tuple[Finding, ...]
    """Rows that are no records: notes, examples, totals, groups, repeated headers, filled-in numbers only."""
    questions: tuple[Question, ...]
    """Hidden sheets, rows and columns that were not read."""
    notices: tuple[Finding, ...]

    @property
    def records(self) -> tuple[AnyRecord, ...]:
        """The accepted records, in the order of the file."""
        return tuple(row.record for row in self.rows if row.record is not None)

    @property
    def refused(self) -> tuple[RowReading, ...]:
        """The refused rows."""
        return tuple(row for row in self.rows if row.status == "refused")

    @property
    def warned(self) -> tuple[RowReading, ...]:
        """The rows accepted with a warning."""
        return tuple(row for row in self.rows if row.status == "warned")


def language_of(text: str) -> str:
    """`en` for Latin text without any Han character, else `zh`."""
    return "en" if re.search("[A-Za-z]", text) and not _HAN.search(text) else "zh"


def read_records(
    path: Path | str,
    kind: RecordKind,
    *,
    column_map: Mapping[str, str | None] | None = None,
    vocabularies: Vocabularies | None = None,
    include_hidden: bool = False,
    left_sheets: Collection[str] = (),
    header_rows: Mapping[str, int] | None = None,
    for_preview: bool = False,
    limits: ImportLimits = DEFAULT_LIMITS,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReading:
    """Read a file of needs, capabilities, experts or organisations.

    `column_map` (header → field name, or None to keep as extra) overrides the guess. `include_hidden` takes hidden
    sheets, rows and columns as well; `left_sheets` are not taken; `header_rows` says by sheet ("" for a file without
    sheets) which row is the header. `on_progress(done, total)` is called every 100 rows; what it raises stops the
    reading. Rows with faults are in the result; InvalidInput is raised where the file as a whole cannot be read: see
    `read_tables`, and `import.no_title_column` and `import.no_rows`. These two, and a missing header, are no errors
    with `for_preview`: a person may still say which row and which column it is.
    """
    reading = _read_tables(path, kind, column_map, header_rows, limits, for_preview=for_preview)
    parser = RowParser(kind, TermFinder(vocabularies))
    offered = [table for table in reading.tables if include_hidden or not table.hidden]
    tables = [table for table in offered if (table.sheet or "") not in left_sheets]
    total = sum(len(table.rows) for table in tables)
    rows: list[RowReading] = []
    columns: list[SheetColumns] = []
    skipped: list[Finding] = []
    understood, notices = understand_tables(tables, reading, kind, column_map, for_preview=for_preview)
    for table, place, guesses in understood:
        columns.append(_sheet_columns(table, place, guesses, taken=True))
        try:
            taken = visible_columns(table, guesses, place, kind, include_hidden=include_hidden)
        except InvalidInput as error:
            if not for_preview:
                raise
            notices.append(Finding(code=error.code, zh=error.message, en=error.message_en, place=place))
            continue
        for row in table.rows:
            if include_hidden or not row.hidden:
                rows.append(_read_row(parser, table, row, taken, place))
                if on_progress and len(rows) % 100 == 0:
                    on_progress(len(rows), total)
        skipped.extend(_skipped(table, place))
    if not rows and not for_preview and not hidden_things(reading, include_hidden=include_hidden):
        raise no_rows(reading)
    rows = _refuse_duplicates(rows, kind)
    if on_progress:
        on_progress(total, total)
    known = {id(table) for table, _, _ in understood}
    for table in offered:
        if id(table) not in known:
            place = Place(file=reading.file, sheet=table.sheet)
            guesses = apply_column_map(guess_columns(table, kind), column_map or {}, kind)
            columns.append(_sheet_columns(table, place, guesses, taken=False))
    return ImportReading(
        file=reading.file,
        kind=kind,
        rows=tuple(rows),
        columns=tuple(columns),
        skipped=tuple(skipped),
        questions=tuple(hidden_things(reading, include_hidden=include_hidden)),
        notices=(*reading.notices, *notices),
    )


def _read_tables(
    path: Path | str,
    kind: RecordKind,
    column_map: Mapping[str, str | None] | None,
    header_rows: Mapping[str, int] | None,
    limits: ImportLimits,
    *,
    for_preview: bool,
) -> TableReading:
    known = tuple(column_map or ())
    try:
        return read_tables(path, kind, limits=limits, known_headers=known, header_rows=header_rows)
    except InvalidInput as error:
        if not for_preview or error.code != "import.no_header":
            raise
    return read_tables(path, kind, limits=limits, known_headers=known, header_rows=header_rows, any_header=True)


_SAMPLES = 3


def _sheet_columns(table: Table, place: Place, guesses: list[ColumnGuess], *, taken: bool) -> SheetColumns:
    samples: dict[int, tuple[str, ...]] = {}
    for guess in guesses:
        if not guess.collected:
            continue
        texts = (
            row.cells[guess.column].text
            for row in table.rows
            if not row.hidden and guess.column not in table.hidden_columns and guess.column in row.cells
        )
        samples[guess.column] = tuple(text[:80] for text, _ in zip(filter(None, texts), range(_SAMPLES), strict=False))
    return SheetColumns(
        place=place,
        columns=tuple(guesses),
        header_rows=table.header_rows,
        records=len(table.rows),
        samples=samples,
        taken=taken,
    )


def no_rows(reading: TableReading) -> InvalidInput:
    """The error for a file with a header and nothing below."""
    sheet = reading.tables[0].sheet if reading.tables else None
    return refuse(
        "import.no_rows", "表头下面没有数据", "there is no data below the header", Place(file=reading.file, sheet=sheet)
    )


TEXT_FIELDS: dict[RecordKind, str] = {"needs": "problem", "capabilities": "abstract"}
"""The text whose opening serves as the title in files that have no column for one."""
_OPENING = 60


def understand_tables(
    tables: Sequence[Table],
    reading: TableReading,
    kind: RecordKind,
    column_map: Mapping[str, str | None] | None = None,
    guess: Callable[[Table, RecordKind], list[ColumnGuess]] = guess_columns,
    *,
    for_preview: bool = False,
) -> tuple[list[tuple[Table, Place, list[ColumnGuess]]], list[Finding]]:
    """The tables with a column for the title (or for the text), each with its columns, and notices of the others.

    The caller's map is applied to the guess. Raises InvalidInput when there are tables but none has the title,
    except `for_preview`.
    """
    title = title_field(kind)
    understood = []
    notices = []
    for table in tables:
        place = Place(file=reading.file, sheet=table.sheet)
        guesses = guess(table, kind)
        if column_map:
            guesses = apply_column_map(guesses, column_map, kind)
        if any(one.field in (title.name, TEXT_FIELDS.get(kind)) for one in guesses):
            understood.append((table, place, guesses))
            continue
        headers = "、".join(one.header for one in guesses[:12])
        notices.append(
            Finding(
                code="import.no_title_column",
                zh=f"没有认出“{title.zh}”这一列；表头是：{headers}",
                en=f'no column was recognised as "{title.en}"; the headers are: {headers}',
                place=place.at(row=table.header_rows[-1] if table.header_rows else None),
            )
        )
    if notices and not understood and not for_preview:
        first = notices[0]
        raise refuse(first.code, first.zh, first.en, first.place)
    return understood, notices


def visible_columns(
    table: Table, guesses: Sequence[ColumnGuess], place: Place, kind: RecordKind, *, include_hidden: bool
) -> list[ColumnGuess]:
    """The columns that are taken. Raises InvalidInput where the title's is hidden and hidden columns are not taken."""
    taken = [guess for guess in guesses if include_hidden or guess.column not in table.hidden_columns]
    title = title_field(kind)
    wanted = {guess.field for guess in guesses} & {title.name, TEXT_FIELDS.get(kind)}
    missing = wanted - {guess.field for guess in taken}
    if missing and (title.name in missing or missing == wanted):
        raise refuse(
            "import.title_hidden",
            f"“{title.zh}”这一列是隐藏的；请取消隐藏，或选择读取隐藏内容",
            f'the column "{title.en}" is hidden; show it, or choose to read what is hidden',
            place,
        )
    return taken


def hidden_things(reading: TableReading, *, include_hidden: bool) -> list[Question]:
    """What is hidden in the file and was not read."""
    questions: list[Question] = []
    if include_hidden:
        return questions
    for table in reading.tables:
        place = Place(file=reading.file, sheet=table.sheet)
        if table.hidden:
            questions.append(Question(kind="hidden_sheet", place=place, records=len(table.rows)))
            continue
        rows = tuple(row.number for row in table.rows if row.hidden)
        if rows:
            questions.append(Question(kind="hidden_rows", place=place, rows=rows, records=len(rows)))
        if table.hidden_columns:
            headers = tuple(table.header(column) for column in table.hidden_columns)
            questions.append(
                Question(kind="hidden_columns", place=place, columns=table.hidden_columns, headers=headers)
            )
    return questions


_SKIPPED = {
    "note": ("填写说明", "a note"),
    "example": ("示例", "an example"),
    "total": ("合计", "a total"),
    "group": ("分组标题", "a heading of a group"),
    "repeated_header": ("重复的表头", "a repeated header"),
    "empty": ("只有序号的空行", "a row with nothing but its number"),
}


def _skipped(table: Table, place: Place) -> list[Finding]:
    return [
        Finding(
            code=f"import.skipped_{row.reason}",
            zh=f"不是数据行（{_SKIPPED[row.reason][0]}），未读取：{row.text[:60]}",
            en=f"not a record ({_SKIPPED[row.reason][1]}), not read: {row.text[:60]}",
            place=place.at(row=row.number),
        )
        for row in table.skipped
    ]


# --- one row ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class ParsedRow:
    """A row on its way to a record: values by field, other columns, and what was found, per field."""

    values: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    refusals: list[tuple[str, Finding]] = field(default_factory=list)
    warnings: list[Finding] = field(default_factory=list)


_MAX_LENGTH = {
    "title": 300, "name": 200, "external_id": 200, "organisation_name": 200, "ip_number": 80, "ipc": 80,
    "contact_name": 80, "name_en": 300, "position": 80, "department": 200, "orcid": 40, "website": 300,
    "postcode": 20, "ip_status": 40, "ip_type": 40, "registration_number": 80, "fax": 40, "legal_representative": 80,
}  # fmt: skip
_IDENTIFYING = frozenset(("title", "name", "external_id", "organisation_name"))
_SECRET = re.compile(r"(?<!非)(?<!不)(?:秘密|机密|绝密|涉密)")
_SUSPICIOUS_WAN = 10_000
_YEARLY = re.compile(r"每年|/\s*年|年薪|per\s*(?:year|annum)", re.IGNORECASE)


class RowParser:
    """Turns the cells of a row into values of fields, by the kind of each field."""

    def __init__(self, kind: RecordKind, terms: TermFinder) -> None:
        self.kind = kind
        self.terms = terms
        self._fields = {one.name: one for one in FIELDS[kind]}

    def parse(self, table: Table, row: TableRow, guesses: list[ColumnGuess], place: Place) -> ParsedRow:
        """All cells of the row; nothing of it is lost: what is no value of its field goes to `extra` with a warning."""
        parsed = ParsedRow()
        for guess in guesses:
            cell = row.cells.get(guess.column)
            if cell is None or not guess.collected:
                continue
            where = self._place(row, guess, place)
            if guess.field is None:
                self._keep(parsed, guess, cell, where)
                continue
            cell = Cell(restore(cell.text), cell.kind, cell.problem) if cell.text.startswith("'") else cell
            found = self._fields[guess.field]
            if cell.problem and self._refuse_problem(parsed, found, cell, where):
                continue
            if row.inherited and guess.column in row.inherited:
                parsed.warnings.append(
                    Finding(
                        code="import.inherited",
                        zh=f"本行为空，沿用了上一行的“{cell.text[:40]}”，请核对",
                        en=f'empty in this row; taken from the row above: "{cell.text[:40]}"; please check',
                        place=where,
                    )
                )
            try:
                self._read(parsed, found, guess, cell, where, epoch_1904=table.epoch_1904)
            except Unreadable as error:
                parsed.extra[self._free_key(parsed, guess.header)] = cell.text
                parsed.warnings.append(
                    Finding(
                        code=f"import.{found.name}_unreadable", zh=f"{error.zh}；已保留原文", en=error.en, place=where
                    )
                )
                if found.kind == "visibility":
                    parsed.values[found.name] = "staff"  # the narrowest, until somebody says otherwise
        self._finish(parsed, row, guesses, place)
        return parsed

    def _place(self, row: TableRow, guess: ColumnGuess, place: Place) -> Place:
        number, column = row.places.get(guess.column, (row.number, guess.column))
        return place.at(row=number, column=column, column_name=guess.header)

    def _free_key(self, parsed: ParsedRow, header: str) -> str:
        key = header.removeprefix(EXTRA_PREFIX)
        number = 2
        while key in parsed.extra:
            key, number = f"{header} ({number})", number + 1
        return key

    def _keep(self, parsed: ParsedRow, guess: ColumnGuess, cell: Cell, where: Place) -> None:
        if cell.text:
            parsed.extra[self._free_key(parsed, guess.header)] = restore(cell.text)
        if cell.problem == "precision_lost":
            parsed.warnings.append(_lost_digits(cell, where))

    def _refuse_problem(self, parsed: ParsedRow, found: Field, cell: Cell, where: Place) -> bool:
        if cell.problem == "formula_without_value":
            finding = Finding(
                code="import.formula_without_value",
                zh="单元格是公式，但文件里没有保存结果；请用 Excel 或 WPS 打开、保存后再导入",
                en="the cell is a formula without a stored result; open the file in a spreadsheet program and save it",
                place=where,
            )
        elif cell.problem == "error_value":
            finding = Finding(
                code="import.error_value",
                zh=f"单元格是错误值 {cell.text}",
                en=f"the cell holds the error {cell.text}",
                place=where,
            )
        elif found.kind in ("uscc", "id", "phones"):
            finding = _lost_digits(cell, where)
        else:
            return False
        parsed.refusals.append((found.name, finding))
        return True

    def _read(
        self, parsed: ParsedRow, found: Field, guess: ColumnGuess, cell: Cell, where: Place, *, epoch_1904: bool
    ) -> None:
        text = cell.text
        if found.kind in ("uscc", "id", "phones", "contact") and is_scientific(text) and cell.kind == "text":
            parsed.refusals.append((found.name, _lost_digits(cell, where)))
            return
        match found.kind:
            case "line" if found.name == "contact_name" and re.search(r"\d{7}", text):
                self._read_contact(parsed, guess, text, where)
            case "line":
                self._set(parsed, found.name, _in_one_line(text), where)
            case "id":
                if cell.kind == "date":
                    parsed.warnings.append(_looks_like_date(cell, where))
                self._set(parsed, found.name, _in_one_line(text), where)
            case "prose":
                if not is_nothing(text):
                    earlier = parsed.values.get(found.name)
                    parsed.values[found.name] = f"{earlier}\n{text}" if earlier else text
            case "lines":
                self._extend(parsed, found.name, split_lines(text))
            case "list":
                self._extend(parsed, found.name, split_list(text))
            case "money" | "least" | "most":
                self._read_money(parsed, found, guess, text, where)
            case "date":
                edge: Literal["start", "end"] = "end" if found.name.endswith("ends_on") else "start"
                try:
                    parsed.values[found.name] = parse_date(text, edge=edge, epoch_1904=epoch_1904)
                except Unreadable:
                    # A whole span in the column of the end.
                    start, end = parse_span(text, epoch_1904=epoch_1904) if found.name == "ends_on" else (None, None)
                    if start is None or end is None:
                        raise
                    parsed.values[found.name] = end
                    parsed.values.setdefault("starts_on", start)
            case "span":
                start, end = parse_span(text, epoch_1904=epoch_1904)
                prefix = "research_" if found.name == "research_span" else ""
                for name, value in ((f"{prefix}starts_on", start), (f"{prefix}ends_on", end)):
                    if value is not None:
                        parsed.values.setdefault(name, value)
            case "phones":
                self._read_phones(parsed, found, guess, text, where)
            case "emails":
                self._extend(parsed, found.name, parse_emails(text))
            case "contact":
                self._read_contact(parsed, guess, text, where)
            case "uscc":
                self._read_uscc(parsed, found, guess, text, where)
            case "term":
                self._read_term(parsed, found, guess, text, where)
            case "terms":
                self._read_terms(parsed, found, guess, text, where)
            case "industries":
                self._read_industries(parsed, found, guess, text, where)
            case "maturity":
                parsed.values[found.name] = parse_maturity(text)
            case "visibility":
                parsed.values[found.name] = parse_visibility(text)

    def _read_money(self, parsed: ParsedRow, found: Field, guess: ColumnGuess, text: str, where: Place) -> None:
        money = parse_money(text, unit=guess.unit)
        if found.bounds is None:
            if money is not None or found.name not in parsed.values:
                parsed.values[found.name] = money
        elif money is not None:
            self._set_bound(parsed, found, found.bounds, money, text)
        if money is not None and _YEARLY.search(text):
            parsed.extra[self._free_key(parsed, guess.header)] = text
            parsed.warnings.append(
                Finding(
                    code="import.amount_yearly",
                    zh=f"“{text}”是每年的金额；已保留原文",
                    en=f'"{text}" is an amount a year; kept as written',
                    place=where,
                )
            )
        bound = money and (money.maximum or money.minimum)
        if bound and bound >= _SUSPICIOUS_WAN and guess.unit != "元" and not re.search("[元万亿]", text):
            parsed.warnings.append(
                Finding(
                    code="import.amount_suspicious",
                    zh=f"{text} 万元是 {bound / 10000:g} 亿元，单位是否应为元？",
                    en=f"{text} is read as {text} × 10,000 CNY; is it meant in yuan?",
                    place=where,
                )
            )

    def _set_bound(self, parsed: ParsedRow, found: Field, of: str, money: MoneyRange, text: str) -> None:
        """One bound of a range that two columns hold; whichever comes first."""
        if money.minimum is not None and money.maximum is not None and money.minimum != money.maximum:
            raise Unreadable(f"这里应是一个数：{text}", f"one amount is wanted here: {text}")
        amount = money.minimum if money.minimum is not None else money.maximum
        other = parsed.values.get(of) or MoneyRange()
        bound = (amount, other.maximum) if found.kind == "least" else (other.minimum, amount)
        low, high = bound if amount is not None else (other.minimum, other.maximum)
        if low is not None and high is not None and low > high:
            raise Unreadable(
                f"金额区间的下限 {low:f} 大于上限 {high:f}",
                f"the range ends at {high:f}, below its start at {low:f}",
            )
        parsed.values[of] = MoneyRange(minimum=low, maximum=high, negotiable=other.negotiable or money.negotiable)

    def _set(self, parsed: ParsedRow, name: str, value: str | None, where: Place) -> None:
        """A short text. Too long for what identifies a row refuses it; elsewhere the text is kept beside the fields."""
        limit = _MAX_LENGTH.get(name)
        if value and limit and len(value) > limit:
            finding = Finding(
                code=f"import.{name}_too_long",
                zh=f"超过 {limit} 个字（现有 {len(value)} 个）",
                en=f"longer than {limit} characters ({len(value)})",
                place=where,
            )
            if name in _IDENTIFYING:
                parsed.refusals.append((name, finding))
            else:
                parsed.extra[self._free_key(parsed, where.column_name or name)] = value
                parsed.warnings.append(finding)
        elif value:
            parsed.values[name] = value

    def _extend(self, parsed: ParsedRow, name: str, items: tuple[str, ...]) -> None:
        parsed.values[name] = tuple(dict.fromkeys((*parsed.values.get(name, ()), *items)))

    def _read_contact(self, parsed: ParsedRow, guess: ColumnGuess, text: str, where: Place) -> None:
        """A name with what follows it; further names beside further numbers are names too."""
        name, phones = parse_contact(text)
        if name:
            parsed.values.setdefault("contact_name", name)
        if phones.numbers or phones.doubtful:
            listed = "；".join((*phones.numbers, *phones.doubtful))
            self._read_phones(parsed, self._fields["contact_phones"], guess, listed, where)

    def _read_phones(self, parsed: ParsedRow, found: Field, guess: ColumnGuess, text: str, where: Place) -> None:
        """Numbers, and what else stands in a cell called 联系方式: a name, an e-mail address."""
        emails = find_emails(text) if "@" in text else ()
        if emails:
            self._extend(parsed, "contact_emails", emails)
            text = without_emails(text)
        phones = parse_phones(text)
        names = tuple(piece for piece in phones.doubtful if not re.search(r"\d", piece))
        doubtful = tuple(piece for piece in phones.doubtful if piece not in names)
        self._extend(parsed, found.name, (*phones.numbers, *doubtful))
        parsed.warnings.extend(_doubtful_phone(phone, where) for phone in doubtful)
        if names and "contact_name" in self._fields and not parsed.values.get("contact_name"):
            parsed.values["contact_name"] = "、".join(names)[:80]
        elif names and "、".join(names) != parsed.values.get("contact_name"):
            parsed.extra[self._free_key(parsed, guess.header)] = "、".join(names)

    def _read_uscc(self, parsed: ParsedRow, found: Field, guess: ColumnGuess, text: str, where: Place) -> None:
        if is_nothing(text):
            return
        try:
            parsed.values[found.name] = check_uscc(text)
        except InvalidInput as error:
            finding = Finding(code=error.code, zh=error.message, en=error.message_en, place=where)
            if self.kind == "organisations":
                parsed.refusals.append((found.name, finding))
            else:
                # Beside a post the code only helps to find the organisation, so the post is not lost for it.
                parsed.extra[self._free_key(parsed, guess.header)] = text
                parsed.warnings.append(finding)

    def _read_term(self, parsed: ParsedRow, found: Field, guess: ColumnGuess, text: str, where: Place) -> None:
        if is_nothing(text):
            return
        ticked = read_ticked(text)
        labels = [text] if ticked is None else ticked
        codes = [self._find(label, found) for label in labels]
        known = [code for code in codes if code]
        if known:
            parsed.values[found.name] = known[0]
        if self.kind == "organisations" and found.name == "kind" and "stage" not in parsed.values:
            # 高新技术企业 is what a firm is and how far it has come.
            stage = next(filter(None, (self.terms.find(label, "organisation_stages") for label in labels)), None)
            if stage:
                parsed.values["stage"] = stage
        if len(labels) > 1 or (labels and not known):
            if not known and labels and found.vocabulary and not self.terms.knows(found.vocabulary):
                parsed.values[found.name] = labels[0]
                return
            parsed.extra[self._free_key(parsed, guess.header)] = text
            parsed.warnings.append(_unknown_term("、".join(labels), found, where, partly=bool(known)))

    def _find(self, label: str, found: Field) -> str | None:
        vocabulary = found.vocabulary or ""
        code = self.terms.find(label, vocabulary) or self.terms.find(re.split(r"[:：]", label)[0], vocabulary)
        if code is None and vocabulary == "regions" and re.fullmatch(r"\d{6}", fold(label)):
            return fold(label)
        if code is None and vocabulary == "disciplines" and re.fullmatch(r"\d{3}(?:\.?\d{2,4})?", fold(label)):
            return fold(label).replace(".", "")
        return code

    def _read_terms(self, parsed: ParsedRow, found: Field, guess: ColumnGuess, text: str, where: Place) -> None:
        codes: list[str] = []
        unknown: list[str] = []
        whole = self._find(text, found)
        for label in () if whole else split_list(text):
            code = self._find(label, found)
            codes.extend([code] if code else [])
            unknown.extend([] if code else [label])
        self._extend(parsed, found.name, (whole,) if whole else tuple(codes))
        if unknown:
            parsed.extra[self._free_key(parsed, guess.header)] = "；".join(unknown)
            parsed.warnings.append(_unknown_term("、".join(unknown), found, where, partly=bool(codes)))

    def _read_industries(self, parsed: ParsedRow, found: Field, guess: ColumnGuess, text: str, where: Place) -> None:
        if is_nothing(text):
            return
        ticked = read_ticked(text)
        if ticked is None and (code := parse_industry(text, self.terms)) and not re.search(r"[;；\n]", text):
            pieces = split_list(text)
            if len(pieces) == 1 or parse_industry(pieces[1], self.terms) is None:
                self._extend(parsed, found.name, (code,))
                return
        labels: tuple[str, ...] = (
            tuple(ticked)
            if ticked is not None
            else tuple(part.strip() for part in re.split(r"[;；\n]", text) if part.strip())
        )
        codes: list[str] = []
        unknown: list[str] = []
        for label in labels:
            code = parse_industry(label, self.terms)
            pieces = split_list(label)
            if code is not None and not (len(pieces) > 1 and parse_industry(pieces[1], self.terms)):
                codes.append(code)
                continue
            found_pieces = [parse_industry(piece, self.terms) for piece in pieces]
            codes.extend(piece for piece in found_pieces if piece)
            unknown.extend(piece for piece, got in zip(pieces, found_pieces, strict=True) if not got)
        self._extend(parsed, found.name, tuple(codes))
        if unknown:
            parsed.extra[self._free_key(parsed, guess.header)] = "；".join(unknown)
            parsed.warnings.append(_unknown_term("、".join(unknown), found, where, partly=bool(codes)))

    def _part_organisations(self, parsed: ParsedRow, guesses: list[ColumnGuess], where: Place) -> None:
        """Several organisations in one cell: the first is meant, the others stay beside the fields."""
        written = str(parsed.values["organisation_name"])
        parts = [part for part in re.split(r"[;；、\s]+", written) if part]
        if len(parts) < 2 or not all(names_organisation(part) for part in parts):
            return
        column = next((guess.header for guess in guesses if guess.field == "organisation_name"), "")
        parsed.values["organisation_name"] = parts[0]
        parsed.extra[self._free_key(parsed, column)] = "；".join(parts)
        parsed.warnings.append(
            Finding(
                code="import.several_organisations",
                zh=f"一格里有 {len(parts)} 个单位，按第一个“{parts[0]}”导入；已保留原文",
                en=f'{len(parts)} organisations in one cell; the first ("{parts[0]}") is taken; kept as written',
                place=where,
            )
        )

    def _finish(self, parsed: ParsedRow, row: TableRow, guesses: list[ColumnGuess], place: Place) -> None:
        if self.kind != "organisations" and parsed.values.get("organisation_name"):
            self._part_organisations(parsed, guesses, place.at(row=row.number))
        title = title_field(self.kind)
        refused = {name for name, _ in parsed.refusals}
        text = parsed.values.get(TEXT_FIELDS.get(self.kind, ""))
        if text and not any(guess.field == title.name for guess in guesses):
            opening = str(text).split("\n")[0]
            parsed.values[title.name] = opening[:_OPENING] + ("…" if len(opening) > _OPENING else "")
            parsed.warnings.append(
                Finding(
                    code="import.title_from_text",
                    zh=f"文件中没有“{title.zh}”一列，用描述的开头代替",
                    en=f'there is no column for "{title.en}"; the opening of the text is used',
                    place=place.at(row=row.number),
                )
            )
        if not parsed.values.get(title.name) and title.name not in refused:
            column = next((guess for guess in guesses if guess.field == title.name), None)
            where = self._place(row, column, place) if column else place.at(row=row.number)
            parsed.refusals.append(
                (
                    title.name,
                    Finding(
                        code=f"import.{title.name}_missing",
                        zh=f"缺少“{title.zh}”",
                        en=f'"{title.en}" is missing',
                        place=where,
                    ),
                )
            )
        where = place.at(row=row.number)
        if self.kind in ("needs", "capabilities") and parsed.values.get("title"):
            prose = ("problem", "indicators", "expected_result", "abstract", "advantages", "applications")
            if not any(parsed.values.get(name) for name in prose):
                parsed.warnings.append(
                    Finding(
                        code="import.too_little_text",
                        zh="内容不足：只有名称，没有说明，匹配只能按字词进行",
                        en="too little text: a title without a description can only be matched by its words",
                        place=where,
                    )
                )
        organisation = str(parsed.values.get("organisation_name") or "")
        if self.kind == "needs" and re.search(r"^某|某某|某(?:公司|企业|厂|有限)|[Xx×＊*]{2}", organisation):
            parsed.warnings.append(
                Finding(
                    code="import.looks_like_example", zh="看起来像示例行", en="this looks like an example", place=where
                )
            )
        if self.kind in ("needs", "capabilities") and len(parsed.values.get("keywords", ())) > 5:
            parsed.warnings.append(
                Finding(
                    code="import.many_keywords",
                    zh=f"关键词有 {len(parsed.values['keywords'])} 个，请保留最重要的 5 个，排在后面的可能不用",
                    en=f"{len(parsed.values['keywords'])} keywords; keep the five that matter, others may go unused",
                    place=where,
                )
            )
        secrecy = str(parsed.values.get("secrecy") or "")
        if _SECRET.search(secrecy):
            parsed.refusals.append(
                (
                    "secrecy",
                    Finding(
                        code="import.secret",
                        zh=f"密级为“{secrecy}”，涉密内容不得导入",
                        en=f'the secrecy is "{secrecy}"; classified content must not be imported',
                        place=where,
                    ),
                )
            )
        if self.kind == "needs" and not parsed.values.get("organisation_name"):
            column = next((guess for guess in guesses if guess.field == "organisation_name"), None)
            if column is not None:
                parsed.warnings.append(
                    Finding(
                        code="import.organisation_missing",
                        zh="没有写明单位",
                        en="the organisation is missing",
                        place=self._place(row, column, place),
                    )
                )
        start, end = parsed.values.get("starts_on"), parsed.values.get("ends_on")
        if start and end and start > end:
            parsed.warnings.append(
                Finding(
                    code="import.span_reversed",
                    zh=f"截止日期 {end} 早于开始日期 {start}",
                    en=f"it ends ({end}) before it starts ({start})",
                    place=where,
                )
            )

    def build(self, parsed: ParsedRow) -> AnyRecord:
        """The record of a parsed row. Only for rows without refusals, or (documents) for those that do not matter."""
        values = {name: value for name, value in parsed.values.items() if value is not None}
        key = natural_key(self.kind, values)
        return RECORD_TYPES[self.kind](natural_key=key, extra=parsed.extra, **values)


def _lost_digits(cell: Cell, where: Place) -> Finding:
    return Finding(
        code="import.digits_lost",
        zh=f"号码被存成了数字，末尾的数字已经丢失（现在是 {cell.text}）；请把这一列设为文本后重新填写",
        en=f"this number was stored as a number and has lost its last digits ({cell.text}); format as text and retype",
        place=where,
    )


_LINE_BREAK = re.compile(r"(?<![^\S\n])[^\S\n]*+\n\s*")


def _in_one_line(text: str) -> str | None:
    """A short text whose lines are one; None for what means nothing."""
    return None if is_nothing(text) else _LINE_BREAK.sub(" ", text)


def _looks_like_date(cell: Cell, where: Place) -> Finding:
    return Finding(
        code="import.id_is_date",
        zh=f"编号被表格软件当成了日期（{cell.text}），请核对原来的写法",
        en=f"a spreadsheet program took this id for a date ({cell.text}); check what was typed",
        place=where,
    )


def _doubtful_phone(phone: str, where: Place) -> Finding:
    return Finding(
        code="import.phone_doubtful",
        zh=f"电话号码位数不对：{phone}；已按原文保留",
        en=f"this is not a complete phone number: {phone}; kept as written",
        place=where,
    )


def _unknown_term(text: str, found: Field, where: Place, *, partly: bool) -> Finding:
    return Finding(
        code=f"import.{found.name}_unknown",
        zh=f"“{text}”{'里有内容' if partly else ''}不在“{found.zh}”的词表里；已保留原文",
        en=f'"{text}" is not (all) in the vocabulary of {found.en}; kept as written',
        place=where,
    )


def fold_name(name: str) -> str:
    """A name as compared for identity: half-width, lower case, without blanks."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", name)).lower()


def natural_key(kind: RecordKind, values: Mapping[str, Any]) -> str:
    """The key by which a second import of a row finds the first.

    With an id: the organisation's name and the id. Without: the organisation (by its code, else its name) for
    organisations; name, organisation, department, ORCID and first e-mail for experts; organisation and title for posts.
    """
    organisation = fold_name(str(values.get("organisation_name") or values.get("uscc") or ""))
    external_id = values.get("external_id")
    if external_id:
        parts = [organisation, "id", str(external_id)]
    elif kind == "organisations":
        parts = ["uscc", values["uscc"]] if values.get("uscc") else ["name", fold_name(str(values.get("name", "")))]
    elif kind == "experts":
        emails = values.get("contact_emails") or ("",)
        parts = [
            fold_name(str(values.get("name", ""))),
            organisation,
            fold_name(str(values.get("department") or "")),
            str(values.get("orcid") or ""),
            emails[0].lower(),
        ]
    else:
        parts = [organisation, "title", fold_name(str(values.get("title", "")))]
    return f"{kind}:{hashlib.sha256(chr(31).join(parts).encode()).hexdigest()[:32]}"


def row_values(row: TableRow, guesses: list[ColumnGuess]) -> dict[str, str]:
    """The texts of a row by header, as they stand in the file; personal data that is not collected is left out.

    Empty cells are there too: the column in which something is missing is the one that has to be filled in.
    """
    values: dict[str, str] = {}
    for guess in guesses:
        if guess.collected:
            cell = row.cells.get(guess.column)
            header, number = guess.header, 2
            while header in values:
                header, number = f"{guess.header} ({number})", number + 1
            values[header] = cell.text if cell is not None else ""
    return values


def _read_row(parser: RowParser, table: Table, row: TableRow, guesses: list[ColumnGuess], place: Place) -> RowReading:
    parsed = parser.parse(table, row, guesses, place)
    values = row_values(row, guesses)
    where = place.at(row=row.number)
    if parsed.refusals:
        findings = tuple(finding for _, finding in parsed.refusals)
        return RowReading(place=where, status="refused", record=None, findings=findings, values=values)
    status: RowStatus = "warned" if parsed.warnings else "accepted"
    return RowReading(
        place=where, status=status, record=parser.build(parsed), findings=tuple(parsed.warnings), values=values
    )


def _refuse_duplicates(rows: list[RowReading], kind: RecordKind) -> list[RowReading]:
    """Of rows with one id, or without ids with one key, the first stays and the others are refused with both places."""
    seen: dict[str, RowReading] = {}
    result = []
    for row in rows:
        record = row.record
        if record is None:
            result.append(row)
            continue
        key = f"id {record.external_id}" if record.external_id else record.natural_key
        first = seen.setdefault(key, row)
        if first is row:
            result.append(row)
            continue
        result.append(
            RowReading(
                place=row.place,
                status="refused",
                record=None,
                findings=(duplicate_finding(record, kind, row, first),),
                values=row.values,
            )
        )
    return result


def duplicate_finding(record: AnyRecord, kind: RecordKind, row: RowReading, first: RowReading) -> Finding:
    """Why a row is a second one of the same thing, with both places."""
    if record.external_id:
        return Finding(
            code="import.duplicate_id",
            zh=f"编号 {record.external_id} 与 {first.place.zh} 重复",
            en=f"the id {record.external_id} is already used at {first.place.en}",
            place=row.place,
        )
    hint = ("；同名的人请补充编号、邮箱或部门", "; add an id, an e-mail or a department to tell people apart")
    return Finding(
        code="import.duplicate_row",
        zh=f"与 {first.place.zh} 是同一条（名称和单位相同）{hint[0] if kind == 'experts' else ''}",
        en=f"the same (by name and organisation) as {first.place.en}{hint[1] if kind == 'experts' else ''}",
        place=row.place,
    )

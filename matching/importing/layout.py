"""From a sheet to a table: where the header is, which rows are data, and what hides.

Offices put a title, notes and examples above the data, headers in two levels, companies in merged cells, totals below,
and whole forms with one label a cell. Everything that is not taken is listed in `Table.skipped` with its reason.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from matching.importing.columns import CERTAIN, LEVEL_MARK, match_header, normalise_header
from matching.importing.fields import RECORD_KINDS, RecordKind, field_named, title_field
from matching.importing.grid import Cell, Grid, MergedRange

_LABELLED = re.compile(r"^([^：:\n]{1,30})[：:][ \t\u3000]*(\S[\s\S]*)$")
_INLINE_SURE = 0.9
_HEADER_DEPTH = 40
"""How many filled rows from the top are looked at for the header."""
_SURE = 0.65
_LONGEST_FORM = 300
"""Sheets with more filled rows are no forms."""
_TOTAL = re.compile(
    r"^(?:合计|总计|小计|共计|累计|总数|总和|total|subtotal|sum|grandtotal)(?:[:：(（].*|\d.*)?$", re.IGNORECASE
)
_NOTE = re.compile(
    r"^(?:填写说明|填表说明|填报说明|填写要求|填报要求|填写提示|说明|举例|示例|样例|例子|例|例如|范例|参考|是否必填|必填|必填项|要求|格式|格式要求|类型|单位|"
    r"example|examples|sample|required|description|note|notes|hint|format|e\.g\.)(?:行)?\d*$",
    re.IGNORECASE,
)
_NOTE_TEXT = re.compile(
    r"^(?:注|备注|说明|填写说明|填表说明|填报说明|填表人|制表人?|审核人?|复核人?|填报人|经办人|负责人|联系人|联系电话|电话|填报单位|填报日期|填报时间|填表日期|填表时间|"
    r"制表日期|日期|单位负责人|盖章|note|notes)[:：（(]"
)
_BRACKETED = re.compile(r"^[(（\[【〔].*[)）\]】〕]$")
"""A unit or a remark to the header above: （万元）."""
_FIELD_LIST = re.compile(
    r"^(?:字段|字段名|字段名称|栏目|栏目名称|列名|填写项|填报项|项目名称及说明|field|column)$", re.IGNORECASE
)
"""Where the first cell says this, the sheet explains the columns of another."""
_ORGANISATION = re.compile(
    r".{2}(?:公司|大学|学院|研究院|研究所|设计院|科学院|厂|中心|医院|集团|企业|合作社|学校|实验室)(?:[(（].*[)）])?$"
)
_GROUP_NUMBER = re.compile(r"^(?:[一二三四五六七八九十\d]{1,3}[、.．)）]|[(（][一二三四五六七八九十\d]{1,3}[)）])\s*")
_GROUP_COUNT = re.compile(r"(?<!\s)\s*+[(（](?:共|合计)?\s*\d+\s*[项条个家件]?[)）]\s*$")
_REQUIRED_MARK = re.compile(
    r"^(?:m|s|o|c|y|n|是|否|必填|选填|可选|非必填|必填项|选填项|必选|条件必填|required|optional|mandatory|yes|no|√|×|\*)$",
    re.IGNORECASE,
)
_NUMBERING = frozenset(("序号", "编号", "no", "no.", "#", "index", "行号", "sn", "s/n", "num", "序"))
_SEQUENCE = frozenset(("序号", "序", "行号"))


@dataclass(frozen=True, slots=True)
class Header:
    """A column's header: its levels from the group down."""

    column: int
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The levels in one line, as shown to people."""
        shown: list[str] = []
        for part in self.parts:
            line = " ".join(part.split())
            if line and line not in shown:
                shown.append(line)
        return LEVEL_MARK.join(shown)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of data.

    `cells` by column. `filled` are columns whose value came from a merged cell above, `inherited` those that were empty
    and not merged and took the value above (to be confirmed). `places` gives, for forms, where a column's value stands.
    """

    number: int
    cells: dict[int, Cell]
    hidden: bool = False
    filled: frozenset[int] = frozenset()
    inherited: frozenset[int] = frozenset()
    places: dict[int, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SkippedRow:
    """A row that is not data: `reason` is note, example, total, group, repeated_header or empty."""

    number: int
    reason: str
    text: str


@dataclass(slots=True)
class Table:
    """A sheet understood as records. `header_rows` is empty for forms and JSON lines."""

    sheet: str | None
    headers: list[Header]
    rows: list[TableRow]
    skipped: list[SkippedRow]
    header_rows: tuple[int, ...] = ()
    hidden: bool = False
    hidden_columns: tuple[int, ...] = ()
    epoch_1904: bool = False
    form: bool = False

    def header(self, column: int) -> str:
        """The header's text, empty where the column has none."""
        return next((header.text for header in self.headers if header.column == column), "")


def understand_grid(
    grid: Grid,
    kind: RecordKind | None,
    known: frozenset[str] = frozenset(),
    *,
    any_header: bool = False,
    header_row: int | None = None,
) -> Table | None:
    """The table in a sheet, or None where no row looks like a header of this kind of record (any kind for None).

    `known` are further headers in normal form. With `any_header` the widest of the first rows serves where none does.
    `header_row` is the row that a person says is the header; it counts where it holds something.
    """
    kinds = RECORD_KINDS if kind is None else (kind,)
    if grid.records:
        return _records_table(grid)
    merges = _Merges(grid)
    if header_row is None and _explains_columns(grid):
        return None
    if header_row is not None and header_row in grid.rows:
        return _read_rows(grid, merges, header_row, kind or "needs")
    best: tuple[float, int, RecordKind] | None = None
    for candidate in kinds:
        score, row = _find_header(grid, candidate, known)
        if best is None or score > best[0]:
            best = (score, row, candidate)
    form_kind = best[2] if best and kind is None and best[0] > 0 else (kind or "needs")
    form, labels = (None, 0.0) if len(grid.rows) > _LONGEST_FORM else _read_form(grid, merges, form_kind)
    if form is not None and (columns := _read_in_columns(grid, merges, form_kind)) is not None:
        form = columns
    if best is not None and best[0] > 0 and (form is None or best[0] > labels):
        return _read_rows(grid, merges, best[1], best[2])
    if form is None and any_header:
        first = [row for row in grid.row_numbers if row > 0][:_HEADER_DEPTH]
        widest = max(first, key=lambda row: (sum(cell.kind == "text" for cell in grid.rows[row].values()), -row))
        return _read_rows(grid, merges, widest, kind or "needs")
    return form


def _explains_columns(grid: Grid) -> bool:
    first = next((row for row in grid.row_numbers if len(grid.rows[row]) > 1), None)
    return first is not None and bool(_FIELD_LIST.match(_folded(grid.rows[first][min(grid.rows[first])].text)))


def names_organisation(text: str) -> bool:
    """Whether a text ends as names of Chinese organisations do."""
    return len(text) <= 80 and _ORGANISATION.search(text) is not None


class _Merges:
    """Merged ranges for look-up; ranges that cover nothing but blank sheet cost nothing."""

    def __init__(self, grid: Grid) -> None:
        rows = grid.row_numbers
        self.last_row = rows[-1] if rows else 0
        self.last_column = max(grid.columns, default=0)
        self._covering: dict[tuple[int, int], MergedRange] = {}
        budget = 400_000
        for merged in grid.merged:
            bottom, right = min(merged.bottom, self.last_row), min(merged.right, self.last_column)
            area = max(0, bottom - merged.top + 1) * max(0, right - merged.left + 1)
            if area <= 1 or area > budget:
                continue
            budget -= area
            clipped = MergedRange(merged.top, merged.left, bottom, right)
            for row in range(clipped.top, bottom + 1):
                for column in range(clipped.left, right + 1):
                    self._covering[row, column] = clipped

    def at(self, row: int, column: int) -> MergedRange | None:
        return self._covering.get((row, column))

    def anchor(self, row: int, column: int) -> tuple[int, int]:
        merged = self.at(row, column)
        return (merged.top, merged.left) if merged else (row, column)


def _records_table(grid: Grid) -> Table:
    headers = [Header(column, (cell.text,)) for column, cell in sorted(grid.rows.get(0, {}).items())]
    rows = [TableRow(number, grid.rows[number]) for number in grid.row_numbers if number > 0]
    return Table(sheet=grid.sheet, headers=headers, rows=rows, skipped=[])


def _fields_in_row(grid: Grid, row: int, kind: RecordKind, known: frozenset[str] = frozenset()) -> dict[str, float]:
    """Fields (and further known headers) recognised among the cells of a row, with their confidence."""
    found: dict[str, float] = {}
    for cell in grid.rows.get(row, {}).values():
        if cell.kind != "text" or len(cell.text) > 80:
            continue
        if known and normalise_header(cell.text) in known:
            found[f"known {cell.text}"] = 1.0
        for name, confidence in match_header((cell.text,), kind)[:1]:
            if confidence >= _SURE:
                found[name] = max(found.get(name, 0.0), confidence)
    return found


def _find_header(grid: Grid, kind: RecordKind, known: frozenset[str]) -> tuple[float, int]:
    """Score and number of the row that looks most like the header; score 0 where none does.

    A row's score is the sum of confidences of the fields it names, halved when its title field is not among them, so
    that a lone word of prose does not make a header. The sheet's first filled row may be a header of one column.
    """
    best, best_row = 0.0, 0
    title = title_field(kind).name
    rows = [row for row in grid.row_numbers if row > 0][:_HEADER_DEPTH]
    for position, row in enumerate(rows):
        found = _fields_in_row(grid, row, kind, known)
        if not found:
            continue
        if len(found) == 1 and len(grid.rows[row]) > 1 and title not in found:
            continue
        if len(found) == 1 and len(grid.rows[row]) == 1 and (title not in found or position > 2):
            continue
        if len(found) == 1 and found.get(title, 1.0) < 1.0 and len(grid.rows[row]) == 1:
            continue
        score = sum(found.values()) * (1.0 if title in found else 0.75)
        if score > best + 1e-9:
            best, best_row = score, row
    return best, best_row


def _header_like(grid: Grid, row: int) -> bool:
    cells = grid.rows.get(row, {})
    return len(cells) >= 2 and all(
        cell.kind == "text" and len(cell.text) <= 40 and not re.search(r"[:：]\s*\S|[:：]$|_{2,}|＿{2,}", cell.text)
        for cell in cells.values()
    )


def _header_rows(grid: Grid, merges: _Merges, main: int, kind: RecordKind) -> list[int]:
    """The rows of the header: the main one, groups above it and details below it."""
    rows = [main]
    above = main
    while len(rows) < 3:
        previous = [row for row in grid.row_numbers if row < above]
        if not previous or previous[-1] != above - 1 or not _header_like(grid, previous[-1]):
            break
        above = previous[-1]
        names_more = any(column not in grid.rows[main] for column in grid.rows[above])
        groups = any((merged := merges.at(above, column)) and merged.right > merged.left for column in grid.rows[above])
        gaps = len(grid.rows[above]) < len(grid.rows[main])
        if not (names_more or groups or gaps):
            break
        rows.insert(0, above)
    below = main + 1
    if _is_detail_row(grid, merges, main, below, kind):
        rows.append(below)
    return rows


def _is_detail_row(grid: Grid, merges: _Merges, main: int, below: int, kind: RecordKind) -> bool:
    """Whether the row below the header names columns under the header's groups."""
    if not _header_like(grid, below) and len(grid.rows.get(below, {})) != 1:
        return False
    cells = grid.rows.get(below, {})
    under_group = 0
    named = bool(_fields_in_row(grid, below, kind))
    for column, cell in cells.items():
        if _BRACKETED.match(cell.text.strip()):
            continue
        anchor = merges.at(main, column)
        wide = anchor is not None and anchor.right > anchor.left and anchor.bottom == main
        if wide or (column not in grid.rows[main] and anchor is None):
            under_group += 1
            # 最低 and 最高 say something only under their group.
            group = grid.rows[main].get(anchor.left) if anchor is not None else None
            if not named and group is not None:
                named = any(sure == CERTAIN for _, sure in match_header((group.text, cell.text), kind))
        elif anchor is None or anchor.bottom == main:
            return False
    return under_group >= 2 and named


def _collect_headers(grid: Grid, merges: _Merges, rows: Sequence[int]) -> list[Header]:
    columns = sorted({column for column in grid.columns if column <= merges.last_column})
    headers = []
    bottom = rows[-1]
    for column in columns:
        parts: list[str] = []
        seen: set[tuple[int, int]] = set()
        for row in rows:
            anchor = merges.anchor(row, column)
            text = grid.text(*anchor) if anchor[0] in rows else ""
            if not text and row != bottom and len(rows) > 1:
                # Groups whose merge did not survive the export reach to the right until the next group.
                text, anchor = _group_to_the_left(grid, merges, row, column, rows)
            if text and anchor not in seen:
                seen.add(anchor)
                parts.append(text)
        if parts:
            headers.append(Header(column, tuple(parts)))
    return headers


def _group_to_the_left(
    grid: Grid, merges: _Merges, row: int, column: int, rows: Sequence[int]
) -> tuple[str, tuple[int, int]]:
    if not grid.text(rows[-1], column):
        return "", (row, column)
    for left in range(column - 1, 0, -1):
        text = grid.text(row, left)
        if text:
            merged = merges.at(row, left)
            reaches = merged is None or merged.right >= column
            single = merged is None and not grid.text(rows[-1], left)
            return (text, (row, left)) if reaches and not single else ("", (row, column))
    return "", (row, column)


def _folded(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text)).strip("()[]【】:：*")


def _read_rows(grid: Grid, merges: _Merges, main: int, kind: RecordKind) -> Table:
    header_rows = _header_rows(grid, merges, main, kind)
    headers = _collect_headers(grid, merges, header_rows)
    fields = {header.column: _field_of(header, kind) for header in headers}
    title = title_field(kind).name
    title_columns = {column for column, name in fields.items() if name == title}
    numbering = {header.column for header in headers if normalise_header(header.parts[-1]) in _NUMBERING}
    sequence = {header.column for header in headers if normalise_header(header.parts[-1]) in _SEQUENCE}
    shared = {column for column, name in fields.items() if name in _SHARED_FIELDS}
    # Where rows have ids, a program wrote the file, and what it left empty is empty.
    merge_lost = "external_id" not in fields.values()
    names = {header.column: normalise_header(header.parts[-1]) for header in headers}
    table = Table(
        sheet=grid.sheet,
        headers=headers,
        rows=[],
        skipped=[],
        header_rows=tuple(header_rows),
        hidden=grid.hidden,
        hidden_columns=tuple(header.column for header in headers if header.column in grid.hidden_columns),
        epoch_1904=grid.epoch_1904,
    )
    before_data = True
    group: tuple[int, Cell] | None = None
    for number in grid.row_numbers:
        if number <= header_rows[-1]:
            continue
        cells = dict(grid.rows[number])
        reason = _not_data(
            number, cells, merges, names, title_columns, numbering, len(headers), before_data=before_data
        )
        if reason:
            text = " | ".join(cells[column].text for column in sorted(cells))
            table.skipped.append(SkippedRow(number, reason, text[:300]))
            if reason == "group" and (group or "organisation_name" not in fields.values()):
                group = _group_of_organisation(table, cells[min(cells)], group)
            continue
        before_data = False
        added = _add_row(table, grid, merges, number, cells, title_columns, shared, sequence, merge_lost=merge_lost)
        if group is not None and added is not None:
            added.cells[group[0]] = group[1]
    return table


def _group_of_organisation(table: Table, cell: Cell, group: tuple[int, Cell] | None) -> tuple[int, Cell] | None:
    """What the rows below belong to where a list without a column for it is grouped by organisation.

    `一、甲电路有限公司（2项）` begins such a group; the rows take the name as a column behind the others.
    """
    name = _GROUP_COUNT.sub("", _GROUP_NUMBER.sub("", cell.text.strip()))
    if not names_organisation(name):
        return None if group is None else group
    if group is None and all(header.parts != (_GROUP_HEADER,) for header in table.headers):
        table.headers.append(Header(max(header.column for header in table.headers) + 1, (_GROUP_HEADER,)))
    return table.headers[-1].column, Cell(name)


_GROUP_HEADER = "单位名称"


_SHARED_FIELDS = frozenset(("organisation_name", "uscc", "contact_name", "contact_phones", "contact_emails", "contact"))


def _field_of(header: Header, kind: RecordKind) -> str | None:
    candidates = match_header(header.parts, kind)
    return candidates[0][0] if candidates and candidates[0][1] >= 0.5 else None


def _not_data(
    number: int,
    cells: dict[int, Cell],
    merges: _Merges,
    names: dict[int, str],
    title_columns: set[int],
    numbering: set[int],
    width: int,
    *,
    before_data: bool,
) -> str | None:
    """Why a row is not a record, None when it is one."""
    texts = {column: cell.text for column, cell in cells.items()}
    first_column = min(cells)
    first = _folded(texts[first_column])
    if _TOTAL.match(first):
        return "total"
    if sum(normalise_header(text) == names.get(column) for column, text in texts.items()) >= max(2, (width + 1) // 2):
        return "repeated_header"
    content = {column for column in cells if column not in numbering}
    if not content and all(re.fullmatch(r"[\d.]+", texts[column]) for column in cells):
        return "empty"
    marks = sum(bool(_REQUIRED_MARK.match(_folded(text))) for column, text in texts.items() if column != first_column)
    if _NOTE.match(first) and (first_column not in title_columns or len(cells) > 1):
        example = re.match(r"举例|示例|样例|例|范例|example|sample|e\.g", first, re.IGNORECASE)
        # Where the number should be, 例 says what the row is even below the first data.
        if before_data or len(cells) == 1 or (example and first_column in numbering):
            return "example" if example else "note"
    if before_data and len(cells) >= 2 and marks >= len(cells) - 1 >= 1 and (marks >= 2 or _REQUIRED_MARK.match(first)):
        return "note"
    if len(cells) > 1 and width >= 3 and all(_NOTE_TEXT.match(text.strip()) for text in texts.values()):
        return "note"  # 制表人：… 审核人：… below the table
    if len(cells) == 1 and width >= 3:
        merged = merges.at(number, first_column)
        wide = merged is not None and merged.right - merged.left + 1 >= max(2, width // 2)
        if _NOTE_TEXT.match(texts[first_column]):
            return "note"
        if wide or first_column in numbering:
            return "note" if before_data and len(first) > 30 else "group"
    return None


def _add_row(
    table: Table,
    grid: Grid,
    merges: _Merges,
    number: int,
    cells: dict[int, Cell],
    title_columns: set[int],
    shared: set[int],
    sequence: set[int],
    *,
    merge_lost: bool,
) -> TableRow | None:
    """The row as added; None where it only goes on with the one above."""
    filled: set[int] = set()
    continues: TableRow | None = None
    for header in table.headers:
        column = header.column
        merged = merges.at(number, column)
        if merged is None or merged.top >= number or column in cells:
            continue
        if merged.top in table.header_rows:
            continue
        above = grid.cell(merged.top, merged.left)
        if above is None:
            continue
        if column in title_columns:
            continues = next((row for row in reversed(table.rows) if row.number == merged.top), None)
        cells[column] = above
        filled.add(column)
    if continues is not None:
        # One record over several rows: what each row adds is one more line of its column.
        for column, cell in cells.items():
            if column not in filled:
                earlier = continues.cells.get(column)
                joined = cell if earlier is None else Cell(f"{earlier.text}\n{cell.text}", "text", earlier.problem)
                continues.cells[column] = joined
        return None
    inherited: set[int] = set()
    # A list whose merged cells were lost on the way (CSV) leaves the company empty below its first row: it is numbered,
    # or company and contact are empty together.
    if table.rows and shared and not shared & set(cells) and len(cells) >= 2:
        previous = table.rows[-1]
        together = merge_lost and len(shared & set(previous.cells)) >= 2 and bool(title_columns & set(cells))
        if previous.number == number - 1 and (sequence & set(cells) or together):
            for column in sorted(shared):
                if column in previous.cells:
                    cells[column] = previous.cells[column]
                    inherited.add(column)
    row = TableRow(
        number, cells, hidden=number in grid.hidden_rows, filled=frozenset(filled), inherited=frozenset(inherited)
    )
    table.rows.append(row)
    return row


def _read_form(grid: Grid, merges: _Merges, kind: RecordKind) -> tuple[Table | None, float]:
    """Forms with labels beside their values as a table with one row a form, and how many labels were known.

    A form ends where one of its labels comes again. None where fewer than two labels with a value are found or the
    title is not among them.
    """
    columns: dict[str, int] = {}
    headers: list[Header] = []
    forms: list[_Form] = []
    known: dict[str, float] = {}
    for label, value, place in _pairs(grid, merges, kind):
        name, confidence = _label(label, kind)
        key = normalise_header(label)
        if key not in columns:
            columns[key] = len(headers) + 1
            headers.append(Header(columns[key], (label,)))
        if not forms or columns[key] in forms[-1].cells:
            forms.append(_Form())
        forms[-1].cells[columns[key]] = value
        forms[-1].places[columns[key]] = place
        if name:
            known[name] = max(known.get(name, 0.0), confidence)
    if len(known) < 2 or title_field(kind).name not in known:
        return None, 0.0
    rows = [
        TableRow(
            min(row for row, _ in form.places.values()),
            form.cells,
            hidden=all(row in grid.hidden_rows for row, _ in form.places.values()),
            places=form.places,
        )
        for form in forms
    ]
    table = Table(
        sheet=grid.sheet,
        headers=headers,
        rows=rows,
        skipped=[],
        hidden=grid.hidden,
        epoch_1904=grid.epoch_1904,
        form=True,
    )
    return table, sum(known.values())


def _read_in_columns(grid: Grid, merges: _Merges, kind: RecordKind) -> Table | None:
    """A sheet whose records stand side by side, labels in the first column: one row a column. None where it is not so.

    At least two columns have a title, and no cell right of a label is a label itself.
    """
    left = min(grid.columns, default=0)
    title = title_field(kind).name
    labelled = [
        (row, name)
        for row in grid.row_numbers
        if (cell := grid.cell(row, left)) is not None and (name := _label(cell.text, kind)[0]) is not None
    ]
    title_row = next((row for row, name in labelled if name == title), None)
    if title_row is None or len(labelled) < 2:
        return None
    names = [
        column
        for column in sorted(grid.rows[title_row])
        if column > left and merges.anchor(title_row, column) == (title_row, column)
    ]
    beside = [cell for row, _ in labelled for column, cell in grid.rows[row].items() if column > left]
    if len(names) < 2 or any(_label(cell.text, kind)[1] >= _INLINE_SURE for cell in beside):
        return None
    below = [row for row in grid.row_numbers if row >= labelled[0][0] and grid.text(row, left)]
    headers = [Header(position, (grid.text(row, left),)) for position, row in enumerate(below, start=1)]
    rows = []
    for column in names:
        cells: dict[int, Cell] = {}
        places: dict[int, tuple[int, int]] = {}
        for position, row in enumerate(below, start=1):
            anchor = merges.anchor(row, column)
            value = grid.cell(*anchor) if anchor[1] > left else None
            if value is not None:
                cells[position], places[position] = value, anchor
        hidden = column in grid.hidden_columns
        rows.append(TableRow(title_row, cells, hidden=hidden, places=places))
    return Table(
        sheet=grid.sheet, headers=headers, rows=rows, skipped=[], hidden=grid.hidden, epoch_1904=grid.epoch_1904,
        form=True,
    )  # fmt: skip


@dataclass(slots=True)
class _Form:
    cells: dict[int, Cell] = field(default_factory=dict)
    places: dict[int, tuple[int, int]] = field(default_factory=dict)


def _pairs(grid: Grid, merges: _Merges, kind: RecordKind) -> Iterator[tuple[str, Cell, tuple[int, int]]]:
    """Known labels with the cell beside them, or with what follows the colon in the same cell, and where that is."""
    for row in grid.row_numbers:
        columns = sorted(column for column in grid.rows[row] if merges.anchor(row, column) == (row, column))
        position = 0
        while position < len(columns):
            cell = grid.rows[row][columns[position]]
            inline = _LABELLED.match(cell.text) if cell.kind == "text" else None
            if inline and _label(inline.group(1), kind)[1] >= _INLINE_SURE:
                yield inline.group(1), Cell(inline.group(2).strip()), (row, columns[position])
                position += 1
                continue
            name, confidence = _label(cell.text, kind) if cell.kind == "text" else (None, 0.0)
            if name and position + 1 < len(columns):
                value = grid.rows[row][columns[position + 1]]
                other, other_confidence = _label(value.text, kind)
                if not other or other == name or other_confidence < confidence:
                    yield cell.text, value, (row, columns[position + 1])
                    position += 2
                    continue
            position += 1


def _label(text: str, kind: RecordKind) -> tuple[str | None, float]:
    if len(text) > 40:
        return None, 0.0
    for name, confidence in match_header((text,), kind)[:1]:
        if confidence >= _SURE and field_named(kind, name) is not None:
            return name, confidence
    return None, 0.0

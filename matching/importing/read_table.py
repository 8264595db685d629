"""One way into every kind of table file: what it is by its content, and the tables in it."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matching.importing.columns import normalise_header
from matching.importing.fields import RecordKind
from matching.importing.grid import Grid
from matching.importing.layout import Table, understand_grid
from matching.importing.limits import DEFAULT_LIMITS, Budget, ImportLimits, read_bytes
from matching.importing.places import Finding, Place, refuse
from matching.importing.read_delimited import decode_text, read_delimited
from matching.importing.read_jsonl import read_jsonl

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".et", ".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".docx")
TableFormat = Literal["xlsx", "xls", "html", "xml", "csv", "tsv", "jsonl", "docx"]

_EXPLAINS = re.compile(
    r"^[\d.、\s]*(?:填[写报表]?(?:说明|须知|要求|指南)|说明|使用说明|模板说明|字段说明|示例|样例|举例|范例|填写(?:示例|样例|范例)|示例表|instructions?|examples?|notes|readme)"
    r"[\d\s(（)）]*$",
    re.IGNORECASE,
)
_EXPECTED: dict[str, tuple[TableFormat, ...]] = {
    ".xlsx": ("xlsx",),
    ".xlsm": ("xlsx",),
    ".xls": ("xls",),
    ".et": ("xls",),
    ".csv": ("csv",),
    ".tsv": ("tsv", "csv"),
    ".txt": ("csv", "tsv"),
    ".jsonl": ("jsonl",),
    ".ndjson": ("jsonl",),
    ".docx": ("docx",),
}
_OTHERS = (
    (b"%PDF", "PDF"),
    (b"\x89PNG", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"Rar!", "RAR"),
    (b"7z\xbc\xaf", "7z"),
    (b"\x1f\x8b", "gzip"),
    (b"{\\rtf", "RTF"),
    (b"SQLite format", "SQLite"),
)
_BIFF = (b"\x09\x08", b"\x09\x04\x06\x00", b"\x09\x02\x06\x00", b"\x09\x00\x04\x00")
_HTML = re.compile(r"<(?:html|table|!doctype html|meta|head|body|style|tr)\b", re.IGNORECASE)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something hidden in the file that was not taken; the caller may ask and read again with `include_hidden`.

    `rows` and `columns` number what is hidden (both empty for a hidden sheet). `records` counts the records not taken.
    """

    kind: Literal["hidden_sheet", "hidden_rows", "hidden_columns"]
    place: Place
    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    headers: tuple[str, ...] = ()
    records: int = 0

    @property
    def zh(self) -> str:
        """The question as a sentence."""
        if self.kind == "hidden_sheet":
            return f"工作表“{self.place.sheet}”是隐藏的（{self.records} 行），未读取"
        if self.kind == "hidden_rows":
            return f"有 {len(self.rows)} 行是隐藏的（第 {_numbers(self.rows)} 行），未读取"
        return f"有 {len(self.columns)} 列是隐藏的（{'、'.join(self.headers)}），未读取"

    def __str__(self) -> str:
        return f"{self.place.zh}：{self.zh}"

    @property
    def en(self) -> str:
        """The question as a sentence."""
        if self.kind == "hidden_sheet":
            return f'sheet "{self.place.sheet}" is hidden ({self.records} rows) and was not read'
        if self.kind == "hidden_rows":
            return f"{len(self.rows)} rows are hidden ({_numbers(self.rows)}) and were not read"
        return f"{len(self.columns)} columns are hidden ({', '.join(self.headers)}) and were not read"


def _numbers(numbers: tuple[int, ...]) -> str:
    shown = ", ".join(str(number) for number in numbers[:10])
    return shown + (" …" if len(numbers) > 10 else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReading:
    """The tables of a file, hidden ones included (`Table.hidden`, `TableRow.hidden`), and what was noticed."""

    file: str
    format: TableFormat
    encoding: str | None
    tables: tuple[Table, ...]
    notices: tuple[Finding, ...]


def read_tables(
    path: Path | str,
    kind: RecordKind | None = None,
    *,
    limits: ImportLimits = DEFAULT_LIMITS,
    known_headers: Collection[str] = (),
    any_header: bool = False,
    header_rows: Mapping[str, int] | None = None,
) -> TableReading:
    """The tables of a file, found by headers of that kind of record (of any kind for None).

    `known_headers` are further headers to look for (those of a remembered column map). With `any_header`, a sheet
    without a known header is read with its widest early row as header, for a person to map; `header_rows` says by
    sheet ("" for a file without sheets) which row a person took for the header. Raises InvalidInput, with
    the file (and sheet and row where there is one) in `where`, for a wrong suffix, an empty, damaged, protected or
    oversized file, and when no sheet has a header.
    """
    path = Path(path)
    place = Place(file=path.name)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        known = " ".join(SUFFIXES)
        hint = "；.doc 请另存为 .docx" if suffix in (".doc", ".wps") else ""
        raise refuse(
            "import.wrong_suffix",
            f"不支持“{suffix or path.name}”文件；可用：{known}{hint}",
            f"cannot read {suffix or path.name} files; use one of: {known}",
            place,
        )
    content = read_bytes(path, limits, place)
    budget = Budget(limits, place)
    grids, found, encoding = _read_grids(content, suffix, budget)
    notices = []
    if found not in _EXPECTED[suffix]:
        notices.append(
            Finding(
                code="import.suffix_differs",
                zh=f"文件内容是 {found}，与扩展名 {suffix} 不符，已按内容读取",
                en=f"the content is {found}, not what {suffix} says; it was read as what it is",
                place=place,
            )
        )
    names = frozenset(normalise_header(header) for header in known_headers)
    tables = []
    for grid in grids:
        chosen = (header_rows or {}).get(grid.sheet or "")
        table = None
        if grid.rows:
            table = understand_grid(grid, kind, names, any_header=any_header, header_row=chosen)
        if table is not None:
            tables.append(table)
        elif grid.rows and not grid.hidden:
            where = Place(file=path.name, sheet=grid.sheet)
            notices.append(
                Finding(
                    code="import.no_header",
                    zh="没有认出表头，未读取",
                    en="no header was recognised; not read",
                    place=where,
                )
            )
    explaining = [table for table in tables if _EXPLAINS.match(table.sheet or "")]
    if 0 < len(explaining) < len(tables):
        # Examples and explanations beside the data; alone in a file they are what its owner means.
        tables = [table for table in tables if table not in explaining]
        notices += [
            Finding(
                code="import.sheet_explains",
                zh="像是填写说明或示例，未读取",
                en="looks like instructions or an example; not read",
                place=Place(file=path.name, sheet=table.sheet),
            )
            for table in explaining
            if not table.hidden
        ]
    if not tables:
        raise _no_header(grids, place)
    return TableReading(file=path.name, format=found, encoding=encoding, tables=tuple(tables), notices=tuple(notices))


def _no_header(grids: list[Grid], place: Place) -> Exception:
    filled = [grid for grid in grids if grid.rows]
    if not filled:
        return refuse("import.empty", "文件里没有内容", "there is nothing in the file", place)
    first = filled[0]
    row = first.row_numbers[0]
    shown = "、".join(cell.text[:20] for _, cell in sorted(first.rows[row].items())[:8])
    return refuse(
        "import.no_header",
        f"没有认出表头（第一行是：{shown}）；请核对列名，或下载模板",
        f"no header was recognised (the first row reads: {shown}); check the column names or use the template",
        Place(file=place.file, sheet=first.sheet, row=max(row, 1)),
    )


def _read_grids(content: bytes, suffix: str, budget: Budget) -> tuple[list[Grid], TableFormat, str | None]:
    # Web processes know of files without reading them: the libraries that do stay out of their memory.
    from matching.importing.read_html import read_html, read_spreadsheet_xml
    from matching.importing.read_xls import OLE_SIGNATURE, read_xls

    place = budget.place
    for signature, name in _OTHERS:
        if content.startswith(signature):
            raise refuse(
                "import.not_a_table", f"这是 {name} 文件，不是表格", f"this is a {name} file, not a table", place
            )
    if content.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _read_package(content, suffix, budget)
    if content.startswith((OLE_SIGNATURE, *_BIFF)):
        return read_xls(content, budget), "xls", None
    if suffix in (".xlsx", ".xlsm", ".docx") and _CONTROLS.search(content[:2000].decode("latin-1")):
        raise refuse(
            "import.damaged",
            "文件已损坏或不完整，请重新保存后再导入",
            "the file is damaged or incomplete; save it again",
            place,
        )
    text, encoding = decode_text(content, place)
    head = text[:5000].lstrip("\ufeff \t\r\n")
    if head.startswith("<"):
        if "urn:schemas-microsoft-com:office:spreadsheet" in head and "<?xml" in head[:200]:
            return read_spreadsheet_xml(content, budget), "xml", encoding
        if _HTML.search(head):
            return read_html(content, budget), "html", encoding
    if re.match(r"mime-version\s*:", head, re.IGNORECASE):
        raise refuse(
            "import.mhtml",
            "这是“单个文件网页”，请用 Excel 或 WPS 打开后另存为 .xlsx",
            "this is a web archive; open it in a spreadsheet program and save it as .xlsx",
            place,
        )
    if len(_CONTROLS.findall(text[:20_000])) > 20:
        raise refuse("import.not_a_table", "这不是文字表格", "this is not a text table", place)
    if suffix in (".jsonl", ".ndjson") or head.startswith('{"'):
        return [read_jsonl(text, budget)], "jsonl", encoding
    if suffix == ".docx":
        raise refuse("import.not_a_document", "这不是 Word 文档", "this is not a Word document", place)
    separator = "\t" if suffix == ".tsv" and "\t" in text else None
    grid = read_delimited(text, budget, separator=separator)
    return [grid], "tsv" if separator else "csv", encoding


def _read_package(content: bytes, suffix: str, budget: Budget) -> tuple[list[Grid], TableFormat, str | None]:
    from matching.importing.read_docx import read_docx
    from matching.importing.read_xlsx import open_package, read_xlsx

    with open_package(content, budget) as package:
        names = package.namelist()
        kind = _open_document_kind(package) if "mimetype" in names else None
    if kind:
        raise refuse(
            "import.open_document",
            f"这是 {kind} 文件，请另存为 .xlsx 或 .docx",
            f"this is an {kind} file; save it as .xlsx or .docx",
            budget.place,
        )
    if any(name.startswith("word/") for name in names):
        return read_docx(content, budget), "docx", None
    if any(name.lower().endswith("workbook.bin") for name in names):
        raise refuse(
            "import.binary_workbook",
            "这是 .xlsb 文件，请另存为 .xlsx",
            "this is an .xlsb file; save it as .xlsx",
            budget.place,
        )
    return read_xlsx(content, budget), "xlsx", None


def _open_document_kind(package: zipfile.ZipFile) -> str | None:
    try:
        with package.open("mimetype") as stream:
            kind = stream.read(200).decode("ascii", "replace")
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
        return None
    return "OpenDocument" if "opendocument" in kind else None

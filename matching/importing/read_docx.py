"""Word documents (.docx): their tables as grids, and the `label：value` lines outside tables as one more."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from lxml import etree

from matching.importing.columns import match_header
from matching.importing.fields import RECORD_KINDS
from matching.importing.grid import Cell, Grid, MergedRange, clean_text
from matching.importing.limits import Budget
from matching.importing.places import Place, refuse
from matching.importing.read_xlsx import damaged, open_package

_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_LABELLED = re.compile(r"^([^：:\n]{1,30})[：:]\s*([\s\S]*)$")
_SYMBOLS = {
    "F052": "☑", "F053": "☒", "F054": "☒", "F0FE": "☑", "F0FD": "☒", "F0FC": "√", "F050": "√", "F0A3": "□", "F0A8": "□",
    "F06F": "□", "F02A": "□", "F0A2": "☑",
}  # fmt: skip
"""Ticked and empty boxes of the Wingdings fonts, by their private code."""

_NOT_TEXT = frozenset(f"{_WORD}{name}" for name in ("tbl", "del", "pPr", "tcPr", "sdtPr", "instrText"))


def read_docx(content: bytes, budget: Budget) -> list[Grid]:
    """Tables in the order of the document, then (where there are any) the labelled lines.

    Raises InvalidInput for damage, passwords and packages that unpack to too much.
    """
    place = budget.place
    with open_package(content, budget) as package:
        if "word/document.xml" not in package.namelist() and "[Content_Types].xml" not in package.namelist():
            raise refuse("import.not_a_document", "这不是 Word 文档", "this is not a Word document", place)
        _refuse_document_types(package, budget)
    try:
        document = docx.Document(io.BytesIO(content))
        body: Any = document.element.body
        grids: list[Grid] = []
        for table in body.iter(f"{_WORD}tbl"):
            budget.check_time()
            grid = Grid(sheet=f"表格{len(grids) + 1}")
            _read_table(table, grid, budget)
            if grid.rows:
                grids.append(grid)
        lines = _labelled_lines(body, document.styles.element, budget)
    except (
        OpcError, etree.LxmlError, zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError, AttributeError,
        OSError, RuntimeError, TypeError,
    ) as error:  # fmt: skip
        raise damaged(place, f"{type(error).__name__}: {error}"[:200]) from error
    if lines.rows:
        grids.append(lines)
    return grids


def _refuse_document_types(package: zipfile.ZipFile, budget: Budget) -> None:
    """Count what really unpacks and refuse entity declarations, before a parser that would hold them sees them."""
    for entry in package.infolist():
        if not entry.filename.endswith((".xml", ".rels")):
            continue
        head = b""
        try:
            with package.open(entry) as stream:
                while chunk := stream.read(65_536):
                    budget.count_unpacked(len(chunk))
                    head = head[-16:] + chunk
                    if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
                        raise damaged(budget.place, f"{entry.filename} declares entities")
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
            raise damaged(budget.place, str(error)[:200]) from error


def _read_table(table: Any, grid: Grid, budget: Budget) -> None:
    place = Place(file=budget.place.file, sheet=grid.sheet)
    open_merges: dict[int, MergedRange] = {}
    for row_number, row in enumerate(_children(table, "tr"), start=1):
        skipped = row.find(f"{_WORD}trPr/{_WORD}gridBefore")
        column = 1 + (_number(skipped.get(f"{_WORD}val")) if skipped is not None else 0)
        if row.find(f"{_WORD}trPr/{_WORD}hidden") is not None:
            grid.hidden_rows.add(row_number)
        for cell in _children(row, "tc"):
            properties = cell.find(f"{_WORD}tcPr")
            span = properties.find(f"{_WORD}gridSpan") if properties is not None else None
            width = max(1, min(_number(span.get(f"{_WORD}val")), 200)) if span is not None else 1
            merge = properties.find(f"{_WORD}vMerge") if properties is not None else None
            continued = merge is not None and merge.get(f"{_WORD}val", "continue") == "continue"
            if continued and column in open_merges:
                above = open_merges[column]
                grid.merged.remove(above)
                taller = MergedRange(above.top, above.left, row_number, above.right)
                grid.merged.append(taller)
                open_merges[column] = taller
            else:
                open_merges.pop(column, None)
                text = clean_text(_text_of(cell))
                budget.count_cell(text, place.at(row=row_number, column=column))
                grid.put(row_number, column, Cell(text))
                if width > 1 or merge is not None:
                    merged = MergedRange(row_number, column, row_number, column + width - 1)
                    grid.merged.append(merged)
                    if merge is not None:
                        open_merges[column] = merged
            column += width
    budget.check_extent(len(grid.rows), len(grid.columns), place)


def _children(element: Any, name: str) -> list[Any]:
    """Direct children, and those inside content controls around them."""
    found = []
    for child in element:
        if child.tag == f"{_WORD}{name}":
            found.append(child)
        elif child.tag == f"{_WORD}sdt":
            content = child.find(f"{_WORD}sdtContent")
            found.extend(_children(content, name) if content is not None else [])
    return found


def _number(value: str | None) -> int:
    return int(value) if value and value.isdigit() and len(value) < 6 else 0


def _text_of(element: Any) -> str:
    """Text with ticked boxes, tabs and line breaks; without deleted text, field codes and nested tables."""
    parts: list[str] = []

    def walk(node: Any) -> None:
        for child in node:
            tag = child.tag
            if tag == f"{_WORD}t":
                parts.append(child.text or "")
            elif tag == f"{_WORD}tab":
                parts.append("\t")
            elif tag in (f"{_WORD}br", f"{_WORD}cr"):
                parts.append("\n")
            elif tag == f"{_WORD}sym":
                parts.append(_SYMBOLS.get(child.get(f"{_WORD}char", "").upper(), ""))
            elif tag == f"{_WORD}checkBox":
                parts.append("☑" if _is_ticked(child) else "□")
            elif tag not in _NOT_TEXT and child.find(f"{_WORD}rPr/{_WORD}vanish") is None:
                if tag == f"{_WORD}p" and parts and not parts[-1].endswith("\n"):
                    parts.append("\n")
                walk(child)

    walk(element)
    return "".join(parts)


def _is_ticked(box: Any) -> bool:
    state = box.find(f"{_WORD}checked")
    if state is None:
        state = box.find(f"{_WORD}default")
    return state is not None and state.get(f"{_WORD}val", "1") in ("1", "true", "on")


def _heading_styles(styles: Any) -> frozenset[str]:
    """Ids of the styles called heading 1, 标题 2, Title; programs in Chinese number them."""
    found = set()
    for style in styles.iter(f"{_WORD}style"):
        name = style.find(f"{_WORD}name")
        if name is not None and re.match(r"heading|title|标题", name.get(f"{_WORD}val", ""), re.IGNORECASE):
            found.add(style.get(f"{_WORD}styleId", ""))
    return frozenset(found)


def _style_of(paragraph: Any) -> str:
    return str(paragraph.find(f"{_WORD}pPr/{_WORD}pStyle").get(f"{_WORD}val", ""))


def _labelled_lines(body: Any, styles: Any, budget: Budget) -> Grid:
    """Paragraphs outside tables like `需求名称：…` as rows of label and value.

    Paragraphs that follow and have no known label of their own belong to the value.
    """
    grid = Grid(sheet="正文")
    headings = _heading_styles(styles)
    place = Place(file=budget.place.file, sheet="正文")
    open_row = 0
    for number, paragraph in enumerate(_children(body, "p"), start=1):
        text = clean_text(_text_of(paragraph))
        if not text:
            continue
        budget.count_cell(text, place.at(row=number))
        match = _LABELLED.match(text)
        if paragraph.find(f"{_WORD}pPr/{_WORD}pStyle") is not None and _style_of(paragraph) in headings and not match:
            # A heading is a label itself, or it ends what stood above it.
            open_row = number if _is_known(text) else 0
            if open_row:
                grid.put(number, 1, Cell(text))
        elif match and _is_known(match.group(1)):
            open_row = number
            grid.put(number, 1, Cell(clean_text(match.group(1))))
            grid.put(number, 2, Cell(clean_text(match.group(2))))
        elif open_row:
            earlier = grid.text(open_row, 2)
            grid.put(open_row, 2, Cell(f"{earlier}\n{text}" if earlier else text))
    return grid


def _is_known(label: str) -> bool:
    return any(
        confidence >= 0.9 for kind in RECORD_KINDS for _, confidence in match_header((clean_text(label),), kind)[:1]
    )

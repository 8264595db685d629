"""Small files as offices send them, made by code."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


def write_raw_xlsx(
    path: Path,
    sheet: str,
    *,
    strings: str | None = None,
    styles: str | None = None,
    workbook_properties: str = "",
    extra_parts: Mapping[str, str | bytes] | None = None,
    head: str = '<?xml version="1.0" encoding="UTF-8"?>',
) -> Path:
    """A workbook whose only sheet holds `sheet` (the XML inside `worksheet`), for files no library would write."""
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}"><Relationship Id="r1" '
        f'Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}">{workbook_properties}'
        '<sheets><sheet name="需求" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}">'
        f'<Relationship Id="r1" Type="{_RELATED}/worksheet" Target="worksheets/sheet1.xml"/>'
        f'<Relationship Id="r2" Type="{_RELATED}/sharedStrings" Target="sharedStrings.xml"/>'
        f'<Relationship Id="r3" Type="{_RELATED}/styles" Target="styles.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'{head}<worksheet xmlns="{_MAIN}">{sheet}</worksheet>',
    }
    if strings is not None:
        parts["xl/sharedStrings.xml"] = f'<sst xmlns="{_MAIN}">{strings}</sst>'
    if styles is not None:
        parts["xl/styles.xml"] = f'<styleSheet xmlns="{_MAIN}">{styles}</styleSheet>'
    parts.update(extra_parts or {})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in parts.items():
            package.writestr(name, content)
    return path


def sheet_data(rows: Mapping[int, Mapping[str, str]]) -> str:
    """`sheetData` from row number → column letter → cell: text, or XML for a cell that starts with `<`.

    `{ref}` in such XML is replaced by the cell's reference.
    """
    lines = []
    for number, cells in rows.items():
        inner = ""
        for letter, value in cells.items():
            reference = f"{letter}{number}"
            if value.startswith("<"):
                inner += value.replace("{ref}", reference)
            else:
                inner += f'<c r="{reference}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'
        lines.append(f'<row r="{number}">{inner}</row>')
    return f"<sheetData>{''.join(lines)}</sheetData>"


def write_text(
    path: Path, rows: Sequence[Sequence[str]], *, encoding: str = "utf-8", separator: str = ",", end: str = "\n"
) -> Path:
    """A text table."""
    path.write_bytes(end.join(separator.join(row) for row in [*rows, []]).encode(encoding))
    return path

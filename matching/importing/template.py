"""Template workbooks to fill in, one for each kind of record, with the vocabularies on a second sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import xlsxwriter
from xlsxwriter.utility import xl_col_to_name

from matching.exporting.atomic import replacing
from matching.importing.fields import FIELDS, Field, RecordKind
from matching.importing.vocabularies import Vocabularies

_TITLES = {
    "needs": ("技术需求", "Needs"),
    "capabilities": ("技术供给", "Capabilities"),
    "experts": ("专家", "Experts"),
    "organisations": ("单位", "Organisations"),
}
_ROWS_TO_FILL = 1000


def write_template(
    kind: RecordKind, path: Path | str, vocabularies: Vocabularies, *, language: Literal["zh", "en"] = "zh"
) -> None:
    """Write a .xlsx with a header, a row of explanations and a row of examples, which the import passes over.

    All columns are text, so that codes and phones stay whole. Columns with a vocabulary offer its terms but take other
    texts too (several terms in one cell). Required columns are marked with `*`.
    """
    english = language == "en"
    fields = [field for field in FIELDS[kind] if field.written]
    used = [field for field in fields if field.vocabulary and vocabularies.get(field.vocabulary)]
    with replacing(path) as temporary, xlsxwriter.Workbook(str(temporary), {"strings_to_formulas": False}) as book:
        font = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top", "text_wrap": True, "num_format": "@"}
        text = book.add_format(font)
        header = book.add_format({**font, "bold": True, "bg_color": "#DCE6F1", "border": 1})
        required = book.add_format({**font, "bold": True, "bg_color": "#F8CBAD", "border": 1})
        note = book.add_format({**font, "font_color": "#6B7680", "bg_color": "#F4F6F8"})
        sheet = book.add_worksheet(_TITLES[kind][english])
        lists = book.add_worksheet("Vocabularies" if english else "词表")
        sheet.freeze_panes(1, 0)
        for index, field in enumerate(fields):
            sheet.set_column(index, index, 40 if field.kind in ("prose", "lines") else 20, text)
            title = field.en if english else field.zh
            sheet.write_string(
                0, index, f"{title}*" if field.required else title, required if field.required else header
            )
            sheet.write_string(1, index, _note(field, first=index == 0, english=english), note)
            sheet.write_string(2, index, _example(field, first=index == 0, english=english), note)
        if first_note := (fields[0].note_en if english else fields[0].note_zh):
            sheet.write_comment(0, 0, first_note)
        for column, field in enumerate(used):
            _write_vocabulary(
                sheet, lists, vocabularies, field, column, fields.index(field), header, text, english=english
            )


def _note(field: Field, *, first: bool, english: bool) -> str:
    if first:
        return "Note" if english else "填写说明"
    return field.note_en if english else field.note_zh


def _example(field: Field, *, first: bool, english: bool) -> str:
    if first:
        return "Example" if english else "示例"
    return field.example


def _write_vocabulary(
    sheet: Any,
    lists: Any,
    vocabularies: Vocabularies,
    field: Field,
    column: int,
    target: int,
    header: Any,
    text: Any,
    *,
    english: bool,
) -> None:
    terms = vocabularies[field.vocabulary or ""]
    lists.set_column(column, column, 28, text)
    lists.write_string(0, column, field.en if english else field.zh, header)
    for row, term in enumerate(terms, start=1):
        label = term.label_en if english and term.label_en else term.label_zh
        lists.write_string(row, column, f"{term.code} {label}" if field.kind == "industries" else label, text)
    name = "Vocabularies" if english else "词表"
    letter = xl_col_to_name(column)
    sheet.data_validation(
        3, target, _ROWS_TO_FILL, target,
        {
            "validate": "list",
            "source": f"='{name}'!${letter}$2:${letter}${len(terms) + 1}",
            "error_type": "information",
            "error_title": "Not in the list" if english else "不在词表中",
            "error_message": (
                "Several terms may be given, separated by ;"
                if english
                else "可以填写多个，用“；”分开；词表外的内容会保留原文"
            ),
        },
    )  # fmt: skip

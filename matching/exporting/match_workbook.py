"""Ranked matches as files and on the terminal: a workbook worth printing, and tables for programs."""

from __future__ import annotations

import csv
import json
import math
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal, Protocol

import xlsxwriter
from rich.table import Table as RichTable
from rich.text import Text

from matching.documents import PostDocument
from matching.errors import InvalidInput
from matching.exporting.atomic import replacing
from matching.exporting.cells import cell_text

Language = Literal["zh", "en"]
SUFFIXES = (".xlsx", ".csv", ".jsonl", ".tsv")
_MAX_SHEET_ROWS = 1_048_000


class Reason(Protocol):
    """What speaks for or against a match, as `matching.ranking` makes it. Spans are [start, end) in the texts."""

    @property
    def kind(self) -> str: ...
    @property
    def text_zh(self) -> str: ...
    @property
    def text_en(self) -> str: ...
    @property
    def need_span(self) -> Any: ...
    @property
    def capability_span(self) -> Any: ...
    @property
    def against(self) -> bool: ...


class LeftOutPost(Protocol):
    """Something that was not matched, and why (`matching.importing.documents.LeftOut`)."""

    @property
    def place(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def place_en(self) -> str: ...
    @property
    def reason_en(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MatchRow:
    """One ranked pair. `rank` counts from 1 within the need; a larger `score` is better; `probability` is 0–1.

    Contacts are lines of text, empty where they may not be shown.
    """

    need: PostDocument
    capability: PostDocument
    rank: int
    score: float
    probability: float | None = None
    reasons: Sequence[Reason] = ()
    need_contact: str = ""
    capability_contact: str = ""


def check_output(path: Path | str) -> Path:
    """The path, if `write_matches` can write there. Raises InvalidInput for another suffix or a missing folder."""
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        known = " ".join(SUFFIXES)
        raise InvalidInput(
            "export.wrong_suffix",
            f"不能输出“{path.suffix or path.name}”文件；可用：{known}",
            where=str(path),
            message_en=f"cannot write {path.suffix or path.name} files; use one of: {known}",
        )
    if not path.parent.is_dir():
        raise InvalidInput(
            "export.no_folder", "没有这个文件夹", where=str(path.parent), message_en="there is no such folder"
        )
    return path


def write_matches(
    rows: Iterable[MatchRow],
    path: Path | str,
    *,
    left_out: Sequence[LeftOutPost] = (),
    language: Language = "zh",
    notes: Sequence[str] = (),
) -> None:
    """Write ranked pairs, in the order given (pairs of a need together), as the kind of file the suffix says.

    `notes` are lines for the workbook's sheet 说明 (which files, which model). The file appears whole or not at all.
    Raises InvalidInput for another suffix, a folder that cannot be written, and more rows than a sheet holds.
    """
    path = check_output(path)
    suffix = path.suffix.lower()
    with replacing(path) as temporary:
        if suffix == ".xlsx":
            _write_workbook(rows, temporary, path, left_out, language, notes)
        elif suffix == ".csv":
            _write_csv(rows, temporary, language)
        elif suffix == ".tsv":
            _write_tsv(rows, temporary)
        else:
            _write_jsonl(rows, temporary, language)


def reason_texts(row: MatchRow, language: Language, *, against: bool) -> list[str]:
    """The reasons for (or against) the match as sentences."""
    return [
        (reason.text_en if language == "en" else reason.text_zh)
        for reason in row.reasons
        if bool(reason.against) == against
    ]


def probability_words(probability: float, language: Language) -> str:
    """A probability in words and per cent: how likely the two sides find the pair worth talking about."""
    steps = ((0.7, "很可能合适", "very likely"), (0.45, "可能合适", "likely"), (0.2, "可以一看", "worth a look"))
    zh, en = next(((zh, en) for least, zh, en in steps if probability >= least), ("不大合适", "unlikely"))
    return f"{en} ({probability:.0%})" if language == "en" else f"{zh}（{probability:.0%}）"


def _likelihood(row: MatchRow, language: Language) -> str:
    return "" if row.probability is None else probability_words(row.probability, language)


def shown_title(post: PostDocument) -> str:
    """The title, or the opening of the text of a post that has none."""
    if post.title:
        return post.title
    text = " ".join(post.text.split())
    return text[:60] + ("…" if len(text) > 60 else "")


# --- tables for programs ---------------------------------------------------------------------------------------------


def _write_tsv(rows: Iterable[MatchRow], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("need_id\tcapability_id\trank\tscore\n")
        for row in rows:
            ids = (" ".join(post.id.split()) for post in (row.need, row.capability))
            out.write("\t".join((*ids, str(row.rank), _score(row.score))) + "\n")


def _score(score: float | int) -> str:
    return format(score, ".9g")


def _write_jsonl(rows: Iterable[MatchRow], path: Path, language: Language) -> None:
    with path.open("w", encoding="utf-8", newline="") as out:
        for row in rows:
            line: dict[str, Any] = {
                "need_id": row.need.id,
                "capability_id": row.capability.id,
                "rank": row.rank,
                "score": row.score,
            }
            if row.probability is not None:
                line["probability"] = row.probability
            line |= {"need_title": shown_title(row.need), "capability_title": shown_title(row.capability)}
            line["reasons"] = [_reason_object(reason, language) for reason in row.reasons]
            out.write(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n")


def _reason_object(reason: Reason, language: Language) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": reason.kind,
        "text": reason.text_en if language == "en" else reason.text_zh,
        "against": bool(reason.against),
    }
    for name in ("need_span", "capability_span"):
        span = getattr(reason, name)
        if span is not None:
            found[name] = [int(span[0]), int(span[1])] if isinstance(span, (tuple, list)) else span
    return found


# --- tables for people -----------------------------------------------------------------------------------------------

_HEADERS: dict[str, tuple[str, str, float]] = {
    "need_id": ("需求编号", "Need ID", 11),
    "need": ("技术需求", "Need", 28),
    "need_organisation": ("需求单位", "Requesting organisation", 18),
    "need_contact": ("需求联系方式", "Need contact", 16),
    "rank": ("排名", "Rank", 6),
    "score": ("匹配分", "Score", 9),
    "probability": ("可能性", "Likelihood", 13),
    "capability_id": ("供给编号", "Capability ID", 11),
    "capability": ("技术供给", "Capability", 32),
    "capability_organisation": ("供给单位", "Offering organisation", 18),
    "capability_contact": ("供给联系方式", "Capability contact", 16),
    "reasons": ("匹配理由", "Reasons", 48),
    "against": ("需要注意", "What speaks against it", 28),
}
"""Column → Chinese header, English header, width in characters."""
_REPEATED = ("need_id", "need", "need_organisation", "need_contact")


def _columns(sample: Sequence[MatchRow]) -> list[str]:
    """The columns; likelihood and contacts only where the matches have them."""
    absent = set()
    if all(row.probability is None for row in sample):
        absent.add("probability")
    if not any(row.need_contact or row.capability_contact for row in sample):
        absent |= {"need_contact", "capability_contact"}
    return [name for name in _HEADERS if name not in absent]


def _values(row: MatchRow, language: Language) -> dict[str, str | int | float]:
    return {
        "need_id": row.need.id,
        "need": shown_title(row.need),
        "need_organisation": row.need.organisation_name or "",
        "need_contact": row.need_contact,
        "rank": row.rank,
        "score": row.score,
        "probability": _likelihood(row, language),
        "capability_id": row.capability.id,
        "capability": shown_title(row.capability),
        "capability_organisation": row.capability.organisation_name or "",
        "capability_contact": row.capability_contact,
        "reasons": "\n".join(reason_texts(row, language, against=False)),
        "against": "\n".join(reason_texts(row, language, against=True)),
    }


def _peek(rows: Iterable[MatchRow]) -> tuple[Sequence[MatchRow], Iterator[MatchRow]]:
    """The rows to choose columns by (all of a sequence, the first 1,000 of a stream), and all rows."""
    if isinstance(rows, Sequence):
        return rows, iter(rows)
    iterator = iter(rows)
    sample = list(islice(iterator, 1000))
    return sample, chain(sample, iterator)


def _header(name: str, language: Language) -> str:
    zh, en, _ = _HEADERS[name]
    return en if language == "en" else zh


def _write_csv(rows: Iterable[MatchRow], path: Path, language: Language) -> None:
    """UTF-8 with a byte order mark, by which spreadsheet programs know the encoding."""
    sample, rows = _peek(rows)
    columns = _columns(sample)
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow([_header(name, language) for name in columns])
        for row in rows:
            values = _values(row, language)
            writer.writerow(
                [
                    cell_text(value) if isinstance(value, str) else _score(value)
                    for value in (values[name] for name in columns)
                ]
            )


def _write_workbook(
    rows: Iterable[MatchRow],
    temporary: Path,
    path: Path,
    left_out: Sequence[LeftOutPost],
    language: Language,
    notes: Sequence[str],
) -> None:
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
    with xlsxwriter.Workbook(str(temporary), options) as book:
        english = language == "en"
        formats = _Formats(book)
        _write_match_sheet(book, formats, rows, path, language)
        _write_left_out(book, formats, left_out, english=english)
        _write_explanation(book, formats, notes, len(left_out), english=english)


class _Formats:
    def __init__(self, book: Any) -> None:
        font = {"font_name": "Microsoft YaHei", "font_size": 10, "valign": "top"}
        line = {"bottom": 4, "bottom_color": "#BFC7D1"}
        first = {"top": 2, "top_color": "#1F4E79"}
        self.header = book.add_format(
            {**font, "bold": True, "font_color": "white", "bg_color": "#1F4E79", "text_wrap": True, "valign": "vcenter",
             "border": 1, "border_color": "#FFFFFF"}
        )  # fmt: skip
        self.text = book.add_format({**font, **line, "text_wrap": True})
        self.text_first = book.add_format({**font, **line, **first, "text_wrap": True})
        self.need_first = book.add_format({**font, **line, **first, "text_wrap": True, "bold": True})
        self.repeated = book.add_format({**font, **line, "text_wrap": True, "font_color": "#8A94A0"})
        self.number = book.add_format({**font, **line, "num_format": "0.000", "align": "center"})
        self.number_first = book.add_format({**font, **line, **first, "num_format": "0.000", "align": "center"})
        self.rank = book.add_format({**font, **line, "num_format": "0", "align": "center"})
        self.rank_first = book.add_format({**font, **line, **first, "num_format": "0", "align": "center"})
        self.against = book.add_format({**font, **line, "text_wrap": True, "font_color": "#9C2B12"})
        self.against_first = book.add_format({**font, **line, **first, "text_wrap": True, "font_color": "#9C2B12"})
        self.title = book.add_format({**font, "bold": True, "font_size": 14})

    def of(self, name: str, *, first: bool) -> Any:
        if name in _REPEATED:
            return self.need_first if first else self.repeated
        if name == "score":
            return self.number_first if first else self.number
        if name == "rank":
            return self.rank_first if first else self.rank
        if name == "against":
            return self.against_first if first else self.against
        return self.text_first if first else self.text


def _set_up_page(sheet: Any, title: str) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)  # A4
    sheet.fit_to_pages(1, 0)
    sheet.set_margins(left=0.4, right=0.4, top=0.6, bottom=0.6)
    sheet.repeat_rows(0)
    sheet.freeze_panes(1, 0)
    sheet.set_footer(f"&L{title.replace('&', '&&')[:80]}&C&P / &N&R&D")


def _write_match_sheet(book: Any, formats: _Formats, rows: Iterable[MatchRow], path: Path, language: Language) -> None:
    sample, rows = _peek(rows)
    columns = _columns(sample)
    name = "Matches" if language == "en" else "匹配结果"
    sheet = book.add_worksheet(name)
    _set_up_page(sheet, name)
    for index, column in enumerate(columns):
        sheet.set_column(index, index, _HEADERS[column][2])
    sheet.set_row(0, 30)
    for index, column in enumerate(columns):
        sheet.write_string(0, index, _header(column, language), formats.header)
    number = 0
    need_id: str | None = None
    for number, row in enumerate(rows, start=1):
        if number > _MAX_SHEET_ROWS:
            raise InvalidInput(
                "export.too_many_rows",
                f"超过 {_MAX_SHEET_ROWS} 行，一张工作表放不下；请减小 --top 或输出 .csv、.tsv",
                where=str(path),
                message_en=f"more than {_MAX_SHEET_ROWS} rows do not fit a sheet; use a smaller --top, .csv or .tsv",
            )
        values = _values(row, language)
        starts_need = row.need.id != need_id
        need_id = row.need.id
        sheet.set_row(number, _row_height(values, columns))
        for index, column in enumerate(columns):
            value = values[column]
            cell_format = formats.of(column, first=starts_need)
            if isinstance(value, str):
                sheet.write_string(number, index, cell_text(value), cell_format)
            else:
                sheet.write_number(number, index, value, cell_format)
    if number:
        sheet.autofilter(0, 0, number, len(columns) - 1)
        score = columns.index("score")
        sheet.conditional_format(
            1, score, number, score,
            {"type": "3_color_scale", "min_color": "#F4F6F8", "mid_color": "#CFE8D5", "max_color": "#5BB37A"},
        )  # fmt: skip


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _row_height(values: dict[str, str | int | float], columns: Sequence[str]) -> float:
    """Points that the fullest cell needs when wrapped; programs differ in whether they work it out themselves."""
    lines = 1
    for column in columns:
        value = values[column]
        if isinstance(value, str) and value:
            room = max(_HEADERS[column][2] - 1, 4)
            lines = max(lines, sum(max(1, math.ceil(_width(part[:4000]) / room)) for part in value.split("\n")[:60]))
    return float(min(lines * 14.5 + 4, 400))


def _write_left_out(book: Any, formats: _Formats, left_out: Sequence[LeftOutPost], *, english: bool) -> None:
    name = "Left out" if english else "未纳入"
    sheet = book.add_worksheet(name)
    _set_up_page(sheet, name)
    sheet.set_column(0, 0, 60)
    sheet.set_column(1, 1, 80)
    for index, header in enumerate(("Where", "Why") if english else ("位置", "原因")):
        sheet.write_string(0, index, header, formats.header)
    for number, item in enumerate(left_out, start=1):
        texts = (item.place_en, item.reason_en) if english else (item.place, item.reason)
        for index, text in enumerate(texts):
            sheet.write_string(number, index, cell_text(text), formats.text)
    if not left_out:
        sheet.write_string(1, 0, "Nothing was left out." if english else "没有未纳入的内容。", formats.text)


_EXPLANATION_ZH = (
    "每条技术需求下面按匹配分从高到低排列技术供给，排名从 1 起。",
    "匹配分只用于同一条需求内部比较先后；颜色越深，匹配程度越高。",
    "“可能性”是按以往评审结果校准的估计，没有校准时不显示这一列。",
    "“匹配理由”写明双方文字和字段在哪里相合；“需要注意”写明不利之处（预算、时限、成熟度等）。",
    "匹配由计算得出，供工作人员和双方参考，不代替专家判断。",
    "“未纳入”工作表列出没有参加匹配的行及其原因，改正后可重新匹配。",
)
_EXPLANATION_EN = (
    "Below each need, capabilities are listed from the best score down; ranks start at 1.",
    "Scores compare capabilities for the same need; the deeper the colour, the better the match.",
    "The likelihood is calibrated on earlier judgements; without calibration there is no such column.",
    "Reasons say where texts and fields of both sides meet; the last column says what speaks against the match.",
    "Matches are computed; they help staff and both sides and do not replace an expert's judgement.",
    "The sheet of what was left out lists rows that took no part and why; correct them and match again.",
)


def _write_explanation(book: Any, formats: _Formats, notes: Sequence[str], left_out: int, *, english: bool) -> None:
    sheet = book.add_worksheet("About" if english else "说明")
    sheet.set_column(0, 0, 110)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.write_string(0, 0, "About this file" if english else "本文件说明", formats.title)
    count = f"{left_out} rows or sheets were left out." if english else f"未纳入 {left_out} 项。"
    for number, line in enumerate((*(_EXPLANATION_EN if english else _EXPLANATION_ZH), count, *notes), start=2):
        sheet.write_string(number, 0, cell_text(line), formats.text)


# --- terminal --------------------------------------------------------------------------------------------------------


def match_table(rows: Iterable[MatchRow], *, language: Language = "zh") -> RichTable:
    """The matches as a table for `rich.console.Console.print`; control sequences in texts are shown, not obeyed."""
    english = language == "en"
    sample, rows = _peek(rows)
    likely = any(row.probability is not None for row in sample)
    table = RichTable(show_lines=False, expand=True, row_styles=None)
    table.add_column("Need" if english else "技术需求", ratio=3, overflow="fold")
    table.add_column("#", justify="right", no_wrap=True)
    table.add_column("Score" if english else "匹配分", justify="right", no_wrap=True)
    if likely:
        table.add_column("Likelihood" if english else "可能性", no_wrap=True)
    table.add_column("Capability" if english else "技术供给", ratio=3, overflow="fold")
    table.add_column("Reasons" if english else "理由", ratio=5, overflow="fold")
    need_id: str | None = None
    for row in rows:
        starts_need = row.need.id != need_id
        if starts_need and need_id is not None:
            table.add_section()
        need_id = row.need.id
        reasons = reason_texts(row, language, against=False)[:3]
        against = [
            f"{'but: ' if english else '注意：'}{text}" for text in reason_texts(row, language, against=True)[:1]
        ]
        cells = [
            Text(_printable(f"{row.need.id} {shown_title(row.need)}" if starts_need else ""), style="bold"),
            Text(str(row.rank)),
            Text(f"{row.score:.3f}"),
            *([Text(_likelihood(row, language))] if likely else []),
            Text(_printable(f"{row.capability.id} {shown_title(row.capability)}")),
            Text(_printable("\n".join((*reasons, *against)))),
        ]
        table.add_row(*cells)
    return table


def _printable(text: str) -> str:
    return "".join(character if character == "\n" or character.isprintable() else "�" for character in text)

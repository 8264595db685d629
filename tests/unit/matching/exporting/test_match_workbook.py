"""The files that `match` writes, read back with an independent library."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from pathlib import Path

import openpyxl
import pytest
from rich.console import Console

from matching.documents import PostDocument
from matching.errors import InvalidInput
from matching.exporting.match_workbook import MatchRow, check_output, match_table, probability_words, write_matches
from matching.importing.documents import LeftOut


@dataclass(frozen=True)
class _Reason:
    kind: str
    text_zh: str
    text_en: str
    need_span: tuple[int, int] | None = None
    capability_span: tuple[int, int] | None = None
    against: bool = False


def _post(side: str, post_id: str, title: str, **fields: object) -> PostDocument:
    return PostDocument(id=post_id, side=side, title=title, **fields)  # type: ignore[arg-type]


NEED = _post("need", "N-1", "HDI 板微盲孔电镀填铜", organisation_name="示例电路公司")
OTHER = _post("need", "=cmd|'/C calc'!A0", "-5℃ 下的鞋底回弹")
FIRST = _post("capability", "C-1", "脉冲电镀填孔工艺", organisation_name="示例大学")
SECOND = _post("capability", "914407840000000001", '=HYPERLINK("http://example.org")')
REASONS = (
    _Reason("phrase", "双方都提到“电镀填孔”", "both name electroplated via filling", (0, 3), (4, 8)),
    _Reason("budget", "预算低于报价", "the budget is below the price", against=True),
)
ROWS = [
    MatchRow(need=NEED, capability=FIRST, rank=1, score=0.91, reasons=REASONS),
    MatchRow(need=NEED, capability=SECOND, rank=2, score=0.25),
    MatchRow(need=OTHER, capability=FIRST, rank=1, score=1 / 3),
]


def test_tsv_has_the_four_columns_of_the_contract(tmp_path: Path) -> None:
    write_matches(ROWS, tmp_path / "out.tsv")

    assert (tmp_path / "out.tsv").read_text(encoding="utf-8") == (
        "need_id\tcapability_id\trank\tscore\n"
        "N-1\tC-1\t1\t0.91\n"
        "N-1\t914407840000000001\t2\t0.25\n"
        "=cmd|'/C calc'!A0\tC-1\t1\t0.333333333\n"
    )


def test_jsonl_carries_reasons_with_spans_and_no_probability_where_there_is_none(tmp_path: Path) -> None:
    write_matches(ROWS[:1], tmp_path / "out.jsonl")

    assert [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()] == [
        {
            "need_id": "N-1",
            "capability_id": "C-1",
            "rank": 1,
            "score": 0.91,
            "need_title": "HDI 板微盲孔电镀填铜",
            "capability_title": "脉冲电镀填孔工艺",
            "reasons": [
                {
                    "kind": "phrase", "text": "双方都提到“电镀填孔”", "against": False, "need_span": [0, 3],
                    "capability_span": [4, 8],
                },
                {"kind": "budget", "text": "预算低于报价", "against": True},
            ],
        }
    ]  # fmt: skip


def test_jsonl_has_the_probability_where_it_is_calibrated(tmp_path: Path) -> None:
    write_matches([MatchRow(need=NEED, capability=FIRST, rank=1, score=2.0, probability=0.625)], tmp_path / "out.jsonl")

    assert json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))["probability"] == 0.625


def test_csv_opens_in_a_spreadsheet_program_and_starts_no_formula(tmp_path: Path) -> None:
    write_matches(ROWS, tmp_path / "out.csv")

    content = (tmp_path / "out.csv").read_bytes()
    assert content[:3] == b"\xef\xbb\xbf"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert rows[0] == [
        "需求编号", "技术需求", "需求单位", "排名", "匹配分",
        "供给编号", "技术供给", "供给单位", "匹配理由", "需要注意",
    ]  # fmt: skip
    assert rows[2][5:7] == ["914407840000000001", '\'=HYPERLINK("http://example.org")']
    assert rows[3][:2] == ["'=cmd|'/C calc'!A0", "-5℃ 下的鞋底回弹"]


def test_the_workbook_can_be_read_and_printed(tmp_path: Path) -> None:
    left_out = [LeftOut("需求.xlsx 第 9 行", "缺少“需求名称”", "needs.xlsx, row 9", "the title is missing")]
    write_matches(ROWS, tmp_path / "out.xlsx", left_out=left_out, notes=["模型：示例"])

    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert book.sheetnames == ["匹配结果", "未纳入", "说明"]
    sheet = book["匹配结果"]
    assert [cell.value for cell in sheet[1]] == [
        "需求编号", "技术需求", "需求单位", "排名", "匹配分",
        "供给编号", "技术供给", "供给单位", "匹配理由", "需要注意",
    ]  # fmt: skip
    assert [cell.value for cell in sheet[2]] == [
        "N-1", "HDI 板微盲孔电镀填铜", "示例电路公司", 1, 0.91,
        "C-1", "脉冲电镀填孔工艺", "示例大学", "双方都提到“电镀填孔”", "预算低于报价",
    ]  # fmt: skip
    assert (sheet["F3"].value, sheet["F3"].data_type) == ("914407840000000001", "s")
    assert sheet["G3"].value == '\'=HYPERLINK("http://example.org")'
    assert sheet["A4"].value == "'=cmd|'/C calc'!A0"
    assert sheet["B4"].value == "-5℃ 下的鞋底回弹"
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    assert sheet.freeze_panes == "A2"
    assert sheet.print_title_rows == "$1:$1"
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert (sheet.sheet_properties.pageSetUpPr.fitToPage, sheet.page_setup.fitToHeight) == (True, 0)
    assert sheet["I2"].alignment.wrap_text is True
    assert sheet.column_dimensions["I"].width > 40
    assert [rule.type for rules in sheet.conditional_formatting for rule in rules.rules] == ["colorScale"]
    assert [[cell.value for cell in row] for row in book["未纳入"]] == [
        ["位置", "原因"],
        ["需求.xlsx 第 9 行", "缺少“需求名称”"],
    ]
    assert [row[0].value for row in book["说明"]][-2:] == ["未纳入 1 项。", "模型：示例"]


def test_likelihood_and_contacts_appear_when_any_row_has_them(tmp_path: Path) -> None:
    rows = [
        *ROWS,
        MatchRow(
            need=OTHER, capability=SECOND, rank=2, score=0.1, probability=0.8, need_contact="张工\n+86 138 0013 8000"
        ),
    ]
    write_matches(rows, tmp_path / "out.xlsx", language="en")

    sheet = openpyxl.load_workbook(tmp_path / "out.xlsx")["Matches"]
    assert [cell.value for cell in sheet[1]][3:7] == ["Need contact", "Rank", "Score", "Likelihood"]
    assert [cell.value for cell in sheet[5]][3:7] == ["张工\n+86 138 0013 8000", 2, 0.1, "very likely (80%)"]


def test_a_post_without_a_title_shows_the_opening_of_its_text(tmp_path: Path) -> None:
    capability = _post("capability", "C-9", "", text="刷式密封的泄漏特性" * 10)
    write_matches([MatchRow(need=NEED, capability=capability, rank=1, score=0.5)], tmp_path / "out.jsonl")

    line = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert line["capability_title"] == ("刷式密封的泄漏特性" * 10)[:60] + "…"


def test_an_older_file_stays_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text("before", encoding="utf-8")

    with pytest.raises(ValueError, match="JSON compliant"):
        write_matches([MatchRow(need=NEED, capability=FIRST, rank=1, score=float("nan"))], path)

    assert path.read_text(encoding="utf-8") == "before"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.jsonl"]


@pytest.mark.parametrize(
    ("name", "code"),
    [("out.pdf", "export.wrong_suffix"), ("out", "export.wrong_suffix"), ("no/out.csv", "export.no_folder")],
)
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, name: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_output(tmp_path / name)

    assert caught.value.code == code
    assert caught.value.where == str(tmp_path / name if code == "export.wrong_suffix" else tmp_path / "no")


def test_no_matches_still_make_a_workbook(tmp_path: Path) -> None:
    write_matches([], tmp_path / "out.xlsx")

    book = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert book["匹配结果"].max_row == 1
    assert book["未纳入"]["A2"].value == "没有未纳入的内容。"


def test_the_terminal_table_shows_each_need_once_and_obeys_no_control_sequence() -> None:
    console = Console(file=io.StringIO(), width=160)
    evil = _post("capability", "C-3", "\x1b[31m红色[bold]")
    console.print(match_table([*ROWS[:2], MatchRow(need=NEED, capability=evil, rank=3, score=0.1)]))

    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert printed.count("HDI 板微盲孔电镀填铜") == 1
    assert "双方都提到“电镀填孔”" in printed
    assert "�[31m红色[bold]" in printed


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.7, "很可能合适（70%）"), (0.45, "可能合适（45%）"), (0.2, "可以一看（20%）"), (0.05, "不大合适（5%）")],
)
def test_probabilities_are_said_in_words(probability: float, words: str) -> None:
    assert probability_words(probability, "zh") == words

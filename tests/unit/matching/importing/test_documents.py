"""Files for matching at once."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from matching.documents import MoneyRange, PostDocument
from matching.errors import InvalidInput
from matching.importing.documents import read_documents


def _write_lines(path: Path, *objects: object) -> Path:
    path.write_text("\n".join(json.dumps(item, ensure_ascii=False) for item in objects), encoding="utf-8")
    return path


def test_json_lines_follow_the_contract_and_ignore_other_keys(tmp_path: Path) -> None:
    path = _write_lines(
        tmp_path / "needs.jsonl",
        {"id": 12, "title": "填孔", "text": "第一段\n第二段", "keywords": ["HDI 板", "1,3-丁二烯"], "industry": "C39",
         "budget": "20-30", "unknown": {"a": 1}},
        {"id": "N-2", "title": "Low-lead brass", "budget": 50},
    )  # fmt: skip

    documents, left_out = read_documents(path, "need")

    assert left_out == []
    assert documents == [
        PostDocument(
            id="12", side="need", title="填孔", text="第一段\n第二段", keywords=("HDI 板", "1,3-丁二烯"),
            industry_codes=("C39",), money=MoneyRange(minimum=Decimal(20), maximum=Decimal(30)),
        ),
        PostDocument(
            id="N-2", side="need", title="Low-lead brass", language="en",
            money=MoneyRange(minimum=Decimal(50), maximum=Decimal(50)),
        ),
    ]  # fmt: skip


def test_what_cannot_be_matched_is_left_out_with_its_place(tmp_path: Path) -> None:
    path = _write_lines(
        tmp_path / "caps.jsonl",
        {"id": "C-1", "title": "甲"},
        {"title": "没有编号"},
        {"id": "C-1", "title": "乙"},
        {"id": "C-2", "title": "", "text": ""},
        {"id": "C-3", "title": "", "text": "只有正文"},
    )

    documents, left_out = read_documents(path, "capability")

    assert [(post.id, post.title, post.text) for post in documents] == [("C-1", "甲", ""), ("C-3", "", "只有正文")]
    assert [(item.place, item.reason) for item in left_out] == [
        ("caps.jsonl 第 2 行", "缺少 id"),
        ("caps.jsonl 第 3 行", "编号 C-1 与 caps.jsonl 第 1 行 重复，只用前一条"),
        ("caps.jsonl 第 4 行 B 列（title）", "缺少“成果名称”"),
    ]


def test_rows_of_a_table_without_ids_are_called_by_their_number(tmp_path: Path) -> None:
    path = tmp_path / "needs.csv"
    path.write_text(
        "序号,企业名称,需求名称,截止日期\n1,示例甲,填孔,2026年3月\n2,示例乙,发泡,长期\n合计,2项,,\n", encoding="gb18030"
    )

    documents, left_out = read_documents(path, "need")

    assert [(post.id, post.title, post.organisation_name, post.ends_on) for post in documents] == [
        ("R2", "填孔", "示例甲", date(2026, 3, 31)),
        ("R3", "发泡", "示例乙", None),
    ]
    assert [(item.place, item.reason) for item in left_out] == [("needs.csv 第 4 行", "合计行：合计 | 2项")]


def test_a_lost_phone_does_not_keep_a_need_from_being_matched_but_a_lost_id_does(tmp_path: Path) -> None:
    path = tmp_path / "needs.csv"
    path.write_text("编号,需求名称,联系电话\nN-1,填孔,1.38E+10\n9.14408E+17,发泡,\n", encoding="utf-8")

    documents, left_out = read_documents(path, "need")

    assert [post.id for post in documents] == ["N-1"]
    assert [item.place for item in left_out] == ["needs.csv 第 3 行 A 列（编号）"]


def test_hidden_rows_and_sheets_are_left_out_by_name(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "需求"
    for row in (["编号", "需求名称"], ["N-1", "填孔"], ["N-2", "内部"]):
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    other = book.create_sheet("评审")
    other.append(["编号", "需求名称"])
    other.append(["N-3", "不公开"])
    other.sheet_state = "veryHidden"
    book.save(tmp_path / "needs.xlsx")

    documents, left_out = read_documents(tmp_path / "needs.xlsx", "need")
    everything, nothing = read_documents(tmp_path / "needs.xlsx", "need", include_hidden=True)

    assert [post.id for post in documents] == ["N-1"]
    assert [(item.place, item.reason) for item in left_out] == [
        ("needs.xlsx 工作表“需求”", "有 1 行是隐藏的（第 3 行），未读取"),
        ("needs.xlsx 工作表“评审”", "工作表“评审”是隐藏的（1 行），未读取"),
    ]
    assert ([post.id for post in everything], nothing) == (["N-1", "N-2", "N-3"], [])


def test_a_list_of_experts_serves_as_capabilities(tmp_path: Path) -> None:
    path = tmp_path / "experts.csv"
    path.write_text("姓名,所在单位,研究方向\n李示例,示例大学,电镀；表面处理\n", encoding="utf-8-sig")

    documents, _ = read_documents(path, "capability")

    assert documents == [
        PostDocument(
            id="R2", side="capability", title="电镀、表面处理 （李示例）",
            keywords=("电镀", "表面处理"), kind="expertise", organisation_name="示例大学",
        )
    ]  # fmt: skip


def test_key_terms_at_the_end_of_long_texts_survive(tmp_path: Path) -> None:
    text = "很长的说明。" * 600 + "\n关键是低温等离子体"
    path = _write_lines(tmp_path / "needs.jsonl", {"id": "1", "title": "长文", "text": text})

    documents, _ = read_documents(path, "need")

    assert documents[0].text == text


@pytest.mark.parametrize(
    ("name", "content", "code", "where"),
    [
        ("needs.pdf", b"x", "import.wrong_suffix", "needs.pdf"),
        ("needs.csv", b"", "import.empty", "needs.csv"),
        ("needs.csv", b"\xef\xbb\xbf\r\n", "import.empty", "needs.csv"),
        ("needs.jsonl", b'{"id": "1", "title": "a"}\n{"id": ', "import.bad_json", "needs.jsonl 第 2 行"),
        ("needs.jsonl", b"[1]", "import.not_an_object", "needs.jsonl 第 1 行"),
        ("needs.jsonl", b'{"id": NaN}', "import.bad_json", "needs.jsonl 第 1 行"),
        ("needs.csv", "甲,乙\n1,2\n".encode(), "import.no_header", "needs.csv 第 1 行"),
        ("needs.csv", "企业名称,联系电话\n示例,1\n".encode(), "import.no_title_column", "needs.csv 第 1 行"),
        ("needs.csv", "编号,需求名称\n".encode(), "import.no_rows", "needs.csv"),
        ("needs.xlsx", b"%PDF-1.7", "import.not_a_table", "needs.xlsx"),
    ],
)
def test_files_that_cannot_be_read_are_refused_by_name(
    tmp_path: Path, name: str, content: bytes, code: str, where: str
) -> None:
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InvalidInput) as caught:
        read_documents(tmp_path / name, "need")

    assert (caught.value.code, caught.value.where) == (code, where)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_documents(tmp_path / "nowhere.csv", "need")

    assert (caught.value.code, caught.value.where) == ("import.no_file", "nowhere.csv")


def test_works_of_a_person_are_read_from_json_lines(tmp_path: Path) -> None:
    file = tmp_path / "experts.jsonl"
    dated = [{"title": "翘曲预测", "year": 2020, "abstract": "有限元"}, {"title": "压合", "year": 2024}]
    lines = [
        {"id": 1, "title": "甲", "works": ["只有题名", *dated, 7, {"x": 1}]},
        {"id": "b", "title": "乙"},
        {"id": "c", "title": "丙", "works": "x"},
    ]
    file.write_text("\n".join(json.dumps(line, ensure_ascii=False) for line in lines), encoding="utf-8")
    first, second, third = read_documents(file, "capability").documents
    assert [(work.title, work.year, work.age, work.text) for work in first.works] == [
        ("压合", 2024, 0.0, ""),
        ("翘曲预测", 2020, 4.0, "有限元"),
        ("只有题名", None, None, ""),
    ]
    assert second.works == third.works == ()

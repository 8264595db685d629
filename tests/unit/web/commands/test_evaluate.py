"""`duijie evaluate` stands rankers and models side by side."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from web.cli import main


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUIJIE_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "judged"
    folder.mkdir()
    needs = [{"id": "n1", "title": "线路板翘曲控制"}, {"id": "n2", "title": "红茶萎凋发酵检测"}]
    offers = [
        {"id": "c1", "title": "线路板翘曲预测"},
        {"id": "c2", "title": "茶叶发酵在线检测"},
        {"id": "c3", "title": "伞骨"},
    ]
    for name, rows in (("needs", needs), ("capabilities", offers)):
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "qrels.tsv").write_text("n1\tc1\t4\nn1\tc3\t1\nn2\tc2\t4\nn2\tc3\t1\n", encoding="utf-8")
    return folder


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main([*arguments])
    return int(ended.value.code or 0)


def test_figures_stand_side_by_side(judged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", str(judged), "--compare", "fusion") == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert all(len(row) == 3 for row in rows)
    figures = {row[0]: row[1:] for row in rows}
    assert figures["AUC"] == ["1.0", "1.0 (+0.0000)"]
    assert figures["revision"][0].startswith("ranker-")
    assert figures["revision"][1].startswith("fusion-")


def test_an_unknown_revision_is_named(judged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("evaluate", str(judged), "--compare", "ranker-0123456789ab") == 2
    assert "ranker-0123456789ab" in capsys.readouterr().err

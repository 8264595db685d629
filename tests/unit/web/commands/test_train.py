"""`duijie train encoder` and, on what it left, `duijie train ranker`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.matching.embeddings.tiny_encoder import make_tiny_encoder
from web.cli import main

TOPICS = ("电池材料", "水泥裂缝", "机器人焊接", "混凝土修复", "工艺abc", "料泥人def")


@pytest.fixture
def judged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DUIJIE_DATA_DIR", str(tmp_path / "data"))
    folder = tmp_path / "judged"
    folder.mkdir()
    for side, name in (("n", "needs"), ("c", "capabilities")):
        lines = [json.dumps({"id": f"{side}{n}", "title": topic}) for n, topic in enumerate(TOPICS)]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    pairs = [f"n{n}\tc{(n + step) % len(TOPICS)}\t{4 - step}" for n in range(len(TOPICS)) for step in range(3)]
    (folder / "qrels.tsv").write_text("\n".join(pairs) + "\n", encoding="utf-8")
    return folder


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


def test_an_encoder_is_trained_with_its_folds_and_a_ranker_on_them(judged: Path, tmp_path: Path) -> None:
    base, out = make_tiny_encoder(tmp_path / "base"), tmp_path / "made" / "model"
    assert run("train", "encoder", judged, "--base", base, "--out", out, "--folds", "2", "--keep-folds") == 0
    report = json.loads((out / "training-report.json").read_text("utf-8"))
    assert len(report["folds"]["judged"]) == 2
    folds = [tmp_path / "made" / "model.folds" / f"fold-{fold}" for fold in range(2)]
    assert all((fold / "3_Dense" / "model.safetensors").is_file() for fold in folds)
    ranker = tmp_path / "ranker.json"
    named = [argument for fold in folds for argument in ("--fold-encoder", fold)]
    assert run("train", "ranker", judged, "--encoder", out, *named, "--out", ranker) == 0
    assert json.loads(ranker.read_text("utf-8"))["encoder_revision"].startswith(report["revision"])


def test_a_model_without_upper_layers_is_refused(
    judged: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base, paragraphs = make_tiny_encoder(tmp_path / "base"), tmp_path / "p.jsonl"
    text = "某材料的界面强度决定了它的使用寿命和可靠程度。" * 3 + "目前该材料的循环寿命不足是应用中的主要问题。" * 3
    rows = [json.dumps({"id": f"w-{n}", "text": f"第{n}段，{text}"}) for n in range(4)]
    paragraphs.write_text("\n".join(rows), encoding="utf-8")
    called = ("train", "encoder", judged, "--base", base, "--out", tmp_path / "m", "--paragraphs", paragraphs)
    assert run(*called) != 0
    assert "层" in capsys.readouterr().err

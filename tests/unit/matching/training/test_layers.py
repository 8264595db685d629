"""Layers tuned on paragraphs: what is drawn from them, what is left out, what changes, what repeats and goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from matching.embeddings.model_folder import read_model_folder
from matching.errors import InvalidInput
from matching.training.encoder import EncoderRecipe, train_encoder
from matching.training.judged_folder import JudgedFolder, JudgedText
from matching.training.layers import LayersRecipe, plan_steps, tune_layers
from matching.training.paragraphs import Paragraph, collect_paragraph_tasks, leave_out_judged, read_paragraphs
from matching.training.tasks import PairTask, Prompts
from tests.unit.matching.embeddings.tiny_encoder import make_tiny_encoder

PROMPTS = Prompts(query="q:", passage="p:")
NAMES = ("电池", "水泥", "焊接", "裂缝", "工艺", "机器", "材料", "修复")
FILLING = "该材料在不同温度下的力学性能得到了系统的测量，并与已有的结果作了比较，最后讨论了误差的来源和改进的办法。"
WANTED = "目前电池材料的循环寿命不足是应用中的主要问题。"
RECIPE = LayersRecipe(
    runs=(("rests",), ("works", "words")),
    steps=6,
    batch_size=4,
    frozen_layers=1,
    learning_rate=1e-2,
    save_every=2,
)


def _tell_of(topic: str) -> str:
    return f"{topic}的界面强度决定了它的使用寿命和可靠程度。{topic}的制备工艺对裂缝有明显的影响。{FILLING}{FILLING}"


def _paragraphs() -> list[Paragraph]:
    topics = ("电池材料", "水泥工艺", "混凝土裂缝", "机器人焊接", "修复工艺", "电池机器")
    return [Paragraph(_tell_of(topic) + part, f"work-{topic}") for topic in topics for part in ("上", "下")]


def _write(file: Path) -> Path:
    rows = [{"id": f"{row.work}-{number}", "text": row.text} for number, row in enumerate(_paragraphs())]
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "pairs"
    place.mkdir()
    for side, name in (("n", "needs"), ("c", "capabilities")):
        lines = (json.dumps({"id": f"{side}{n}", "title": t}) for n, t in enumerate(NAMES))
        (place / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (place / "qrels.tsv").write_text("".join(f"n{n}\tc{n}\t4\n" for n in range(len(NAMES))), encoding="utf-8")
    return place


def _judged(text: str, text_id: str = "c1") -> JudgedFolder:
    return JudgedFolder(
        name="judged", needs={}, capabilities={text_id: JudgedText(id=text_id, title="", text=text)}, levels={}
    )


def test_read_paragraphs_tells_the_work(tmp_path: Path) -> None:
    assert list(read_paragraphs(_write(tmp_path / "p.jsonl"))) == _paragraphs()


def test_works_that_share_wording_with_a_judged_text_are_left_out_whole() -> None:
    rows = _paragraphs()
    judged = _judged(
        "前言。" + "电池材料的界面强度决定了它的使用寿命和可靠程度。电池材料的制备工艺对裂缝有明显的影响。"
    )
    other = Paragraph("与众不同的一段话，说的是别的事情。" * 8, "work-电池材料")
    kept = leave_out_judged([*rows, other], [judged])
    assert {row.work for row in rows} - {row.work for row in kept} >= {"work-电池材料"}
    assert other not in kept


def test_works_that_are_judged_by_their_identifier_are_left_out() -> None:
    rows = [Paragraph("甲" * 120, "w1"), Paragraph("乙" * 120, "w2"), Paragraph("丙" * 120, "")]
    assert leave_out_judged(rows, [_judged("完全无关的文字", "nw1")]) == rows[1:]


def test_the_sentence_that_says_what_is_wanted_asks_for_the_rest() -> None:
    text = FILLING[:40] + "。" + WANTED + FILLING + FILLING
    (rests,) = collect_paragraph_tasks([Paragraph(text, "w")], PROMPTS, 1, ("rests",))
    ((asked, passage),) = rests.rows
    assert asked == "q:" + WANTED
    assert WANTED not in passage
    assert passage.startswith("p:")
    assert rests.groups == ["w"]


def test_other_paragraphs_of_the_work_and_words_are_drawn() -> None:
    works, words = collect_paragraph_tasks(_paragraphs(), PROMPTS, 1, ("works", "words"))
    assert len(works.rows) == len(words.rows) == 12
    assert all(" " in passage for _, passage in words.rows)
    assert len(set(works.groups)) == 6


def test_abstracts_references_and_short_texts_are_not_learned_from() -> None:
    texts = ("摘要：" + FILLING * 3, "[3] 某人." + FILLING * 3, "短句。" + WANTED)
    rows = [Paragraph(text, "w") for text in texts]
    assert [task.rows for task in collect_paragraph_tasks(rows, PROMPTS, 1)] == [[], [], []]


def test_steps_take_every_row_before_one_comes_again() -> None:
    task = PairTask("rests", [(f"q{n}", f"p {n % 3} 文{n}字{n % 5}") for n in range(12)], groups=list("abcdefghijkl"))
    plan = plan_steps([task], replace(RECIPE, steps=6))
    assert plan == plan_steps([task], replace(RECIPE, steps=6))
    for half in (plan[:3], plan[3:]):
        assert sorted(row for _, rows in half for row in rows) == list(range(12))


def _load(folder: Path) -> Any:
    from transformers import AutoModel

    return AutoModel.from_pretrained(folder, dtype="float32", add_pooling_layer=False)


def _tune(base: Path, place: Path, recipe: LayersRecipe, stop_at: int | None = None) -> dict[str, np.ndarray]:
    model = _load(base)
    letters = {letter: number for number, letter in enumerate("电池材料水泥焊接工艺裂缝", start=4)}
    rows = [(a, a[::-1]) for a in ("电池材料", "水泥裂缝", "焊接工艺", "材料工艺", "电池焊接", "水泥材料")]

    class Stopped(Exception):
        pass

    def on_checkpoint(step: int) -> None:
        if step == stop_at:
            raise Stopped

    try:
        tune_layers(
            model,
            lambda text: [0, *(letters.get(letter, 3) for letter in text), 2],
            [PairTask("rests", rows, groups=[str(n) for n in range(6)])],
            recipe,
            place,
            on_checkpoint=on_checkpoint,
        )
    except Stopped:
        return {}
    return {name: value.detach().numpy().copy() for name, value in model.state_dict().items()}


def test_an_interrupted_tuning_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base")
    whole = _tune(base, tmp_path / "one", RECIPE)
    assert not _tune(base, tmp_path / "two", RECIPE, stop_at=4)
    resumed = _tune(base, tmp_path / "two", RECIPE)
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(value, resumed[name])


def test_tuning_brings_pairs_together(tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base")
    _tune(base, tmp_path / "state", replace(RECIPE, steps=30, save_every=10))
    losses = [json.loads(line)["loss"] for line in (tmp_path / "state" / "layers.log").read_text().splitlines()]
    assert losses[-1] < losses[0]


def test_train_encoder_tunes_upper_layers_on_paragraphs_and_learns_a_head(folder: Path, tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base")
    paragraphs = _write(tmp_path / "p.jsonl")
    recipe = EncoderRecipe(layers=RECIPE)
    told: list[str] = []
    revisions = []
    for name in ("one", "two"):
        out = tmp_path / name / "model"
        report = train_encoder(
            [folder], base, out, paragraphs=paragraphs, recipe=recipe, folds=2,
            on_progress=lambda _done, _total, what: told.append(what),
        )  # fmt: skip
        revisions.append(report.revision)
        assert read_model_folder(out).head is not None
        assert not (out.parent / "model.work").exists()
    assert revisions[0] == revisions[1]
    assert "layers" in told
    before, after = (load_file(place / "model.safetensors") for place in (base, tmp_path / "one" / "model"))
    assert before.keys() == after.keys()
    changed = {name for name, value in after.items() if not np.array_equal(value, before[name])}
    assert changed
    assert all(name.startswith("encoder.layer.1.") for name in changed)


def test_paragraphs_without_a_pair_are_refused(folder: Path, tmp_path: Path) -> None:
    base = make_tiny_encoder(tmp_path / "base")
    file = tmp_path / "p.jsonl"
    file.write_text('{"text": "短"}\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match="段落"):
        train_encoder([folder], base, tmp_path / "model", paragraphs=file, recipe=EncoderRecipe(layers=RECIPE))

"""Training on a tiny model: what is written, what is refused, what repeats."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from matching.embeddings.model_folder import read_revision
from matching.embeddings.onnx_embedder import OnnxEmbedder
from matching.embeddings.sentence_transformer_embedder import SentenceTransformerEmbedder
from matching.errors import InvalidInput
from matching.training.batches import plan_mixed_batches, plan_neighbour_batches
from matching.training.encoder import (
    EncoderRecipe,
    assign_fold,
    average_weights,
    measure_encoder,
    pick_candidates,
    train_encoder,
)
from matching.training.head import HeadRecipe, HeadRows, add_head, fit_head, strip_head
from matching.training.judged_folder import read_judged_folder
from matching.training.kept_texts import draw_kept_texts, embed_as_is
from matching.training.paragraphs import read_paragraphs
from matching.training.tasks import PairTask, Prompts, collect_judged, collect_openings, collect_terms
from tests.unit.matching.embeddings.tiny_encoder import SIZE, make_tiny_encoder

PROMPTS = Prompts(query="q:", passage="p:")
TOPICS = ("电池材料", "水泥裂缝", "机器人焊接", "混凝土修复", "工艺abc", "料泥人def")


def _write_folder(place: Path, *, graded: bool) -> Path:
    place.mkdir()
    needs, capabilities, judgements = [], [], []
    for number, topic in enumerate(TOPICS):
        needs.append({"id": f"n{number}", "title": topic, "text": topic * 3})
        capabilities.append({"id": f"c{number}", "title": "", "text": topic[::-1] * 2})
        judgements.append(f"n{number}\tc{number}\t4")
        if graded:
            judgements.append(f"n{number}\tc{(number + 1) % len(TOPICS)}\t1")
    capabilities.append({"id": "other", "title": "cba", "text": "焊接电池"})
    for name, rows in (("needs", needs), ("capabilities", capabilities)):
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (place / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    (place / "qrels.tsv").write_text("\n".join(judgements) + "\n", encoding="utf-8")
    return place


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    return [_write_folder(tmp_path / "graded", graded=True), _write_folder(tmp_path / "pairs", graded=False)]


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return make_tiny_encoder(tmp_path / "base")


def test_train_head_writes_a_model_both_embedders_read(folders: list[Path], base: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    out = tmp_path / "out" / "model"
    report = train_encoder(folders, base, out, folds=2, on_progress=lambda *step: told.append(step))
    assert report.revision == read_revision(out)
    assert report.base_revision == read_revision(base)
    assert report.rows == {"graded": 12, "pairs": 6}
    assert [set(fold) for fold in report.folds["graded"]] == [{"ndcg@10", "auc", "recall@50"}] * 2
    assert [set(fold) for fold in report.base_folds["pairs"]] == [{"recall@1", "recall@10", "mrr"}] * 2
    assert told
    written = json.loads((out / "training-report.json").read_text("utf-8"))
    assert written["revision"] == report.revision
    assert "| pairs | recall@1 |" in (out / "training-report.md").read_text("utf-8")
    fast = OnnxEmbedder(out, cache=tmp_path / "cache").embed(list(TOPICS), prompt="query")
    plain = SentenceTransformerEmbedder(out).embed(list(TOPICS), prompt="query")
    assert (fast * plain).sum(axis=1).min() > 0.98
    assert not (out.parent / "model.work").exists()


def test_nothing_is_printed_but_by_the_caller(
    folders: list[Path], base: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    train_encoder(folders, base, tmp_path / "model", epochs=1, recipe=EncoderRecipe(frozen_layers=1, batch_size=4))
    SentenceTransformerEmbedder(tmp_path / "model").embed(["x"], prompt="query")
    assert capfd.readouterr() == ("", "")


def test_training_repeats(folders: list[Path], base: Path, tmp_path: Path) -> None:
    one, two = (train_encoder(folders, base, tmp_path / name / "model").revision for name in ("one", "two"))
    assert one == two


def test_tuned_layers_change_and_frozen_ones_stay(folders: list[Path], base: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    out = tmp_path / "model"
    recipe = EncoderRecipe(frozen_layers=1, batch_size=4, learning_rate=1e-2)
    train_encoder(folders, base, out, epochs=1, recipe=recipe)
    before, after = (load_file(place / "model.safetensors") for place in (base, out))
    assert before.keys() == after.keys()
    changed = {name for name, value in after.items() if not np.array_equal(value, before[name])}
    assert changed
    assert all(name.startswith("encoder.layer.1.") for name in changed)


def test_layers_learn_from_levels_alone_where_there_are_some(folders: list[Path], base: Path, tmp_path: Path) -> None:
    """Pairs are for the head then: they teach it as much, and cost the layers what they know of other kinds of text."""
    from safetensors.numpy import load_file

    recipe = EncoderRecipe(frozen_layers=1, batch_size=4, learning_rate=1e-2, kept_weight=0.0)
    graded, pairs = ([folder for folder in folders if folder.name == name] for name in ("graded", "pairs"))
    for name, chosen in (("both", graded + pairs), ("graded", graded), ("pairs", pairs)):
        train_encoder(chosen, base, tmp_path / name, epochs=1, recipe=recipe)
    both, levels, positives = (
        load_file(tmp_path / name / "model.safetensors")["encoder.layer.1.output.dense.weight"]
        for name in ("both", "graded", "pairs")
    )
    np.testing.assert_array_equal(both, levels)
    assert not np.array_equal(positives, levels), "without levels, layers do learn from pairs"
    heads = [
        load_file(tmp_path / name / "3_Dense" / "model.safetensors")["linear.weight"] for name in ("both", "graded")
    ]
    assert not np.array_equal(*heads)


def test_texts_of_other_kinds_stay_nearer_to_where_they_were(folders: list[Path], base: Path, tmp_path: Path) -> None:
    recipe = EncoderRecipe(frozen_layers=1, batch_size=4, learning_rate=1e-2, kept_weight=0.0)
    for name, weight in (("let go", 0.0), ("kept", 300.0)):
        train_encoder(folders, base, tmp_path / name, epochs=2, recipe=replace(recipe, kept_weight=weight))
        strip_head(tmp_path / name)
    (pairs,) = (read_judged_folder(folder) for folder in folders if folder.name == "pairs")
    texts = [text.whole for text in (*pairs.needs.values(), *pairs.capabilities.values())]
    before, let_go, kept = (
        SentenceTransformerEmbedder(place).embed(texts, prompt="passage")
        for place in (base, tmp_path / "let go", tmp_path / "kept")
    )
    moved, moved_kept = (1 - (before * after).sum(axis=1).mean() for after in (let_go, kept))
    assert 0 < moved_kept < 0.5 * moved


def test_kept_texts_are_drawn_from_all_kinds_that_have_no_levels() -> None:
    graded = PairTask("graded", rows=[("a", "b"), ("c", "d")], scores=[0.0, 1.0], groups=["n", "n"])
    pairs = PairTask("pairs", rows=[("e", "f")], distractors=["g", "f"])
    titles = PairTask("titles", rows=[("h", "i")])
    drawn = draw_kept_texts([graded, pairs, titles], 8, seed=1)
    assert sorted(drawn[:5]) == ["e", "f", "g", "h", "i"]
    assert drawn[5:] == drawn[:3]
    assert draw_kept_texts([graded, pairs, titles], 8, seed=1) == drawn
    assert draw_kept_texts([graded], 8, seed=1) == []


def test_while_kept_texts_are_embedded_each_part_is_told(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(base), device="cpu", model_kwargs={"torch_dtype": "float32"})
    texts = ["电池", "水泥裂缝修复", "电池", "焊接", "料", "机器人焊接工艺"]
    at_once = embed_as_is(model, texts)
    monkeypatch.setattr("matching.training.kept_texts._TOLD_AFTER", 2)
    told: list[tuple[int, int]] = []
    in_parts = embed_as_is(model, texts, lambda done, total: told.append((done, total)))
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert in_parts.keys() == at_once.keys()
    for key, vector in at_once.items():
        np.testing.assert_allclose(in_parts[key], vector, atol=0.02)


@pytest.mark.parametrize("moment", ["between checkpoints", "after the layers"])
def test_an_interrupted_tuning_of_layers_goes_on_to_the_same_weights(
    moment: str, folders: list[Path], base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.numpy import load_file

    monkeypatch.setattr("matching.training.encoder._STEPS_A_CHECKPOINT", 2)
    recipe = EncoderRecipe(frozen_layers=1, batch_size=4, learning_rate=1e-2)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train_encoder(folders, base, whole, epochs=2, recipe=recipe)
    told: list[tuple[int, str]] = []

    def stop(done: int, _total: int, what: str) -> None:
        told.append((done, what))
        if (done, what) == (5, "all needs") if moment == "between checkpoints" else what == "all needs: graded":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_encoder(folders, base, parts, epochs=2, recipe=recipe, on_progress=stop)
    last = max(done for done, what in told if what == "all needs")
    # A checkpoint that was begun when the power went is not gone on from.
    broken = tmp_path / "parts.work" / "checkpoints" / "checkpoint-900"
    broken.mkdir()
    (broken / "trainer_state.json").write_text('{"epoch"')
    steps: list[int] = []
    train_encoder(
        folders, base, parts, epochs=2, recipe=recipe, resume=True,
        on_progress=lambda done, _total, what: steps.append(done) if what == "all needs" else None,
    )  # fmt: skip
    assert steps[:1] == ([5] if moment == "between checkpoints" else [])
    assert last == 5 or not steps
    one, two = (load_file(place / "model.safetensors") for place in (whole, parts))
    assert one.keys() == two.keys()
    for name, value in one.items():
        np.testing.assert_array_equal(value, two[name])


def test_a_finished_fold_is_not_trained_again(folders: list[Path], base: Path, tmp_path: Path) -> None:
    """Resuming takes its figures from the file of the interrupted call."""
    out = tmp_path / "model"
    train_encoder(folders, base, tmp_path / "first", folds=2)
    work = tmp_path / "model.work"
    work.mkdir()
    recipe = EncoderRecipe()
    from matching.training.encoder import describe_call

    (work / "training-arguments.json").write_text(json.dumps(describe_call(recipe, folders, base)), encoding="utf-8")
    for fold in range(2):
        (work / f"fold-{fold}").mkdir()
        (work / f"fold-{fold}" / "figures.json").write_text('[{"graded": {"auc": 0.25}}, {"graded": {"auc": 0.5}}]')
    report = train_encoder(folders, base, out, folds=2, resume=True)
    assert report.folds == {"graded": [{"auc": 0.25}, {"auc": 0.25}]}


def test_resume_refuses_other_arguments(folders: list[Path], base: Path, tmp_path: Path) -> None:
    work = tmp_path / "model.work"
    work.mkdir()
    (work / "training-arguments.json").write_text("{}")
    with pytest.raises(InvalidInput, match="参数"):
        train_encoder(folders, base, tmp_path / "model", resume=True)


def test_one_fold_and_no_folder_are_refused(folders: list[Path], base: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="折数"):
        train_encoder(folders, base, tmp_path / "model", folds=1)
    with pytest.raises(InvalidInput, match="目录"):
        train_encoder([], base, tmp_path / "model")


def test_measure_counts_exactly(folders: list[Path]) -> None:
    folder = read_judged_folder(folders[1])

    class Known:
        """Puts each text on an axis of its own topic."""

        model_revision = "known"
        dimension = len(TOPICS)

        def embed(self, texts: list[str], *, prompt: str) -> np.ndarray:
            rows = np.zeros((len(texts), len(TOPICS)), dtype=np.float32)
            for row, text in enumerate(texts):
                for axis, topic in enumerate(TOPICS):
                    rows[row, axis] = float(set(topic) <= set(text))
            if prompt == "query":
                rows[0] = np.roll(rows[0], 1)
            return rows

    figures = measure_encoder(Known(), folder, ["n0", "n1"], ["c0", "c1"])
    assert figures == {"recall@1": 0.5, "recall@10": 1.0, "mrr": 0.75}


def test_candidates_of_a_fold_leave_out_what_training_saw(folders: list[Path]) -> None:
    pairs = read_judged_folder(folders[1])
    assert pick_candidates(pairs, {"n1", "n3"}, {"other"}) == ["c1", "c3", "other"]
    assert pick_candidates(pairs, {"n1"}, set()) == ["c1"]
    task = collect_judged(pairs, {"n0"}, PROMPTS, 1, hidden={"other"})
    assert task.rows == [("q:" + "。".join((TOPICS[0], TOPICS[0] * 3)), "p:" + TOPICS[0][::-1] * 2)]
    assert task.distractors == []
    assert collect_judged(pairs, {"n0"}, PROMPTS, 1).distractors == ["p:cba。焊接电池"]


def test_folds_are_stable_and_use_all_numbers() -> None:
    assert [assign_fold(f"need-{number}", 3) for number in range(4)] == [assign_fold(f"need-{n}", 3) for n in range(4)]
    assert {assign_fold(f"need-{number}", 5) for number in range(60)} == set(range(5))


def test_average_weights() -> None:
    assert average_weights({"w": 2.0, "other": 1.0}, {"w": 6.0}, 0.25) == {"w": 5.0}


def test_fit_head_learns_the_pairs_it_is_shown() -> None:
    random = np.random.default_rng(2)
    # The first half of each vector says what a text is about, the second is noise and a common direction.
    topics = random.normal(size=(20, 4))
    anchors, passages = (np.hstack([topics, random.normal(size=(20, 4)) * 2 + 3]) for _ in range(2))
    unit = [(value / np.linalg.norm(value, axis=1, keepdims=True)).astype(np.float32) for value in (anchors, passages)]

    def count_hits(head: np.ndarray) -> int:
        left, right = (value @ head.T for value in unit)
        left, right = (value / np.linalg.norm(value, axis=1, keepdims=True) for value in (left, right))
        return int((np.argmax(left @ right.T, axis=1) == np.arange(20)).sum())

    rows = HeadRows(anchors=unit[0], passages=unit[1], both_ways=True)
    head = fit_head([rows], HeadRecipe(steps=200, learning_rate=0.02, decay=0.001))
    assert count_hits(head) > count_hits(np.eye(8, dtype=np.float32))
    assert count_hits(head) >= 16


def test_fit_head_orders_graded_pairs() -> None:
    eye = np.eye(4, dtype=np.float32)
    rows = HeadRows(anchors=eye[[0, 0]], passages=eye[[1, 2]], scores=[0.0, 1.0], groups=["n", "n"])
    head = fit_head([rows], HeadRecipe(steps=50, learning_rate=0.01, decay=0.0))
    turned = eye @ head.T
    assert turned[0] @ turned[2] > turned[0] @ turned[1]


def test_a_head_can_be_put_on_twice_and_taken_away(base: Path) -> None:
    before = {file.relative_to(base): file.read_bytes() for file in base.rglob("*") if file.is_file()}
    add_head(base, np.eye(SIZE, dtype=np.float32))
    add_head(base, np.eye(SIZE, dtype=np.float32))
    assert len(json.loads((base / "modules.json").read_text("utf-8"))) == 5
    strip_head(base)
    after = {file.relative_to(base): file.read_bytes() for file in base.rglob("*") if file.is_file()}
    assert before.keys() == after.keys()
    assert json.loads(before[Path("modules.json")]) == json.loads(after[Path("modules.json")])


def test_mixed_batches_hold_every_row_once_in_another_order_each_time() -> None:
    batches, others = (plan_mixed_batches(21, 8, seed=seed) for seed in (1, 2))
    assert sorted(row for batch in batches for row in batch) == list(range(21))
    assert [len(batch) for batch in batches] == [8, 8, 5]
    assert batches == plan_mixed_batches(21, 8, seed=1) != others


def test_neighbour_batches_gather_what_is_alike_and_never_a_text_twice() -> None:
    rows = [(f"q{number}", f"p{number % 7}") for number in range(16)]
    vectors = np.repeat(np.eye(2, dtype=np.float32), 8, axis=0)
    batches = plan_neighbour_batches(rows, vectors, 6, seed=1)
    for batch in batches:
        texts = [text for row in batch for text in rows[row]]
        assert len(texts) == len(set(texts))
        assert 2 <= len(batch) <= 6


def test_openings_leave_out_references_and_abstracts() -> None:
    rest = "本研究对该材料在不同温度下的力学性能进行了系统的测量，并与已有的结果作了比较，最后讨论了误差的来源。"
    kept = "复合材料的界面强度决定了它的使用寿命。" + rest
    left_out = [
        "[12] 王某.复合材料的界面强度研究[J]. 某学报。" + rest,
        "针对复合材料界面强度不足的问题，提出了一种方法。" + rest,
    ]
    task = collect_openings([kept, *left_out], PROMPTS)
    assert task.rows == [("q:复合材料的界面强度决定了它的使用寿命。", "p:" + rest)]


def test_terms_are_taken_with_their_english_once() -> None:
    task = collect_terms(
        ["采用支持向量机(support vector machine, SVM)和(SVM)方法", "支持向量机（Support Vector Machine）"], PROMPTS
    )
    assert task.rows == [("q:采用支持向量机", "p:support vector machine")]


@pytest.mark.parametrize(
    ("file", "content", "where"),
    [
        ("qrels.tsv", "n0\tc0\n", "qrels.tsv:1"),
        ("qrels.tsv", "n0\tc0\t4\n\nn0\tnobody\t4\n", "qrels.tsv:3"),
        ("qrels.tsv", "n0\tc0\t5\n", "qrels.tsv:1"),
        ("needs.jsonl", '{"id": "n0"}\n[1]\n', "needs.jsonl:2"),
        ("capabilities.jsonl", "{\n", "capabilities.jsonl:1"),
    ],
)
def test_a_broken_folder_is_named_with_its_line(folders: list[Path], file: str, content: str, where: str) -> None:
    (folders[0] / file).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidInput) as raised:
        read_judged_folder(folders[0])
    assert str(raised.value.where).endswith(where)


def test_missing_files_are_named(folders: list[Path], tmp_path: Path) -> None:
    (folders[0] / "qrels.tsv").unlink()
    with pytest.raises(InvalidInput, match=r"qrels\.tsv"):
        read_judged_folder(folders[0])
    (folders[1] / "capabilities.jsonl").unlink()
    with pytest.raises(InvalidInput, match=r"capabilities\.jsonl"):
        read_judged_folder(folders[1])
    with pytest.raises(InvalidInput, match=r"none\.jsonl"):
        list(read_paragraphs(tmp_path / "none.jsonl"))


def test_paragraphs_name_the_broken_line(tmp_path: Path) -> None:
    file = tmp_path / "p.jsonl"
    file.write_text('{"text": "a"}\n{"id": 1}\n', encoding="utf-8")
    with pytest.raises(InvalidInput) as raised:
        list(read_paragraphs(file))
    assert raised.value.where == f"{file}:2"

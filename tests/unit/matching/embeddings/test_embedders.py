"""One contract for both embedders, on a tiny model with random weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from matching.embeddings.model_folder import read_revision
from matching.embeddings.onnx_embedder import OnnxEmbedder
from matching.embeddings.onnx_export import export_onnx, main
from matching.embeddings.port import Embedder
from matching.embeddings.sentence_transformer_embedder import SentenceTransformerEmbedder
from matching.errors import InvalidInput, PartUnavailable
from matching.training.head import add_head
from tests.unit.matching.embeddings.tiny_encoder import SIZE, WINDOW, make_tiny_encoder

LONG = "电池材料工艺" * 20 + "水泥混凝土裂缝修复" * 12


@pytest.fixture(params=["onnx", "sentence_transformers"])
def embedder(request: pytest.FixtureRequest, tmp_path: Path) -> Embedder:
    folder = make_tiny_encoder(tmp_path / "tiny")
    if request.param == "onnx":
        return OnnxEmbedder(folder, cache=tmp_path / "cache", threads=1)
    return SentenceTransformerEmbedder(folder)


def test_rows_are_unit_vectors_in_order_and_blank_texts_are_zero(embedder: Embedder) -> None:
    vectors = embedder.embed(["电池", " \n", "水泥裂缝", "电池", LONG], prompt="query")
    assert vectors.shape == (5, SIZE)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), [1, 0, 1, 1, 1], atol=1e-5)
    assert np.array_equal(vectors[0], vectors[3])
    assert not np.allclose(vectors[0], vectors[2], atol=1e-3)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    assert embedder.embed([], prompt="passage").shape == (0, SIZE)
    assert embedder.embed(["", "\t"], prompt="passage").tolist() == [[0.0] * SIZE] * 2


def test_the_prompt_matters(embedder: Embedder) -> None:
    query, passage = (embedder.embed(["电池"], prompt=prompt)[0] for prompt in ("query", "passage"))
    assert not np.allclose(query, passage, atol=1e-3)


def test_the_end_of_a_long_text_matters(embedder: Embedder) -> None:
    """Far behind the window of 32 tokens."""
    one, other = embedder.embed([LONG, LONG[:-8] + "机器人焊接机器人"], prompt="passage")
    assert not np.allclose(one, other, atol=1e-3)


def test_dimension_and_revision(embedder: Embedder, tmp_path: Path) -> None:
    assert embedder.dimension == SIZE
    assert embedder.model_revision.startswith(read_revision(tmp_path / "tiny") + ".")


@pytest.mark.parametrize("pooling", ["mean", "cls"])
@pytest.mark.parametrize("headed", [False, True])
def test_onnx_float_graph_equals_sentence_transformers(tmp_path: Path, pooling: str, headed: bool) -> None:
    folder = make_tiny_encoder(tmp_path / "tiny", pooling=pooling)
    if headed:
        add_head(folder, np.random.default_rng(1).normal(size=(SIZE, SIZE)).astype(np.float32))
    texts = ["电池材料", "水泥", "混凝土裂缝修复 abc", "机器人焊接" * 5, LONG]
    plain = SentenceTransformerEmbedder(folder).embed(texts, prompt="query")
    cache = tmp_path / "cache"
    export_onnx(folder, folder / "model_int8.onnx", precision="float32")
    fast = OnnxEmbedder(folder, cache=cache).embed(texts, prompt="query")
    assert np.allclose(plain, fast, atol=2e-3)
    (folder / "model_int8.onnx").unlink()
    small = OnnxEmbedder(folder, cache=cache).embed(texts, prompt="query")
    assert (plain * small).sum(axis=1).min() > 0.99


def test_vectors_do_not_depend_on_the_company_of_other_lengths(tmp_path: Path) -> None:
    embedder = OnnxEmbedder(make_tiny_encoder(tmp_path / "tiny"), cache=tmp_path / "cache")
    alone = embedder.embed(["混凝土裂缝"], prompt="query")
    among = embedder.embed(["电", "混凝土裂缝", LONG], prompt="query")
    assert np.array_equal(alone[0], among[1])


def test_a_stale_onnx_file_is_not_used(tmp_path: Path) -> None:
    """Left beside weights that were replaced later."""
    folder = make_tiny_encoder(tmp_path / "a" / "tiny", seed=3)
    other = make_tiny_encoder(tmp_path / "b" / "tiny", seed=4)
    expected = OnnxEmbedder(folder, cache=tmp_path / "one").embed(["电池"], prompt="query")
    export_onnx(other, folder / "model_int8.onnx")
    got = OnnxEmbedder(folder, cache=tmp_path / "two").embed(["电池"], prompt="query")
    assert np.array_equal(got, expected)


def test_export_is_deterministic(tmp_path: Path) -> None:
    folder = make_tiny_encoder(tmp_path / "tiny")
    for name in ("one.onnx", "two.onnx"):
        assert export_onnx(folder, tmp_path / name) == read_revision(folder)
    assert (tmp_path / "one.onnx").read_bytes() == (tmp_path / "two.onnx").read_bytes()


def test_export_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = make_tiny_encoder(tmp_path / "tiny")
    assert main([str(folder), str(tmp_path / "out" / "m.onnx")]) == 0
    assert (tmp_path / "out" / "m.onnx").is_file()
    assert main([str(folder)]) == 2
    assert main([str(tmp_path / "nothing"), str(tmp_path / "x.onnx")]) == 2
    assert "nothing" in capsys.readouterr().err


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    folder = make_tiny_encoder(tmp_path / "tiny")
    config = (folder / "config.json").read_text("utf-8").replace('"model_type": "bert"', '"model_type": "gpt2"')
    (folder / "config.json").write_text(config, encoding="utf-8")
    with pytest.raises(InvalidInput, match="gpt2"):
        export_onnx(folder, tmp_path / "x.onnx")


@pytest.mark.parametrize("lost", ["model.safetensors", "tokenizer.json", "config.json", "1_Pooling/config.json"])
def test_an_incomplete_folder_is_named(tmp_path: Path, lost: str) -> None:
    folder = make_tiny_encoder(tmp_path / "tiny")
    (folder / lost).unlink()
    with pytest.raises(PartUnavailable, match=lost.rpartition("/")[2]):
        OnnxEmbedder(folder, cache=tmp_path / "cache").embed(["电池"], prompt="query")


def test_a_model_that_is_not_there_is_a_part_unavailable(tmp_path: Path) -> None:
    with pytest.raises(PartUnavailable):
        SentenceTransformerEmbedder(tmp_path / "nothing").embed(["电池"], prompt="query")


def test_the_fast_embedder_imports_no_torch() -> None:
    code = "import sys, matching.embeddings.onnx_embedder; print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_window_is_the_models(tmp_path: Path) -> None:
    assert OnnxEmbedder(make_tiny_encoder(tmp_path / "tiny"))._folder.window == WINDOW

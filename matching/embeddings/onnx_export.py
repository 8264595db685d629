"""Write the fast form of an encoder: an ONNX graph with int8 weights, made from the shipped float weights.

    python -m matching.embeddings.onnx_export MODEL_FOLDER OUT.onnx

The graph is put together here, operator by operator, from the safetensors file with NumPy alone. That needs no
torch, takes two seconds, gives the same bytes each time, and lets every operator be the one that is fastest on a CPU:

- linear layers as `DynamicQuantizeMatMul` (weights int8 with one scale per output, activations 8 bits at run time);
- both layers of each feed-forward block with their input scaled text place by text place: a few places there hold
  values a hundred times the usual, and one scale for all would leave the others a handful of steps (of attention it
  gains nothing);
- queries, keys and values of a layer by one multiplication; attention as the fused `MultiHeadAttention`;
- word vectors int8 with one scale per row, which keeps the file at a third of float32;
- no padding and no mask: a batch holds texts of one token count (`matching.embeddings.onnx_embedder` sees to it),
  so no time is spent on empty places and attention needs no bias.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from matching.embeddings.model_folder import WEIGHTS_FILE, ModelFolder, count_reserved_positions, read_model_folder
from matching.errors import DuijieError, InvalidInput, PartUnavailable

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, TensorProto

Precision = Literal["int8", "float32"]
Weights = dict[str, NDArray[np.float32]]

REVISION_KEY = "duijie.model_revision"
PRECISION_KEY = "duijie.precision"
FORM_KEY = "duijie.form"
FORM = "3"
"""Counts the ways this module has put graphs together; a file of another form is made anew."""
_CONTRIB = "com.microsoft"
_OPSET = 20
_IR_VERSION = 10
_SUPPORTED_TYPES = {"bert", "roberta", "xlm-roberta"}
_GELU = {"gelu": "Gelu", "gelu_new": "FastGelu", "gelu_pytorch_tanh": "FastGelu"}
_LARGEST = 127
"""int8 is used symmetrically, -127…127."""


def export_onnx(source: Path, out: Path, *, precision: Precision = "int8") -> str:
    """Export the folder `source` to the file `out` (replaced only when complete); returns the source's revision.

    Raises InvalidInput for an architecture that is not BERT-like, PartUnavailable for an incomplete folder.
    """
    folder = read_model_folder(source)
    model = build_graph(folder, read_weights(folder), precision=precision)
    out.parent.mkdir(parents=True, exist_ok=True)
    # Unique per process: two workers that start together must not write into one another's file.
    part = out.with_name(f"{out.name}.{os.getpid()}.part")
    try:
        part.write_bytes(model.SerializeToString(deterministic=True))
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return folder.revision


def read_weights(folder: ModelFolder) -> Weights:
    """All float weights of the transformer by their names in `BertModel`, as float32."""
    raw = _load_floats(folder.path / WEIGHTS_FILE)
    prefix = next((name[: -len(_WORDS)] for name in raw if name.endswith(_WORDS)), "")
    return {name.removeprefix(prefix): value for name, value in raw.items()}


def _load_floats(file: Path) -> Weights:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        raw = load_file(file)
    except (OSError, SafetensorError) as error:
        raise PartUnavailable(
            "embedder", f"无法读取模型权重 {file}", message_en=f"Cannot read the weights {file}"
        ) from error
    return {
        name: np.asarray(value, dtype=np.float32)
        for name, value in raw.items()
        if np.issubdtype(value.dtype, np.floating)
    }


_WORDS = "embeddings.word_embeddings.weight"


@dataclass
class _Graph:
    """Nodes and constants collected so far."""

    nodes: list[NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)

    def keep(self, name: str, value: NDArray[Any]) -> str:
        from onnx import numpy_helper

        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value)), name))
        return name

    def add(
        self, operator: str, inputs: list[str], *, domain: str = "", outputs: int = 1, **attributes: Any
    ) -> list[str]:
        from onnx import helper

        number = len(self.nodes)
        names = [f"{operator}_{number}_{place}" for place in range(outputs)]
        self.nodes.append(helper.make_node(operator, inputs, names, domain=domain, **attributes))
        return names

    def one(self, operator: str, inputs: list[str], *, domain: str = "", **attributes: Any) -> str:
        return self.add(operator, inputs, domain=domain, **attributes)[0]


def build_graph(folder: ModelFolder, weights: Weights, *, precision: Precision) -> ModelProto:
    """Graph with input `input_ids` int64 (texts, tokens), special tokens included and no padding, and output
    `embedding` float32 (texts, dimension), rows of norm 1."""
    from onnx import TensorProto, helper

    config = folder.config
    _check_architecture(config, folder.path)
    graph = _Graph()
    epsilon = float(config["layer_norm_eps"])

    def norm(value: str, name: str) -> str:
        scale = graph.keep(f"{name}.weight", weights[f"{name}.weight"])
        shift = graph.keep(f"{name}.bias", weights[f"{name}.bias"])
        return graph.one("LayerNormalization", [value, scale, shift], axis=-1, epsilon=epsilon)

    def linear(
        value: str, name: str, weight: NDArray[np.float32], bias: NDArray[np.float32], *, per_place: bool = False
    ) -> str:
        return _add_linear(graph, value, name, weight, bias, precision, per_place=per_place)

    state = norm(_add_embeddings(graph, weights, config, precision), "embeddings.LayerNorm")
    for layer in range(int(config["num_hidden_layers"])):
        base = f"encoder.layer.{layer}"
        parts = [f"{base}.attention.self.{part}" for part in ("query", "key", "value")]
        mixed = linear(
            state,
            f"{base}.attention.self",
            np.concatenate([weights[f"{part}.weight"] for part in parts]),
            np.concatenate([weights[f"{part}.bias"] for part in parts]),
        )
        split = graph.add("Split", [mixed], outputs=3, axis=-1, num_outputs=3)
        heads = int(config["num_attention_heads"])
        attended = graph.one("MultiHeadAttention", split, domain=_CONTRIB, num_heads=heads)
        dense = f"{base}.attention.output.dense"
        mixed = linear(attended, dense, weights[f"{dense}.weight"], weights[f"{dense}.bias"])
        state = norm(graph.one("Add", [mixed, state]), f"{base}.attention.output.LayerNorm")
        dense = f"{base}.intermediate.dense"
        wide = linear(state, dense, weights[f"{dense}.weight"], weights[f"{dense}.bias"], per_place=True)
        wide = graph.one(_GELU[config["hidden_act"]], [wide], domain=_CONTRIB)
        dense = f"{base}.output.dense"
        narrow = linear(wide, dense, weights[f"{dense}.weight"], weights[f"{dense}.bias"], per_place=True)
        state = norm(graph.one("Add", [narrow, state]), f"{base}.output.LayerNorm")
    if folder.pooling == "mean":
        pooled = graph.one("ReduceMean", [state, graph.keep("token_axis", np.array([1]))], keepdims=0)
    else:
        pooled = graph.one("Gather", [state, graph.keep("first_token", np.array(0))], axis=1)
    if folder.head is not None:
        pooled = _add_head(graph, graph.one("LpNormalization", [pooled], axis=-1, p=2), folder.head)
    graph.nodes.append(helper.make_node("LpNormalization", [pooled], ["embedding"], axis=-1, p=2))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "encoder",
            [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["texts", "tokens"])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["texts", folder.dimension])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", _OPSET), helper.make_opsetid(_CONTRIB, 1)],
        ir_version=_IR_VERSION,
        producer_name="duijie",
    )
    helper.set_model_props(model, {REVISION_KEY: folder.revision, PRECISION_KEY: precision, FORM_KEY: FORM})
    return model


def _add_embeddings(graph: _Graph, weights: Weights, config: dict[str, Any], precision: Precision) -> str:
    from onnx import TensorProto

    words = weights[_WORDS]
    if precision == "int8":
        scales = np.maximum(np.abs(words).max(axis=1, keepdims=True) / _LARGEST, 1e-12)
        rows = graph.one("Gather", [graph.keep("words", np.round(words / scales).astype(np.int8)), "input_ids"])
        scale = graph.one("Gather", [graph.keep("word_scales", scales.astype(np.float32)), "input_ids"])
        word = graph.one("Mul", [graph.one("Cast", [rows], to=TensorProto.FLOAT), scale])
    else:
        word = graph.one("Gather", [graph.keep("words", words), "input_ids"])
    places = weights["embeddings.position_embeddings.weight"][count_reserved_positions(config) :]
    kinds = weights.get("embeddings.token_type_embeddings.weight")
    if kinds is not None:
        places = places + kinds[0]
    count = graph.one("Shape", ["input_ids"], start=1, end=2)
    start = graph.keep("first_place", np.array([0]))
    place = graph.one("Slice", [graph.keep("places", places), start, count, graph.keep("place_axis", np.array([0]))])
    return graph.one("Add", [word, place])


def _add_head(graph: _Graph, value: str, file: Path) -> str:
    """The head stays float32: it is one small multiplication per text."""
    weights = _load_floats(file)
    value = graph.one("MatMul", [value, graph.keep("head.weight", weights["linear.weight"].T)])
    bias = weights.get("linear.bias")
    return value if bias is None else graph.one("Add", [value, graph.keep("head.bias", bias)])


def _add_linear(
    graph: _Graph,
    value: str,
    name: str,
    weight: NDArray[np.float32],
    bias: NDArray[np.float32],
    precision: Precision,
    *,
    per_place: bool,
) -> str:
    """`weight` is (outputs, inputs), as torch keeps it."""
    columns = weight.T
    bias_name = graph.keep(f"{name}.bias", bias)
    if precision == "float32":
        return graph.one("Add", [graph.one("MatMul", [value, graph.keep(f"{name}.weight", columns)]), bias_name])
    scales = np.maximum(np.abs(columns).max(axis=0) / _LARGEST, 1e-12).astype(np.float32)
    whole = np.clip(np.round(columns / scales), -_LARGEST, _LARGEST).astype(np.int8)
    quantised = [graph.keep(f"{name}.weight", whole), graph.keep(f"{name}.scale", scales), ""]
    if not per_place:
        return graph.one("DynamicQuantizeMatMul", [value, *quantised, bias_name], domain=_CONTRIB)
    axis = graph.keep(f"{name}.axis", np.array([-1]))
    largest = graph.one("ReduceMax", [graph.one("Abs", [value]), axis], keepdims=1)
    largest = graph.one("Max", [largest, graph.keep(f"{name}.least", np.array(1e-9, dtype=np.float32))])
    level = graph.one("Div", [value, largest])
    product = graph.one("DynamicQuantizeMatMul", [level, *quantised], domain=_CONTRIB)
    return graph.one("Add", [graph.one("Mul", [product, largest]), bias_name])


def _check_architecture(config: dict[str, Any], path: Path) -> None:
    kind, activation = config.get("model_type"), config.get("hidden_act")
    position = config.get("position_embedding_type", "absolute")
    if kind not in _SUPPORTED_TYPES or activation not in _GELU or position != "absolute":
        found = f"{kind}/{activation}/{position}"
        raise InvalidInput(
            "encoder.architecture",
            f"只能导出 BERT 类模型（{sorted(_SUPPORTED_TYPES)}），而这里是 {found}",
            where=str(path / "config.json"),
            message_en=f"Only BERT-like models ({sorted(_SUPPORTED_TYPES)}) can be exported, this is {found}",
        )


def main(arguments: list[str]) -> int:
    """`MODEL_FOLDER OUT.onnx`: exit code 0 done, 2 the call or the folder is wrong."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m matching.embeddings.onnx_export MODEL_FOLDER OUT.onnx\n")
        return 2
    try:
        revision = export_onnx(Path(arguments[0]), Path(arguments[1]))
    except DuijieError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{revision} → {arguments[1]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

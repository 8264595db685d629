"""A folder of the sentence-transformers layout: what is in it, and the revision that names it.

Read without torch, so that the web process can know the revision of the encoder it will ask.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matching.errors import PartUnavailable

WEIGHTS_FILE = "model.safetensors"
REVISION_FILE = "revision.json"
_REVISION_CONTENT = (WEIGHTS_FILE, "config.json", "tokenizer.json")
_HASH_LENGTH = 12
_SUPPORTED_MODULES = {
    ("Transformer", "Pooling"),
    ("Transformer", "Pooling", "Normalize"),
    ("Transformer", "Pooling", "Normalize", "Dense", "Normalize"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """What an encoder's folder says about itself."""

    path: Path
    revision: str
    """Name of the folder and the first 12 hex digits of the SHA-256 of weights, configuration and tokenizer."""
    config: dict[str, Any]
    pooling: str
    """`mean` or `cls`."""
    dimension: int
    window: int
    """Most tokens the model reads at once, the special ones included."""
    query_prompt: str
    passage_prompt: str
    head: Path | None
    """Weights of the linear layer between two normalisations behind the pooling, None where the model has none."""


def read_model_folder(path: Path) -> ModelFolder:
    """Read the descriptions in `path`; raises PartUnavailable("embedder", …) naming a missing or broken file."""
    config = _read_json(path / "config.json")
    modules = _read_json(path / "modules.json")
    pooling_config: dict[str, Any] = {}
    head: Path | None = None
    kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
    for kind, module in zip(kinds, modules, strict=True):
        place = path / str(module["path"])
        if kind == "Pooling":
            pooling_config = _read_json(place / "config.json")
        elif kind == "Dense":
            _check_head(place)
            head = place / WEIGHTS_FILE
    if tuple(kinds) not in _SUPPORTED_MODULES:
        raise _unsupported(path / "modules.json", " → ".join(kinds))
    prompts = _read_optional(path / "config_sentence_transformers.json").get("prompts") or {}
    tokenizer_config = _read_optional(path / "tokenizer_config.json")
    transformer_config = _read_optional(path / "sentence_bert_config.json")
    positions = int(config["max_position_embeddings"]) - count_reserved_positions(config)
    limits = [positions, tokenizer_config.get("model_max_length"), transformer_config.get("max_seq_length")]
    return ModelFolder(
        path=path,
        revision=read_revision(path),
        config=config,
        pooling=_read_pooling(pooling_config, path),
        dimension=int(config["hidden_size"]),
        window=min(int(limit) for limit in limits if limit),
        query_prompt=str(prompts.get("query", "")),
        passage_prompt=str(prompts.get("passage") or prompts.get("document") or ""),
        head=head,
    )


def count_reserved_positions(config: dict[str, Any]) -> int:
    """RoBERTa-like models number positions from the padding token's id + 1; BERT from 0."""
    return int(config["pad_token_id"]) + 1 if config.get("model_type") in {"roberta", "xlm-roberta"} else 0


def read_revision(path: Path) -> str:
    """The revision written when the model was saved, or the same computed from the content."""
    file = path / REVISION_FILE
    if file.is_file():
        return str(_read_json(file)["model_revision"])
    return compute_revision(path)


def compute_revision(path: Path) -> str:
    """`<folder name>-<12 hex digits>`; equal content under an equal name gives an equal revision on any machine."""
    digest = hashlib.sha256()
    heads = sorted(file.relative_to(path).as_posix() for file in path.glob(f"*_Dense/{WEIGHTS_FILE}"))
    for name in (*_REVISION_CONTENT, *heads):
        file = path / name
        if not file.is_file():
            raise _unavailable(file)
        with file.open("rb") as stream:
            digest.update(f"{name}\n{file.stat().st_size}\n".encode())
            while block := stream.read(1 << 20):
                digest.update(block)
    return f"{path.resolve().name}-{digest.hexdigest()[:_HASH_LENGTH]}"


def write_revision(path: Path) -> str:
    """Compute the revision of a finished folder and keep it beside the weights, so that start-up need not hash them."""
    revision = compute_revision(path)
    (path / REVISION_FILE).write_text(json.dumps({"model_revision": revision}) + "\n", encoding="utf-8")
    return revision


def _read_pooling(config: dict[str, Any], path: Path) -> str:
    mode = config.get("pooling_mode")
    if mode in {"mean", "cls"}:
        return str(mode)
    if config.get("pooling_mode_mean_tokens"):
        return "mean"
    if config.get("pooling_mode_cls_token"):
        return "cls"
    raise _unsupported(path / "1_Pooling", "mean / cls")


def _check_head(place: Path) -> None:
    config = _read_json(place / "config.json")
    if not str(config.get("activation_function", "")).endswith("Identity") or config.get("use_residual"):
        raise _unsupported(place / "config.json", "Dense: torch.nn.Identity")


def _unsupported(file: Path, what: str) -> PartUnavailable:
    return PartUnavailable(
        "embedder",
        f"{file}：快速向量模型不支持这种结构（{what}）",
        message_en=f"{file}: the fast encoder does not support this structure ({what})",
    )


def _read_json(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _unavailable(file) from error


def _read_optional(file: Path) -> dict[str, Any]:
    return dict(_read_json(file)) if file.is_file() else {}


def _unavailable(file: Path) -> PartUnavailable:
    return PartUnavailable(
        "embedder",
        f"向量模型不完整：缺少或无法读取 {file}",
        message_en=f"The encoder is incomplete: cannot read {file}",
    )

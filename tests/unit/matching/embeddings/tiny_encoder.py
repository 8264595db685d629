"""A BERT of two layers with random weights, in the layout of sentence-transformers, for tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing

from matching.embeddings.model_folder import write_revision

SIZE = 16
WINDOW = 32
_LETTERS = "电池材料工艺水泥混凝土裂缝修复机器人焊接query:passg 。abcdef"


def make_tiny_encoder(folder: Path, *, seed: int = 3, scale: float = 0.2, pooling: str = "mean") -> Path:
    """Write the model to `folder` and return it. One letter is one token."""
    folder.mkdir(parents=True)
    vocabulary = {"<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3}
    for letter in _LETTERS:
        vocabulary.setdefault(letter, len(vocabulary))
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Split(Regex("."), "isolated")
    tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "architectures": ["BertModel"],
        "attention_probs_dropout_prob": 0.0,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.0,
        "hidden_size": SIZE,
        "intermediate_size": 2 * SIZE,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": WINDOW,
        "model_type": "bert",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "pad_token_id": 1,
        "type_vocab_size": 2,
        "vocab_size": len(vocabulary),
    }
    _write(folder / "config.json", config)
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": WINDOW,
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "cls_token": "<s>",
            "sep_token": "</s>",
        },
    )
    types = "sentence_transformers.base.modules"
    pooling_type = "sentence_transformers.sentence_transformer.modules.pooling.Pooling"
    modules = [
        ("", f"{types}.transformer.Transformer"),
        ("1_Pooling", pooling_type),
        ("2_Normalize", f"{types}.normalize.Normalize"),
    ]
    _write(
        folder / "modules.json",
        [{"idx": n, "name": str(n), "path": path, "type": kind} for n, (path, kind) in enumerate(modules)],
    )
    for name in ("1_Pooling", "2_Normalize"):
        (folder / name).mkdir()
    _write(folder / "1_Pooling" / "config.json", {"embedding_dimension": SIZE, "pooling_mode": pooling})
    _write(
        folder / "2_Normalize" / "config.json",
        {"module_input_name": "sentence_embedding", "module_output_name": "sentence_embedding"},
    )
    _write(
        folder / "sentence_bert_config.json",
        {
            "transformer_task": "feature-extraction",
            "modality_config": {"text": {"method": "forward", "method_output_name": "last_hidden_state"}},
            "module_output_name": "token_embeddings",
        },
    )
    _write(
        folder / "config_sentence_transformers.json",
        {
            "model_type": "SentenceTransformer",
            "prompts": {"query": "query:", "document": "passage:"},
            "similarity_fn_name": "cosine",
        },
    )
    save_file(
        _draw_weights(config, np.random.default_rng(seed), scale),
        folder / "model.safetensors",
        metadata={"format": "pt"},
    )
    write_revision(folder)
    return folder


def _draw_weights(config: dict[str, Any], random: np.random.Generator, scale: float) -> dict[str, np.ndarray]:
    wide = 2 * SIZE
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (config["vocab_size"], SIZE),
        "embeddings.position_embeddings.weight": (WINDOW, SIZE),
        "embeddings.token_type_embeddings.weight": (2, SIZE),
        "embeddings.LayerNorm.weight": (SIZE,),
        "embeddings.LayerNorm.bias": (SIZE,),
    }
    for layer in range(2):
        base = f"encoder.layer.{layer}"
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{base}.{name}.weight": (SIZE, SIZE), f"{base}.{name}.bias": (SIZE,)}
        shapes |= {f"{base}.intermediate.dense.weight": (wide, SIZE), f"{base}.intermediate.dense.bias": (wide,)}
        shapes |= {f"{base}.output.dense.weight": (SIZE, wide), f"{base}.output.dense.bias": (SIZE,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{base}.{name}.weight": (SIZE,), f"{base}.{name}.bias": (SIZE,)}
    weights = {name: random.normal(size=shape) * scale for name, shape in sorted(shapes.items())}
    for name, value in weights.items():
        if name.endswith("LayerNorm.weight"):
            value += 1
    return {name: value.astype(np.float16) for name, value in weights.items()}


def _write(file: Path, content: Any) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")

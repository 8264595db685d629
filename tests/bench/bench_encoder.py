"""The fast encoder beside the float one: the same texts, in one process, in turns.

    python -m tests.bench.bench_encoder FOLDER [--texts 400] [--rounds 3] [--threads 2]

FOLDER has paragraphs.jsonl.gz, a text a line. The rival is `SentenceTransformer.encode(batch_size=32)` in float32 on
the same folder with the same number of threads, on texts that fit its window (both cut longer ones in their own ways).
Printed: texts a second of both and their ratio, each round and the median; mean, first percentile and least cosine of
the fast vectors to the float ones; and how far nearest neighbours agree, which is what ranking makes of them.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import statistics
import time
from pathlib import Path

import numpy as np

from matching.embeddings.onnx_embedder import OnnxEmbedder
from matching.settings import packaged_encoder


def main() -> None:
    """Print figures for short, usual and long texts together."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", type=Path, default=packaged_encoder())
    options = parser.parse_args()

    import torch
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(options.threads)
    rival = SentenceTransformer(str(options.model), device="cpu", model_kwargs={"torch_dtype": "float32"})
    fast = OnnxEmbedder(options.model, threads=options.threads)
    words = fast.passage_prompt
    texts = read_texts(options.folder / "paragraphs.jsonl.gz", options.texts)
    window = rival.max_seq_length or 512
    texts = [text for text in texts if len(rival.tokenizer(words + text, verbose=False)["input_ids"]) <= window]
    lengths = sorted(map(len, texts))
    print(f"{len(texts)} texts, characters: median {lengths[len(lengths) // 2]}, longest {lengths[-1]}")

    prompted = [words + text for text in texts]
    fast.embed(texts[:8], prompt="passage")
    rival.encode(prompted[:8], batch_size=32, normalize_embeddings=True)
    ratios = []
    for number in range(options.rounds):
        begun = time.perf_counter()
        ours = fast.embed(texts, prompt="passage")
        between = time.perf_counter()
        theirs = rival.encode(prompted, prompt="", batch_size=32, normalize_embeddings=True, show_progress_bar=False)
        ended = time.perf_counter()
        ratios.append((ended - between) / (between - begun))
        print(f"round {number + 1}: fast {len(texts) / (between - begun):7.1f} texts/s, float "
              f"{len(texts) / (ended - between):7.1f} texts/s, ratio {ratios[-1]:.2f}")  # fmt: skip
    cosines = (ours * np.asarray(theirs)).sum(axis=1)
    print(f"ratio, median of rounds: {statistics.median(ratios):.2f}")
    print(f"cosine to float: mean {cosines.mean():.4f}, first percentile {np.quantile(cosines, 0.01):.4f}, "
          f"least {cosines.min():.4f}")  # fmt: skip
    print(f"of ten nearest neighbours the same: {shared_neighbours(ours, np.asarray(theirs)):.3f}")


def read_texts(file: Path, count: int) -> list[str]:
    """Different paragraphs from all over the file, the same in every run."""
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        rows = [json.loads(line) for line in stream]
    texts = [row if isinstance(row, str) else str(row.get("text") or "") for row in rows]
    return random.Random(4).sample(sorted({text.strip() for text in texts if text.strip()}), count)


def shared_neighbours(first: np.ndarray, second: np.ndarray, count: int = 10) -> float:
    """Mean share of each text's nearest ones that both vectors agree on."""
    nearest = []
    for vectors in (first, second):
        cosines = vectors @ vectors.T
        np.fill_diagonal(cosines, -2)
        nearest.append(np.argsort(-cosines, axis=1)[:, :count])
    return float(np.mean([len(set(a) & set(b)) / count for a, b in zip(*nearest, strict=True)]))


if __name__ == "__main__":
    main()

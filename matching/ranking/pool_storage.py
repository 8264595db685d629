"""Pool statistics as bytes, so that processes share what one of them counted. JSON and plain arrays: safe to read."""

from __future__ import annotations

import io
import json
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.documents import MoneyRange, PostDocument
from matching.errors import InvalidInput
from matching.ranking.pool import Length, Mean, PoolKey, PoolStatistics
from matching.ranking.vectors import PostVectors
from matching.text.statistics import TermStatistics

_FORMAT = 2


def write_pool(pool: PoolStatistics) -> bytes:
    """`read_pool` gives equal statistics back."""
    arrays: dict[str, NDArray[Any]] = {
        "characters": np.frombuffer(pool.characters.to_bytes(), dtype=np.uint8),
        "words": np.frombuffer(pool.words.to_bytes(), dtype=np.uint8),
    }
    keys = []
    for number, key in enumerate(sorted(pool.sample)):
        posts = pool.sample[key]
        keys.append({"side": key[0], "latin": key[1], "posts": [_plain(document) for document, _ in posts]})
        for part in ("title", "full"):
            rows = [getattr(vectors, part) for _, vectors in posts]
            arrays[f"{part}_{number}"] = np.array(
                [row if row is not None else np.zeros(pool.dimension, np.float32) for row in rows], dtype=np.float32
            ).reshape(len(rows), pool.dimension)
    means: list[dict[str, Any]] = []
    for part, of_part in (("title", pool.title_means), ("full", pool.full_means)):
        for key in sorted(of_part):
            mean = of_part[key]
            if mean.total is not None:
                arrays[f"mean_{len(means)}"] = mean.total
                means.append({"part": part, "side": key[0], "latin": key[1], "count": mean.count})
    lengths = {
        name: {side: [length.count, length.total] for side, length in of_side.items()}
        for name, of_side in (("title", pool.title_lengths), ("full", pool.full_lengths))
    }
    head = {"format": _FORMAT, "dimension": pool.dimension, "keys": keys, "means": means, "lengths": lengths}
    arrays["head"] = np.frombuffer(json.dumps(head, ensure_ascii=False).encode(), dtype=np.uint8)
    written = io.BytesIO()
    np.savez_compressed(written, **arrays)  # type: ignore[arg-type]
    return written.getvalue()


def read_pool(content: bytes) -> PoolStatistics:
    """Raises InvalidInput for anything that `write_pool` did not write."""
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            head = json.loads(arrays["head"].tobytes())
            if head["format"] != _FORMAT:
                raise ValueError("another format")
            sample: dict[PoolKey, list[tuple[PostDocument, PostVectors]]] = {}
            for number, entry in enumerate(head["keys"]):
                titles, fulls = arrays[f"title_{number}"], arrays[f"full_{number}"]
                sample[entry["side"], entry["latin"]] = [
                    (_document(plain), PostVectors(_row(title), _row(full)))
                    for plain, title, full in zip(entry["posts"], titles, fulls, strict=True)
                ]
            means: dict[str, dict[PoolKey, Mean]] = {"title": {}, "full": {}}
            for number, entry in enumerate(head["means"]):
                means[entry["part"]][entry["side"], entry["latin"]] = Mean(entry["count"], arrays[f"mean_{number}"])
            return PoolStatistics(
                characters=TermStatistics.from_bytes(arrays["characters"].tobytes()),
                words=TermStatistics.from_bytes(arrays["words"].tobytes()),
                dimension=head["dimension"],
                title_lengths={side: Length(*counts) for side, counts in head["lengths"]["title"].items()},
                full_lengths={side: Length(*counts) for side, counts in head["lengths"]["full"].items()},
                title_means=means["title"],
                full_means=means["full"],
                sample=sample,
            )
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise InvalidInput(
            "ranking.pool", "统计数据无法读取，需重新统计", message_en="The statistics cannot be read; count them anew"
        ) from error


def _row(row: NDArray[np.float32]) -> NDArray[np.float32] | None:
    return row if row.any() else None


def _plain(document: PostDocument) -> dict[str, Any]:
    plain = asdict(document)
    del plain["works"]  # of the background only what its counted terms and vectors came from matters, and both are kept
    for name in ("starts_on", "ends_on"):
        plain[name] = plain[name].isoformat() if plain[name] else None
    if document.money is not None:
        for name in ("minimum", "maximum"):
            plain["money"][name] = None if plain["money"][name] is None else str(plain["money"][name])
    return plain


def _document(plain: dict[str, Any]) -> PostDocument:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in plain.items()}
    for name in ("starts_on", "ends_on"):
        values[name] = date.fromisoformat(values[name]) if values[name] else None
    if values["money"] is not None:
        money = values["money"]
        values["money"] = MoneyRange(
            minimum=None if money["minimum"] is None else Decimal(money["minimum"]),
            maximum=None if money["maximum"] is None else Decimal(money["maximum"]),
            negotiable=money["negotiable"],
        )
    return PostDocument(**values)

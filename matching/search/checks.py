"""What both engines refuse before they touch anything: entries that would spoil the index, limits beyond its reach."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from matching.errors import InvalidInput, PartUnavailable
from matching.search.port import MOST_HITS, CandidateQuery, IndexEntry, Vector, VectorQuery, WordQuery

NORM_TOLERANCE = 1e-3
"""How far from 1 the L2 norm of a vector may be: float32 and half-precision models stay well within."""

LARGEST_VERSION = 2**63 - 1
"""Both engines keep versions in 64 bits with a sign."""


def find_vector_fault(vector: Vector | None, dimension: int) -> str | None:
    """Say why a vector cannot be stored or compared, or None when it can (or is absent)."""
    if vector is None:
        return None
    if vector.shape != (dimension,):
        return f"the vector has shape {vector.shape}, the index holds {dimension} dimensions"
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm):
        return "the vector holds a number that is not finite"
    if abs(norm - 1.0) > NORM_TOLERANCE:
        return f"the vector has L2 norm {norm:.4f} instead of 1"
    return None


def find_entry_fault(entry: IndexEntry) -> str | None:
    """Say why an entry cannot be stored in any index, vectors apart, or None when it can."""
    if not entry.post_id:
        return "the post id is empty"
    if not 0 <= entry.version <= LARGEST_VERSION:
        return f"the version {entry.version} is outside 0…2^63−1"
    if entry.side not in ("need", "capability"):
        return f"the side is {entry.side!r}"
    texts = (
        entry.post_id,
        *entry.title_words,
        *entry.body_words,
        *entry.industry_codes,
        *entry.cooperation_modes,
        *(text for text in (entry.organisation_id, entry.town, entry.kind, entry.domain) if text is not None),
        entry.region_code,
        entry.visibility,
        entry.model_revision,
        entry.language,
    )
    try:
        "\n".join(texts).encode()
    except UnicodeEncodeError:
        return "a text holds half a surrogate pair, which is no character"
    return None


def check_limits(queries: Sequence[WordQuery | VectorQuery | CandidateQuery]) -> None:
    """Refuse a limit below 1 or above MOST_HITS with InvalidInput."""
    for number, query in enumerate(queries):
        if not 1 <= query.limit <= MOST_HITS:
            raise InvalidInput(
                "index.limit",
                f"一次最多取 {MOST_HITS} 条结果，收到的是 {query.limit}；请缩小筛选范围",
                where=f"queries[{number}].limit",
                message_en=f"A query returns 1 to {MOST_HITS} hits, not {query.limit}; narrow the filters instead.",
            )


def check_query_vectors(queries: Sequence[VectorQuery], dimension: int) -> None:
    """Refuse vectors that cannot be compared.

    Another length means that this process and the index disagree about the model, which only a rebuild or a restart
    cures: PartUnavailable, so that callers fall back to words. Anything else is InvalidInput.
    """
    for number, query in enumerate(queries):
        if query.vector.shape != (dimension,):
            raise PartUnavailable(
                "index",
                f"索引的向量是 {dimension} 维，查询的是 {query.vector.shape} 维：请重启进程或重建索引",
                message_en=(
                    f"The index holds vectors of {dimension} dimensions, the query has shape {query.vector.shape}: "
                    "restart the process or rebuild the index."
                ),
            )
        fault = find_vector_fault(query.vector, dimension)
        if fault:
            raise InvalidInput(
                "index.vector", f"查询向量无效：{fault}", where=f"queries[{number}].vector", message_en=fault
            )

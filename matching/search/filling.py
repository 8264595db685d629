"""Vector queries that come back short are filled up by words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from matching.search.port import Hit, VectorQuery, WordQuery


def fill_up_by_words(
    queries: Sequence[VectorQuery],
    results: Sequence[list[Hit]],
    find_by_words: Callable[[Sequence[WordQuery]], list[list[Hit]]],
) -> list[list[Hit]]:
    """Append, to each list shorter than its query's limit, what `fill_words` find and the list lacks."""
    short = [at for at, query in enumerate(queries) if query.fill_words and len(results[at]) < query.limit]
    filled = [list(hits) for hits in results]
    if not short:
        return filled
    found = find_by_words(
        [
            WordQuery(
                words=queries[at].fill_words,
                filters=queries[at].filters,
                audience=queries[at].audience,
                now=queries[at].now,
                limit=queries[at].limit,
            )
            for at in short
        ]
    )
    for at, hits in zip(short, found, strict=True):
        present = {hit.post_id for hit in filled[at]}
        filled[at] += [replace(hit, by_words=True) for hit in hits if hit.post_id not in present]
        del filled[at][queries[at].limit :]
    return filled

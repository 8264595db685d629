"""How fast the two indexes are, beside the bare engine doing the same retrieval.

    python -m tests.bench.bench_search [--posts 1000 10000 60000] [--large] [--elasticsearch] [--no-embedded]
        [--queries 50]

For the embedded index the bare calls are FTS5's own `MATCH … ORDER BY bm25()` on the same words, and one numpy
product with a partial sort; neither filters, checks visibility or looks for what other processes wrote. For
Elasticsearch they are the same search bodies sent by a bare HTTP connection. A ratio of 2 means that the port costs as
much again as the engine. `--large` adds 250,000 posts.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import resource
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from matching.policy import MATCHER
from matching.search.embedded import FILE_NAME, EmbeddedIndex
from matching.search.factory import open_index
from matching.search.filters import filter_clause
from matching.search.port import IndexEntry, SearchFilters, SearchIndex, VectorQuery, WordQuery
from tests.servers.elasticsearch import ServerMissing, start_elasticsearch
from tests.unit.matching.search.generated_posts import GeneratedPosts, generate_posts
from tests.unit.matching.search.index_entries import NOW

DIMENSION = 384
LIMIT = 100
ENOUGH_SECONDS = 20.0
LEAST_TIMES = 5
MOST_WRITTEN_SINGLY = 10_000
"""Posts written to Elasticsearch as single changes are, before all are loaded as a rebuild loads them."""


def main() -> None:
    arguments = argparse.ArgumentParser(description="Benchmark of the search indexes.")
    arguments.add_argument("--posts", type=int, nargs="+", default=[1_000, 10_000, 60_000])
    arguments.add_argument("--large", action="store_true", help="also 250,000 posts")
    arguments.add_argument("--elasticsearch", action="store_true", help="also a real Elasticsearch")
    arguments.add_argument("--no-embedded", action="store_true", help="leave out the embedded index")
    arguments.add_argument("--queries", type=int, default=50)
    chosen = arguments.parse_args()
    sizes = [*chosen.posts, *([250_000] if chosen.large else [])]
    print(f"{'posts':>8} {'engine':<14} {'call':<34} {'ours ms':>9} {'bare ms':>9} {'ratio':>6}   (medians)")
    with ExitStack() as stack:
        server = None
        if chosen.elasticsearch:
            try:
                server = stack.enter_context(start_elasticsearch())
            except ServerMissing as missing:
                print(f"no Elasticsearch: {missing}")
        for posts in sizes:
            generated = generate_posts(posts, seed=posts, dimension=DIMENSION)
            if not chosen.no_embedded:
                with tempfile.TemporaryDirectory() as folder:
                    bench_embedded(Path(folder), generated, chosen.queries)
            if server is not None:
                bench_elasticsearch(server.url, generated, chosen.queries)


def bench_embedded(folder: Path, generated: GeneratedPosts, queries: int) -> None:
    posts = len(generated.entries)
    index = EmbeddedIndex(folder, dimension=DIMENSION)
    seconds = measure_load(index, generated.entries)
    size = (folder / FILE_NAME).stat().st_size / 1e6
    say(posts, "embedded", f"load, {posts / seconds:.0f} posts/s, {size:.0f} MB", seconds * 1e3)

    begun = time.perf_counter()
    fresh = EmbeddedIndex(folder, dimension=DIMENSION)
    need = generated.entries[0]
    fresh.find_by_vector(vector_queries([need]))
    say(posts, "embedded", "first vector query of a process", (time.perf_counter() - begun) * 1e3)

    bare_words = open_bare_words(folder, LIMIT)

    for name, texts in query_texts(generated, queries):
        index.find_by_words([word_query(text) for text in texts])  # warm
        say(
            posts,
            "embedded",
            name,
            median(lambda text: index.find_by_words([word_query(text)]), texts),
            median(bare_words, texts),
        )

    matrix = np.stack([entry.full_vector for entry in generated.entries if entry.side == "capability"])  # type: ignore[misc]

    def bare_vector(entry: IndexEntry) -> None:
        cosines = np.vecdot(matrix, entry.full_vector)  # type: ignore[call-overload]
        np.argpartition(cosines, -LIMIT)[-LIMIT:]

    needs = [entry for entry in generated.entries if entry.side == "need"][:queries]
    index.find_by_vector(vector_queries(needs[:1]))
    ours = median(lambda entry: index.find_by_vector(vector_queries([entry])), needs)
    say(posts, "embedded", "nearest 100", ours, median(bare_vector, needs))
    narrow = SearchFilters(side="capability", industry_codes=frozenset({"C14"}))
    ours = median(lambda entry: index.find_by_vector(vector_queries([entry], narrow)), needs)
    say(posts, "embedded", "nearest 100 of one division in 30", ours, median(bare_vector, needs))

    def write_then_search(entry: IndexEntry) -> None:
        index.write([entry])
        index.find_by_vector(vector_queries([entry]))
        index.find_by_words([word_query(entry.title_words)])

    say(posts, "embedded", "write one, search both ways", median(write_then_search, needs))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    print(
        f"{posts:>8} {'embedded':<14} peak memory of this process {memory:.0f} MB, load of the machine "
        f"{os.getloadavg()[0]:.1f}",
        flush=True,
    )
    index.close()
    fresh.close()


def open_bare_words(folder: Path, limit: int) -> Callable[[Sequence[str]], list[int]]:
    """FTS5 by itself, in memory, over the words of the index in `folder`: row numbers of the best."""
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        bare = sqlite3.connect(":memory:")
        bare.execute("CREATE VIRTUAL TABLE words USING fts5 (title, body, tokenize = 'ascii')")
        bare.executemany(
            "INSERT INTO words (rowid, title, body) VALUES (?, ?, ?)",
            connection.execute("SELECT rowid, title, body FROM words_1"),
        )
        numbers = dict(connection.execute("SELECT word, id FROM word_1"))

    def find(words: Sequence[str]) -> list[int]:
        match = " OR ".join(str(numbers[word]) for word in dict.fromkeys(words) if word in numbers)
        found = bare.execute(
            "SELECT rowid FROM words WHERE words MATCH ? ORDER BY bm25(words, 2.0, 1.0) LIMIT ?", (match, limit)
        )
        return [row for (row,) in found]

    return find


def bench_elasticsearch(url: str, generated: GeneratedPosts, queries: int) -> None:
    posts = len(generated.entries)
    index = open_index(url, prefix=f"bench-{posts}-{random.randrange(10**6)}", dimension=DIMENSION)
    some = generated.entries[:MOST_WRITTEN_SINGLY]
    seconds = measure_load(index, some)
    say(posts, "elasticsearch", f"write {len(some)}, {len(some) / seconds:.0f} posts/s", seconds * 1e3)
    # As `duijie index rebuild` does it; the embedder's part is measured elsewhere.
    begun = time.perf_counter()
    rebuild = index.begin_rebuild(generated.entries[0].model_revision, DIMENSION)
    report = rebuild.write(generated.entries)
    assert (report.written, report.failed) == (posts, ())
    rebuild.catch_up()
    written = time.perf_counter() - begun
    say(posts, "elasticsearch", f"rebuild: send, {posts / written:.0f} posts/s", written * 1e3)
    rebuild.activate()  # makes the graphs
    seconds = time.perf_counter() - begun
    say(posts, "elasticsearch", f"rebuild: all, {posts / seconds:.0f} posts/s", seconds * 1e3)
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 9200, timeout=60)
    prefix = index.prefix  # type: ignore[attr-defined]

    def bare_search(body: dict[str, Any]) -> None:
        connection.request(
            "POST", f"/{prefix}-posts/_search", json.dumps(body), headers={"content-type": "application/json"}
        )
        json.loads(connection.getresponse().read())

    clause = filter_clause(SearchFilters(side="capability"), MATCHER, NOW)

    def bare_words(words: Sequence[str]) -> None:
        text = " ".join(dict.fromkeys(words))
        should = [
            {"match": {"title_words": {"query": text, "boost": 2.0}}},
            {"match": {"body_words": {"query": text}}},
        ]
        bare_search(
            {
                "query": {"bool": {"filter": [clause], "should": should, "minimum_should_match": 1}},
                "size": LIMIT,
                "_source": False,
            }
        )

    for name, texts in query_texts(generated, queries):
        for text in texts:  # both warm: the server compiles what it runs often
            index.find_by_words([word_query(text)])
            bare_words(text)
        ours = median(lambda text: index.find_by_words([word_query(text)]), texts)
        say(posts, "elasticsearch", name, ours, median(bare_words, texts))

    def bare_vector(entry: IndexEntry) -> None:
        knn = {
            "field": "full_vector",
            "query_vector": entry.full_vector.tolist(),  # type: ignore[union-attr]
            "k": LIMIT,
            "num_candidates": 400,
            "filter": clause,
        }
        bare_search({"knn": knn, "size": LIMIT, "_source": False})

    needs = [entry for entry in generated.entries if entry.side == "need"][:queries]
    for need in needs:
        index.find_by_vector(vector_queries([need]))
        bare_vector(need)
    ours = median(lambda entry: index.find_by_vector(vector_queries([entry])), needs)
    say(posts, "elasticsearch", "nearest 100", ours, median(bare_vector, needs))
    begun = time.perf_counter()
    index.find_by_vector(vector_queries(needs))
    say(
        posts,
        "elasticsearch",
        f"nearest 100, {len(needs)} at once, each",
        (time.perf_counter() - begun) * 1e3 / len(needs),
    )
    index.close()
    connection.close()


def query_texts(generated: GeneratedPosts, queries: int) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Short queries as people type them, and whole needs."""
    needs = [entry for entry in generated.entries if entry.side == "need"][:queries]
    yield "words of a title", [need.title_words for need in needs]
    chance = random.Random(1)
    vocabulary = sorted(generated.directions)
    yield (
        "words of a need (300 distinct)",
        [tuple(dict.fromkeys((*need.body_words, *chance.sample(vocabulary, 300))))[:300] for need in needs],
    )


def word_query(words: Sequence[str]) -> WordQuery:
    return WordQuery(
        words=tuple(words), filters=SearchFilters(side="capability"), audience=MATCHER, now=NOW, limit=LIMIT
    )


def vector_queries(entries: Sequence[IndexEntry], filters: SearchFilters | None = None) -> list[VectorQuery]:
    chosen = filters or SearchFilters(side="capability")
    return [
        VectorQuery(
            vector=entry.full_vector, field="full_vector", filters=chosen, audience=MATCHER, now=NOW, limit=LIMIT
        )
        for entry in entries
        if entry.full_vector is not None
    ]


def measure_load(index: SearchIndex, entries: Sequence[IndexEntry]) -> float:
    begun = time.perf_counter()
    report = index.write(entries)
    index.refresh()
    assert (report.written, report.failed) == (len(entries), ())
    return time.perf_counter() - begun


def median(call: Callable[[Any], object], inputs: Sequence[Any]) -> float:
    """Milliseconds, of fewer inputs where all would take longer than ENOUGH_SECONDS."""
    times: list[float] = []
    ends = time.perf_counter() + ENOUGH_SECONDS
    for each in inputs:
        if len(times) >= LEAST_TIMES and time.perf_counter() > ends:
            break
        begun = time.perf_counter()
        call(each)
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times)


def say(posts: int, engine: str, call: str, ours: float, bare: float | None = None) -> None:
    compared = "" if bare is None else f"{bare:>9.2f} {ours / bare:>6.2f}"
    print(f"{posts:>8} {engine:<14} {call:<34} {ours:>9.2f} {compared}", flush=True)


if __name__ == "__main__":
    main()

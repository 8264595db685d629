"""All needs matched with all capabilities at once, beside one search for each need; the same candidates either way.

    python -m tests.bench.bench_batch_matching FOLDER [--needs 2000] [--capabilities 60000] [--rounds 3] [--bare 4]
        [--kept DIR]

FOLDER has paragraphs.jsonl.gz. Every paragraph becomes a capability, and so many of them, shortened, needs as well.
Words are cut as for the product; a vector is the normalised sum of random directions of the text's words, rare ones
counting more, so that posts with like words are near each other: what it costs to find them does not depend on what
vectors mean, and an encoder would take half an hour for them. `--kept` names where the index is kept for another run.

One search for each need is what a published post asks its index: by title and by text, by vectors and by words,
filtered, visible, fused. The rival is asked for `--asked` of the needs in each round, in the same process and in turn
with all at once; a round's figure is the time for one need. Its lists are compared with those found at once.

A second rival is the bare engine: for each need FTS5's own `MATCH … ORDER BY bm25()` on its words and one pass of NumPy
over each of the two fields, neither filtered nor checked for visibility. Since that takes seconds, few are asked.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from matching.documents import PostDocument
from matching.policy import MATCHER
from matching.ranking.vectors import PostVectors
from matching.search.embedded import EmbeddedIndex
from matching.search.port import CandidateQuery, IndexEntry, SearchIndex, Vector
from matching.search.rank_fusion import fuse_by_rank
from matching.services.candidates import candidate_query
from matching.text.words import index_words
from tests.bench.bench_search import open_bare_words
from tests.unit.matching.search.index_entries import NOW

DIMENSION = 384
CANDIDATES = 200
_DIRECTIONS = 20_000
_POSTS_OF_ONE = 40


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--needs", type=int, default=2_000)
    parser.add_argument("--capabilities", type=int, default=60_000)
    parser.add_argument("--asked", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", type=int, default=4, help="needs that the bare engine is asked for")
    parser.add_argument("--kept", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        texts = read_texts(options.folder / "paragraphs.jsonl.gz", options.capabilities)
        needs, capabilities = make_documents(texts, options.needs)
        kept = options.kept or Path(temporary)
        folder = kept / f"{len(needs)}-{len(capabilities)}"
        index = EmbeddedIndex(folder, dimension=DIMENSION)
        if index.status().entries != len(needs) + len(capabilities):
            fill(index, [*needs, *capabilities])
        stored = index.fetch_vectors([need.id for need in needs])
        vectors = {post_id: PostVectors(*pair) for post_id, pair in stored.items()}
        for_all = compare(index, needs, vectors, options.asked, options.rounds)
        bare = ask_bare_engine(index, folder, needs[:: len(needs) // options.bare][: options.bare], capabilities)
        print(f"bare engine: {bare * 1e3:.0f} ms a need ({options.bare} asked): {bare / for_all:.0f} times")
        index.close()


def read_texts(file: Path, count: int) -> list[str]:
    with gzip.open(file, "rt", encoding="utf-8") as stream:
        texts = [json.loads(line)["text"].strip() for line in stream]
    return [texts[number % len(texts)] for number in range(count)]


def make_documents(texts: Sequence[str], needs: int) -> tuple[list[PostDocument], list[PostDocument]]:
    step = max(1, len(texts) // needs)
    capabilities = [
        PostDocument(
            id=f"c{number:06}",
            side="capability",
            title=text.partition("。")[0][:40],
            text=text[:800],
            organisation_id=f"o{number // _POSTS_OF_ONE}",
        )
        for number, text in enumerate(texts)
    ]
    wanted = [
        PostDocument(
            id=f"n{number:06}",
            side="need",
            title=text[10:40],
            text=text[: 40 + number % 400],
            organisation_id=f"o{number % (len(texts) // _POSTS_OF_ONE)}",
        )
        for number, text in enumerate(texts[::step][:needs])
    ]
    return wanted, capabilities


def draw_vectors(documents: Sequence[PostDocument]) -> dict[str, PostVectors]:
    directions = np.random.default_rng(5).normal(size=(_DIRECTIONS, DIMENSION)).astype(np.float32)
    words = [(index_words(document.title), index_words(document.full_text)) for document in documents]
    posts_with = Counter(word for _, full in words for word in set(full))
    weights = {word: np.float32(np.log(1 + len(documents) / count)) for word, count in posts_with.items()}

    def draw(found: Sequence[str]) -> Vector | None:
        distinct = [word for word in dict.fromkeys(found) if word in weights]
        if len(distinct) < 2:
            return None
        places = [zlib.crc32(word.encode()) % _DIRECTIONS for word in distinct]
        total = np.array([weights[word] for word in distinct]) @ directions[places]
        return np.asarray(total / np.linalg.norm(total), dtype=np.float32)

    return {
        document.id: PostVectors(title=draw(title), full=draw(full))
        for document, (title, full) in zip(documents, words, strict=True)
    }


def fill(index: SearchIndex, documents: Sequence[PostDocument]) -> None:
    vectors = draw_vectors(documents)
    begun = time.perf_counter()
    report = index.write(
        IndexEntry(
            post_id=document.id,
            version=1,
            side=document.side,
            title_words=tuple(index_words(document.title)),
            body_words=tuple(index_words(document.body)),
            title_vector=vectors[document.id].title,
            full_vector=vectors[document.id].full,
            model_revision="drawn",
            organisation_id=document.organisation_id,
            region_code="440784",
            visibility=("public", "public", "members", "matched")[zlib.crc32(document.id.encode()) % 4],
            expires_at=None,
            published_at=NOW,
        )
        for document in documents
    )
    index.refresh()
    assert (report.written, report.failed) == (len(documents), ())
    print(f"index of {len(documents)} posts written in {time.perf_counter() - begun:.0f} s", flush=True)


def compare(
    index: SearchIndex, needs: Sequence[PostDocument], vectors: dict[str, PostVectors], asked: int, rounds: int
) -> float:
    """Seconds for one need of all at once, median of the rounds."""
    begun = time.perf_counter()
    queries = [
        candidate_query(
            need, vectors[need.id], MATCHER, NOW, limit=CANDIDATES,
            exclude_organisation_ids=frozenset({need.organisation_id or ""}),
        )
        for need in needs
    ]  # fmt: skip
    print(f"cutting words: {(time.perf_counter() - begun) / len(needs) * 1e3:.2f} ms a need, in neither figure")

    def one_by_one(chosen: Sequence[CandidateQuery]) -> list[list[str]]:
        return [index.find_candidates([query])[0] for query in chosen]

    print(f"load of the machine before: {os.getloadavg()[0]:.1f}", flush=True)
    index.find_candidates(queries)  # postings and vectors are in memory for both
    one_by_one(queries[:3])
    ratios, at_once = [], []
    for number in range(rounds):
        places = range(number, len(needs), max(1, len(needs) // asked))[:asked]
        chosen = [queries[place] for place in places]
        begun, begun_cpu = time.perf_counter(), time.process_time()
        single = one_by_one(chosen)
        middle, middle_cpu = time.perf_counter(), time.process_time()
        found = index.find_candidates(queries)
        ended, ended_cpu = time.perf_counter(), time.process_time()
        different = sum(found[place] != ids for place, ids in zip(places, single, strict=True))
        for_one = (middle - begun) / len(chosen)
        for_all = (ended - middle) / len(needs)
        ratios.append(for_one / for_all)
        at_once.append(for_all)
        print(
            f"round {number + 1}: {for_one * 1e3:6.1f} ms a need one by one ({len(chosen)} asked), "
            f"{for_all * 1e3:6.2f} ms at once ({ended - middle:.1f} s for {len(needs)}): {ratios[-1]:5.1f} times; "
            f"processor time {(middle_cpu - begun_cpu) / len(chosen) / (ended_cpu - middle_cpu) * len(needs):5.1f} "
            f"times; {different} of {len(chosen)} lists differ; load {os.getloadavg()[0]:.1f}",
            flush=True,
        )
    print(f"median of {rounds} rounds: {statistics.median(ratios):.1f} times", flush=True)
    return statistics.median(at_once)


def ask_bare_engine(
    index: SearchIndex, folder: Path, needs: Sequence[PostDocument], capabilities: Sequence[PostDocument]
) -> float:
    """Median seconds for one need's 200 candidates, without the port: words and both vectors, fused by rank."""
    stored = index.fetch_vectors([document.id for document in (*needs, *capabilities)])
    none = np.zeros(DIMENSION, dtype=np.float32)
    matrices = [
        np.stack([none if (vector := stored[document.id][field]) is None else vector for document in capabilities])
        for field in (0, 1)
    ]
    find_by_words = open_bare_words(folder, CANDIDATES)
    seconds = []
    for need in needs:
        words = index_words(need.full_text)
        begun = time.perf_counter()
        rankings = [[str(row) for row in find_by_words(words)]]
        for vector, matrix in zip(stored[need.id], matrices, strict=True):
            if vector is not None:
                cosines = np.vecdot(matrix, vector)
                best = np.argpartition(cosines, -CANDIDATES)[-CANDIDATES:]
                rankings.append([str(row) for row in best[np.argsort(-cosines[best])]])
        fuse_by_rank(rankings)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(seconds)


if __name__ == "__main__":
    main()

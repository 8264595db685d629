"""An installation may change engines: both give the same first ten, by words, by vectors and fused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from matching.policy import MATCHER
from matching.search.factory import open_index
from matching.search.port import Hit, IndexEntry, SearchFilters, SearchIndex, VectorQuery, WordQuery
from matching.search.rank_fusion import fuse_by_rank
from tests.servers.elasticsearch import ElasticsearchServer
from tests.unit.matching.search.generated_posts import generate_posts
from tests.unit.matching.search.index_entries import NOW

POSTS = 5_000
NEEDS = 200
DIMENSION = 384

pytestmark = pytest.mark.integration


@pytest.fixture
def engines(elasticsearch_server: ElasticsearchServer, tmp_path: Path) -> Iterator[list[SearchIndex]]:
    prefix = f"parity-{uuid.uuid4().hex[:12]}"
    opened = [
        open_index(url, prefix=prefix, dimension=DIMENSION)
        for url in (f"embedded://{tmp_path / 'index'}", elasticsearch_server.url)
    ]
    yield opened
    for each in opened:
        each.close()


def test_the_first_ten_of_both_engines_agree(engines: list[SearchIndex]) -> None:
    generated = generate_posts(POSTS, seed=7, dimension=DIMENSION)
    needs = [entry for entry in generated.entries if entry.side == "need"][:NEEDS]
    assert len(needs) == NEEDS
    answers: list[dict[str, list[list[str]]]] = []
    for engine in engines:
        report = engine.write(generated.entries)
        assert (report.written, report.failed) == (POSTS, ())
        engine.refresh()
        answers.append(ask(engine, needs))
    agreement = {
        leg: sum(len(set(first[:10]) & set(second[:10])) for first, second in zip(*pair, strict=True)) / (10 * NEEDS)
        for leg, pair in {leg: (answers[0][leg], answers[1][leg]) for leg in answers[0]}.items()
    }
    print("agreement of the first ten:", {leg: f"{share:.2%}" for leg, share in agreement.items()})
    assert min(agreement.values()) >= 0.95
    # By words the arithmetic is the same, so the order is, too.
    same = sum(
        first[:10] == second[:10] for first, second in zip(answers[0]["words"], answers[1]["words"], strict=True)
    )
    assert same >= 0.95 * NEEDS


def ask(engine: SearchIndex, needs: list[IndexEntry]) -> dict[str, list[list[str]]]:
    """Ids by leg and need."""
    filters = SearchFilters(side="capability")
    by_words = engine.find_by_words(
        [
            WordQuery(
                words=(*need.title_words, *need.body_words), filters=filters, audience=MATCHER, now=NOW, limit=100
            )
            for need in needs
        ]
    )
    legs: dict[str, list[list[Hit]]] = {"words": by_words}
    for name in ("title_vector", "full_vector"):
        queries = []
        for need in needs:
            vector = need.title_vector if name == "title_vector" else need.full_vector
            assert vector is not None
            queries.append(
                VectorQuery(vector=vector, field=name, filters=filters, audience=MATCHER, now=NOW, limit=100)
            )
        legs[name] = engine.find_by_vector(queries)
    ids = {leg: [[hit.post_id for hit in hits] for hits in lists] for leg, lists in legs.items()}
    assert all(len(hits) == 100 for hits in (*ids["title_vector"], *ids["full_vector"]))
    ids["fused"] = [fuse_by_rank(lists) for lists in zip(*ids.values(), strict=True)]
    return ids

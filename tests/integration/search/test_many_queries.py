"""Asked many things at once an index finds for each what it finds for it alone."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from matching.policy import MATCHER, Audience
from matching.search import embedded
from matching.search.many_queries import Barred, Neighbours
from matching.search.port import CandidateQuery, SearchFilters, SearchIndex, VectorQuery, WordQuery
from tests.integration.search.conftest import OpenIndex
from tests.unit.matching.search.generated_posts import generate_posts
from tests.unit.matching.search.index_entries import DIMENSION, NOW

POSTS = 400
ENOUGH = embedded.LEAST_MANY + 4


@pytest.fixture
def filled(open_test_index: OpenIndex) -> tuple[SearchIndex, Any]:
    """Posts of which some have no vector, some the same as another, some are hidden, some were dropped."""
    generated = generate_posts(POSTS, seed=3, dimension=DIMENSION)
    chance = random.Random(3)
    entries = []
    for number, entry in enumerate(generated.entries):
        twin = generated.entries[number - number % 3]
        entries.append(
            replace(
                entry,
                full_vector=None if number % 11 == 0 else twin.full_vector,
                title_words=twin.title_words,
                body_words=twin.body_words,
                organisation_id=None if number % 13 == 0 else entry.organisation_id,
                visibility=chance.choice(("public", "members", "matched", "staff")),
                expires_at=chance.choice((None, NOW + timedelta(days=1), NOW - timedelta(days=1))),
            )
        )
    index = open_test_index(DIMENSION)
    index.write(entries)
    index.write([replace(entry, version=2, title_words=("改", *entry.title_words)) for entry in entries[:50]])
    index.remove([(entry.post_id, 2) for entry in entries[50:70]])
    index.refresh()
    return index, generated


def queries_of(generated: Any, kind: type, audience: Audience, **filters: Any) -> list[Any]:
    chance = random.Random(5)
    needs = [entry for entry in generated.entries if entry.side == "need"][:ENOUGH]
    common: dict[str, Any] = {"audience": audience, "now": NOW, "limit": 7}
    queries: list[Any] = []
    for need in needs:
        chosen = SearchFilters(
            side="capability",
            exclude_organisation_ids=frozenset(
                f"org-{chance.randrange(POSTS // 5)}" for _ in range(chance.randrange(4))
            ),
            exclude_post_ids=frozenset(f"post-{chance.randrange(POSTS):06}" for _ in range(chance.randrange(9))),
            **filters,
        )
        if kind is WordQuery:
            queries.append(WordQuery(words=(*need.title_words, *need.body_words), filters=chosen, **common))
        else:
            queries.append(
                VectorQuery(
                    vector=need.title_vector, field="full_vector", filters=chosen, fill_words=need.title_words, **common
                )
            )
    return queries


@pytest.mark.parametrize(
    ("audience", "filters"),
    [
        (MATCHER, {}),
        (Audience(user_id="u", organisation_ids=frozenset({"org-1", "org-7"})), {"region_scope": "4407"}),
        (Audience(), {"industry_codes": frozenset({"C14", "C15", "C16"})}),
        (Audience(), {"towns": frozenset({"nowhere"})}),
    ],
)
def test_each_of_many_queries_finds_what_it_finds_alone(
    filled: tuple[SearchIndex, Any], audience: Audience, filters: dict[str, Any]
) -> None:
    index, generated = filled
    by_words = queries_of(generated, WordQuery, audience, **filters)
    assert index.find_by_words(by_words) == [index.find_by_words([query])[0] for query in by_words]
    by_vector = queries_of(generated, VectorQuery, audience, **filters)
    found = index.find_by_vector(by_vector)
    assert found == [index.find_by_vector([query])[0] for query in by_vector]
    assert any(found) is ("towns" not in filters)


def test_queries_of_several_kinds_keep_their_places(filled: tuple[SearchIndex, Any]) -> None:
    index, generated = filled
    mixed = queries_of(generated, VectorQuery, MATCHER)
    mixed += [replace(query, field="title_vector", limit=3) for query in mixed[: ENOUGH - 1]]
    mixed += queries_of(generated, VectorQuery, Audience())[:2]
    random.Random(1).shuffle(mixed)
    assert index.find_by_vector(mixed) == [index.find_by_vector([query])[0] for query in mixed]


def test_products_keep_all_that_is_among_the_best(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a plain sort, over several blocks, with fewer rows than wanted in some of them, and with ties."""
    monkeypatch.setattr("matching.search.many_queries._VECTORS_AT_ONCE", 37)
    monkeypatch.setattr("matching.search.many_queries._QUERIES_AT_ONCE", 5)
    generator = np.random.default_rng(2)
    for _ in range(60):
        rows, limit, asked = generator.integers(1, 200), int(generator.integers(1, 60)), 12
        matrix = generator.choice([-1, 0, 1], size=(rows, 6)).astype(np.float32)
        matrix += generator.normal(scale=generator.choice([0, 1]), size=matrix.shape).astype(np.float32)
        matrix /= np.linalg.norm(matrix, axis=1, keepdims=True) + np.float32(1e-9)
        queries = generator.normal(size=(asked, 6)).astype(np.float32)
        queries /= np.linalg.norm(queries, axis=1, keepdims=True)
        allowed = np.flatnonzero(generator.random(rows) < generator.choice([0.05, 0.6, 1]))
        pairs = np.argwhere(generator.random((asked, rows)) < generator.choice([0, 0.2, 0.9]))
        barred = Barred(pairs[:, 0], pairs[:, 1])
        for query, found in enumerate(Neighbours(matrix, allowed).find(queries, barred, limit)):
            assert np.array_equal(found, np.unique(found))
            may = np.setdiff1d(allowed, barred.of_query(query))
            cosines = np.round(np.vecdot(matrix[may], queries[query]), 6)
            least = np.sort(cosines)[-limit] if len(may) > limit else -np.inf
            assert set(may[cosines >= least]) <= set(found) <= set(may)


def test_candidates_of_many_are_those_of_each(filled: tuple[SearchIndex, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_QUERIES_COMPARED_AT_ONCE", 6)
    monkeypatch.setattr(embedded, "_QUERIES_WEIGHED_AT_ONCE", 5)
    monkeypatch.setattr(embedded, "_WORDS_WEIGHED_AT_ONCE", 7)
    monkeypatch.setattr(embedded, "_MOST_WEIGHED", 300)
    index, generated = filled
    needs = [entry for entry in generated.entries if entry.side == "need"][: ENOUGH + 3]
    by_words = queries_of(generated, WordQuery, MATCHER)
    queries = [
        CandidateQuery(
            vectors=tuple(
                (field, vector)
                for field, vector in (("title_vector", need.title_vector), ("full_vector", need.full_vector))
                if vector is not None and (place % 5 or field == "full_vector")
            ),
            words=tuple(words for words in (need.title_words, query.words) if place % 7),
            filters=query.filters,
            audience=Audience() if place == 3 else MATCHER,
            now=NOW,
            limit=9,
        )
        for place, (need, query) in enumerate(zip(needs, by_words, strict=False))
    ]
    assert len(queries) > embedded.LEAST_MANY
    found = index.find_candidates(queries)
    assert found == [index.find_candidates([query])[0] for query in queries]
    assert [len(ids) for ids in found] == [9] * len(queries)
    assert index.find_candidates([]) == []

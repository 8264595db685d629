"""Every implementation of SearchIndex, each test with an empty one."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from elasticsearch import Elasticsearch

from matching.policy import VISIBILITIES, Audience, may_see_post
from matching.search.factory import open_index
from matching.search.port import SearchIndex
from tests.unit.matching.search.index_entries import DIMENSION, NOW, direction

OpenIndex = Callable[[int], SearchIndex]
"""Opens the test's index anew, as another process would; takes the dimension of the vectors."""


ENGINES = ["embedded", pytest.param("elasticsearch", marks=pytest.mark.integration)]


@pytest.fixture(params=ENGINES)
def open_test_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OpenIndex]:
    """Runs the test once per engine."""
    opened: list[SearchIndex] = []
    prefix = f"test-{uuid.uuid4().hex[:12]}"
    if request.param == "embedded":
        url = f"embedded://{tmp_path / 'index'}"
    else:
        url = request.getfixturevalue("elasticsearch_server").url

    def open_one(dimension: int) -> SearchIndex:
        opened.append(open_index(url, prefix=prefix, dimension=dimension))
        return opened[-1]

    yield open_one
    for each in opened:
        each.close()
    if request.param == "elasticsearch":
        with Elasticsearch(url) as client:
            client.indices.delete(index=f"{prefix}-*")


@pytest.fixture
def index(open_test_index: OpenIndex) -> SearchIndex:
    """An empty index."""
    return open_test_index(DIMENSION)


@pytest.fixture
def other_index(open_test_index: OpenIndex, index: SearchIndex) -> SearchIndex:
    """The index of the fixture `index` as another process would open it."""
    return open_test_index(DIMENSION)


@dataclass(frozen=True)
class SeenEntry:
    id: str
    organisation_id: str | None
    region_code: str
    visibility: str
    expires_at: datetime | None
    status: str = "published"


@dataclass(frozen=True)
class PolicyCases:
    entries: list[dict[str, Any]]
    audiences: list[Audience]

    def visible_to(self, audience: Audience) -> list[str]:
        return sorted(
            entry["post_id"]
            for entry in self.entries
            if may_see_post(
                audience,
                SeenEntry(
                    entry["post_id"],
                    entry["organisation_id"],
                    entry["region_code"],
                    entry["visibility"],
                    entry["expires_at"],
                ),
                NOW,
            )
        )


@pytest.fixture
def policy_cases() -> PolicyCases:
    """Random posts and readers over few values, so that most combinations occur."""
    chance = random.Random(20260301)
    organisations = ["o1", "o2", "o3"]
    regions = ["440784", "440783", "440700", "440000", "450100", ""]
    moments = [None, NOW, NOW - timedelta(days=1), NOW + timedelta(microseconds=1), NOW + timedelta(days=9)]
    entries = [
        {
            "post_id": f"p{number}",
            "words": "词",
            "full_vector": direction(1),
            "organisation_id": chance.choice([None, *organisations]),
            "region_code": chance.choice(regions),
            "visibility": chance.choice(VISIBILITIES),
            "expires_at": chance.choice(moments),
        }
        for number in range(200)
    ]
    post_ids = [entry["post_id"] for entry in entries]
    audiences = [
        Audience(
            user_id=chance.choice([None, "u"]),
            organisation_ids=frozenset(chance.sample(organisations, chance.randint(0, 2))),
            suggested_post_ids=frozenset(chance.sample(post_ids, chance.choice([0, 0, 30]))),
            region_scope=chance.choice([None, None, None, "", "44", "4407", "440784"]),
            administrator=chance.random() < 0.05,
            matcher=chance.random() < 0.2,
        )
        for _ in range(60)
    ]
    return PolicyCases(entries, audiences)

"""Every implementation of SearchIndex, each test with an empty one."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from matching.policy import VISIBILITIES, Audience, may_see_post
from matching.search.embedded import EmbeddedIndex
from matching.search.port import SearchIndex
from tests.unit.matching.search.index_entries import DIMENSION, NOW, direction


@pytest.fixture(params=["embedded"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SearchIndex]:
    opened = EmbeddedIndex(tmp_path / "index", dimension=DIMENSION)
    yield opened
    opened.close()


@pytest.fixture
def other_index(index: SearchIndex, tmp_path: Path) -> Iterator[SearchIndex]:
    """The same index as another process would open it."""
    opened = EmbeddedIndex(tmp_path / "index", dimension=DIMENSION)
    yield opened
    opened.close()


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

"""Both translations of the visibility rule say what `may_see_post` says."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matching.policy import VISIBILITIES, Audience, may_see_post
from matching.search.filters import filter_clause, filter_sql
from matching.search.port import SearchFilters
from matching.search.visibility import to_microseconds, visibility_clause, visibility_sql

NOW = datetime(2026, 3, 1, 12, 0, 0, 500, tzinfo=UTC)


@dataclass(frozen=True)
class StoredPost:
    id: str
    organisation_id: str | None
    region_code: str
    visibility: str
    expires_at: datetime | None
    status: str = "published"


post_ids = st.sampled_from(["p1", "p2", "p3", "O'Brien", "甲"])
organisation_ids = st.sampled_from(["o1", "o2", "o3"])
posts = st.builds(
    StoredPost,
    id=post_ids,
    organisation_id=st.none() | organisation_ids,
    region_code=st.sampled_from(["440784", "440783", "440700", "440000", "450100", ""]),
    visibility=st.sampled_from(VISIBILITIES),
    expires_at=st.none()
    | st.sampled_from([NOW, NOW + timedelta(microseconds=1), NOW - timedelta(microseconds=1)])
    | st.datetimes(timezones=st.just(UTC)),
)
audiences = st.builds(
    Audience,
    user_id=st.none() | st.just("u"),
    organisation_ids=st.frozensets(organisation_ids, max_size=3),
    suggested_post_ids=st.frozensets(post_ids, max_size=3),
    region_scope=st.none() | st.sampled_from(["", "44", "4407", "440784", "45"]),
    administrator=st.booleans(),
    matcher=st.booleans(),
)


def passes_sql(post: StoredPost, condition: str, values: list[Any]) -> bool:
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE entry (post_id, organisation_id, region_code, visibility, expires_at INTEGER, side)"
    )
    expires_at = None if post.expires_at is None else to_microseconds(post.expires_at)
    connection.execute(
        "INSERT INTO entry VALUES (?, ?, ?, ?, ?, 'need')",
        (post.id, post.organisation_id, post.region_code, post.visibility, expires_at),
    )
    (count,) = connection.execute(f"SELECT count(*) FROM entry WHERE {condition}", values).fetchone()
    connection.close()
    return bool(count)


def passes_clause(document: dict[str, Any], clause: dict[str, Any]) -> bool:
    """The few clauses of Elasticsearch's query language that the builders use, on one document."""
    ((kind, body),) = clause.items()
    if kind == "match_all":
        return True
    if kind == "bool":
        should = [passes_clause(document, inner) for inner in body.get("should", [])]
        return (
            all(passes_clause(document, inner) for inner in body.get("filter", []))
            and not any(passes_clause(document, inner) for inner in body.get("must_not", []))
            and sum(should) >= body.get("minimum_should_match", 0)
        )
    ((field, wanted),) = body.items()
    value = document.get(field)
    if kind == "term":
        return value is not None and value == wanted
    if kind == "terms":
        return value is not None and value in wanted
    if kind == "prefix":
        return value is not None and value.startswith(wanted["value"])
    assert kind == "range"
    ((bound, limit),) = wanted.items()
    return value is not None and (value <= limit if bound == "lte" else value >= limit)


def to_document(post: StoredPost) -> dict[str, Any]:
    return {
        "post_id": post.id,
        "side": "need",
        "organisation_id": post.organisation_id,
        "region_code": post.region_code,
        "visibility": post.visibility,
        "expires_at": None if post.expires_at is None else to_microseconds(post.expires_at),
    }


@given(posts, audiences)
def test_both_translations_say_what_the_rule_says(post: StoredPost, audience: Audience) -> None:
    allowed = may_see_post(audience, post, NOW)
    assert passes_sql(post, *visibility_sql(audience, NOW)) == allowed
    assert passes_clause(to_document(post), visibility_clause(audience, NOW)) == allowed


@given(posts, audiences)
def test_no_filter_lets_more_through_than_the_rule(post: StoredPost, audience: Audience) -> None:
    filters = SearchFilters(side="need", region_scope="44")
    allowed = may_see_post(audience, post, NOW) and post.region_code.startswith("44")
    condition, values = filter_sql(filters, audience, NOW)
    assert passes_sql(post, condition.replace("{g}", ""), values) == allowed
    assert passes_clause(to_document(post), filter_clause(filters, audience, NOW)) == allowed


def test_a_tombstone_passes_for_nobody() -> None:
    tombstone = {"post_id": "p1", "removed": True, "side": "need"}
    clause = filter_clause(SearchFilters(side="need"), Audience(administrator=True), NOW)
    assert passes_clause(tombstone, clause) is False


def test_many_suggested_posts_are_asked_for_in_parts_the_server_takes() -> None:
    many = frozenset(f"p{number}" for number in range(130_000))
    clause = visibility_clause(Audience(user_id="u", suggested_post_ids=many), NOW)
    post = StoredPost("p129999", None, "", "matched", None)
    assert passes_clause(to_document(post), clause) is True

    def longest(part: Any) -> int:
        if isinstance(part, dict):
            own = [len(found) for found in part.get("terms", {}).values()] if "terms" in part else []
            return max([0, *own, *(longest(inner) for inner in part.values())])
        return max([0, *(longest(inner) for inner in part)]) if isinstance(part, list) else 0

    assert longest(clause) == 60_000
    assert passes_sql(post, *visibility_sql(Audience(user_id="u", suggested_post_ids=many), NOW)) is True


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), 0),
        (datetime(1970, 1, 1, 8, tzinfo=timezone(timedelta(hours=8))), 0),
        (datetime(1970, 1, 1, 0, 0, 1, 1, tzinfo=UTC).replace(tzinfo=None), 1_000_001),
        (datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), -1),
        (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), 253_402_300_799_999_999),
    ],
)
def test_moments_become_exact_microseconds(moment: datetime, expected: int) -> None:
    assert to_microseconds(moment) == expected

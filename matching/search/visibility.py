"""The rule of `matching.policy.may_see_post` in the languages of the two engines.

Both translations speak about entries of an index, which hold published posts only; a property test compares them with
the rule itself for random readers and posts. Every query of an engine goes through here, there is no way around.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from matching.policy import Audience


def to_microseconds(moment: datetime) -> int:
    """A moment as whole microseconds since 1970 (UTC), exact; a moment without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    passed = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


def visibility_sql(audience: Audience, now: datetime) -> tuple[str, list[Any]]:
    """A condition on the columns of the embedded index's table `entry`, with its parameters."""
    if audience.administrator:
        return "1", []
    ways: list[str] = []
    values: list[Any] = []
    if audience.organisation_ids:
        ways.append("entry.organisation_id IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(audience.organisation_ids)))
    if audience.region_scope is not None:
        ways.append("substr(entry.region_code, 1, length(?)) = ?")
        values += [audience.region_scope, audience.region_scope]
    seen = ["entry.visibility = 'public'"]
    seen_values: list[Any] = []
    if audience.matcher:
        seen.append("entry.visibility IN ('members', 'matched')")
    else:
        if audience.signed_in:
            seen.append("entry.visibility = 'members'")
        if audience.suggested_post_ids:
            seen.append("(entry.visibility = 'matched' AND entry.post_id IN (SELECT value FROM json_each(?)))")
            seen_values.append(json.dumps(sorted(audience.suggested_post_ids)))
    ways.append(f"((entry.expires_at IS NULL OR entry.expires_at > ?) AND ({' OR '.join(seen)}))")
    values += [to_microseconds(now), *seen_values]
    return f"({' OR '.join(ways)})", values


def visibility_clause(audience: Audience, now: datetime) -> dict[str, Any]:
    """A filter clause of Elasticsearch's query language."""
    if audience.administrator:
        return {"match_all": {}}
    ways: list[dict[str, Any]] = []
    if audience.organisation_ids:
        ways.append(terms_clause("organisation_id", audience.organisation_ids))
    if audience.region_scope is not None:
        ways.append(region_clause(audience.region_scope))
    visibilities = ["public"]
    if audience.matcher:
        visibilities += ["members", "matched"]
    elif audience.signed_in:
        visibilities.append("members")
    seen: list[dict[str, Any]] = [{"terms": {"visibility": visibilities}}]
    if audience.suggested_post_ids and not audience.matcher:
        seen.append(
            {
                "bool": {
                    "filter": [
                        {"term": {"visibility": "matched"}},
                        terms_clause("post_id", audience.suggested_post_ids),
                    ]
                }
            }
        )
    ways.append(
        {
            "bool": {
                "filter": [any_of(seen)],
                "must_not": [{"range": {"expires_at": {"lte": to_microseconds(now)}}}],
            }
        }
    )
    return any_of(ways)


def region_clause(scope: str) -> dict[str, Any]:
    """Posts whose region code starts with `scope`; every post for an empty one."""
    return {"prefix": {"region_code": {"value": scope}}} if scope else {"match_all": {}}


def terms_clause(field: str, values: Collection[str]) -> dict[str, Any]:
    """The field has one of the values, however many they are (a server takes 65,536 in one clause by default)."""
    ordered = sorted(values)
    return any_of([{"terms": {field: ordered[at : at + 60_000]}} for at in range(0, len(ordered), 60_000)])


def any_of(clauses: list[dict[str, Any]]) -> dict[str, Any]:
    """At least one of the clauses."""
    return clauses[0] if len(clauses) == 1 else {"bool": {"should": clauses, "minimum_should_match": 1}}

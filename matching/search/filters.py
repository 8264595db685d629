"""The whole condition of a query, filters and visibility together, one builder for each engine."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from matching.policy import Audience
from matching.search.port import SearchFilters
from matching.search.visibility import region_clause, terms_clause, visibility_clause, visibility_sql

_FACET_OF_FEW = (
    "EXISTS (SELECT 1 FROM facet_{g} AS facet WHERE facet.seq = entry.seq AND facet.field = ?"
    " AND facet.value IN (SELECT value FROM json_each(?)))"
)
_FACET_OF_ALL = (
    "entry.seq IN (SELECT facet.seq FROM facet_{g} AS facet WHERE facet.field = ?"
    " AND facet.value IN (SELECT value FROM json_each(?)))"
)


def filter_sql(
    filters: SearchFilters, audience: Audience, now: datetime, *, few: bool = False
) -> tuple[str, list[Any]]:
    """A condition on the embedded index's tables `entry` and `facet_{g}`, with its parameters.

    `{g}` stands for the number of the index's generation, which the caller puts in. `few`: written to be fast for
    a few given entries, rather than for all of them.
    """
    conditions = ["entry.side = ?"]
    values: list[Any] = [filters.side]
    for column, wanted in (
        ("kind", filters.kinds),
        ("domain", filters.domains),
        ("town", filters.towns),
        ("language", filters.languages),
        ("organisation_id", filters.organisation_ids),
    ):
        if wanted:
            conditions.append("entry.{column} IN (SELECT value FROM json_each(?))".replace("{column}", column))
            values.append(json.dumps(sorted(wanted)))
    for facet, wanted in (("industry", filters.industry_codes), ("mode", filters.cooperation_modes)):
        if wanted:
            conditions.append(_FACET_OF_FEW if few else _FACET_OF_ALL)
            values += [facet, json.dumps(sorted(wanted))]
    if filters.region_scope:
        conditions.append("substr(entry.region_code, 1, length(?)) = ?")
        values += [filters.region_scope, filters.region_scope]
    if filters.least_maturity is not None:
        conditions.append("entry.maturity >= ?")
        values.append(filters.least_maturity)
    if filters.exclude_organisation_ids:
        conditions.append(
            "(entry.organisation_id IS NULL OR entry.organisation_id NOT IN (SELECT value FROM json_each(?)))"
        )
        values.append(json.dumps(sorted(filters.exclude_organisation_ids)))
    if filters.exclude_post_ids:
        conditions.append("entry.post_id NOT IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(sorted(filters.exclude_post_ids)))
    seen, seen_values = visibility_sql(audience, now)
    return " AND ".join([*conditions, seen]), [*values, *seen_values]


def filter_clause(filters: SearchFilters, audience: Audience, now: datetime) -> dict[str, Any]:
    """A `bool` query of Elasticsearch in filter context; removed posts (tombstones) never pass."""
    conditions: list[dict[str, Any]] = [{"term": {"side": filters.side}}]
    for field, wanted in (
        ("kind", filters.kinds),
        ("domain", filters.domains),
        ("town", filters.towns),
        ("language", filters.languages),
        ("organisation_id", filters.organisation_ids),
        ("industry_codes", filters.industry_codes),
        ("cooperation_modes", filters.cooperation_modes),
    ):
        if wanted:
            conditions.append(terms_clause(field, wanted))
    if filters.region_scope:
        conditions.append(region_clause(filters.region_scope))
    if filters.least_maturity is not None:
        conditions.append({"range": {"maturity": {"gte": filters.least_maturity}}})
    conditions.append(visibility_clause(audience, now))
    unwanted: list[dict[str, Any]] = [{"term": {"removed": True}}]
    if filters.exclude_organisation_ids:
        unwanted.append(terms_clause("organisation_id", filters.exclude_organisation_ids))
    if filters.exclude_post_ids:
        unwanted.append(terms_clause("post_id", filters.exclude_post_ids))
    return {"bool": {"filter": conditions, "must_not": unwanted}}

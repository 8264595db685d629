"""What files bring and the platform's own columns do not hold: kept beside a row, and given back by exports.

`fields` are fields of the record that no column has, `columns` the file's other columns by header.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from matching.importing.fields import RecordKind
from matching.importing.records import AnyRecord

KEPT_FIELDS: Mapping[RecordKind, tuple[str, ...]] = {
    "needs": ("discipline",),
    "capabilities": (
        "experts",
        "registration_number",
        "registered_on",
        "research_starts_on",
        "research_ends_on",
        "secrecy",
        "origin",
        "form",
        "evaluation",
    ),
    "experts": ("position", "department", "orcid", "discipline"),
    "organisations": (
        "address",
        "postcode",
        "supervising_department",
        "legal_representative",
        "contact_name",
        "contact_phones",
        "fax",
        "contact_emails",
    ),
}
_DATES = frozenset(("registered_on", "research_starts_on", "research_ends_on"))
_LISTS = frozenset(("experts", "contact_phones", "contact_emails"))


def keep_beside(kind: RecordKind, record: AnyRecord, former: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What to store of a record. What an earlier file brought and this one is silent about stays."""
    fields = dict((former or {}).get("fields", {}))
    for name in KEPT_FIELDS[kind]:
        value = getattr(record, name)
        if isinstance(value, date):
            fields[name] = value.isoformat()
        elif isinstance(value, tuple):
            if value:
                fields[name] = list(value)
        elif value:
            fields[name] = value
    columns = {**(former or {}).get("columns", {}), **record.extra}
    others = {key: value for key, value in (former or {}).items() if key not in ("fields", "columns")}
    return {**others, **({"fields": fields} if fields else {}), **({"columns": columns} if columns else {})}


def give_back(extra: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a record that `keep_beside` stored."""
    found: dict[str, Any] = {"extra": dict(extra.get("columns", {}))}
    for name, value in extra.get("fields", {}).items():
        if name in _DATES:
            found[name] = date.fromisoformat(value)
        elif name in _LISTS:
            found[name] = tuple(value)
        else:
            found[name] = value
    return found

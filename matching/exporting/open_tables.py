"""The same as in `matching.exporting.cerif`, as CSV: one row a thing, lists within a cell separated by `; `."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping

from matching.exporting.cells import neutralise
from matching.exporting.cerif import orcid_of
from matching.models import Organisation
from matching.queries.open_data import OpenCapability, OpenItem, OpenKind, OpenPerson, OpenWork

_OUTPUT = ("id", "kind", "title", "year", "venue", "doi", "url", "people", "owner_id", "owner", "number", "keywords")
COLUMNS: Mapping[OpenKind, tuple[str, ...]] = {
    "organisations": ("id", "kind", "name", "name_en", "uscc", "region_code", "website"),
    "persons": ("id", "name", "name_en", "title", "fields", "orcid", "organisation_ids", "organisations"),
    "publications": (*_OUTPUT, "language", "text"),
    "patents": (*_OUTPUT, "language", "text"),
    "products": (*_OUTPUT, "language", "text"),
    "equipments": (*_OUTPUT, "language", "text"),
}


def open_table(items: Iterable[OpenItem], kind: OpenKind, public_url: str) -> Iterator[bytes]:
    """The table with its header, UTF-8 with a byte order mark, a row at a time. No cell starts a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow(COLUMNS[kind])
    for item in items:
        row = _row(item, public_url)
        writer.writerow([neutralise(row.get(name, "")) for name in COLUMNS[kind]])
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()


def _row(item: OpenItem, public_url: str) -> dict[str, str]:
    match item:
        case Organisation():
            return {
                "id": item.id,
                "kind": item.kind,
                "name": item.name,
                "name_en": item.name_en or "",
                "uscc": item.uscc or "",
                "region_code": item.region_code,
                "website": item.website or "",
            }
        case OpenPerson():
            expert = item.expert
            return {
                "id": expert.id,
                "name": expert.name,
                "name_en": expert.shown("name_en") or "",
                "title": expert.shown("title") or "",
                "fields": "; ".join(expert.shown("fields") or ()),
                "orcid": orcid_of(expert),
                "organisation_ids": "; ".join(one.id for one in item.organisations),
                "organisations": "; ".join(one.name for one in item.organisations),
            }
        case OpenWork():
            work = item.work
            return {
                "id": f"work:{work.id}",
                "kind": work.kind,
                "title": work.title,
                "year": str(work.year or ""),
                "venue": work.venue or "",
                "doi": work.doi or "",
                "url": work.url or "",
                "people": "; ".join(item.authors),
                "keywords": "; ".join(work.keywords),
                "language": work.language,
                "text": work.abstract,
            }
        case OpenCapability():
            capability = item.capability
            return {
                "id": f"capability:{capability.id}",
                "kind": capability.kind,
                "title": capability.title,
                "url": f"{public_url}/posts/{capability.id}",
                "people": "; ".join(expert.name for expert in item.experts),
                "owner_id": capability.organisation_id,
                "owner": capability.organisation.name,
                "number": capability.ip_number or "",
                "keywords": "; ".join(capability.keywords),
                "language": capability.language,
                "text": capability.prose(),
            }

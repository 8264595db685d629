"""单位."""

from __future__ import annotations

from typing import Any

from matching.queries.libraries import OrganisationFilter, list_organisations
from matching.queries.profiles import find_organisation
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas.people import Organisation, OrganisationPage, OrganisationQuery
from web.reader import now, platform

organisations = Noun("organisations", "/organisations", "单位: enterprises, universities, institutes and others.")

_SHOWN = tuple(Organisation._declared_fields)


@organisations.operation(
    "GET",
    "",
    name="list_organisations",
    zh="单位库",
    en="List organisations",
    access="open",
    answers=OrganisationPage,
    query=OrganisationQuery,
)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List organisations

    The libraries of enterprises, universities, institutes and intermediaries, or all of them.
    """
    filters = OrganisationFilter(
        kind=query.get("kind"),
        text=query["q"],
        region=query.get("region"),
        town=query.get("town") or None,
        stage=query.get("stage") or None,
        industry=query.get("industry") or None,
    )
    with platform().reading() as session:
        found = list_organisations(session, filters, caller().audience, now(), sort=query["sort"], page=query["page"])
    return {
        "items": [
            {
                **{name: getattr(row.organisation, name) for name in _SHOWN},
                "needs": row.needs,
                "capabilities": row.capabilities,
                "experts": row.experts,
            }
            for row in found.rows
        ],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
    }


@organisations.operation(
    "GET",
    "/<id:organisation_id>",
    name="show_organisation",
    zh="单位",
    en="Show an organisation",
    access="open",
    answers=Organisation,
)
def show_organisation(organisation_id: str) -> Any:
    """Show an organisation"""
    with platform().reading() as session:
        return find_organisation(session, organisation_id, caller().audience)

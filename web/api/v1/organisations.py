"""单位."""

from __future__ import annotations

from typing import Any

from matching.queries.libraries import OrganisationFilter, list_organisations
from matching.queries.profiles import find_organisation
from matching.services.organisations import ProfileFields, edit_organisation
from web.api.access import caller
from web.api.answers import ETAG_HEADER, IF_MATCH_NEEDED, state_headers
from web.api.body import require_match
from web.api.document import Noun
from web.api.schemas.changes import OrganisationChange
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
    headers=ETAG_HEADER,
)
def show_organisation(organisation_id: str) -> Any:
    """Show an organisation"""
    with platform().reading() as session:
        found = find_organisation(session, organisation_id, caller().audience)
        return found, state_headers(found)


@organisations.operation(
    "PATCH",
    "/<id:organisation_id>",
    name="change_organisation",
    zh="修改单位",
    en="Change an organisation",
    access="write",
    answers=Organisation,
    body=OrganisationChange,
    problems=(409, 412, 428),
    headers=ETAG_HEADER,
    parameters=(IF_MATCH_NEEDED,),
)
def change_organisation(entry: dict[str, Any], organisation_id: str) -> Any:
    """Change an organisation

    For its owners and editors and the staff of its region. What is left out stays.
    """
    me = caller()
    with platform().reading() as session:
        found = find_organisation(session, organisation_id, me.audience)
        require_match(found)
        held = {name: getattr(found, name) for name in OrganisationChange._declared_fields} | {
            "address": found.extra.get("fields", {}).get("address")
        }
    held |= entry
    with platform().unit_of_work() as uow:
        fields = ProfileFields(**{**held, "industry_codes": tuple(held["industry_codes"])})
        changed = edit_organisation(uow, me.actor, found.id, fields, now(), expected_version=found.version)
        return changed, state_headers(changed)

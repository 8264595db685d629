"""专家."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from matching.queries.libraries import ExpertFilter, list_experts
from matching.queries.profiles import find_expert
from matching.services.experts import PERSONAL_FIELDS, ExpertEntry, edit_expert
from web.api.access import caller
from web.api.answers import ETAG_HEADER, IF_MATCH_NEEDED, state_headers
from web.api.body import require_match
from web.api.document import Noun
from web.api.schemas.changes import ExpertChange
from web.api.schemas.people import Expert, ExpertPage, ExpertQuery
from web.reader import now, platform

experts = Noun("experts", "/experts", "专家: who has which expertise.")


@experts.operation(
    "GET",
    "",
    name="list_experts",
    zh="专家库",
    en="List experts",
    access="open",
    answers=ExpertPage,
    query=ExpertQuery,
)
def list_all(query: dict[str, Any]) -> dict[str, Any]:
    """List experts

    Without personal contact data, and without what the persons hide. Visitors see those who stand by name behind a
    public post.
    """
    filters = ExpertFilter(
        text=query["q"],
        region=query.get("region"),
        field=query.get("field_of_work") or None,
        organisation_kind=query.get("organisation_kind"),
        organisation_id=query.get("organisation_id"),
    )
    with platform().reading() as session:
        found = list_experts(session, filters, caller().audience, now(), sort=query["sort"], page=query["page"])
    return {
        "items": [
            {
                "id": row.expert.id,
                "name": row.expert.name,
                "title": row.expert.shown("title"),
                "fields_of_work": row.expert.shown("fields") or [],
                "region_code": row.expert.region_code,
                "organisations": [{"id": one.id, "name": one.name} for one in row.organisations],
                "capabilities": row.capabilities,
            }
            for row in found.rows
        ],
        "total": found.total,
        "page": found.page,
        "pages": found.pages,
    }


@experts.operation(
    "GET",
    "/<id:expert_id>",
    name="show_expert",
    zh="专家",
    en="Show an expert",
    access="open",
    answers=Expert,
    headers=ETAG_HEADER,
)
def show_expert(expert_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Show an expert

    Without personal contact data. Visitors see those who stand by name behind a public post.
    """
    with platform().reading() as session:
        return _shown(session, expert_id)


@experts.operation(
    "PATCH",
    "/<id:expert_id>",
    name="change_expert",
    zh="修改专家",
    en="Change an expert",
    access="write",
    answers=Expert,
    body=ExpertChange,
    problems=(409, 412, 428),
    headers=ETAG_HEADER,
    parameters=(IF_MATCH_NEEDED,),
)
def change_expert(entry: dict[str, Any], expert_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    """Change an expert

    For the person, the editors of their organisations and the staff of their region. What the person entered
    themselves only they change. What is left out stays.
    """
    me = caller()
    with platform().reading() as session:
        expert = find_expert(session, expert_id, me.audience, now()).expert
        require_match(expert)
    held = {name: getattr(expert, name) for name in ("name", *PERSONAL_FIELDS)}
    if "fields_of_work" in entry:
        entry["fields"] = entry.pop("fields_of_work")
    held |= entry
    with platform().unit_of_work() as uow:
        entered = ExpertEntry(**{**held, "fields": tuple(held["fields"])})
        edit_expert(uow, me.actor, expert_id, entered, now(), expected_version=expert.version)
    with platform().reading() as session:
        return _shown(session, expert_id)


def _shown(session: Session, expert_id: str) -> tuple[dict[str, Any], dict[str, str]]:
    profile = find_expert(session, expert_id, caller().audience, now())
    expert = profile.expert
    return {
        "id": expert.id,
        "name": expert.name,
        "name_en": expert.shown("name_en"),
        "title": expert.shown("title"),
        "fields_of_work": expert.shown("fields") or [],
        "intro": expert.shown("intro") or "",
        "language": expert.language,
        "region_code": expert.region_code,
        "organisations": [
            {"id": organisation.id, "name": organisation.name, "relation": relation}
            for organisation, relation in profile.organisations
        ],
    }, state_headers(expert)

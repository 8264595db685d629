"""专家."""

from __future__ import annotations

from typing import Any

from matching.queries.profiles import find_expert
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas.people import Expert
from web.reader import now, platform

experts = Noun("experts", "/experts", "专家: who has which expertise.")


@experts.operation(
    "GET", "/<id:expert_id>", name="show_expert", zh="专家", en="Show an expert", access="open", answers=Expert
)
def show_expert(expert_id: str) -> dict[str, Any]:
    """Show an expert

    Without personal contact data. Visitors see those who stand by name behind a public post.
    """
    with platform().reading() as session:
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
        }

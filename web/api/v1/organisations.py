"""单位."""

from __future__ import annotations

from typing import Any

from matching.queries.profiles import find_organisation
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas.people import Organisation
from web.reader import platform

organisations = Noun("organisations", "/organisations", "单位: enterprises, universities, institutes and others.")


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

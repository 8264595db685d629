"""The caller."""

from __future__ import annotations

from typing import Any

from matching.queries.profiles import list_organisations_of
from web.api.access import caller
from web.api.document import Noun
from web.api.schemas.people import Me
from web.reader import platform

me = Noun("me", "/me", "我: the account that the token belongs to.")


@me.operation("GET", "", name="show_me", zh="我的账号", en="Show the caller", access="read", answers=Me)
def show_me() -> dict[str, Any]:
    """Show the caller"""
    found = caller()
    person = found.person
    assert person is not None
    with platform().reading() as session:
        organisations = list_organisations_of(session, found.actor)
    return {
        "id": person.id,
        "name": person.name,
        "email": person.email,
        "role": person.role,
        "language": person.locale,
        "region_code": person.region_code,
        "organisations": [
            {"id": one.id, "name": one.name, "role": found.actor.organisation_roles[one.id]} for one in organisations
        ],
        "token": found.token,
    }

"""Lists of the libraries: filters, facets and counts, on whatever database the platform has."""

from __future__ import annotations

from datetime import datetime

from matching.bootstrap import Platform
from matching.models import Expert
from matching.policy import Audience
from matching.queries.libraries import (
    ExpertFilter,
    OrganisationFilter,
    count_expert_facets,
    count_libraries,
    count_organisation_facets,
    list_experts,
    list_organisations,
)
from matching.queries.posts import audience_for
from matching.services.actor import SYSTEM
from matching.services.organisations import ExpertFields, OrganisationFields, add_expert, add_organisation
from tests.factories.people import make_member
from tests.factories.posts import make_capability, make_need


def add(platform: Platform, now: datetime, name: str, **fields: object) -> str:
    with platform.unit_of_work() as uow:
        given = {"kind": "enterprise", "name": name, "region_code": "440784"} | fields
        return add_organisation(uow, SYSTEM, OrganisationFields(**given), now, approved=True).id  # type: ignore[arg-type]


def enrol(platform: Platform, now: datetime, name: str, organisation_id: str, **fields: object) -> str:
    with platform.unit_of_work() as uow:
        given = {"name": name, "region_code": "440600", "organisation_id": organisation_id} | fields
        return add_expert(uow, SYSTEM, ExpertFields(**given), now).id  # type: ignore[arg-type]


def test_organisations_by_industry_town_and_number_of_posts(platform: Platform, now: datetime) -> None:
    first = add(platform, now, "甲", industry_codes=("C398", "C392"), town="440784106", stage="high_tech")
    second = make_member(platform, now, email="b@example.cn", organisation="乙")
    add(platform, now, "丙", industry_codes=("C24",), town="440784106", region_code="440600")
    make_need(platform, second, now)
    make_need(platform, second, now, visibility="matched")
    with platform.reading() as session:
        audience = Audience()
        everything = OrganisationFilter(kind="enterprise")
        page = list_organisations(session, everything, audience, now, sort="posts")
        assert next((row.organisation.name, row.needs) for row in page.rows) == ("乙", 1)
        assert page.total == 3
        facets = count_organisation_facets(session, everything, audience)
        assert facets == {
            "town": [("440784106", 2)],
            "stage": [("high_tech", 1)],
            "region": [("440784", 2), ("440600", 1)],
            "industry": [("C24", 1), ("C39", 1)],
        }
        narrowed = OrganisationFilter(kind="enterprise", industry="C39", region="440784")
        assert [row.organisation.id for row in list_organisations(session, narrowed, audience, now).rows] == [first]
        assert count_organisation_facets(session, narrowed, audience)["industry"] == [("C39", 1)]
        none = OrganisationFilter(text="100%_")
        assert list_organisations(session, none, audience, now).total == 0
        assert count_libraries(session, audience, now) == {"enterprise": 3, "experts": 0}


def test_experts_by_field_and_what_they_hide(platform: Platform, now: datetime) -> None:
    school = make_member(platform, now, email="p@example.cn", organisation="示例大学", kind="university")
    one = enrol(platform, now, "丘", school.organisation_id, fields=("线路板", "介质"))
    two = enrol(platform, now, "林", school.organisation_id, fields=("线路板",))
    with platform.unit_of_work() as uow:
        row = uow.session.get(Expert, two)
        assert row is not None
        row.hidden_fields = ["fields"]
        uow.commit()
    make_capability(platform, school, now, expert_ids=(one, two))
    reader = make_member(platform, now, email="f@example.cn", organisation="甲").actor
    with platform.reading() as session:
        audience = audience_for(session, reader)
        assert list_experts(session, ExpertFilter(), audience, now).total == 2
        for filters in (ExpertFilter(field="线路板"), ExpertFilter(text="线路")):
            assert [row.expert.id for row in list_experts(session, filters, audience, now).rows] == [one]
        facets = count_expert_facets(session, ExpertFilter(), audience, now)
        assert facets == {
            "field": [("介质", 1), ("线路板", 1)],
            "organisation_kind": [("university", 2)],
            "region": [("440600", 2)],
        }
        listed = list_experts(session, ExpertFilter(text="示例"), audience, now, sort="posts")
        assert [(row.capabilities, [place.name for place in row.organisations]) for row in listed.rows] == [
            (1, ["示例大学"]),
            (1, ["示例大学"]),
        ]

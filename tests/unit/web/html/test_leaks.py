"""What visibility hides is not found out by a filter, a proposal, a form or a file either."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import AuditEntry, Event, Expert, User
from matching.queries.event_proposals import proposed_pairs
from matching.queries.events import search_parties
from matching.queries.libraries import ExpertFilter, list_experts
from matching.queries.posts import PostFilter, audience_for, list_posts
from matching.queries.search import SearchQuery, search_posts
from matching.services.actor import SYSTEM, Actor
from matching.services.api_tokens import make_api_token
from matching.services.event_participants import add_pairs, add_participant
from matching.services.organisations import OrganisationFields, add_organisation
from tests.factories.events import make_event
from tests.factories.interests import engage
from tests.factories.people import Member, find_actor, make_expert, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.factories.work import settle_everything
from tests.unit.web.conftest import Browser, Clock

TOWN = "shaping"


@dataclass(frozen=True)
class Scene:
    firm: Member
    professor: Member
    need: str
    capability: str
    here: Actor
    there: Actor


@pytest.fixture
def scene(app: Flask, platform: Platform, clock: Clock) -> Scene:
    """A need here and a `matched` capability in another region, suggested to each other."""
    now = clock.moment
    firm = make_member(platform, now, email="firm@example.cn", organisation="示例电子")
    professor = make_member(
        platform, now, email="prof@example.cn", organisation="示例大学", kind="university", region_code="440600"
    )
    expert = make_expert(platform, now, professor)
    contact = {"name": "林工", "phone": "0750-8888001"}
    need = make_need(platform, firm, now, town=TOWN, contact=contact)
    capability = make_capability(
        platform, professor, now, visibility="matched", town=TOWN, expert_ids=(expert,), title="高频线路板翘曲控制方法"
    )
    settle_everything(platform, now)
    return Scene(
        firm, professor, need, capability, make_staff(platform, now, email="here@example.cn"),
        make_staff(platform, now, email="there@example.cn", region_code="440600"),
    )  # fmt: skip


def found_by_town(platform: Platform, actor: Actor, now: datetime) -> set[str]:
    with platform.reading() as session:
        reader = audience_for(session, actor)
        listed = list_posts(session, PostFilter(side="capability", town=TOWN), reader, now).posts
    searched = search_posts(platform, SearchQuery(text="翘曲", side="capability", town=TOWN), reader, now).posts
    assert {post.id for post in listed} == {post.id for post in searched}
    return {post.id for post in listed}


def test_the_town_of_a_matched_post_is_not_asked_out(scene: Scene, platform: Platform, clock: Clock) -> None:
    now = clock.moment
    assert found_by_town(platform, scene.firm.actor, now) == set()
    for told in (scene.professor.actor, scene.there):
        assert found_by_town(platform, told, now) == {scene.capability}
    engage(platform, scene.firm.actor, scene.capability, scene.professor.actor, now, own_id=scene.need)
    assert found_by_town(platform, scene.firm.actor, now) == {scene.capability}


def test_a_matched_post_of_another_region_is_proposed_to_no_event(
    scene: Scene, platform: Platform, clock: Clock
) -> None:
    event = make_event(platform, clock.moment, firms=(), experts=(), pairs=(), staff=scene.here)
    with platform.reading() as session:
        row = session.get_one(Event, event.id)
        suggestion_ids = {
            name: [
                pair.suggestion.id for pair in proposed_pairs(session, row, audience_for(session, actor), clock.moment)
            ]
            for name, actor in (("here", scene.here), ("there", scene.there))
        }
    assert (suggestion_ids["here"], len(suggestion_ids["there"])) == ([], 1)
    with platform.unit_of_work() as uow:
        assert add_pairs(uow, scene.here, event.id, suggestion_ids["there"], clock.moment) == 0


def test_hidden_people_are_not_found_for_an_event(scene: Scene, platform: Platform, clock: Clock) -> None:
    with platform.unit_of_work() as uow:
        uow.session.scalars(select(Expert)).one().hidden = True
        uow.commit()
    with platform.reading() as session:
        found = {
            name: len(search_parties(session, "示例专家", audience_for(session, actor), clock.moment)[1])
            for name, actor in (("here", scene.here), ("there", scene.there))
        }
    assert found == {"here": 0, "there": 1}


def test_an_organisation_that_waits_finds_nobody(scene: Scene, platform: Platform, clock: Clock) -> None:
    with platform.unit_of_work() as uow:
        fields = OrganisationFields(kind="institute", name="待批研究院", region_code="440600")
        waiting = add_organisation(uow, SYSTEM, fields, clock.moment).id
    member = make_member(platform, clock.moment, email="new@example.cn", organisation_id=waiting)
    make_expert(platform, clock.moment, member, name="新专家")
    with platform.reading() as session:
        for actor, count in ((scene.firm.actor, 0), (scene.there, 1)):
            page = list_experts(session, ExpertFilter(text="待批研究院"), audience_for(session, actor), clock.moment)
            assert page.total == count


@pytest.mark.parametrize(("email", "logged"), [("here@example.cn", 1), ("firm@example.cn", 0)])
def test_that_the_staff_reads_a_contact_in_the_form_is_logged(
    scene: Scene, platform: Platform, open_browser: Callable[..., Browser], email: str, logged: int
) -> None:
    page = open_browser(email).get(f"/posts/{scene.need}/edit")
    assert "0750-8888001" in page.text
    with platform.reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.reveal")).all()
    assert [row.subject_id for row in rows] == [scene.need] * logged


def test_an_export_holds_only_the_own_organisations_contacts(
    scene: Scene, platform: Platform, clock: Clock, open_browser: Callable[..., Browser]
) -> None:
    with platform.unit_of_work() as uow:
        user = uow.session.get_one(User, scene.here.user_id)
        user.role, user.region_code = "administrator", None
        uow.commit()
    assert find_actor(platform, str(scene.here.user_id)).is_administrator
    for email, phone in (("here@example.cn", False), ("firm@example.cn", True)):
        sent = open_browser(email).get("/exports/needs.csv").text
        assert len(list(csv.reader(io.StringIO(sent)))) > 1
        assert ("0750-8888001" in sent) == phone


def test_figures_and_versions_are_for_operators(app: Flask) -> None:
    inside, outside = app.test_client(), app.test_client()
    outside.environ_base["REMOTE_ADDR"] = "203.0.113.9"
    assert inside.get("/metrics").status_code == 200
    assert "duijie_posts" in inside.get("/metrics").text
    assert outside.get("/metrics").status_code == 404
    parts = outside.get("/readyz").json["parts"]
    assert all(set(part) == {"ready", "needed"} for part in parts.values())
    assert set(inside.get("/readyz").json["parts"]["database"]) == {"ready", "needed", "version", "detail", "remedy"}


def test_that_an_invitation_shows_the_staff_a_contact_is_logged(scene: Scene, platform: Platform, clock: Clock) -> None:
    event = make_event(platform, clock.moment, firms=("甲电路",), experts=(), pairs=(), staff=scene.here)
    with platform.unit_of_work() as uow:
        expert_id = uow.session.scalars(select(Expert.id)).one()
    with platform.unit_of_work() as uow:
        invited = add_participant(uow, scene.here, event.id, clock.moment, expert_id=expert_id)
        assert invited.contact_email == "prof@example.cn"
    with platform.reading() as session:
        rows = session.scalars(select(AuditEntry).where(AuditEntry.action == "contact.reveal")).all()
    # 甲电路 has neither a contact nor members, so there was nothing to read.
    assert [(row.subject_id, row.actor_id) for row in rows] == [(event.id, scene.here.user_id)]


def test_a_draft_is_no_business_of_the_staff_through_the_api(
    scene: Scene, app: Flask, platform: Platform, clock: Clock
) -> None:
    draft = make_need(platform, scene.firm, clock.moment, publish=False, title="还没有交的草稿")
    with platform.unit_of_work() as uow:
        until = clock.moment + timedelta(days=1)
        secret = make_api_token(uow, SYSTEM, str(scene.here.user_id), "t", ("read", "write"), until, clock.moment)[1]
    headers = {"Authorization": f"Bearer {secret}", "If-Match": '"1"'}
    client = app.test_client()
    tried = [
        client.patch(f"/api/v1/needs/{draft}", json={"title": "别人的"}, headers=headers),
        client.get(f"/api/v1/needs/{draft}/contact", headers=headers),
        client.get(f"/api/v1/desk/notes/post/{draft}", headers=headers),
        *(client.post(f"/api/v1/needs/{draft}/{move}", headers=headers) for move in ("publish", "submit", "archive")),
    ]
    assert [answer.status_code for answer in tried] == [404] * 6
    assert not any("草稿" in answer.text for answer in tried)

"""Accounts and organisations that are one through the API: what the pages of administrators and staff can do."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.models import AuditEntry, Delivery, EngagementFile, Organisation, Region, User
from matching.services.invitations import invite_colleague
from matching.services.message_files import send_message_with_files
from tests.factories.interests import engage
from tests.factories.people import Member, make_member, make_staff
from tests.factories.posts import make_capability, make_need
from tests.unit.web.api.conftest import Api
from tests.unit.web.conftest import Clock

ADMIN, FIRM = "admin@example.cn", "firm@example.cn"


@pytest.fixture
def administrator(app: Flask, platform: Platform, clock: Clock, api: Callable[..., Api]) -> Api:
    user_id = make_staff(platform, clock.moment, email=ADMIN).user_id
    with platform.unit_of_work() as uow:
        user = uow.session.get_one(User, user_id)
        user.role, user.region_code = "administrator", None
        uow.commit()
    return api(user_id)


@pytest.fixture
def firm(app: Flask, platform: Platform, clock: Clock) -> Member:
    return make_member(platform, clock.moment, email=FIRM, organisation="鹤山甲（集团）有限公司", role="owner")


def test_an_administrator_finds_and_looks_after_accounts(
    administrator: Api, firm: Member, platform: Platform, clock: Clock, api: Callable[..., Api]
) -> None:
    [found] = administrator.get("/users?q=甲").json["items"]
    assert (found["email"], found["organisations"], found["active"]) == (FIRM, ["鹤山甲（集团）有限公司"], True)
    path = f"/users/{firm.user_id}"
    shown = administrator.get(path).json
    assert [one["role"] for one in shown["memberships"]] == ["owner"]
    assert administrator.post(f"{path}/role", {"role": "staff"}).status_code == 422
    with platform.unit_of_work() as uow:
        uow.session.merge(Region(code="440784", label_zh="鹤山市", label_en="Heshan"))
        uow.commit()
    changed = administrator.post(f"{path}/role", {"role": "staff", "region_code": "440784"}).json
    assert (changed["role"], changed["region_code"]) == ("staff", "440784")
    assert administrator.post(f"{path}/role", {"role": "member"}).json["region_code"] is None
    assert administrator.post(f"{path}/lock", {"reason": ""}).status_code == 422
    assert administrator.post(f"{path}/lock", {"reason": "离职"}).json["active"] is False
    assert [one["id"] for one in administrator.get("/users?state=locked").json["items"]] == [firm.user_id]
    assert administrator.post(f"{path}/unlock").json["active"] is True
    assert administrator.post(f"{path}/end-sessions").json == {"ended": 0}
    assert administrator.post(f"{path}/mail-reset").status_code == 204
    assert administrator.get("/users/nobody").status_code == 404
    with platform.reading() as session:
        letters = session.scalars(select(Delivery.kind).where(Delivery.user_id == firm.user_id)).all()
        assert letters == ["reset_password"]
        actions = set(session.scalars(select(AuditEntry.action).where(AuditEntry.subject_id == firm.user_id)))
        assert {"user.role", "user.deactivate", "user.activate", "user.end_sessions"} <= actions


def test_the_last_administrator_stays_and_nobody_else_looks_in(
    administrator: Api, firm: Member, platform: Platform, clock: Clock, api: Callable[..., Api]
) -> None:
    own = administrator.get("/users?role=administrator").json["items"][0]["id"]
    assert administrator.post(f"/users/{own}/lock", {"reason": "x"}).status_code == 409
    assert administrator.post(f"/users/{own}/role", {"role": "member"}).status_code == 409
    staff = api(make_staff(platform, clock.moment, email="staff@example.cn").user_id)
    for one in (staff, api(firm.user_id)):
        for path in ("/users", "/users/invitations", f"/users/{own}"):
            assert one.get(path).status_code == 403
        assert one.post(f"/users/{own}/lock", {"reason": "x"}).status_code == 403
        assert one.post(f"/users/{own}/mail-reset").status_code == 403
    assert api().get("/users").status_code == 401


def test_invitations_that_wait_are_sent_again(
    administrator: Api, firm: Member, platform: Platform, clock: Clock
) -> None:
    with platform.unit_of_work() as uow:
        invite_colleague(uow, firm.actor, firm.organisation_id, "new@example.cn", "editor", clock.moment)
    [waiting] = administrator.get("/users/invitations").json["items"]
    clock.advance(days=1)
    again = administrator.post(f"/users/invitations/{waiting['id']}/resend")
    assert (again.status_code, again.json["email"]) == (200, "new@example.cn")
    assert again.json["created_at"] > waiting["created_at"]
    assert administrator.post("/users/invitations/nobody/resend").status_code == 404


def test_the_staff_merge_organisations_and_take_it_back(
    firm: Member, platform: Platform, clock: Clock, api: Callable[..., Api]
) -> None:
    twin = make_member(platform, clock.moment, email="twin@example.cn", organisation="鹤山甲集团")
    make_need(platform, twin, clock.moment)
    office = api(make_staff(platform, clock.moment, email="staff@example.cn").user_id)
    [group] = office.get("/organisation-merges/proposals").json["items"]
    assert sorted((one["id"], one["posts"]) for one in group["organisations"]) == sorted(
        [(firm.organisation_id, 0), (twin.organisation_id, 1)]
    )
    decide, pair = f"/organisation-merges/{firm.organisation_id}", {"other_id": twin.organisation_id}
    assert api(firm.user_id).post(decide, pair | {"decision": "merged"}).status_code == 403
    assert api(firm.user_id).get("/organisation-merges").status_code == 403
    assert office.post(decide, pair | {"decision": "nix"}).status_code == 422
    assert office.post(decide, pair | {"other_id": "no", "decision": "merged"}).status_code == 404
    merged = office.post(decide, pair | {"decision": "merged"})
    assert merged.status_code == 201
    assert office.get("/organisation-merges/proposals").json == {"items": []}
    with platform.reading() as session:
        assert session.get_one(Organisation, twin.organisation_id).merged_into_id == firm.organisation_id
    undo = f"/organisation-merges/{merged.json['id']}/undo"
    assert office.post(undo).json["undone_at"] is not None
    assert office.post(undo).status_code == 409
    clock.advance(minutes=1)
    assert office.post(decide, pair | {"decision": "different"}).json["decision"] == "different"
    assert office.get("/organisation-merges/proposals").json == {"items": []}
    assert [one["decision"] for one in office.get("/organisation-merges").json["items"]] == ["different", "merged"]


def test_files_of_messages_are_read_by_those_who_take_part(
    firm: Member, platform: Platform, clock: Clock, api: Callable[..., Api]
) -> None:
    professor = make_member(platform, clock.moment, email="p@example.cn", organisation="大学", kind="university")
    need = make_need(platform, firm, clock.moment)
    capability = make_capability(platform, professor, clock.moment)
    engagement = engage(platform, firm.actor, capability, professor.actor, clock.moment, own_id=need)
    content = b"%PDF-1.7 drawing"
    send_message_with_files(
        platform, firm.actor, engagement, "图纸见附件", [("图.pdf", io.BytesIO(content))], clock.moment
    )
    [message] = api(professor.user_id).get(f"/engagements/{engagement}").json["messages"]
    [file] = message["files"]
    assert (file["file_name"], file["size"]) == ("图.pdf", len(content))
    path = f"/engagements/{engagement}/files/{file['id']}"
    assert base64.b64decode(api(professor.user_id).get(path).json["content"]) == content
    other = make_member(platform, clock.moment, email="o@example.cn", organisation="别家")
    assert api(other.user_id).get(path).status_code == 404
    with platform.reading() as session:
        assert session.get_one(EngagementFile, file["id"]).file_name == "图.pdf"
        read = session.scalars(select(AuditEntry).where(AuditEntry.action.like("%file%"))).all()
        assert [entry.actor_id for entry in read][-1] == professor.user_id

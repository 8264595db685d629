"""Registration: confirmed by mail, approved by the staff of the region, and silent about who has an account."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotFound
from matching.models import Delivery, Expert, Membership, Notification, Organisation, Registration, User
from matching.organisation_code import check_digit
from matching.queries.registrations import count_waiting_registrations, list_registrations, similar_organisations
from matching.services.accounts import authenticate_user
from matching.services.actor import SYSTEM, Actor
from matching.services.attempts import TooManyAttempts
from matching.services.organisations import ExpertFields, OrganisationFields, add_expert, add_organisation
from matching.services.posts import NeedFields, draft_need
from matching.services.registrations import (
    CONFIRM_LIFE,
    Approval,
    RegistrationFields,
    approve_registration,
    confirm_registration,
    refuse_registration,
    register,
)
from matching.services.retention import apply_retention
from matching.services.signed_links import sign
from tests.factories.people import PASSWORD, find_actor, make_member, make_staff

CODE = "91440784MA4UK0000" + check_digit("91440784MA4UK0000")
FIRM = RegistrationFields(
    role="enterprise",
    email="New@Example.cn",
    name="林 晓工",
    organisation_name="鹤山市新线路板有限公司",
    uscc=CODE,
    region_code="440784",
)
RESEARCHER = replace(
    FIRM, role="researcher", organisation_name="示例大学", organisation_kind="university", uscc="", title="教授"
)


@pytest.fixture
def staff(platform: Platform, now: datetime) -> Actor:
    return make_staff(platform, now, email="staff@example.cn")


def enter(platform: Platform, now: datetime, fields: RegistrationFields = FIRM, **options: Any) -> str | None:
    with platform.unit_of_work() as uow:
        return register(uow, fields, now, **options)


def confirm(platform: Platform, link_id: str | None, now: datetime, password: str = PASSWORD) -> str:
    assert link_id is not None
    with platform.unit_of_work() as uow:
        token = sign(platform.settings, "confirm", link_id)
        return confirm_registration(uow, platform.settings, token, password, now).id


def approve(platform: Platform, staff: Actor, registration_id: str, now: datetime, **decided: Any) -> User:
    with platform.unit_of_work() as uow:
        return approve_registration(uow, staff, registration_id, Approval(**decided), now)


def owed(platform: Platform) -> list[tuple[str, str | None]]:
    with platform.reading() as session:
        rows = session.execute(select(Delivery.kind, Delivery.address).order_by(Delivery.created_at, Delivery.kind))
        return [(kind, address) for kind, address in rows]


def test_from_the_form_to_a_draft(platform: Platform, now: datetime, staff: Actor) -> None:
    registration_id = confirm(platform, enter(platform, now), now)
    with platform.reading() as session:
        assert count_waiting_registrations(session, staff) == 1
        [told] = session.scalars(select(Notification).where(Notification.kind == "registration_waiting"))
        assert told.user_id == staff.user_id
        assert session.scalar(select(User.id).where(User.email == "new@example.cn")) is None
    user = approve(platform, staff, registration_id, now, member_role="owner")
    with platform.unit_of_work() as uow:
        assert authenticate_user(uow, "new@example.cn", PASSWORD, now).name == "林 晓工"
    actor = find_actor(platform, user.id)
    [(organisation_id, role)] = actor.organisation_roles.items()
    assert role == "owner"
    with platform.reading() as session:
        organisation = session.get_one(Organisation, organisation_id)
        assert (organisation.kind, organisation.uscc, organisation.approved) == ("enterprise", CODE, True)
        assert session.get_one(Registration, registration_id).password_hash == ""
    with platform.unit_of_work() as uow:
        draft_need(uow, actor, NeedFields(title="涂层", organisation_id=organisation_id), now)
    assert [kind for kind, _ in owed(platform)] == ["confirm_registration", "registration_approved"]


def test_a_link_confirms_once_and_for_two_days(platform: Platform, now: datetime) -> None:
    link_id = enter(platform, now)
    with pytest.raises(InvalidInput) as caught:
        confirm(platform, link_id, now, password="1234567890")
    assert caught.value.where == "password"
    with pytest.raises(NotFound):
        confirm(platform, link_id, now + CONFIRM_LIFE)
    confirm(platform, link_id, now + CONFIRM_LIFE - timedelta(seconds=1))
    with pytest.raises(NotFound):
        confirm(platform, link_id, now)


def test_a_second_registration_replaces_the_first_until_it_is_confirmed(platform: Platform, now: datetime) -> None:
    first = enter(platform, now)
    second = enter(platform, now)
    with pytest.raises(NotFound):
        confirm(platform, first, now)
    confirm(platform, second, now)
    assert enter(platform, now) is None
    assert [kind for kind, _ in owed(platform)] == [
        "confirm_registration", "confirm_registration", "registration_waiting",
    ]  # fmt: skip


def test_an_address_with_an_account_is_told_by_mail_only_and_once_a_day(platform: Platform, now: datetime) -> None:
    make_member(platform, now, email="new@example.cn")
    assert enter(platform, now) is None
    assert enter(platform, now) is None
    assert owed(platform) == [("already_registered", "new@example.cn")]
    with platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(Registration)) == 0


def test_a_mailbox_is_not_flooded_and_one_place_cannot_register_everybody(platform: Platform, now: datetime) -> None:
    for _ in range(5):
        enter(platform, now)
    assert len(owed(platform)) == 3
    for number in range(30):
        enter(platform, now, replace(FIRM, email=f"p{number}@example.cn"), origin="203.0.113.9")
    with pytest.raises(TooManyAttempts):
        enter(platform, now, replace(FIRM, email="last@example.cn"), origin="203.0.113.9")


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"role": "administrator"}, "role"),
        ({"email": "no address"}, "email"),
        ({"email": "a@example.cn\r\nBcc: b@example.cn"}, "email"),
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"organisation_name": ""}, "organisation_name"),
        ({"organisation_name": "x" * 201}, "organisation_name"),
        ({"organisation_kind": "government"}, "organisation_kind"),
        ({"uscc": ""}, "uscc"),
        ({"uscc": CODE[:-1] + ("0" if CODE[-1] != "0" else "1")}, "uscc"),
        ({"region_code": "999999"}, "region_code"),
    ],
)
def test_wrong_fields_are_named(platform: Platform, now: datetime, changes: dict[str, str], where: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        enter(platform, now, replace(FIRM, **changes))
    assert caught.value.where == where
    assert owed(platform) == []


def test_a_name_cannot_carry_a_line(platform: Platform, now: datetime) -> None:
    enter(platform, now, replace(FIRM, name="x\r\nBcc: y\u2028z"))
    with platform.reading() as session:
        assert session.scalars(select(Registration.name)).one() == "x Bcc: y z"


def test_staff_decide_for_their_region_only(platform: Platform, now: datetime) -> None:
    registration_id = confirm(platform, enter(platform, now), now)
    elsewhere = make_staff(platform, now, email="foshan@example.cn", region_code="440600")
    above = make_staff(platform, now, email="jiangmen@example.cn", region_code="440700")
    member = make_member(platform, now, email="m@example.cn").actor
    for actor in (elsewhere, member, Actor(user_id=None)):
        with pytest.raises(NotFound):
            approve(platform, actor, registration_id, now)
        with pytest.raises(NotFound), platform.unit_of_work() as uow:
            refuse_registration(uow, actor, registration_id, "no", now)
        with platform.reading() as session:
            assert list_registrations(session, actor, "waiting") == []
    approve(platform, above, registration_id, now)
    with pytest.raises(IllegalMove):
        approve(platform, above, registration_id, now)


def test_nobody_decides_on_an_address_that_was_not_confirmed(platform: Platform, now: datetime, staff: Actor) -> None:
    enter(platform, now)
    with platform.reading() as session:
        registration_id = session.scalars(select(Registration.id)).one()
        assert list_registrations(session, staff, "waiting") == []
        assert list_registrations(session, SYSTEM, "waiting") == []
    with pytest.raises(NotFound):
        approve(platform, SYSTEM, registration_id, now)


def test_joining_an_organisation_that_is_there_tells_its_owners(
    platform: Platform, now: datetime, staff: Actor
) -> None:
    owner = make_member(platform, now, email="owner@example.cn", role="owner")
    registration_id = confirm(platform, enter(platform, now), now)
    user = approve(platform, staff, registration_id, now, organisation_id=owner.organisation_id, member_role="reader")
    actor = find_actor(platform, user.id)
    assert actor.organisation_roles == {owner.organisation_id: "reader"}
    assert not actor.may_edit_for(owner.organisation_id)
    with platform.reading() as session:
        [told] = session.scalars(select(Notification).where(Notification.kind == "member_joined"))
        assert told.user_id == owner.user_id


def test_a_code_that_is_registered_is_not_made_twice(platform: Platform, now: datetime, staff: Actor) -> None:
    with platform.unit_of_work() as uow:
        fields = OrganisationFields(kind="enterprise", name="老线路板厂", region_code="440784", uscc=CODE)
        there = add_organisation(uow, SYSTEM, fields, now, approved=True).id
    registration_id = confirm(platform, enter(platform, now), now)
    with platform.reading() as session:
        [similar, *_] = similar_organisations(session, FIRM.organisation_name, CODE)
        assert (similar.organisation.id, similar.why) == (there, "code")
    with pytest.raises(InvalidInput) as caught:
        approve(platform, staff, registration_id, now)
    assert caught.value.where == "uscc"
    with platform.reading() as session:
        assert session.scalar(select(User.id).where(User.email == "new@example.cn")) is None
    approve(platform, staff, registration_id, now, organisation_id=there)


def test_a_researcher_becomes_an_entry_of_the_library_or_the_one_the_staff_names(
    platform: Platform, now: datetime, staff: Actor
) -> None:
    with platform.unit_of_work() as uow:
        fields = OrganisationFields(kind="university", name="示例大学", region_code="440600")
        university = add_organisation(uow, SYSTEM, fields, now, approved=True).id
    with platform.unit_of_work() as uow:
        known = add_expert(
            uow, SYSTEM, ExpertFields(name="林 晓工", region_code="440600", organisation_id=university), now
        ).id
    new = approve(
        platform, staff, confirm(platform, enter(platform, now, RESEARCHER), now), now, organisation_id=university
    )
    again = replace(RESEARCHER, email="second@example.cn")
    named = approve(
        platform, staff, confirm(platform, enter(platform, now, again), now), now,
        organisation_id=university, expert_id=known,
    )  # fmt: skip
    with platform.reading() as session:
        experts = {row.user_id: row for row in session.scalars(select(Expert))}
        assert experts[named.id].id == known
        made = experts[new.id]
        assert (made.name, made.title, made.source, made.email) == ("林 晓工", "教授", "本人注册", "new@example.cn")
        assert len(experts) == 2
    third = replace(RESEARCHER, email="third@example.cn")
    registration_id = confirm(platform, enter(platform, now, third), now)
    with pytest.raises(InvalidInput) as caught:
        approve(platform, staff, registration_id, now, organisation_id=university, expert_id=known)
    assert caught.value.where == "expert_id"


def test_an_address_that_got_an_account_meanwhile_is_not_made_twice(
    platform: Platform, now: datetime, staff: Actor
) -> None:
    registration_id = confirm(platform, enter(platform, now), now)
    make_member(platform, now, email="new@example.cn")
    with pytest.raises(InvalidInput) as caught:
        approve(platform, staff, registration_id, now)
    assert caught.value.code == "user.email_taken"
    with platform.reading() as session:
        assert session.scalar(select(func.count()).select_from(Membership)) == 1


def test_refusing_takes_a_reason_and_mails_it(platform: Platform, now: datetime, staff: Actor) -> None:
    registration_id = confirm(platform, enter(platform, now), now)
    for reason in ("", "  ", "x" * 1001):
        with pytest.raises(InvalidInput), platform.unit_of_work() as uow:
            refuse_registration(uow, staff, registration_id, reason, now)
    with platform.unit_of_work() as uow:
        refuse_registration(uow, staff, registration_id, "执照名称与所填不符", now)
    assert ("registration_refused", "new@example.cn") in owed(platform)
    with pytest.raises(IllegalMove):
        approve(platform, staff, registration_id, now)
    assert enter(platform, now + timedelta(hours=2)) is not None


def test_what_nobody_confirmed_is_forgotten(platform: Platform, now: datetime) -> None:
    enter(platform, now)
    waiting = confirm(platform, enter(platform, now, replace(FIRM, email="other@example.cn")), now)
    apply_retention(platform, now + timedelta(days=7))
    with platform.reading() as session:
        assert session.scalars(select(Registration.id)).all() == [waiting]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("鹤山市世荣线路（集团）有限公司", [("a", "name")]),
        ("鹤山世荣线路有限公司", [("a", "alike")]),
        ("世荣线路", [("a", "alike")]),
        ("江门市完全无关食品有限公司", []),
        ("有限公司", []),
        ("%_", []),
    ],
)
def test_similar_organisations_are_proposed(
    platform: Platform, now: datetime, name: str, expected: list[tuple[str, str]]
) -> None:
    for organisation_id, called in (("a", "鹤山市世荣线路集团"), ("b", "鹤山市粤丰制伞有限公司")):
        with platform.unit_of_work() as uow:
            fields = OrganisationFields(kind="enterprise", name=called, region_code="440784")
            add_organisation(uow, SYSTEM, fields, now, organisation_id=organisation_id, approved=True)
    with platform.reading() as session:
        found = similar_organisations(session, name, None)
        assert [(one.organisation.id, one.why) for one in found] == expected

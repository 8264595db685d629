"""Colleagues: invited by owners, joined by link, with roles that can be changed and one owner always left."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import DuijieError, IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Delivery, Invitation, Notification
from matching.queries.registrations import list_members, list_open_invitations
from matching.services.accounts import authenticate_user
from matching.services.actor import Actor
from matching.services.invitations import (
    INVITATION_LIFE,
    accept_invitation,
    accept_invitation_as_new,
    change_member_role,
    find_invitation,
    invite_colleague,
    remove_member,
    withdraw_invitation,
)
from matching.services.posts import NeedFields, draft_need
from matching.services.signed_links import sign
from tests.factories.people import PASSWORD, Member, find_actor, make_member, make_staff


@pytest.fixture
def owner(platform: Platform, now: datetime) -> Member:
    return make_member(platform, now, email="owner@example.cn", organisation="示例电路", role="owner")


def invite(platform: Platform, actor: Actor, organisation_id: str, now: datetime, email: str = "New@example.cn",
           role: str = "editor") -> str:  # fmt: skip
    """Returns the token of the link."""
    with platform.unit_of_work() as uow:
        _, link_id = invite_colleague(uow, actor, organisation_id, email, role, now)
    return sign(platform.settings, "invite", link_id)


def join_as_new(platform: Platform, token: str, now: datetime, name: str = "新同事", password: str = PASSWORD) -> str:
    with platform.unit_of_work() as uow:
        return accept_invitation_as_new(uow, platform.settings, token, name, password, now).id


def test_a_colleague_without_account_joins_by_the_link(platform: Platform, now: datetime, owner: Member) -> None:
    token = invite(platform, owner.actor, owner.organisation_id, now, role="reader")
    with platform.reading() as session:
        row, organisation, known = find_invitation(session, platform.settings, token, now)
        assert (row.email, organisation.name, known) == ("new@example.cn", "示例电路", False)
        [owed] = session.scalars(select(Delivery))
        assert (owed.kind, owed.address) == ("invitation", "new@example.cn")
        assert token not in str(owed.payload)
    with pytest.raises(InvalidInput):
        join_as_new(platform, token, now, password="short")
    with pytest.raises(InvalidInput):
        join_as_new(platform, token, now, name=" ")
    user_id = join_as_new(platform, token, now)
    with platform.unit_of_work() as uow:
        assert authenticate_user(uow, "new@example.cn", PASSWORD, now).id == user_id
    assert find_actor(platform, user_id).organisation_roles == {owner.organisation_id: "reader"}
    with pytest.raises(NotFound):
        join_as_new(platform, token, now)
    with platform.reading() as session:
        [told] = session.scalars(select(Notification).where(Notification.kind == "member_joined"))
        assert told.user_id == owner.user_id
        assert list_open_invitations(session, owner.organisation_id, now) == []


def test_a_reader_writes_no_posts(platform: Platform, now: datetime, owner: Member) -> None:
    token = invite(platform, owner.actor, owner.organisation_id, now, role="reader")
    reader = find_actor(platform, join_as_new(platform, token, now))
    with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
        draft_need(uow, reader, NeedFields(title="涂层", organisation_id=owner.organisation_id), now)
    with platform.unit_of_work() as uow:
        change_member_role(uow, owner.actor, owner.organisation_id, str(reader.user_id), "editor", now)
    editor = find_actor(platform, str(reader.user_id))
    with platform.unit_of_work() as uow:
        draft_need(uow, editor, NeedFields(title="涂层", organisation_id=owner.organisation_id), now)


def test_an_account_joins_when_it_is_the_invited_one(platform: Platform, now: datetime, owner: Member) -> None:
    invited = make_member(platform, now, email="new@example.cn", organisation="另一单位")
    other = make_member(platform, now, email="other@example.cn", organisation="第三单位")
    token = invite(platform, owner.actor, owner.organisation_id, now)
    with pytest.raises(InvalidInput):
        join_as_new(platform, token, now)
    for stranger in (other.actor, Actor(user_id=None)):
        with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
            accept_invitation(uow, stranger, platform.settings, token, now)
    with platform.unit_of_work() as uow:
        accept_invitation(uow, invited.actor, platform.settings, token, now)
    assert find_actor(platform, invited.user_id).organisation_roles == {
        owner.organisation_id: "editor", invited.organisation_id: "editor",
    }  # fmt: skip


def test_links_end_by_time_by_withdrawal_and_by_a_newer_one(platform: Platform, now: datetime, owner: Member) -> None:
    first = invite(platform, owner.actor, owner.organisation_id, now)
    second = invite(platform, owner.actor, owner.organisation_id, now)
    for token, moment in ((first, now), (second, now + INVITATION_LIFE), (second[:-2] + "xx", now)):
        with pytest.raises(NotFound):
            join_as_new(platform, token, moment)
    with platform.reading() as session:
        [row] = list_open_invitations(session, owner.organisation_id, now)
    stranger = make_member(platform, now, email="s@example.cn", organisation="另一单位", role="owner")
    with pytest.raises(NotFound), platform.unit_of_work() as uow:
        withdraw_invitation(uow, stranger.actor, row.id, now)
    for _ in range(2):
        with platform.unit_of_work() as uow:
            withdraw_invitation(uow, owner.actor, row.id, now)
    with pytest.raises(NotFound):
        join_as_new(platform, second, now)
    token = invite(platform, owner.actor, owner.organisation_id, now)
    join_as_new(platform, token, now + INVITATION_LIFE - timedelta(seconds=1))
    with platform.reading() as session:
        accepted = session.scalars(select(Invitation).where(Invitation.accepted_at.is_not(None))).one()
    with pytest.raises(IllegalMove), platform.unit_of_work() as uow:
        withdraw_invitation(uow, owner.actor, accepted.id, now)


def test_owners_and_the_regions_staff_invite(platform: Platform, now: datetime, owner: Member) -> None:
    def outcome(actor: Actor, organisation_id: str = owner.organisation_id) -> str:
        try:
            invite(platform, actor, organisation_id, now)
        except DuijieError as error:
            return type(error).__name__
        return "invited"

    for role in ("editor", "reader"):
        member = make_member(
            platform, now, email=f"{role}@example.cn", organisation_id=owner.organisation_id, role=role
        )
        assert outcome(member.actor) == "NotAllowed"
    stranger = make_member(platform, now, email="s@example.cn", organisation="另一单位", role="owner")
    assert outcome(stranger.actor) == "NotFound"
    assert outcome(owner.actor, "none") == "NotFound"
    assert outcome(make_staff(platform, now, email="st@example.cn", region_code="440600")) == "NotFound"
    assert outcome(make_staff(platform, now, email="st2@example.cn", region_code="440700")) == "invited"
    assert outcome(owner.actor) == "invited"


@pytest.mark.parametrize(
    ("email", "role", "where"),
    [("owner@example.cn", "editor", "email"), ("no address", "editor", "email"), ("n@example.cn", "king", "role")],
)
def test_wrong_invitations_are_named(
    platform: Platform, now: datetime, owner: Member, email: str, role: str, where: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        invite(platform, owner.actor, owner.organisation_id, now, email=email, role=role)
    assert caught.value.where == where


def test_one_owner_is_always_left(platform: Platform, now: datetime, owner: Member) -> None:
    second = make_member(platform, now, email="2@example.cn", organisation_id=owner.organisation_id, role="editor")

    def change(role: str, user_id: str) -> None:
        with platform.unit_of_work() as uow:
            change_member_role(uow, owner.actor, owner.organisation_id, user_id, role, now)

    def remove(actor: Actor, user_id: str) -> None:
        with platform.unit_of_work() as uow:
            remove_member(uow, actor, owner.organisation_id, user_id, now)

    with pytest.raises(IllegalMove) as caught:
        change("editor", owner.user_id)
    assert caught.value.code == "member.last_owner"
    with pytest.raises(IllegalMove):
        remove(owner.actor, owner.user_id)
    with pytest.raises(InvalidInput):
        change("king", second.user_id)
    with pytest.raises(NotFound):
        change("owner", "nobody")
    change("owner", second.user_id)
    remove(owner.actor, owner.user_id)
    with platform.reading() as session:
        assert [(member.user.id, member.role) for member in list_members(session, owner.organisation_id)] == [
            (second.user_id, "owner")
        ]


def test_members_leave_by_themselves_and_remove_nobody_else(platform: Platform, now: datetime, owner: Member) -> None:
    editor = make_member(platform, now, email="2@example.cn", organisation_id=owner.organisation_id)
    with pytest.raises(NotAllowed), platform.unit_of_work() as uow:
        remove_member(uow, editor.actor, owner.organisation_id, owner.user_id, now)
    with platform.unit_of_work() as uow:
        remove_member(uow, editor.actor, owner.organisation_id, editor.user_id, now)
    assert find_actor(platform, editor.user_id).organisation_roles == {}

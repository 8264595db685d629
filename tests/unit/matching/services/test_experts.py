"""A person sees, corrects, hides, takes along and has deleted what is held of them; others cannot go round it."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import EditConflict, InvalidInput, NotAllowed, NotFound
from matching.models import AuditEntry, CapabilityExpert, ErasedPerson, Expert
from matching.queries.posts import audience_for
from matching.queries.profiles import find_expert
from matching.services.experts import (
    ExpertEntry,
    claim_expert,
    claimable_entries,
    describe_person,
    edit_expert,
    empty_field,
    erase_expert,
    hide_fields,
    source_of,
    want_suggestions,
)
from matching.services.imports import SELF
from tests.factories.imports import finish_upload, read_upload
from tests.factories.people import Member, make_expert, make_member, make_staff
from tests.factories.posts import make_capability


@pytest.fixture
def person(platform: Platform, now: datetime) -> tuple[Member, str]:
    member = make_member(
        platform, now, email="q@example.edu.cn", organisation="示例大学", kind="university", role="reader"
    )
    return member, make_expert(platform, now, member, name="丘老师")


def test_what_the_person_says_goes_before_what_others_bring(
    platform: Platform, now: datetime, person: tuple[Member, str]
) -> None:
    member, expert_id = person
    manager = make_member(platform, now, email="t@example.edu.cn", organisation_id=member.organisation_id)
    entry = ExpertEntry(name="丘老师", title="教授", fields=("线路板", "线路板", " "), intro="做板的")
    with platform.unit_of_work() as uow:
        expert = edit_expert(uow, manager.actor, expert_id, entry, now)
    assert (expert.title, expert.fields) == ("教授", ["线路板"])
    assert source_of(expert, "title")["source"] == f"user:{manager.user_id}"
    with platform.unit_of_work() as uow:
        corrected = ExpertEntry(name="丘老师", title="研究员", fields=("线路板",), intro="做板的")
        expert = edit_expert(uow, member.actor, expert_id, corrected, now, expected_version=expert.version)
    assert source_of(expert, "title")["source"] == SELF
    with platform.unit_of_work() as uow, pytest.raises(InvalidInput) as caught:
        edit_expert(uow, manager.actor, expert_id, entry, now)
    assert (caught.value.code, caught.value.where) == ("expert.said_by_person", "title")
    with platform.unit_of_work() as uow, pytest.raises(EditConflict):
        edit_expert(uow, member.actor, expert_id, entry, now, expected_version=1)
    stranger = make_member(platform, now, email="x@example.cn", organisation="别家")
    with platform.unit_of_work() as uow, pytest.raises(NotAllowed):
        edit_expert(uow, stranger.actor, expert_id, entry, now)


def test_hiding_and_emptying_are_the_persons_alone(
    platform: Platform, now: datetime, person: tuple[Member, str]
) -> None:
    member, expert_id = person
    staff = make_staff(platform, now, email="s@example.cn", region_code="440600")
    stranger = make_member(platform, now, email="x@example.cn", organisation="别家")
    for other in (staff, stranger.actor):
        for act in (
            lambda uow, who: hide_fields(uow, who, expert_id, {"intro"}, now, all_=True),
            lambda uow, who: empty_field(uow, who, expert_id, "phone", now),
            lambda uow, who: want_suggestions(uow, who, expert_id, False, now),
            lambda uow, who: erase_expert(uow, who, expert_id, now),
        ):
            with platform.unit_of_work() as uow, pytest.raises(NotFound):
                act(uow, other)
    with platform.unit_of_work() as uow:
        hide_fields(uow, member.actor, expert_id, {"intro", "no such field"}, now, all_=True)
    with platform.unit_of_work() as uow:
        expert = want_suggestions(uow, member.actor, expert_id, False, now)
    assert (expert.hidden, expert.hidden_fields, expert.suggestions_wanted) == (True, ["intro"], False)
    with platform.reading() as session:
        for reader, seen in ((member.actor, True), (staff, True), (stranger.actor, False)):
            audience = audience_for(session, reader)
            if seen:
                assert find_expert(session, expert_id, audience, now).expert.id == expert_id
            else:
                with pytest.raises(NotFound):
                    find_expert(session, expert_id, audience, now)


def test_erasing_leaves_nothing_but_hashes(platform: Platform, now: datetime, person: tuple[Member, str]) -> None:
    member, expert_id = person
    manager = make_member(platform, now, email="t@example.edu.cn", organisation_id=member.organisation_id)
    make_capability(platform, manager, now, expert_ids=(expert_id,))
    with platform.unit_of_work() as uow:
        erase_expert(uow, member.actor, expert_id, now)
    with platform.reading() as session:
        assert session.get(Expert, expert_id) is None
        assert session.scalars(select(CapabilityExpert)).all() == []
        assert all(len(one.key_hash) == 64 for one in session.scalars(select(ErasedPerson)))
        log = session.scalars(select(AuditEntry).where(AuditEntry.action == "expert.erase")).one()
        assert "丘" not in str(log.details)
    content = "姓名,单位名称\n丘老师,示例大学\n".encode()
    job = finish_upload(
        platform, manager.actor, read_upload(platform, manager.actor, "experts", content, lambda: now), lambda: now
    )
    assert (job.added, job.refused) == (0, 1)


def test_an_emptied_field_is_not_filled_again(platform: Platform, now: datetime, person: tuple[Member, str]) -> None:
    member, expert_id = person
    manager = make_member(platform, now, email="t@example.edu.cn", organisation_id=member.organisation_id)
    with platform.unit_of_work() as uow:
        empty_field(uow, member.actor, expert_id, "phone", now)
    content = f"编号,姓名,单位名称,联系电话,职称\n{expert_id},丘老师,示例大学,13800000001,教授\n".encode()
    job = finish_upload(
        platform, manager.actor, read_upload(platform, manager.actor, "experts", content, lambda: now), lambda: now
    )
    with platform.reading() as session:
        expert = session.get(Expert, expert_id)
        assert expert is not None
        assert (job.changed, expert.phone, expert.title) == (1, None, "教授")


def test_an_entry_is_claimed_by_address_never_by_name(platform: Platform, now: datetime) -> None:
    manager = make_member(platform, now, email="t@example.edu.cn", organisation="示例大学", kind="university")
    content = (
        "姓名,单位名称,电子邮箱\n丘老师,示例大学,Q@example.edu.cn\n丘老师,示例大学,other@example.edu.cn\n".encode()
    )
    finish_upload(
        platform, manager.actor, read_upload(platform, manager.actor, "experts", content, lambda: now), lambda: now
    )
    person = make_member(platform, now, email="other@example.edu.cn", organisation="别家")
    with platform.reading() as session:
        [mine] = claimable_entries(session, person.actor)
        [not_mine] = session.scalars(select(Expert.id).where(Expert.id != mine.id))
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        claim_expert(uow, person.actor, not_mine, now)
    with platform.unit_of_work() as uow:
        assert claim_expert(uow, person.actor, mine.id, now).user_id == person.user_id
    with platform.unit_of_work() as uow, pytest.raises(NotFound):
        claim_expert(uow, manager.actor, mine.id, now)


def test_all_that_is_held_can_be_taken_along(platform: Platform, now: datetime, person: tuple[Member, str]) -> None:
    member, expert_id = person
    with platform.reading() as session:
        held = describe_person(session, member.actor)
    assert held["account"]["email"] == "q@example.edu.cn"
    assert held["memberships"] == [{"organisation": "示例大学", "role": "reader", "since": now.isoformat()}]
    assert held["expert"]["id"] == expert_id
    assert held["expert"]["affiliations"][0]["organisation"] == "示例大学"
    assert "password" not in str(held)

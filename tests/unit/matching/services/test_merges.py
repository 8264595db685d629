"""Organisations that are one: proposed, merged with everything that refers to them, and taken back."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import select

from matching.bootstrap import Platform
from matching.errors import IllegalMove, InvalidInput, NotAllowed, NotFound
from matching.models import Affiliation, Membership, Organisation, Post
from matching.policy import Audience
from matching.queries.profiles import find_organisation
from matching.services.accounts import join_organisation
from matching.services.actor import SYSTEM
from matching.services.merges import call_different, list_merges, merge_organisations, propose_duplicates, undo_merge
from matching.services.organisations import OrganisationFields, add_organisation
from tests.factories.people import make_expert, make_member, make_staff
from tests.factories.posts import make_need


def add(platform: Platform, now: datetime, name: str, **fields: str) -> str:
    with platform.unit_of_work() as uow:
        entered = OrganisationFields(**({"kind": "enterprise", "name": name, "region_code": "440784"} | fields))  # type: ignore[arg-type]
        return add_organisation(uow, SYSTEM, entered, now, approved=True).id


def test_alike_names_are_proposed_and_a_shared_legal_form_is_not(platform: Platform, now: datetime) -> None:
    staff = make_staff(platform, now, email="s@example.cn")
    for name in ("甲伞业(集团)有限公司", "甲伞业（集团）有限公司", "甲伞业集团", "乙鞋材有限公司", "丙鞋材有限公司"):
        add(platform, now, name)
    add(platform, now, "甲伞业有限公司", region_code="440600")
    with platform.reading() as session:
        [proposal] = propose_duplicates(session, staff)
    assert {one.name for one in proposal.organisations} == {
        "甲伞业(集团)有限公司",
        "甲伞业（集团）有限公司",
        "甲伞业集团",
    }
    first, second, _ = proposal.organisations
    with platform.unit_of_work() as uow:
        call_different(uow, staff, first.id, second.id, now)
    with platform.reading() as session:
        [proposal] = propose_duplicates(session, staff)
        assert len(proposal.organisations) == 3  # each may still be one with the third
    with platform.reading() as session, pytest.raises(NotAllowed):
        propose_duplicates(session, make_member(platform, now, email="f@example.cn", organisation="外面").actor)


def test_merging_moves_everything_and_undoing_moves_it_back(platform: Platform, now: datetime) -> None:
    staff = make_staff(platform, now, email="s@example.cn")
    kept = make_member(platform, now, email="a@example.cn", organisation="甲伞业集团", role="owner")
    other = make_member(platform, now, email="b@example.cn", organisation="甲伞业（集团）有限公司")
    with platform.unit_of_work() as uow:
        join_organisation(uow, SYSTEM, kept.user_id, other.organisation_id, "reader", now)
    need = make_need(platform, other, now)
    expert = make_expert(platform, now, other)
    with platform.unit_of_work() as uow:
        row = uow.session.get(Organisation, other.organisation_id)
        assert row is not None
        row.uscc, row.town = "91440784MA0000001X", "440784101"
        uow.commit()
    with platform.unit_of_work() as uow:
        merge = merge_organisations(uow, staff, kept.organisation_id, other.organisation_id, now)
    with platform.reading() as session:
        post, organisation = session.get(Post, need), session.get(Organisation, kept.organisation_id)
        assert post is not None
        assert organisation is not None
        assert post.organisation_id == kept.organisation_id
        assert (organisation.uscc, organisation.town) == ("91440784MA0000001X", "440784101")
        assert session.scalars(select(Affiliation.organisation_id)).all() == [kept.organisation_id]
        roles = session.execute(select(Membership.user_id, Membership.organisation_id, Membership.role)).all()
        assert (kept.user_id, kept.organisation_id, "owner") in [tuple(row) for row in roles]
        assert (other.user_id, kept.organisation_id, "editor") in [tuple(row) for row in roles]
        assert find_organisation(session, other.organisation_id, Audience()).id == kept.organisation_id
        assert [decision.decision for decision, _, _ in list_merges(session, staff)] == ["merged"]
    later = make_need(platform, kept, now, title="合并之后的")
    with platform.unit_of_work() as uow:
        undo_merge(uow, staff, merge.id, now)
    with platform.reading() as session:
        owners = dict(session.execute(select(Post.id, Post.organisation_id)).tuples().all())
        assert owners == {need: other.organisation_id, later: kept.organisation_id}
        back = session.get(Organisation, other.organisation_id)
        assert back is not None
        assert (back.uscc, back.merged_into_id) == ("91440784MA0000001X", None)
        first = session.get(Organisation, kept.organisation_id)
        assert first is not None
        assert (first.uscc, first.town) == (None, None)
        members = sorted((row.user_id, row.organisation_id, row.role) for row in session.scalars(select(Membership)))
        assert members == sorted(
            [
                (kept.user_id, kept.organisation_id, "owner"),
                (kept.user_id, other.organisation_id, "reader"),
                (other.user_id, other.organisation_id, "editor"),
            ]
        )
        assert session.scalars(select(Affiliation.expert_id)).all() == [expert]
    with platform.unit_of_work() as uow, pytest.raises(IllegalMove):
        undo_merge(uow, staff, merge.id, now)


def test_what_must_not_be_merged(platform: Platform, now: datetime) -> None:
    staff = make_staff(platform, now, email="s@example.cn")
    one, other = add(platform, now, "甲厂"), add(platform, now, "乙厂")
    foreign = add(platform, now, "丙厂", region_code="440600")
    with platform.unit_of_work() as uow:
        for organisation_id, code in ((one, "91440784MA0000001X"), (other, "91440784MA0000002X")):
            row = uow.session.get(Organisation, organisation_id)
            assert row is not None
            row.uscc = code
        uow.commit()
    for kept, merged, error in (
        (one, other, InvalidInput),
        (one, one, InvalidInput),
        (one, foreign, NotAllowed),
        (one, "none", NotFound),
    ):
        with platform.unit_of_work() as uow, pytest.raises(error):
            merge_organisations(uow, staff, kept, merged, now)
    member = make_member(platform, now, email="f@example.cn", organisation_id=one, role="owner")
    with platform.unit_of_work() as uow, pytest.raises(NotAllowed):
        merge_organisations(uow, member.actor, one, other, now)

"""Experts of organisations."""

from __future__ import annotations

from datetime import date, datetime

from matching.bootstrap import Platform
from matching.models import Affiliation
from matching.queries.experts import list_experts_of
from tests.factories.people import make_expert, make_member


def test_only_present_experts_are_listed(platform: Platform, now: datetime) -> None:
    university = make_member(platform, now, email="a@example.edu.cn", organisation="示例大学", kind="university")
    colleague = make_member(platform, now, email="b@example.edu.cn", organisation_id=university.organisation_id)
    elsewhere = make_member(platform, now, email="c@example.edu.cn", organisation="另一示例大学", kind="university")
    present = make_expert(platform, now, university, name="甲")
    left = make_expert(platform, now, colleague, name="乙")
    make_expert(platform, now, elsewhere, name="丙")
    with platform.unit_of_work() as uow:
        uow.session.query(Affiliation).filter_by(expert_id=left).update({"ends_on": date(2026, 11, 24)})
        uow.commit()
    with platform.reading() as session:
        assert [expert.id for expert in list_experts_of(session, [university.organisation_id], now)] == [present]
        assert list_experts_of(session, [], now) == []

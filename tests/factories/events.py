"""Events with participants and wanted meetings, made through the services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from matching.bootstrap import Platform
from matching.services.actor import SYSTEM, Actor
from matching.services.event_participants import add_participant
from matching.services.events import EventFields, create_event
from matching.services.meetings import add_meeting
from matching.services.organisations import ExpertFields, OrganisationFields, add_expert, add_organisation
from tests.factories.people import make_staff

DAY = date(2026, 12, 10)


@dataclass(frozen=True)
class MadeEvent:
    """An event, its staff, its participants by name and its meetings by the names of both sides."""

    id: str
    staff: Actor
    participants: dict[str, str]
    meetings: dict[tuple[str, str], str]


def make_event(
    platform: Platform,
    now: datetime,
    *,
    firms: Sequence[str] = ("甲电路", "乙照明"),
    experts: Sequence[str] = ("张老师", "李老师"),
    pairs: Sequence[tuple[str, str]] = (("甲电路", "张老师"), ("甲电路", "李老师"), ("乙照明", "张老师")),
    staff: Actor | None = None,
    **fields: Any,
) -> MadeEvent:
    """An event of 鹤山 with those firms and experts; by default six slots of half an hour and two tables."""
    staff = staff or make_staff(platform, now, email="staff@example.cn")
    chosen: dict[str, Any] = {
        "title": "线路板对接会",
        "held_on": DAY,
        "region_code": "440784",
        "venue": "鹤山国际会议中心",
        "rooms": "2",
        "sessions": "上午 09:00-12:00",
        "slot_minutes": 30,
    }
    with platform.unit_of_work() as uow:
        event_id = create_event(uow, staff, EventFields(**(chosen | fields)), now).id
    participants: dict[str, str] = {}
    for name in firms:
        with platform.unit_of_work() as uow:
            organisation = OrganisationFields(kind="enterprise", name=name, region_code="440784")
            organisation_id = add_organisation(uow, SYSTEM, organisation, now, approved=True).id
        with platform.unit_of_work() as uow:
            participants[name] = add_participant(uow, staff, event_id, now, organisation_id=organisation_id).id
    if experts:
        with platform.unit_of_work() as uow:
            university = OrganisationFields(kind="university", name="示例大学", region_code="440600")
            university_id = add_organisation(uow, SYSTEM, university, now, approved=True).id
    for name in experts:
        with platform.unit_of_work() as uow:
            person = ExpertFields(
                name=name, region_code="440600", organisation_id=university_id, email=f"e{len(participants)}@example.cn"
            )
            expert_id = add_expert(uow, SYSTEM, person, now).id
        with platform.unit_of_work() as uow:
            participants[name] = add_participant(uow, staff, event_id, now, expert_id=expert_id).id
    meetings: dict[tuple[str, str], str] = {}
    for one, other in pairs:
        with platform.unit_of_work() as uow:
            meetings[one, other] = add_meeting(uow, staff, event_id, participants[one], participants[other], now).id
    return MadeEvent(event_id, staff, participants, meetings)

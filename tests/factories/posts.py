"""Posts, published through the services."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from matching.bootstrap import Platform
from matching.services.posts import CapabilityFields, NeedFields, draft_capability, draft_need, publish_post
from tests.factories.people import Member


def make_need(platform: Platform, member: Member, now: datetime, *, publish: bool = True, **fields: Any) -> str:
    """A need of the member's organisation; returns its id."""
    with platform.unit_of_work() as uow:
        entered = NeedFields(organisation_id=member.organisation_id, **({"title": "高频线路板翘曲控制"} | fields))
        post_id = draft_need(uow, member.actor, entered, now).id
    if publish:
        publish_now(platform, member, post_id, now)
    return post_id


def make_capability(platform: Platform, member: Member, now: datetime, *, publish: bool = True, **fields: Any) -> str:
    """A capability of the member's organisation; returns its id."""
    with platform.unit_of_work() as uow:
        entered = CapabilityFields(
            organisation_id=member.organisation_id, **({"title": "线路板翘曲预测与控制"} | fields)
        )
        post_id = draft_capability(uow, member.actor, entered, now).id
    if publish:
        publish_now(platform, member, post_id, now)
    return post_id


def publish_now(platform: Platform, member: Member, post_id: str, now: datetime) -> None:
    """Publish as its owner."""
    with platform.unit_of_work() as uow:
        publish_post(uow, member.actor, post_id, now, settings=platform.settings)

"""Loads the demonstration's interests, and the engagements that came of them, as its people would have made them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from matching.bootstrap import Platform
from matching.clock import shanghai_day
from matching.models import Interest, User
from matching.services.actor import Actor, actor_of
from matching.services.engagements import (
    ContractTerms,
    add_task,
    agree_to_participant,
    close_engagement,
    move_engagement,
    propose_participant,
    record_terms,
    send_message,
    set_next_step,
)
from matching.services.interests import InterestEntry, accept_interest, express_interest


def load_interest(platform: Platform, record: dict[str, Any], now: datetime) -> bool:
    """Express the interest of a record and bring it to its state; False where it is there already."""
    with platform.unit_of_work() as uow:
        known = select(Interest.id).where(Interest.from_user_id == record["asked_by"], Interest.aim == record["aim"])
        if uow.session.scalar(known) is not None:
            return False
    with platform.unit_of_work() as uow:
        entry = InterestEntry(aim=record["aim"], timing=record["timing"], contact=record["contact"])
        interest_id = express_interest(
            uow,
            _actor(platform, record["asked_by"]),
            record["target_id"],
            entry,
            _at(now, record),
            platform.settings,
            own_id=record["own_id"],
        ).id
    if record.get("accepted_by"):
        with platform.unit_of_work() as uow:
            engagement = accept_interest(
                uow,
                _actor(platform, record["accepted_by"]),
                interest_id,
                record["contact_back"],
                now - timedelta(days=record["accepted_days_ago"]),
            )
        _engage(platform, engagement.id, record, now)
    return True


def _engage(platform: Platform, engagement_id: str, record: dict[str, Any], now: datetime) -> None:
    """What people did in the engagement since, in its order."""
    today = shanghai_day(now)
    for copied in record.get("participants", ()):
        user_id, role = copied["user_id"], copied["role"]
        with platform.unit_of_work() as uow:
            propose_participant(uow, _actor(platform, copied["by"]), engagement_id, user_id, role, _at(now, copied))
        agreed_at = now - timedelta(days=copied["agreed_days_ago"])
        with platform.unit_of_work() as uow:
            agree_to_participant(uow, _actor(platform, copied["agreed_by"]), engagement_id, user_id, agreed_at)
    for message in record.get("messages", ()):
        with platform.unit_of_work() as uow:
            send_message(uow, _actor(platform, message["by"]), engagement_id, message["text"], _at(now, message))
    for step in record.get("steps", ()):
        with platform.unit_of_work() as uow:
            actor = _actor(platform, step["by"])
            move_engagement(uow, actor, engagement_id, step["stage"], _at(now, step), note=step["note"])
    if terms := record.get("terms"):
        agreed = ContractTerms(
            contract_type=terms["contract_type"],
            contract_amount=Decimal(terms["contract_amount"]),
            technology_amount=Decimal(terms["technology_amount"]),
            signed_on=today - timedelta(days=terms["signed_days_ago"]),
            benefit_terms=terms["benefit_terms"],
            ip_arrangement=terms["ip_arrangement"],
            ip_terms=terms["ip_terms"],
        )
        with platform.unit_of_work() as uow:
            record_terms(uow, _actor(platform, terms["by"]), engagement_id, agreed, _at(now, terms))
    if step := record.get("next_step"):
        with platform.unit_of_work() as uow:
            set_next_step(
                uow,
                _actor(platform, step["by"]),
                engagement_id,
                step["text"],
                today + timedelta(days=step["in_days"]),
                step["waits_for"],
                _at(now, step),
            )
    for task in record.get("tasks", ()):
        with platform.unit_of_work() as uow:
            due_on = today + timedelta(days=task["in_days"])
            actor = _actor(platform, task["by"])
            add_task(uow, actor, engagement_id, task["title"], due_on, task["role"], _at(now, task))
    if close := record.get("close"):
        with platform.unit_of_work() as uow:
            actor = _actor(platform, close["by"])
            close_engagement(uow, actor, engagement_id, close["outcome"], _at(now, close), note=close["note"])


def _at(now: datetime, record: dict[str, Any]) -> datetime:
    return now - timedelta(days=record["days_ago"])


def _actor(platform: Platform, user_id: str) -> Actor:
    with platform.reading() as session:
        return actor_of(session.get_one(User, user_id))

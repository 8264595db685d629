"""Interests and engagements, made through the services."""

from __future__ import annotations

from datetime import datetime

from matching.bootstrap import Platform
from matching.models import Suggestion
from matching.services.actor import Actor
from matching.services.interests import InterestEntry, accept_interest, express_interest

ASKING = {"name": "林工", "phone": "0750-8888001", "email": "lin@example.cn"}
ASKED = {"name": "丘教授", "phone": "020-8888002", "email": "qiu@example.edu.cn"}


def find_suggestion(platform: Platform, need_id: str, capability_id: str) -> str:
    """The id of the pair's suggestion."""
    with platform.reading() as session:
        return session.query(Suggestion).filter_by(need_id=need_id, capability_id=capability_id).one().id


def ask(
    platform: Platform,
    actor: Actor,
    target_id: str,
    now: datetime,
    *,
    own_id: str | None = None,
    organisation_id: str | None = None,
    aim: str = "希望做小试",
) -> str:
    """Express an interest; returns its id."""
    with platform.unit_of_work() as uow:
        entry = InterestEntry(aim=aim, timing="quarter", contact=ASKING)
        return express_interest(
            uow, actor, target_id, entry, now, platform.settings, own_id=own_id, organisation_id=organisation_id
        ).id


def engage(
    platform: Platform, asking: Actor, target_id: str, asked: Actor, now: datetime, *, own_id: str | None = None
) -> str:
    """Interest and its acceptance; returns the engagement's id."""
    interest_id = ask(platform, asking, target_id, now, own_id=own_id)
    with platform.unit_of_work() as uow:
        return accept_interest(uow, asked, interest_id, ASKED, now).id

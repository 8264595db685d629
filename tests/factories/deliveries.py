"""Hands over what is due, in this process, as the workers do."""

from __future__ import annotations

from datetime import datetime

from matching.bootstrap import Platform
from matching.notifying.delivering import deliver
from matching.notifying.planning import plan_deliveries
from matching.services.deliveries import due_deliveries


def deliver_everything(platform: Platform, now: datetime) -> list[str]:
    """Decide on new notifications and hand over what is due; returns the states that came of it."""
    with platform.unit_of_work() as uow:
        plan_deliveries(uow.session, now, mail=platform.mailer.available)
        uow.commit()
    with platform.reading() as session:
        due = due_deliveries(session, now)
    outcomes = [
        deliver(platform, delivery_id, now)
        for delivery_id, channel in due
        if channel != "mail" or platform.mailer.available
    ]
    return [outcome.state for outcome in outcomes if outcome is not None]

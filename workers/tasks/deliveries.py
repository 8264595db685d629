"""What leaves the platform: mails, messages to robots, calls of webhooks."""

from __future__ import annotations

import logging

from celery import shared_task

from matching.clock import utc_now
from matching.notifying.delivering import deliver
from matching.notifying.planning import plan_deliveries
from matching.services.deliveries import due_deliveries, give_up_mail
from workers.celery_app import MAIL_QUEUE
from workers.processes import get_platform

logger = logging.getLogger(__name__)

_AT_ONCE = 20
"""Few enough that even a server that answers slowly lets the task end within its time limit."""


@shared_task(name="duijie.send_deliveries", queue=MAIL_QUEUE)
def send_deliveries_task() -> int:
    """Decide on new notifications, then hand over what is due; returns how many were settled.

    A server that takes nothing ends the round for its channel: the rest would only wait for the same answer.
    """
    platform = get_platform()
    with platform.unit_of_work() as uow:
        if plan_deliveries(uow.session, utc_now(), mail=platform.mailer.available):
            uow.commit()
    if not platform.mailer.available:
        with platform.unit_of_work() as uow:
            give_up_mail(uow, utc_now())
    with platform.reading() as session:
        due = due_deliveries(session, utc_now(), mail=platform.mailer.available, limit=_AT_ONCE)
    settled = 0
    mail_away = False
    for delivery_id, channel in due:
        if channel == "mail" and mail_away:
            continue
        outcome = deliver(platform, delivery_id, utc_now())
        settled += outcome is not None
        mail_away = mail_away or (channel == "mail" and outcome is not None and outcome.server_wide)
    return settled

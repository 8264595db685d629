"""What leaves the platform: mails, messages to robots, calls of webhooks."""

from __future__ import annotations

import logging
import threading
import time

from celery import shared_task

from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.notifying.delivering import deliver
from matching.notifying.planning import is_planning_due, plan_deliveries
from matching.services.deliveries import due_deliveries, give_up_mail
from workers.celery_app import MAIL_QUEUE
from workers.processes import get_platform

logger = logging.getLogger(__name__)

_AT_ONCE = 100
_ROUND_SECONDS = 15.0
"""A round ends after this, however slow the other sides are: the worker's threads also drain the outbox."""

_underway = threading.Lock()


@shared_task(name="duijie.send_deliveries", queue=MAIL_QUEUE)
def send_deliveries_task() -> int:
    """Decide on new notifications, then hand over what is due; returns how many were settled.

    One round at a time in a process: a server that answers slowly must not take all of the worker's threads.
    """
    if not _underway.acquire(blocking=False):
        return 0
    try:
        return _round(get_platform())
    finally:
        _underway.release()


def _round(platform: Platform) -> int:
    """Reads first, since most rounds find nothing and should not wait for the write lock."""
    mail = platform.mailer.available
    with platform.reading() as session:
        planning = is_planning_due(session)
    if planning:
        with platform.unit_of_work() as uow:
            plan_deliveries(uow.session, utc_now(), mail=mail)
            uow.commit()
    with platform.reading() as session:
        due = due_deliveries(session, utc_now(), limit=_AT_ONCE)
    if not mail and any(channel == "mail" for _, channel in due):
        with platform.unit_of_work() as uow:
            give_up_mail(uow, utc_now())
    settled = 0
    until = time.monotonic() + _ROUND_SECONDS
    for delivery_id, channel in due:
        if time.monotonic() > until:
            break
        if channel == "mail" and not mail:
            continue
        outcome = deliver(platform, delivery_id, utc_now())
        settled += outcome is not None
        # A mail server that takes nothing would only give the rest the same answer.
        mail = mail and not (channel == "mail" and outcome is not None and outcome.server_wide)
    return settled

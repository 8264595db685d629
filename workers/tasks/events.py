"""Tasks of events: timetables, which are long, in a queue of their own; reminders."""

from __future__ import annotations

import logging

from celery import shared_task

from matching.clock import utc_now
from matching.errors import PartUnavailable
from matching.services.event_publication import remind_participants
from matching.services.mail_replies import read_mailbox
from matching.services.timetables import ELSEWHERE, compute_timetable
from matching.store.outbox import TIMETABLE, UPKEEP_QUEUE, last_open_id, postpone, settle
from workers.celery_app import TIMETABLES_QUEUE
from workers.processes import get_platform

logger = logging.getLogger(__name__)


@shared_task(name="duijie.compute_timetable", queue=TIMETABLES_QUEUE)
def compute_timetable_task(*, run_id: str) -> None:
    """Compute a timetable that was asked for; what fails for an unforeseen reason is tried again later."""
    platform = get_platform()
    with platform.reading() as reading:
        last_id = last_open_id(reading, TIMETABLE, run_id)
    try:
        status = compute_timetable(platform, run_id, utc_now)
    except Exception as error:
        logger.exception("the timetable %s failed; it will be tried again", run_id)
        with platform.unit_of_work() as uow:
            postpone(uow.session, TIMETABLE, run_id, f"{type(error).__name__}: {error}", utc_now())
            uow.commit()
        return
    if status == ELSEWHERE:
        with platform.unit_of_work() as uow:
            postpone(uow.session, TIMETABLE, run_id, "another worker is at it", utc_now(), away=True)
            uow.commit()
        return
    logger.info("the timetable %s ended: %s", run_id, status)
    with platform.unit_of_work() as uow:
        settle(uow.session, TIMETABLE, run_id, last_id, utc_now())
        uow.commit()


@shared_task(name="duijie.remind_participants", queue=UPKEEP_QUEUE)
def remind_participants_task() -> int:
    """Remind participants a day and an hour before their first meeting, once each."""
    platform = get_platform()
    with platform.unit_of_work() as uow:
        rules = platform.rules(uow.session)
        return remind_participants(uow, utc_now(), rules.settings, rules.texts)


@shared_task(name="duijie.read_mailbox", queue=UPKEEP_QUEUE)
def read_mailbox_task() -> int:
    """Take the answers to invitations that came by mail, where there is a mailbox; returns how many were taken."""
    try:
        return read_mailbox(get_platform(), utc_now())["answered"]
    except PartUnavailable as error:
        logger.warning("%s", error.message_en)
        return 0

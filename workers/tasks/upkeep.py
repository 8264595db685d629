"""Tasks that the calendar asks for. Each does a bounded piece of work and is sent again by the beat."""

from __future__ import annotations

import logging
from datetime import timedelta

from celery import shared_task

from matching.clock import utc_now
from matching.notifying.engagements import remind_of_next_steps, remind_of_registrations, remind_of_tasks
from matching.notifying.expiry import notify_expiry
from matching.notifying.interests import remind_of_interests
from matching.notifying.staff import remind_of_meeting_steps
from matching.notifying.suggestions import push_held_suggestions
from matching.services.attachments import forget_files
from matching.services.interests import lapse_interests
from matching.services.open_records import note_open_records
from matching.services.posts import expire_posts
from matching.services.reconcile import reconcile
from matching.services.report_tallies import count_reports
from matching.services.retention import apply_retention
from matching.services.statistics import refresh_statistics
from matching.store.outbox import UPKEEP_QUEUE, forget_done
from workers.celery_app import MATCHING_QUEUE
from workers.processes import get_platform

logger = logging.getLogger(__name__)


@shared_task(name="duijie.expire_posts", queue=UPKEEP_QUEUE)
def expire_posts_task() -> int:
    """Move posts whose date has passed to expired."""
    platform = get_platform()
    with platform.unit_of_work() as uow:
        expired = expire_posts(uow, utc_now())
    return len(expired)


@shared_task(name="duijie.notify_expiry", queue=UPKEEP_QUEUE)
def notify_expiry_task() -> int:
    """Tell owners whose posts will expire soon, once for each lifetime."""
    platform = get_platform()
    with platform.unit_of_work() as uow:
        return notify_expiry(uow, utc_now(), platform.rules(uow.session).settings)


@shared_task(name="duijie.push_held_suggestions", queue=UPKEEP_QUEUE)
def push_held_suggestions_task() -> int:
    """Tell experts whose week has room again."""
    platform = get_platform()
    with platform.unit_of_work() as uow:
        told = push_held_suggestions(uow.session, utc_now(), platform.rules(uow.session).settings)
        uow.commit()
    return told


@shared_task(name="duijie.lapse_interests", queue=UPKEEP_QUEUE)
def lapse_interests_task() -> int:
    """End interests that nobody answered in time."""
    platform = get_platform()
    with platform.unit_of_work() as uow:
        return len(lapse_interests(uow, utc_now()))


@shared_task(name="duijie.remind", queue=UPKEEP_QUEUE)
def remind_task() -> int:
    """Remind people of interests that wait for their answer, of what they are to do next, and of contracts that are to
    be registered.
    """
    platform = get_platform()
    with platform.unit_of_work() as uow:
        reminded = remind_of_interests(uow, utc_now(), platform.rules(uow.session).settings)
    with platform.unit_of_work() as uow:
        settings = platform.rules(uow.session).settings
        days = settings.task_reminder_days
        for remind in (remind_of_tasks, remind_of_next_steps, remind_of_meeting_steps):
            reminded += remind(uow, utc_now(), days=days)
        return reminded + remind_of_registrations(uow, utc_now(), settings)


@shared_task(name="duijie.refresh_statistics", queue=MATCHING_QUEUE)
def refresh_statistics_task() -> None:
    """Count terms and mean vectors over the present posts."""
    refresh_statistics(get_platform(), utc_now())


@shared_task(name="duijie.count_reports", queue=UPKEEP_QUEUE)
def count_reports_task() -> int:
    """Count beforehand what reports show."""
    return count_reports(get_platform(), utc_now())


@shared_task(name="duijie.reconcile", queue=MATCHING_QUEUE)
def reconcile_task() -> int:
    """Find posts whose index entry or suggestions do not match the database, and owe them anew."""
    report = reconcile(get_platform(), utc_now())
    if report.healed:
        logger.warning("reconciler: %s", report)
    return report.healed


@shared_task(name="duijie.note_open_records", queue=UPKEEP_QUEUE)
def note_open_records_task() -> int:
    """Note what became of the records that programs collect."""
    return note_open_records(get_platform(), utc_now())


@shared_task(name="duijie.forget", queue=UPKEEP_QUEUE)
def forget_task() -> None:
    """Delete what is over, by the periods of the settings: personal data first, then settled outbox rows and files."""
    platform = get_platform()
    now = utc_now()
    apply_retention(platform, now)
    with platform.unit_of_work() as uow:
        forget_done(uow.session, now - timedelta(days=30))
        uow.commit()
    forget_files(platform, now)

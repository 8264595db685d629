"""Tasks of uploaded files."""

from __future__ import annotations

from celery import shared_task

from matching.clock import utc_now
from matching.services.import_jobs import bring_import_on
from matching.store.outbox import IMPORT, postpone
from workers.celery_app import IMPORTS_QUEUE
from workers.processes import get_platform


@shared_task(name="duijie.bring_import_on", queue=IMPORTS_QUEUE)
def bring_import_on_task(*, job_id: str) -> None:
    """Read the file, or put its rows in. May run twice: rows that are in are passed over."""
    platform = get_platform()
    if not bring_import_on(platform, job_id, utc_now):
        with platform.unit_of_work() as uow:
            postpone(uow.session, IMPORT, job_id, "another task is at it", utc_now(), away=True)
            uow.commit()

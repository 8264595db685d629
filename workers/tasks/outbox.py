"""Tasks that settle what commits owe. Each reloads by id, delegates to a service and may run twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from celery import shared_task

from matching.bootstrap import Platform
from matching.clock import utc_now
from matching.errors import PartUnavailable
from matching.giving_way import SomeoneWaits
from matching.services.suggestions import ListsChanged, rank_post, refresh_post
from matching.store.outbox import (
    DRAIN_TASK,
    IMPORT,
    POST_CHANGED,
    RANKING,
    TIMETABLE,
    UPKEEP_QUEUE,
    claim_due,
    last_open_id,
    postpone,
)
from workers.celery_app import FIRST, IMPORTS_QUEUE, LAST, MATCHING_QUEUE, TIMETABLES_QUEUE
from workers.processes import get_platform

logger = logging.getLogger(__name__)

RANKING_GIVES_WAY_SECONDS = 1.0
"""A ranking waits so long at most, its steps together, for moments in which no page is made. It takes some tenths
of a second itself, so on the busiest day lists are still ranked, and a post published then waits no longer."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What settles a topic: the task, the name of its argument, where it runs and before what."""

    task: str
    argument: str
    queue: str
    priority: int = FIRST


_TASKS = {
    POST_CHANGED: _Work("duijie.refresh_post", "post_id", MATCHING_QUEUE),
    RANKING: _Work("duijie.rank_post", "post_id", MATCHING_QUEUE, LAST),
    IMPORT: _Work("duijie.bring_import_on", "job_id", IMPORTS_QUEUE),
    TIMETABLE: _Work("duijie.compute_timetable", "run_id", TIMETABLES_QUEUE),
}


@shared_task(name=DRAIN_TASK, queue=UPKEEP_QUEUE)
def drain_outbox() -> int:
    """Claim what is due and send a task for each; returns how many."""
    from workers.celery_app import app

    platform = get_platform()
    with platform.unit_of_work() as uow:
        claims = claim_due(uow.session, utc_now())
        uow.commit()
    for claim in claims:
        work = _TASKS[claim.topic]
        app.send_task(work.task, kwargs={work.argument: claim.subject_id}, queue=work.queue, priority=work.priority)
    return len(claims)


@shared_task(name="duijie.refresh_post", queue=MATCHING_QUEUE)
def refresh_post_task(*, post_id: str) -> None:
    """Bring index, suggestions and inboxes in line with a post."""
    _settle_or_postpone(POST_CHANGED, post_id, refresh_post)


@shared_task(name="duijie.rank_post", queue=MATCHING_QUEUE)
def rank_post_task(*, post_id: str) -> None:
    """Rank a post anew, since others around it changed; nobody waits for that, so it gives way to pages."""
    give_way = SomeoneWaits(get_platform().settings.data_dir).patience(RANKING_GIVES_WAY_SECONDS)
    _settle_or_postpone(RANKING, post_id, partial(rank_post, give_way=give_way))


def _settle_or_postpone(topic: str, post_id: str, service: Callable[[Platform, str, datetime], None]) -> None:
    """Run the service; on failure keep the outbox rows for a later try, with the reason in them."""
    platform = get_platform()
    try:
        with platform.reading() as session:
            if not last_open_id(session, topic, post_id):
                return  # a task before this one settled its rows, too
        service(platform, post_id, utc_now())
    except Exception as error:
        away = isinstance(error, PartUnavailable | ListsChanged)
        if away:
            logger.warning("%s of %s waits: %s", topic, post_id, error)
        else:
            logger.exception("%s of %s failed; it will be tried again", topic, post_id)
        with platform.unit_of_work() as uow:
            postpone(uow.session, topic, post_id, f"{type(error).__name__}: {error}", utc_now(), away=away)
            uow.commit()

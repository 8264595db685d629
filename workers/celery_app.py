"""The Celery application. `celery -A workers.celery_app worker -Q matching --pool solo`."""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_init
from kombu.entity import Queue

from matching.settings import Settings, load_settings
from matching.store.outbox import UPKEEP_QUEUE
from workers.redis_transport import use_safe_transport
from workers.schedule import BEAT_SCHEDULE

MATCHING_QUEUE = "matching"
"""Embeds and ranks; its workers hold the model and run one task at a time."""
MAIL_QUEUE = "mail"
IMPORTS_QUEUE = "imports"
"""Reads files that strangers made, in a process of its own: what one costs in memory, others do not pay."""
TIMETABLES_QUEUE = "timetables"
"""Solves for up to two minutes with both cores; its worker runs one at a time, so that nothing else waits for it."""

FIRST, LAST = 0, 6
"""Priorities within a queue: a post that somebody just published goes before rankings that are only owed."""

VISIBILITY_TIMEOUT_SECONDS = 3600
"""Redis gives a task to another worker after this; no task of ours may run as long."""
TASK_TIME_LIMIT_SECONDS = 900


def make_celery(settings: Settings) -> Celery:
    """The application on the settings' broker; connects to nothing yet."""
    use_safe_transport()
    celery = Celery(
        "duijie",
        broker=settings.redis_url,
        include=[
            "workers.tasks.outbox",
            "workers.tasks.imports",
            "workers.tasks.upkeep",
            "workers.tasks.events",
            "workers.tasks.deliveries",
        ],
    )
    celery.conf.update(
        # The outbox says what was done; a result store would only be a second truth.
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=UPKEEP_QUEUE,
        task_queues=[
            Queue(UPKEEP_QUEUE),
            Queue(MATCHING_QUEUE),
            Queue(MAIL_QUEUE),
            Queue(TIMETABLES_QUEUE),
            Queue(IMPORTS_QUEUE),
        ],
        # Every task may run twice without harm, so it is acknowledged when done and comes back when a worker dies.
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_time_limit=TASK_TIME_LIMIT_SECONDS,
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "visibility_timeout": VISIBILITY_TIMEOUT_SECONDS,
            "priority_steps": [FIRST, LAST],
            "queue_order_strategy": "priority",
            "socket_connect_timeout": 2,
            "socket_timeout": 30,
            "health_check_interval": 15,
        },
        # Digests and deadlines are local times of China, whatever the host's zone.
        timezone="Asia/Shanghai",
        enable_utc=True,
        beat_schedule=BEAT_SCHEDULE,
        beat_schedule_filename=str(settings.data_dir / "beat-schedule"),
        worker_send_task_events=False,
    )
    return celery


app = make_celery(load_settings())


@worker_init.connect
def _prepare(**_: Any) -> None:
    import workers.observing  # noqa: F401 - connects its signals
    from matching.garbage import collect_seldom
    from workers.processes import prepare_worker

    collect_seldom()
    prepare_worker()


@setup_logging.connect
def _log(**_: Any) -> None:
    from matching.observing.logs import configure_logs

    configure_logs(load_settings().log_level)

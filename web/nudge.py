"""Wakes the workers after a commit: one small message, never waited for long."""

from __future__ import annotations

from celery import Celery

from matching.settings import Settings
from matching.store.outbox import DRAIN_TASK, UPKEEP_QUEUE
from matching.store.unit_of_work import Nudge


def make_nudge(settings: Settings) -> Nudge:
    """A nudge over the settings' broker. When the broker is away it fails within a second, and the beat takes over."""
    producer = Celery("duijie-web", broker=settings.redis_url, set_as_current=False)
    producer.conf.update(
        task_ignore_result=True,
        broker_connection_timeout=0.5,
        broker_transport_options={"socket_connect_timeout": 0.5, "socket_timeout": 0.5, "max_retries": 0},
    )

    def nudge() -> None:
        producer.send_task(DRAIN_TASK, queue=UPKEEP_QUEUE, expires=60, retry=False, ignore_result=True)

    return nudge

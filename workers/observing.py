"""Each task's log lines carry its name and id, and its duration is counted."""

from __future__ import annotations

import contextlib
import time
from functools import cache
from typing import Any

import structlog
from celery.signals import task_postrun, task_prerun
from redis import Redis
from redis.exceptions import RedisError

from matching.observing.task_durations import record_task
from matching.settings import load_settings

_began: dict[str, float] = {}


@cache
def _client() -> Any:
    # Counting is worth a moment, not a wait: without Redis there is no next task anyway.
    return Redis.from_url(load_settings().redis_url, socket_connect_timeout=0.5, socket_timeout=0.5)


@task_prerun.connect
def begin_task(task_id: str, task: Any, **_: Any) -> None:
    """Name the task in all that is logged from here on."""
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(task=task.name, task_id=task_id)
    _began[task_id] = time.monotonic()


@task_postrun.connect
def end_task(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    """Count how long it took."""
    began = _began.pop(task_id, None)
    if began is not None:
        with contextlib.suppress(RedisError):
            record_task(_client(), task.name, state or "UNKNOWN", time.monotonic() - began)
    structlog.contextvars.clear_contextvars()

"""The platform of a worker process, made once, after any fork."""

from __future__ import annotations

import os

from matching.bootstrap import Platform, build_platform
from matching.notifying.live_count import make_announcement
from matching.observing.parts import say_what_is_wrong
from matching.settings import load_settings
from matching.store.outbox import DRAIN_TASK, UPKEEP_QUEUE

_platforms: dict[int, Platform] = {}


def get_platform() -> Platform:
    """This process's platform. Keyed by process id, so a forked child makes its own."""
    process = os.getpid()
    if process not in _platforms:
        _platforms.clear()
        settings = load_settings()
        _platforms[process] = build_platform(settings, nudge_workers)
        _platforms[process].announce = make_announcement(settings.redis_url)
    return _platforms[process]


def nudge_workers() -> None:
    """Ask for the outbox to be drained now."""
    from workers.celery_app import app

    app.send_task(DRAIN_TASK, queue=UPKEEP_QUEUE, expires=60, retry=False)


def prepare_worker() -> None:
    """Before the first task: the data folder exists, and what is wrong with the parts is said."""
    load_settings().data_dir.mkdir(parents=True, exist_ok=True)
    say_what_is_wrong(get_platform())

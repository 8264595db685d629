"""What an application server loads: `gunicorn "web.wsgi:make_app()"`."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from matching.bootstrap import build_platform
from matching.giving_way import SomeoneWaits
from matching.observing.logs import configure_logs
from matching.observing.parts import say_what_is_wrong
from matching.settings import Settings, load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from flask import Flask

_FORGET_HOST_SECONDS = 7 * 24 * 3600.0
"""Counts of another host that did not change for so long belong to a container that is gone."""


READ_AT_ONCE = 3
"""Pages that one process makes at the same time. Threads share one interpreter: eight pages at once all end late, and
the processor is busy changing between them. Not one, for a page may wait for a database or an index elsewhere."""


class FewAtOnce:
    """Lets a few requests that only read be worked on at a time, and the others wait for their turn.

    The server's threads are more, so that slow connections hold up nobody: they wait outside. What sends a body is not
    counted, since the body may come slowly, and neither is a stream once it has begun. While one is worked on, `sign`
    tells workers of the same machine that somebody waits.
    """

    def __init__(self, application: WSGIApplication, most: int, sign: SomeoneWaits) -> None:
        self._application = application
        self._turns = threading.Semaphore(most)
        self._sign = sign

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return self._application(environ, start_response)
        with self._turns, self._sign.raised():
            return self._application(environ, start_response)


_prepared: list[Flask] = []
"""The application that the server made for the processes it starts; in each of them it is that process's own."""


def make_app() -> Flask:
    """The application over the settings of the environment; called once in each worker process, after the fork."""
    app = _prepared[0] if _prepared else _put_together(load_settings(), server=os.getppid())
    platform = app.extensions["duijie.platform"]
    say_what_is_wrong(platform)
    _end_streams_when_stopped(app)
    sign = SomeoneWaits(platform.settings.data_dir)
    app.wsgi_app = FewAtOnce(app.wsgi_app, READ_AT_ONCE, sign)  # type: ignore[method-assign]
    return app


def prepare_app(settings: Settings, *, server: int) -> None:
    """Make the application, and load what it needs, for all processes that are forked from this one to share.

    Nothing of it has a thread or an open connection. `server` is the process id of the application server.
    """
    app = _put_together(settings, server=server)
    app.extensions["duijie.platform"].prepare_to_fork()
    # Now, so that the first who asks need not wait: to describe the API, and to compile a page's templates.
    app.extensions["duijie.api_document"].to_dict()
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)
    _prepared[:] = [app]


def _put_together(settings: Settings, *, server: int) -> Flask:
    configure_logs(settings.log_level)
    # The counting library chooses its folder when it is imported, which loading the application does.
    count_together(settings, server=server)
    from matching.notifying.live_count import make_announcement
    from web.app import create_app
    from web.nudge import make_nudge

    platform = build_platform(settings, make_nudge(settings))
    platform.announce = make_announcement(settings.redis_url)
    return create_app(platform)


def _end_streams_when_stopped(app: Flask) -> None:
    """Let a server that is told to stop not wait for open streams: they end at once, and browsers come back later."""
    former = signal.getsignal(signal.SIGTERM)
    if not callable(former) or threading.current_thread() is not threading.main_thread():
        return

    def stop(number: int, frame: FrameType | None) -> None:
        app.extensions["duijie.streams"].stop()
        former(number, frame)

    signal.signal(signal.SIGTERM, stop)


def count_together(settings: Settings, *, server: int) -> None:
    """Let the processes of a server, named by its process id, count requests in one folder.

    prometheus_client looks for it once, when it is imported, so nothing that imports it may be imported before.
    Containers that share the data folder, and whose servers all have the process id 1, keep apart by their host names.
    """
    kept = settings.data_dir / "metrics"
    host = socket.gethostname()
    for folder in kept.glob("*"):
        place, _, process = folder.name.rpartition("-")
        ended = process.isdecimal() and int(process) != server and not Path(f"/proc/{process}").exists()
        if ended if place == host else _last_change(folder) < time.time() - _FORGET_HOST_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)
    own = kept / f"{host}-{server}"
    own.mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(own)


def _last_change(folder: Path) -> float:
    """When something in it was written, in seconds since the epoch; now where it vanishes meanwhile."""
    try:
        return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))
    except OSError:
        return time.time()

"""What an application server loads: `gunicorn "web.wsgi:make_app()"`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from matching.bootstrap import build_platform
from matching.observing.logs import configure_logs
from matching.observing.parts import say_what_is_wrong
from matching.settings import Settings, load_settings

if TYPE_CHECKING:
    from flask import Flask


def make_app() -> Flask:
    """The application over the settings of the environment; called once in each worker process, after the fork."""
    settings = load_settings()
    configure_logs(settings.log_level)
    _count_together(settings)
    from web.app import create_app
    from web.nudge import make_nudge

    platform = build_platform(settings, make_nudge(settings))
    say_what_is_wrong(platform)
    return create_app(platform)


def _count_together(settings: Settings) -> None:
    """Let the processes of this server count requests in one folder. prometheus_client looks for it once, when it is
    imported, so nothing that imports it may be imported before.
    """
    kept = settings.data_dir / "metrics"
    server = os.getppid()
    for folder in kept.glob("*"):
        if folder.name.isdecimal() and int(folder.name) != server and not Path(f"/proc/{folder.name}").exists():
            shutil.rmtree(folder, ignore_errors=True)
    (kept / str(server)).mkdir(parents=True, exist_ok=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(kept / str(server))

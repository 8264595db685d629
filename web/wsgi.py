"""What an application server loads: `gunicorn "web.wsgi:make_app()"`."""

from __future__ import annotations

from flask import Flask

from matching.bootstrap import build_platform
from matching.settings import load_settings
from web.app import create_app
from web.nudge import make_nudge


def make_app() -> Flask:
    """The application over the settings of the environment; called once in each worker process, after the fork."""
    settings = load_settings()
    return create_app(build_platform(settings, make_nudge(settings)))

"""Settings of the web server: `gunicorn --config python:web.server "web.wsgi:make_app()"`.

The server's own process loads the code, the application, the dictionary of words and the encoder before it starts the
others, which share that memory with it. Nothing that holds a thread or a connection is made before they fork.
"""

from __future__ import annotations

import gc
import os
from typing import Any

worker_class = "gthread"
workers = 2
threads = 8
timeout = 60
keepalive = 30


def on_starting(_server: Any) -> None:
    """Load what all processes share; called once, before the first is started."""
    from matching.garbage import collect_seldom
    from matching.settings import load_settings
    from web.wsgi import prepare_app

    prepare_app(load_settings(), server=os.getpid())
    from matching.text.words import query_words

    query_words("技术")
    # What is there now is kept out of collections, which would write to every object and so copy its page.
    gc.collect()
    gc.freeze()
    collect_seldom()

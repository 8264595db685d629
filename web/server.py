"""Settings of the web server: `gunicorn --config python:web.server "web.wsgi:make_app()"`.

The server's own process loads the code and the dictionary of words before it starts the others, which share that memory
with it. Nothing that holds a thread, a connection or the encoder is made before they fork.
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
    from matching.settings import load_settings
    from web.wsgi import count_together

    # The counting library chooses its folder when it is imported, which loading the application does.
    count_together(load_settings(), server=os.getpid())
    import web.app  # noqa: F401
    from matching.text.words import query_words

    query_words("技术")
    # What is there now is kept out of collections, which would write to every object and so copy its page.
    gc.collect()
    gc.freeze()

"""The count of unread messages as it changes: server-sent events, for as many readers as the server can afford."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import cast

from flask import Blueprint, Flask, Response, current_app
from flask_login import current_user

from matching.bootstrap import Platform
from matching.queries.notifications import count_unread
from matching.services.accounts import find_session_user, token_hash
from web.live_streams import LiveStreams, events_of
from web.reader import Clock, platform

live = Blueprint("live", __name__)


def install_live(app: Flask, parts: Platform) -> None:
    """Keep the process's streams where the view finds them."""
    app.extensions["duijie.streams"] = LiveStreams(parts.settings.redis_url, parts.settings.live_streams)


@live.get("/inbox/live")
def stream_unread() -> Response:
    """A stream of the reader's count. 204 tells a browser not to come back: it is not signed in, or there is no place.

    Its page asks every minute in any case.
    """
    streams = cast(LiveStreams, current_app.extensions["duijie.streams"])
    if not current_user.is_authenticated:
        return _no_stream()
    token, user_id = current_user.token, current_user.user_id
    key = token_hash(token)
    stream = streams.open(key, user_id)
    if stream is None:
        return _no_stream()
    parts = platform()
    clock = cast(Clock, current_app.extensions["duijie.clock"])
    unused_for = timedelta(hours=parts.settings.session_hours)

    def count() -> int | None:
        # Each time anew: a stream must not outlive the sign-in.
        with parts.reading() as reading:
            if find_session_user(reading, token, clock(), unused_for=unused_for) is None:
                return None
            return count_unread(reading, user_id)

    def events() -> Iterator[str]:
        try:
            yield from events_of(stream, count)
        finally:
            streams.close(key, stream)

    answer = Response(events(), mimetype="text/event-stream")
    # Closing is also done when the answer is never read at all.
    answer.call_on_close(lambda: streams.close(key, stream))
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def _no_stream() -> Response:
    answer = Response(status=204)
    answer.headers["Cache-Control"] = "no-store"
    return answer

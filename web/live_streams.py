"""Open streams of this process: each holds a thread of the server, so there are few, they are short, and none waits.

A stream that does not get a place is told so at once, and its page goes on asking every minute. A second stream of the
same sign-in takes the place of the first: who walks from page to page leaves no dead ones behind.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator

from redis.exceptions import RedisError

from matching.notifying.live_count import EVERYBODY, listen

logger = logging.getLogger(__name__)

Listen = Callable[[str, threading.Event], Iterator[frozenset[str] | None]]

LIFETIME_SECONDS = 40.0
"""Below the minute after which servers and proxies cut silent connections; the browser comes back by itself."""
HEARTBEAT_SECONDS = 5.0
"""Writing is how a server notices that nobody reads any more."""
RETRY_MILLISECONDS = 3000
_LISTEN_AGAIN_SECONDS = 5.0


class LiveStream:
    """One reader's place. `wait` returns True when their count has changed."""

    def __init__(self, user_id: str) -> None:
        self.user_id = user_id
        self._changed = threading.Event()
        self.ended = False

    def tell(self) -> None:
        """Their count has changed."""
        self._changed.set()

    def end(self) -> None:
        """Somebody else has the place now, or the process stops."""
        self.ended = True
        self._changed.set()

    def wait(self, seconds: float) -> bool:
        """Until something has changed, or for so long."""
        changed = self._changed.wait(seconds)
        self._changed.clear()
        return changed and not self.ended


class LiveStreams:
    """The places of one process, and the one connection to Redis that serves them all; made at the first stream."""

    def __init__(self, redis_url: str, most: int, *, hear: Listen = listen) -> None:
        self._redis_url = redis_url
        self._most = most
        self._hear = hear
        self._lock = threading.Lock()
        self._streams: dict[str, LiveStream] = {}
        self._listener: threading.Thread | None = None
        self._stopped = threading.Event()

    def open(self, key: str, user_id: str) -> LiveStream | None:
        """A place for the sign-in `key`, in place of its former one; None when all are taken."""
        with self._lock:
            former = self._streams.pop(key, None)
            if former is not None:
                former.end()
            elif len(self._streams) >= self._most:
                return None
            stream = self._streams[key] = LiveStream(user_id)
            if self._listener is None or not self._listener.is_alive():
                self._listener = threading.Thread(target=self._listen, name="live-streams", daemon=True)
                self._listener.start()
            return stream

    def close(self, key: str, stream: LiveStream) -> None:
        """Give the place back, unless a later stream has it already."""
        with self._lock:
            if self._streams.get(key) is stream:
                del self._streams[key]

    def count(self) -> int:
        """How many places are taken."""
        with self._lock:
            return len(self._streams)

    def stop(self) -> None:
        """End all streams and the listening."""
        self._stopped.set()
        with self._lock:
            for stream in self._streams.values():
                stream.end()
            self._streams.clear()

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                for changed in self._hear(self._redis_url, self._stopped):
                    if changed is not None:
                        self._spread(changed)
            except RedisError as error:
                logger.info("Redis is away (%s); pages ask by themselves meanwhile", type(error).__name__)
                self._stopped.wait(_LISTEN_AGAIN_SECONDS)

    def _spread(self, changed: frozenset[str]) -> None:
        with self._lock:
            told = [one for one in self._streams.values() if EVERYBODY in changed or one.user_id in changed]
        for stream in told:
            stream.tell()


def events_of(
    stream: LiveStream, count: Callable[[], int | None], *, lifetime: float = LIFETIME_SECONDS
) -> Iterator[str]:
    """What is written to the reader: their count at once and whenever it has changed, a heartbeat between, and the end.

    `count` gives None when the sign-in has ended; then the stream ends too.
    """
    yield f"retry: {RETRY_MILLISECONDS}\n\n"
    deadline = time.monotonic() + lifetime
    shown: int | None = None
    changed = True
    while not stream.ended:
        if changed:
            present = count()
            if present is None:
                return
            if present != shown:
                shown = present
                yield f"event: unread\ndata: {present}\n\n"
        left = deadline - time.monotonic()
        if left <= 0:
            return
        changed = stream.wait(min(left, HEARTBEAT_SECONDS))
        if not changed:
            yield ": \n\n"

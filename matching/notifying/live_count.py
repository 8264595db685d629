"""Tells the web processes, over Redis, whose count of unread messages has changed.

Nothing depends on it: a message that gets lost is made up for by the page, which asks again by itself.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator

from redis import Redis
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

CHANNEL = "duijie:inboxes"
MOST_NAMED = 1000
"""People named in one message; with more all pages look for themselves."""
EVERYBODY = "*"


def make_announcement(redis_url: str) -> Callable[[frozenset[str]], None]:
    """What a unit of work calls after its commit. When Redis is away it gives up within half a second, in silence."""
    client = Redis.from_url(redis_url, socket_connect_timeout=0.5, socket_timeout=0.5)

    def announce(user_ids: frozenset[str]) -> None:
        named = sorted(user_ids) if len(user_ids) <= MOST_NAMED else [EVERYBODY]
        try:
            client.publish(CHANNEL, json.dumps(named))
        except RedisError as error:
            logger.info("open pages were not told (%s); they ask by themselves", type(error).__name__)

    return announce


def listen(redis_url: str, stopped: threading.Event) -> Iterator[frozenset[str] | None]:
    """Whose count has changed, as it is announced, until `stopped`; None about once a second when nothing was.

    Raises RedisError when the connection is lost.
    """
    client = Redis.from_url(redis_url, socket_connect_timeout=2, socket_timeout=10)
    pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]
    pubsub.subscribe(CHANNEL)
    try:
        while not stopped.is_set():
            message = pubsub.get_message(timeout=1.0)
            if message is None:
                yield None
                continue
            try:
                yield frozenset(str(one) for one in json.loads(message["data"]))
            except (ValueError, TypeError):
                yield frozenset((EVERYBODY,))
    finally:
        pubsub.close()
        client.close()

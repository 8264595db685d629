"""Kombu's Redis transport, made to survive the loss of Redis.

When the connection breaks, kombu 5.7 takes the transport apart while threads still use its channels: to acknowledge, to
send, to
hand back what was delivered. They then meet `AttributeError: 'NoneType' object has no attribute 'hostname'`, which no
caller expects, and the worker ends. Here they meet what it is, a lost connection, which every caller handles.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis
from redis.exceptions import ConnectionError as RedisConnectionError


class Channel(redis.Channel):
    """Raises redis.ConnectionError when it is used after its connection was taken apart."""

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        if self.connection is None or self.connection.client is None:
            raise RedisConnectionError("the connection of this channel was closed")
        parameters: dict[str, Any] = super()._connparams(asynchronous=asynchronous)
        return parameters


class Transport(redis.Transport):
    """With our channel."""

    Channel = Channel


def use_safe_transport() -> None:
    """Let `redis://` addresses of this process mean this transport."""
    TRANSPORT_ALIASES["redis"] = f"{__name__}:Transport"

"""A channel whose connection was taken apart says so in a way that every caller handles."""

from __future__ import annotations

import pytest
from celery import Celery
from kombu.transport import get_transport_cls
from redis.exceptions import ConnectionError as RedisConnectionError

from workers.celery_app import app
from workers.redis_transport import Channel, Transport


def test_the_application_uses_it() -> None:
    assert get_transport_cls("redis") is Transport
    assert isinstance(app, Celery)


@pytest.mark.parametrize("part", ["connection", "client"])
def test_a_closed_channel_is_a_lost_connection(part: str) -> None:
    connection = app.connection_for_write("redis://127.0.0.1:1/0")
    transport = connection.transport
    channel = object.__new__(Channel)  # a real one would connect
    channel.connection = transport
    if part == "connection":
        channel.connection = None
    else:
        transport.client = None
    with pytest.raises(RedisConnectionError):
        channel._connparams()
    assert issubclass(RedisConnectionError, transport.connection_errors)

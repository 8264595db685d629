"""Limits in a real Redis: all processes count together, go on alone when it is away, and together again afterwards."""

from __future__ import annotations

import itertools
from datetime import datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.factories.platforms import make_platform
from tests.servers.redis import RedisServer
from web import limits
from web.app import create_app

pytestmark = pytest.mark.integration


def test_two_processes_count_together_and_survive_a_lost_redis(
    redis_server: RedisServer, tmp_path: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform(
        tmp_path / "data",
        mode="production",
        secret_key="s" * 40,
        rate_limits=True,
        redis_url=redis_server.url,
        api_limit="1/minute",
    )
    one, other = (create_app(platform, clock=lambda: now).test_client() for _ in range(2))

    def ask(client: FlaskClient) -> int:
        return client.get("/api/v1/needs").status_code

    asked = [ask(client) for client in itertools.islice(itertools.cycle((one, other)), limits.ADDRESS_FACTOR)]
    assert asked == [200] * limits.ADDRESS_FACTOR
    assert [ask(one), ask(other)] == [429, 429]

    redis_server.stop(kill=True)
    assert [ask(one), ask(other)] == [200, 200]  # each for itself now, and never a 500
    assert [ask(one) for _ in range(limits.ADDRESS_FACTOR)] == [200] * (limits.ADDRESS_FACTOR - 1) + [429]

    monkeypatch.setattr(limits, "WITHOUT_REDIS_SECONDS", 0.0)
    redis_server.lose_data()
    redis_server.start()
    fresh = create_app(platform, clock=lambda: now).test_client()
    assert ask(fresh) == 200
    told = create_app(platform, clock=lambda: now).test_client().get("/api/v1/needs").headers["RateLimit"]
    assert told.startswith(f'"api";r={limits.ADDRESS_FACTOR - 2};')
    platform.close()

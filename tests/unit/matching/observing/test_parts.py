"""What is wrong with the parts is said at start, with the remedy, and stops nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from matching.observing.parts import say_what_is_wrong
from matching.search.port import IndexStatus
from tests.factories.platforms import make_platform
from tests.servers.redis import start_redis


def test_nothing_is_said_when_all_is_well(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with start_redis(tmp_path / "redis") as server:
        platform = make_platform(tmp_path, redis_url=server.url)
        with caplog.at_level(logging.WARNING, logger="matching.observing"):
            say_what_is_wrong(platform)
    assert [record.message for record in caplog.records if record.name.startswith("matching.observing")] == []


def test_a_server_of_another_major_version_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform(tmp_path, redis_url="redis://:hidden@127.0.0.1:1/0")
    status = IndexStatus(
        ready=False, engine="elasticsearch", version="8.19.8", entries=0, detail="server 8.19.8, client 9.4.1",
        remedy="run Elasticsearch 9.x with the Python client 9.x",
    )  # fmt: skip
    monkeypatch.setattr(type(platform.index), "status", lambda _: status)
    with caplog.at_level(logging.WARNING, logger="matching.observing"):
        say_what_is_wrong(platform)
    said = [record.getMessage() for record in caplog.records if record.name.startswith("matching.observing")]
    assert said[0] == (
        "index elasticsearch 8.19.8 is not usable: server 8.19.8, client 9.4.1 "
        "→ run Elasticsearch 9.x with the Python client 9.x"
    )
    assert [line.split()[0] for line in said] == ["index", "redis"]
    assert "DUIJIE_REDIS_URL" in said[1]
    assert "hidden" not in said[1]

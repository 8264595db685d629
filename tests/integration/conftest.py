"""Real servers for all integration tests; each is started when first needed and shared by the session."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.elasticsearch import ElasticsearchServer, ServerMissing, start_elasticsearch
from tests.servers.postgresql import PostgresqlMissing, PostgresqlServer, start_postgresql
from tests.servers.redis import RedisServer, start_redis

SHORT_CHAOS_POSTS = 60


def pytest_addoption(parser: pytest.Parser) -> None:
    """How long the failure test runs, and with which seed."""
    parser.addoption("--chaos-posts", type=int, default=SHORT_CHAOS_POSTS, help="posts published by the failure test")
    parser.addoption("--chaos-seed", type=int, default=4, help="seed of the failure test")


@pytest.fixture(scope="session")
def elasticsearch_server() -> Iterator[ElasticsearchServer]:
    """One real server for all tests of the session; each test has an index prefix of its own."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(start_elasticsearch())
        except ServerMissing as missing:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"no Elasticsearch: {missing}")
        yield server


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgresqlServer]:
    """One real server for all tests of the session; each test has a database of its own."""
    with contextlib.ExitStack() as stack:
        try:
            server = stack.enter_context(start_postgresql())
        except PostgresqlMissing as missing:
            if os.environ.get("CI") == "true":
                raise
            pytest.skip(f"no PostgreSQL: {missing}")
        yield server


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server for one test."""
    with start_redis(tmp_path / "redis") as server:
        yield server


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the test once per database. Platforms that are made without naming one use this database too."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'database' / 'duijie.db'}"
    else:
        url = request.getfixturevalue("postgresql_server").create_database()
    monkeypatch.setenv("DUIJIE_DATABASE_URL", url)
    return url

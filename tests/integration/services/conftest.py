"""These tests run on PostgreSQL what the unit tests run on SQLite."""

from __future__ import annotations

import pytest

from tests.servers.postgresql import PostgresqlServer


@pytest.fixture
def on_postgresql(postgresql_server: PostgresqlServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every platform that the test makes uses a new database on PostgreSQL."""
    url = postgresql_server.create_database()
    monkeypatch.setenv("DUIJIE_DATABASE_URL", url)
    return url

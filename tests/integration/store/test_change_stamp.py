"""On both databases the stamp changes with every commit and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from matching.store.change_stamp import ChangeStamp
from matching.store.engine import open_engine
from tests.servers.postgresql import PostgresqlServer

pytestmark = pytest.mark.integration


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    if request.param == "sqlite":
        made = open_engine(f"sqlite:///{tmp_path / 'some.db'}")
    else:
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        made = open_engine(server.create_database())
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE thing (number INTEGER)"))
    return made


def test_it_changes_with_every_commit_and_with_nothing_else(engine: Engine) -> None:
    stamp = ChangeStamp(engine)
    former = stamp.read()
    assert former is not None
    assert stamp.read() == former
    with engine.connect() as connection:
        connection.execute(text("SELECT count(*) FROM thing"))
    assert stamp.read() == former
    for number in range(3):
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO thing VALUES (:number)"), {"number": number})
        assert stamp.read() != former
        former = stamp.read()
        assert stamp.read() == former
    with engine.connect() as connection, connection.begin() as transaction:
        connection.execute(text("DELETE FROM thing"))
        begun = stamp.read()
        transaction.commit()
    assert stamp.read() not in (begun, former)
    engine.dispose()


def test_a_database_in_memory_has_no_stamp() -> None:
    assert ChangeStamp(open_engine("sqlite://")).read() is None

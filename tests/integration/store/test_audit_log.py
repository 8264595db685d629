"""On PostgreSQL the log is locked by triggers, and by rights where the application does not own its tables."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine, delete, text, update
from sqlalchemy.exc import DBAPIError

from matching.models import AuditEntry
from matching.store.audit_log import changeable_audit_log
from matching.store.engine import open_engine
from matching.store.migrate import migrate_up
from tests.servers.postgresql import PostgresqlServer

WRITE = "INSERT INTO audit_log (at, action, subject_kind, subject_id, details) VALUES (now(), 'a', 'k', 's', '{}')"

pytestmark = pytest.mark.integration


@pytest.fixture
def engine(postgresql_server: PostgresqlServer) -> Engine:
    made = open_engine(postgresql_server.create_database())
    migrate_up(made)
    with made.begin() as connection:
        connection.execute(text(WRITE))
    return made


def test_triggers_refuse_whoever_asks(engine: Engine) -> None:
    for statement in (update(AuditEntry).values(action="x"), delete(AuditEntry), text("TRUNCATE audit_log")):
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
            connection.execute(statement)
    with engine.begin() as connection, changeable_audit_log(connection):
        assert connection.execute(delete(AuditEntry)).rowcount == 1
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(text("TRUNCATE audit_log"))
    engine.dispose()


def test_an_application_that_does_not_own_the_table_cannot_lift_the_lock(engine: Engine) -> None:
    """The recipe of docs/privacy.md."""
    with engine.begin() as connection:
        for statement in (
            "DROP ROLE IF EXISTS duijie_app_of_test",
            "CREATE ROLE duijie_app_of_test",
            "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO duijie_app_of_test",
            "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO duijie_app_of_test",
            "REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM duijie_app_of_test",
        ):
            connection.execute(text(statement))
    for attempt in (
        "UPDATE audit_log SET action = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "DROP TABLE audit_log",
        "ALTER TABLE audit_log DISABLE TRIGGER USER",
        "DROP TRIGGER audit_log_rows ON audit_log",
        "ALTER TABLE audit_log OWNER TO duijie_app_of_test",
        "SET session_replication_role = replica",
        "INSERT INTO audit_log (id, at, action, subject_kind, subject_id, details) "
        "SELECT id, at, 'x', subject_kind, subject_id, details FROM audit_log "
        "ON CONFLICT (id) DO UPDATE SET action = 'x'",
    ):
        with engine.connect() as connection:
            connection.execute(text("SET LOCAL ROLE duijie_app_of_test"))
            with pytest.raises(DBAPIError, match=r"permission denied|must be owner"):
                connection.execute(text(attempt))
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL ROLE duijie_app_of_test"))
        connection.execute(text(WRITE))
    with engine.begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM audit_log")).scalar() == 2
        connection.execute(text("DROP OWNED BY duijie_app_of_test"))
        connection.execute(text("DROP ROLE duijie_app_of_test"))
    engine.dispose()

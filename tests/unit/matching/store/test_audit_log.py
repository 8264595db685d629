"""The audit log is only ever appended to: the database itself refuses everything else."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import delete, text, update
from sqlalchemy.exc import DBAPIError

from matching.bootstrap import Platform
from matching.models import AuditEntry
from matching.store.audit_log import changeable_audit_log


@pytest.fixture
def logged(platform: Platform, now: datetime) -> Platform:
    with platform.unit_of_work() as uow:
        uow.record(now, "somebody", "contact.reveal", "engagement", "e1")
        uow.commit()
    return platform


def lines(platform: Platform) -> list[str]:
    with platform.reading() as session:
        return [f"{line.action} {line.subject_id}" for line in session.query(AuditEntry).order_by(AuditEntry.id)]


@pytest.mark.parametrize(
    "statement",
    [
        update(AuditEntry).values(action="nothing"),
        delete(AuditEntry),
        text("UPDATE audit_log SET actor_id = NULL WHERE id = 1"),
        text("INSERT OR REPLACE INTO audit_log SELECT id, at, 'other', action, subject_kind, subject_id, details "
             "FROM audit_log"),
    ],
    ids=["update", "delete", "update by text", "replace"],
)  # fmt: skip
def test_a_line_that_was_written_stays(logged: Platform, statement: object) -> None:
    with pytest.raises(DBAPIError, match="append-only"), logged.engine.begin() as connection:
        connection.execute(statement)  # type: ignore[call-overload]
    assert lines(logged) == ["contact.reveal e1"]


def test_a_changed_object_of_the_log_is_refused_too(logged: Platform) -> None:
    with logged.unit_of_work() as uow:
        uow.session.query(AuditEntry).one().action = "nothing"
        with pytest.raises(DBAPIError, match="append-only"):
            uow.commit()
    assert lines(logged) == ["contact.reveal e1"]


def test_the_lock_is_back_after_it_was_lifted_even_where_that_is_rolled_back(logged: Platform, now: datetime) -> None:
    with logged.engine.connect() as connection:
        with changeable_audit_log(connection):
            connection.execute(delete(AuditEntry))
        connection.rollback()
    assert lines(logged) == ["contact.reveal e1"]
    with logged.engine.begin() as connection, changeable_audit_log(connection):
        connection.execute(delete(AuditEntry))
    assert lines(logged) == []
    with logged.unit_of_work() as uow:
        uow.record(now, None, "test", "post", "p")
        uow.commit()
    with pytest.raises(DBAPIError, match="append-only"), logged.engine.begin() as connection:
        connection.execute(delete(AuditEntry))

"""One use case, one transaction: the aggregate and what it owes are committed together."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker
from sqlalchemy.orm.exc import StaleDataError

from matching.errors import EditConflict, PartUnavailable
from matching.models import AuditEntry, OutboxEntry

logger = logging.getLogger(__name__)

CHANGED_INBOXES = "changed_inboxes"
"""In a session's info: the accounts whose count of unread messages the transaction changes."""

Announce = Callable[[frozenset[str]], None]
"""Tells open pages, after a commit, whose count has changed; nothing depends on it."""

Nudge = Callable[[], None]
"""Wakes the workers after a commit; may fail or do nothing, the beat drains the outbox anyway."""


def no_nudge() -> None:
    """For command lines and tests: the beat, or the caller, drains the outbox."""


def announce_nothing(_user_ids: frozenset[str]) -> None:
    """For command lines and tests: open pages find out by themselves."""


class UnitOfWork:
    """A session for one use case. Leaving the block without `commit` rolls everything back.

    Made per request or task, never kept.
    """

    session: Session

    def __init__(
        self, sessions: sessionmaker[Session], nudge: Nudge = no_nudge, announce: Announce = announce_nothing
    ) -> None:
        self._sessions = sessions
        self._nudge = nudge
        self._announce = announce
        self._owes = False

    def __enter__(self) -> Self:
        self.session = self._sessions()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.session.close()
        if isinstance(error, StaleDataError):
            raise edit_conflict() from error
        if isinstance(error, OperationalError):
            raise PartUnavailable(
                "database", "数据库没有应答，您的内容没有丢失，请稍后再试", message_en="The database does not answer"
            ) from error

    def owe(self, topic: str, subject_id: str, now: datetime) -> None:
        """Append an outbox row: after this commit, and only then, `topic` is done for the subject, at least once."""
        self.session.add(OutboxEntry(topic=topic, subject_id=subject_id, created_at=now))
        self._owes = True

    def expect_nudge(self) -> None:
        """Rows were added to the outbox by other means than `owe`; nudge after the commit."""
        self._owes = True

    def record(
        self, now: datetime, actor_id: str | None, action: str, subject_kind: str, subject_id: str, **details: Any
    ) -> None:
        """Append a line to the audit log."""
        self.session.add(
            AuditEntry(
                at=now,
                actor_id=actor_id,
                action=action,
                subject_kind=subject_kind,
                subject_id=subject_id,
                details=details,
            )
        )

    def flush(self) -> None:
        """Write what was changed so far. Raises EditConflict when a row was changed meanwhile."""
        try:
            self.session.flush()
        except StaleDataError as error:
            self.session.rollback()
            raise edit_conflict() from error

    def commit(self) -> None:
        """Commit, then nudge the workers if anything is owed. Raises EditConflict when a row was changed meanwhile."""
        try:
            self.session.commit()
        except StaleDataError as error:
            self.session.rollback()
            raise edit_conflict() from error
        changed = self.session.info.pop(CHANGED_INBOXES, None)
        if changed:
            self._announce(frozenset(changed))
        if self._owes:
            self._owes = False
            try:
                self._nudge()
            except Exception as error:  # the broker may be away; the row is safe and the beat will find it
                logger.warning("nudge failed (%s); the beat will drain the outbox", type(error).__name__)


def edit_conflict() -> EditConflict:
    """The error for a row that somebody else changed first."""
    return EditConflict(
        "post.edit_conflict",
        "这条信息刚刚被别人修改过，您的修改没有保存，内容保留在页面上，请核对后重新提交",
        message_en="Somebody else changed this meanwhile; your text is kept on the page, please check and send again",
    )

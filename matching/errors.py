"""Errors of the domain: exceptions with a stable code that every edge maps in one place.

The web maps them to pages and to RFC 9457 problem documents, the command line to exit codes
(2 for `InvalidInput`, 1 for the rest). Messages are Chinese first; `message_en` is the English text.
"""

from __future__ import annotations


class DuijieError(Exception):
    """Base of all domain errors.

    `code` is stable and machine readable (`need.title_missing`), `message` is what a person reads,
    `where` names the place in the input (a file, sheet, row and column, or a JSON path).
    """

    def __init__(self, code: str, message: str, *, where: str | None = None, message_en: str | None = None) -> None:
        self.code = code
        self.message = message
        self.message_en = message_en or message
        self.where = where
        super().__init__(f"{where}: {message}" if where else message)


class InvalidInput(DuijieError):
    """The input or the words of a call are wrong; nothing was changed."""


class NotFound(DuijieError):
    """The thing does not exist, or the actor may not know that it does."""


class NotAllowed(DuijieError):
    """The actor's role or membership does not permit this."""


class IllegalMove(DuijieError):
    """The state machine has no such transition from the present state."""


class EditConflict(DuijieError):
    """Somebody else changed the row since the actor read it; nothing was overwritten."""


class PartUnavailable(DuijieError):
    """A part the product talks to (index, broker, database, model) does not answer.

    `part` names it as `/readyz` and `duijie doctor` do.
    """

    def __init__(self, part: str, message: str, *, message_en: str | None = None) -> None:
        self.part = part
        super().__init__(f"part.{part}_unavailable", message, message_en=message_en)

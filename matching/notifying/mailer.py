"""The Mailer port: one mail to one person. What it says is written elsewhere."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from matching.errors import DuijieError


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarPart:
    """An invitation as mail programs understand it (RFC 5546): the text of an .ics and its METHOD."""

    text: str
    method: str
    """REQUEST, CANCEL, PUBLISH, …; the same as in the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """One mail. Texts may hold anything that people type; the mailer makes them safe for a header."""

    address: str
    name: str = ""
    subject: str
    text: str
    html: str | None = None
    language: str = "zh"
    calendar: CalendarPart | None = None
    attachments: tuple[Attachment, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further headers, List-Unsubscribe for one."""
    message_id: str | None = None
    """`<…@…>`; given, so that the same mail sent twice is known as one by those who receive it."""


class MailNotSent(DuijieError):
    """A mail that was not taken by the server.

    `permanent`: trying again is of no use. `server_wide`: no other mail would be taken now either. The message is for
    the staff and names no person; `detail` is the server's status.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        message_en: str,
        detail: str = "",
        permanent: bool = False,
        server_wide: bool = False,
    ) -> None:
        super().__init__(code, message, message_en=message_en)
        self.detail = detail
        self.permanent = permanent
        self.server_wide = server_wide


class Mailer(Protocol):
    """Hands mails to a mail server."""

    @property
    def available(self) -> bool:
        """Whether mails leave at all; False where no mail server is set."""
        ...

    def send(self, mail: Mail) -> str:
        """Returns the mail's Message-ID once the server has taken it. Raises MailNotSent."""
        ...

    def check(self) -> None:
        """Sign in at the server and leave again; raises MailNotSent. Nothing to check where none is set."""
        ...


class NullMailer:
    """For installations without a mail server, the demonstration for one: nothing leaves, and nothing pretends to."""

    available = False

    def send(self, mail: Mail) -> str:
        """Always raises MailNotSent."""
        raise MailNotSent(
            "mail.not_set_up",
            "没有设置邮件服务器（DUIJIE_SMTP_HOST）",
            message_en="No mail server is set (DUIJIE_SMTP_HOST)",
            server_wide=True,
        )

    def check(self) -> None:
        """As the port says."""


_BREAKING = frozenset({"Cc", "Zl", "Zp", "Cs"})


def one_line(text: str) -> str:
    """The text as one line that can neither end a header nor begin another.

    Control characters and line ends become blanks. `=?` is parted: Python reads it as the beginning of an encoded word
    wherever it stands, and what such a word decodes to may hold line ends again.
    """
    plain = "".join(" " if unicodedata.category(character) in _BREAKING else character for character in text)
    return " ".join(plain.replace("=?", "= ?").split())

"""A real SMTP server for tests, on a free port: it keeps what it takes, and refuses what it is told to."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from matching.store.redis_server import free_port


@dataclass
class Taken:
    """One mail as the server got it."""

    sender: str
    recipients: list[str]
    greeting: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        """Read as a mail program does."""
        return message_from_bytes(self.content, policy=default)

    @property
    def text(self) -> str:
        """Its plain text."""
        body = self.message.get_body(("plain",))
        assert body is not None
        return str(body.get_content()).replace("\r\n", "\n")


@dataclass
class SmtpServer:
    """What the server took, and how it should answer."""

    host: str
    port: int
    taken: list[Taken] = field(default_factory=list)
    refuse_recipients: dict[str, str] = field(default_factory=dict)
    """Address → answer to RCPT, `450 4.2.1 busy` for one."""
    answer_to_data: str | None = None
    answer_to_sender: str | None = None

    def to(self, address: str) -> list[Taken]:
        """What was taken for that address, the oldest first."""
        return [one for one in self.taken if address in one.recipients]

    # The server calls these by name.
    async def handle_MAIL(  # noqa: N802 - named by the protocol
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """MAIL FROM."""
        if self.answer_to_sender is not None:
            return self.answer_to_sender
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - named by the protocol
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """RCPT TO."""
        if address in self.refuse_recipients:
            return self.refuse_recipients[address]
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - named by the protocol
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """The mail itself."""
        if self.answer_to_data is not None:
            return self.answer_to_data
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(Taken(str(envelope.mail_from), list(envelope.rcpt_tos), str(session.host_name), content))
        return "250 OK"


@contextlib.contextmanager
def start_smtp(
    *, user: str = "", password: str = "", certificate: ssl.SSLContext | None = None, starttls: bool = False
) -> Iterator[SmtpServer]:
    """A server that lives as long as the block; with a user it takes mail after signing in only."""
    server = SmtpServer("127.0.0.1", free_port())

    def check(_server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        fits = isinstance(given, LoginPassword) and given == LoginPassword(user.encode(), password.encode())
        return AuthResult(success=fits, handled=False)

    options: dict[str, Any] = {}
    if user:
        options |= {"authenticator": check, "auth_required": True, "auth_require_tls": False}
    if certificate is not None:
        options |= {"tls_context": certificate, "require_starttls": True} if starttls else {"ssl_context": certificate}
    controller = Controller(server, hostname=server.host, port=server.port, ident="test", **options)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()

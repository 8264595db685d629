"""A real IMAP server for tests (pymap), on a free port, with one mailbox in memory."""

from __future__ import annotations

import contextlib
import imaplib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from matching.store.redis_server import free_port, wait_for_port

_START_SECONDS = 60.0


@dataclass(frozen=True)
class ImapServer:
    """Where it answers, and how to put mails into it as a mail server would."""

    port: int
    user: str = "office"
    password: str = "imap-secret"

    def put(self, content: bytes) -> None:
        """A new mail in the inbox."""
        with contextlib.closing(self._open()) as server:
            status, _answer = server.append("INBOX", "", imaplib.Time2Internaldate(time.time()), content)
            assert status == "OK"

    def unread(self) -> int:
        """How many mails nobody has read."""
        with contextlib.closing(self._open()) as server:
            server.select("INBOX", readonly=True)
            return len(server.search(None, "UNSEEN")[1][0].split())

    def _open(self) -> imaplib.IMAP4:
        server = imaplib.IMAP4("127.0.0.1", self.port, timeout=20)
        server.login(self.user, self.password)
        server.close = server.logout  # type: ignore[method-assign, assignment]
        return server


@contextlib.contextmanager
def start_imap() -> Iterator[ImapServer]:
    """Runs it for the length of the block."""
    port = free_port()
    made = ImapServer(port)
    command = [
        str(Path(sys.executable).with_name("pymap")), "--host", "127.0.0.1", "--port", str(port), "--no-tls",
        "dict", "--demo-data", "--demo-user", made.user, "--demo-password", made.password,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process, _START_SECONDS)
        yield made
    finally:
        process.terminate()
        process.wait(30)

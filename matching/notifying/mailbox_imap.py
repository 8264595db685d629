"""Reads a mailbox over IMAP (RFC 3501): what came since the last look, each mail once, nothing of it changed.

People read the same mailbox: nothing is marked as read, moved or deleted here. Where the last look ended is known by
the server's own numbers (UIDVALIDITY and UID), which the caller keeps.
"""

from __future__ import annotations

import contextlib
import imaplib
import re
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass

from matching.errors import PartUnavailable
from matching.settings import Settings

LARGEST_MAIL = 2_000_000
"""Bytes; an answer to an invitation has a few thousand."""
MOST_AT_ONCE = 200
_NUMBER = re.compile(rb"\d+")
# Servers of 163 and 126 refuse who does not say what program it is (RFC 2971).
imaplib.Commands["ID"] = ("AUTH", "SELECTED")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a look ended: the mailbox's validity and the highest number seen in it."""

    validity: int = 0
    uid: int = 0


@dataclass(frozen=True, slots=True)
class FoundMail:
    """A mail as it lies there; `content` is None where it is too large to be an answer."""

    place: Place
    content: bytes | None


def read_new_mails(settings: Settings, since: Place) -> Iterator[FoundMail]:
    """The mails after `since`, the oldest first, at most MOST_AT_ONCE. A mailbox that was set up anew is read from its
    end: what lay in it before is nobody's answer.

    Raises PartUnavailable when the server cannot be reached or does not let us in.
    """
    try:
        with _signed_in(settings) as server:
            validity, following = _select(server, settings.imap_folder)
            if since.validity != validity:
                yield FoundMail(Place(validity, following - 1), None)
                return
            found = _ask(server, "SEARCH", None, f"UID {since.uid + 1}:*")
            numbers = sorted(int(one) for one in _NUMBER.findall(found[0] or b""))
            # `n:*` names the last mail even where its number is below n.
            for uid in [one for one in numbers if one > since.uid][:MOST_AT_ONCE]:
                yield FoundMail(Place(validity, uid), _fetch(server, uid))
    except (imaplib.IMAP4.error, OSError) as error:
        raise PartUnavailable(
            "imap",
            f"读取邮箱失败：{_reason(error)}",
            message_en=f"The mailbox cannot be read: {_reason(error)}",
        ) from error


@contextlib.contextmanager
def _signed_in(settings: Settings) -> Iterator[imaplib.IMAP4]:
    host, port, patience = settings.imap_host, settings.imap_port, settings.smtp_timeout_seconds
    context = ssl.create_default_context()
    server: imaplib.IMAP4
    if settings.imap_security == "ssl":
        server = imaplib.IMAP4_SSL(host, port, ssl_context=context, timeout=patience)
    else:
        server = imaplib.IMAP4(host, port, timeout=patience)
    try:
        if settings.imap_security == "starttls":
            server.starttls(context)
        server.login(settings.imap_user or settings.smtp_user, _password(settings))
        if "ID" in server.capabilities:
            server._simple_command("ID", '("name" "duijie" "version" "1")')
        yield server
    finally:
        with contextlib.suppress(imaplib.IMAP4.error, OSError):
            server.logout()


def _password(settings: Settings) -> str:
    """Its own, or else that of the account mails are sent from: mostly they are one."""
    return settings.imap_password.get_secret_value() or settings.smtp_password.get_secret_value()


def _select(server: imaplib.IMAP4, folder: str) -> tuple[int, int]:
    """(UIDVALIDITY, UIDNEXT) of the folder, opened for reading only."""
    status, answer = server.select(f'"{folder}"', readonly=True)
    if status != "OK":
        raise imaplib.IMAP4.error(f"no folder {folder}: {answer!r}")
    validity = _NUMBER.search(server.response("UIDVALIDITY")[1][0] or b"")
    status, shown = server.status(f'"{folder}"', "(UIDNEXT)")
    following = re.search(rb"UIDNEXT (\d+)", shown[0] or b"") if status == "OK" else None
    if validity is None or following is None:
        raise imaplib.IMAP4.error("the server does not number its mails")
    return int(validity[0]), int(following[1])


def _ask(server: imaplib.IMAP4, command: str, *arguments: str | None) -> list[bytes]:
    status, answer = server.uid(command, *arguments)  # type: ignore[arg-type]
    if status != "OK":
        raise imaplib.IMAP4.error(f"{command}: {answer!r}")
    return list(answer)


def _fetch(server: imaplib.IMAP4, uid: int) -> bytes | None:
    [size, *_rest] = _ask(server, "FETCH", str(uid), "(RFC822.SIZE)")
    told = re.search(rb"RFC822\.SIZE (\d+)", size if isinstance(size, bytes) else b"")
    if told is None or int(told[1]) > LARGEST_MAIL:
        return None
    for part in _ask(server, "FETCH", str(uid), "(BODY.PEEK[])"):
        if isinstance(part, tuple):
            return bytes(part[1])
    return None


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError | socket.timeout):
        return "timeout"
    return str(error)[:200]

"""Requests to addresses that people entered: they may reach public servers, and nothing behind our own walls.

The name is resolved once, every address it has is judged, and the connection goes to one that was judged: a name that
answers differently a moment later gains nothing. Redirects are not followed. Private networks take a setting.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from matching.errors import DuijieError, InvalidInput

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve = Callable[[str, int], list[str]]

_LONGEST_ANSWER = 64 * 1024
_TIMEOUT_SECONDS = 10.0
_TUNNELS = tuple(ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32"))
"""IPv6 addresses that lead to IPv4 ones which we would not see."""
_NOT_OURS = tuple(ipaddress.ip_network(net) for net in ("fec0::/10", "3fff::/20", "5f00::/16", "192.88.99.0/24"))
"""Site-local as it once was, for documentation, between routers, and the former way to tunnels: the standard library
has them as global."""


class RequestNotSent(DuijieError):
    """A request that was not made, or not answered as it should; `permanent`: trying again is of no use."""

    def __init__(self, code: str, message: str, *, message_en: str, detail: str = "", permanent: bool = False) -> None:
        super().__init__(code, message, message_en=message_en)
        self.detail = detail
        self.permanent = permanent


def is_in_networks(address: str | None, networks: tuple[IpNetwork, ...]) -> bool:
    """Whether the address is in one of the networks; an IPv4 address written as IPv6 is taken for what it is."""
    try:
        known = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return any(known in network for network in networks)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the content is cut at 64 KB."""

    status: int
    content: bytes


def parse_networks(text: str) -> tuple[IpNetwork, ...]:
    """The networks of the setting; raises InvalidInput for what is none."""
    try:
        return tuple(ipaddress.ip_network(part.strip(), strict=False) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise InvalidInput(
            "settings.private_networks",
            "网段写法有误，例如 10.1.0.0/16",
            where="DUIJIE_PRIVATE_NETWORKS",
            message_en="Invalid network; write for example 10.1.0.0/16",
        ) from error


def system_resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, as the system knows them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def check_address(url: str) -> None:
    """Raises RequestNotSent for an address that is none of ours to call whatever its name resolves to."""
    _split(url)


def post_guarded(
    url: str,
    content: bytes,
    headers: Mapping[str, str],
    *,
    allowed: tuple[IpNetwork, ...] = (),
    resolve: Resolve = system_resolve,
    timeout: float = _TIMEOUT_SECONDS,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """POST to a judged address. Raises RequestNotSent: `channel.address_refused`, or `channel.unreachable`."""
    secure, host, port, path = _split(url)
    try:
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in resolve(host, port)]
    except (OSError, UnicodeError, ValueError) as error:
        raise _unreachable("resolve") from error
    if not addresses:
        raise _unreachable("resolve")
    for address in addresses:
        private = any(address in network for network in allowed)
        # Without encryption only inside networks that the operator vouches for.
        if not private and not (secure and _is_public(address)):
            raise _refused()
    tls = (trust or ssl.create_default_context()) if secure else None
    connection = _Pinned(host, port, str(addresses[0]), timeout, tls)
    # A server that sends a byte every few seconds never runs into the timeout of a single read.
    watch = threading.Timer(timeout * 2, connection.cut)
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", path, content, {"Content-Type": "application/json; charset=utf-8", **headers})
        response = connection.getresponse()
        return Answer(response.status, response.read(_LONGEST_ANSWER))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _unreachable(type(error).__name__) from error
    finally:
        watch.cancel()
        connection.close()


class _Pinned(http.client.HTTPConnection):
    """Connects to one address, whatever the name resolves to now; the certificate must still be the name's."""

    def __init__(self, host: str, port: int, address: str, timeout: float, tls: ssl.SSLContext | None) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self._tls = tls

    def connect(self) -> None:
        """As http.client does, to the judged address."""
        plain = socket.create_connection((self._address, self.port), self.timeout)
        self.sock = plain
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(plain, server_hostname=self.host)

    def cut(self) -> None:
        """End a conversation that takes too long."""
        if self.sock is not None:
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def _split(url: str) -> tuple[bool, str, int, str]:
    """(https, host, port, path) of an address; raises RequestNotSent for one that we do not call."""
    try:
        if any(ord(character) <= 0x20 or ord(character) == 0x7F for character in url):
            raise ValueError("blanks")
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode()
        port = parts.port
    except (ValueError, UnicodeError) as error:
        raise _refused() from error
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or parts.password is not None:
        raise _refused()
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii():
        raise _refused()
    secure = parts.scheme == "https"
    return secure, host, port or (443 if secure else 80), path


def _is_public(address: IpAddress) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return _is_public(address.ipv4_mapped)
        if any(address in tunnel for tunnel in _TUNNELS):
            return False
    if any(address in network for network in _NOT_OURS):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _refused() -> RequestNotSent:
    return RequestNotSent(
        "channel.address_refused",
        "地址不允许访问：须是公网地址，并使用 https",
        message_en="The address may not be called: it must be public and use https",
        permanent=True,
    )


def _unreachable(detail: str) -> RequestNotSent:
    return RequestNotSent(
        "channel.unreachable", "对方没有应答", message_en="The other side does not answer", detail=detail
    )

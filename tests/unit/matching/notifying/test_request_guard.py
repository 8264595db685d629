"""Requests to addresses that people entered reach nothing behind our own walls."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from matching.errors import InvalidInput
from matching.notifying.request_guard import RequestNotSent, check_address, parse_networks, post_guarded
from tests.servers.http import HttpServer, start_http

LOOPBACK = parse_networks("127.0.0.0/8")
TRUST = ssl.create_default_context()


@pytest.fixture
def server() -> Iterator[HttpServer]:
    with start_http() as started:
        yield started


def code_of(url: str, **options: object) -> str:
    with pytest.raises(RequestNotSent) as caught:
        post_guarded(url, b"{}", {}, timeout=2, **options)  # type: ignore[arg-type]
    return caught.value.code


def answers(*addresses: str) -> object:
    return lambda _host, _port: list(addresses)


def test_a_server_in_a_network_that_the_operator_allows(server: HttpServer) -> None:
    answer = post_guarded(server.url("/a?b=c"), "{'题'}".encode(), {"X-A": "b"}, allowed=LOOPBACK)
    assert (answer.status, answer.content) == (200, server.content)
    [received] = server.received
    assert (received.path, received.content) == ("/a?b=c", "{'题'}".encode())
    assert received.headers["X-A"] == "b"
    assert received.headers["Host"] == f"127.0.0.1:{server.port}"


def test_nothing_private_is_reached_otherwise(server: HttpServer) -> None:
    for scheme in ("http", "https"):
        for host in (
            "127.0.0.1",
            "localhost",
            "127.1",
            "2130706433",
            "0x7f.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "0.0.0.0",
        ):
            assert code_of(server.url(scheme=scheme, host=host)) in ("channel.address_refused", "channel.unreachable")
    assert server.received == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.0.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
        "ff02::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:7f00:1::", "fec0::1", "3fff::1", "5f00::1",
        "192.88.99.1", "::127.0.0.1", "::ffff:0:127.0.0.1", "2001:0:7f00:1::1", "2001:db8::1",
    ],
)  # fmt: skip
def test_a_name_that_leads_inside_is_refused(address: str) -> None:
    assert code_of("https://hook.example/x", resolve=answers(address)) == "channel.address_refused"
    assert code_of("https://hook.example/x", resolve=answers("93.184.216.34", address)) == "channel.address_refused"


@hypothesis_settings(deadline=None)
@given(st.ip_addresses())
def test_only_public_addresses_pass(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    connected: list[str] = []

    def refuse(target: tuple[str, int], *_: object, **__: object) -> socket.socket:
        connected.append(target[0])
        raise OSError("not from a test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "create_connection", refuse)
        code = code_of("https://hook.example/x", resolve=answers(str(address)), trust=TRUST)
    if connected:
        assert code == "channel.unreachable"
        assert address.is_global
        kinds = (address.is_private, address.is_loopback, address.is_link_local, address.is_multicast)
        assert not any(kinds)
    else:
        assert code == "channel.address_refused"


@pytest.mark.parametrize(
    "host",
    [
        "１２７.0.0.1",
        "127。0。0。1",
        "ⅼocalhost",
        "localhost.",
        "LOCALHOST",
        "①②⑦.0.0.1",
        "[::ffff:7f00:1]",
        "0177.0.0.1",
    ],
)
def test_a_name_written_in_other_letters_is_judged_by_what_it_resolves_to(server: HttpServer, host: str) -> None:
    for scheme in ("http", "https"):
        code = code_of(f"{scheme}://{host}:{server.port}/x")
        assert code in ("channel.address_refused", "channel.unreachable")
    assert server.received == []


def test_without_encryption_only_where_the_operator_allows() -> None:
    assert code_of("http://hook.example/x", resolve=answers("93.184.216.34")) == "channel.address_refused"


def test_the_judged_address_is_the_one_that_is_called(server: HttpServer) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    post_guarded(server.url(host="hook.example"), b"{}", {}, allowed=LOOPBACK, resolve=rebinding)
    assert asked == ["hook.example"]
    assert server.received[0].headers["Host"] == f"hook.example:{server.port}"


def test_redirects_are_not_followed(server: HttpServer) -> None:
    with start_http() as inside:
        server.status, server.location = 302, inside.url("/inside")
        assert post_guarded(server.url(), b"{}", {}, allowed=LOOPBACK).status == 302
        assert inside.received == []


@pytest.mark.parametrize(
    "url",
    [
        "", "x", "ftp://hook.example/", "file:///etc/passwd", "gopher://hook.example/", "https://", "https:///x",
        "https://user:pw@hook.example/", "https://user@hook.example/", "https://hook.example:99999/",
        "https://hook.example/\r\nX-Evil: 1", "https://hook.example/ x", "https://hook.example/路径", "https://[::1",
        "https://" + "a" * 300 + ".example/", "\thttps://hook.example/",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_hook(url: str) -> None:
    with pytest.raises(RequestNotSent) as caught:
        check_address(url)
    assert caught.value.permanent


@hypothesis_settings(deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="https:/.@[]#?&%\\ \r\n1270ax", max_size=40))
def test_any_text_is_judged_without_another_error(url: str) -> None:
    try:
        check_address(url)
    except RequestNotSent as error:
        assert error.code == "channel.address_refused"  # noqa: PT017 - either way is right, other errors are not


def test_a_name_that_is_unknown_and_a_server_that_is_away() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror("unknown")

    assert code_of("https://hook.example/", resolve=unknown) == "channel.unreachable"
    assert code_of("https://hook.example/", resolve=answers()) == "channel.unreachable"
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert code_of(f"http://127.0.0.1:{port}/", allowed=LOOPBACK) == "channel.unreachable"


def test_a_server_that_trickles_is_cut_off() -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(1)
        stop = threading.Event()

        def trickle() -> None:
            accepted, _ = listening.accept()
            with accepted:
                while not stop.wait(0.1):
                    try:
                        accepted.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        with pytest.raises(RequestNotSent):
            post_guarded(url, b"{}", {}, allowed=LOOPBACK, timeout=0.5)
        stop.set()
        thread.join()


def test_networks_of_the_setting() -> None:
    assert parse_networks("") == ()
    assert parse_networks(" 10.1.0.0/16, fd00::/8 ,127.0.0.1") == (
        ipaddress.ip_network("10.1.0.0/16"), ipaddress.ip_network("fd00::/8"), ipaddress.ip_network("127.0.0.1/32"),
    )  # fmt: skip
    with pytest.raises(InvalidInput) as caught:
        parse_networks("10.1.0.0/99")
    assert caught.value.where == "DUIJIE_PRIVATE_NETWORKS"

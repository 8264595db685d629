"""The count of unread messages over real Redis and a real web server: told at once, and no page waits for streams."""

from __future__ import annotations

import http.client
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from matching.clock import utc_now
from matching.notifying.interests import tell
from matching.notifying.live_count import make_announcement
from matching.store.redis_server import free_port
from tests.factories.people import PASSWORD, make_member
from tests.integration.product import Product, make_product
from tests.servers.redis import RedisServer

pytestmark = pytest.mark.integration

_THREADS, _STREAMS, _READERS = 3, 2, 6


@pytest.fixture
def product(tmp_path: Path, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Product]:
    made = make_product(tmp_path, monkeypatch.setenv, redis_url=redis_server.url, live_streams=str(_STREAMS))
    yield made
    made.stop()


class Reader:
    """A browser with its cookie, one connection a request."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.cookie = ""

    def ask(self, method: str, path: str, body: str = "") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Cookie": self.cookie, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                self.cookie = value.split(";")[0]
        return answer

    def sign_in(self, email: str) -> None:
        page = self.ask("GET", "/sign-in").read().decode()
        found = re.search(r'name="csrf_token" value="([^"]+)"', page)
        assert found is not None
        sent = urlencode({"csrf_token": found[1], "email": email, "password": PASSWORD})
        assert self.ask("POST", "/sign-in", sent).status == 302


def next_count(stream: http.client.HTTPResponse) -> int:
    """The next count that is written; heartbeats are passed over."""
    while True:
        line = stream.readline().decode()
        assert line, "the stream ended"
        if line.startswith("data: "):
            return int(line.removeprefix("data: "))


def test_counts_are_told_at_once_and_pages_answer_while_more_streams_are_asked_for_than_there_are_threads(
    product: Product, redis_server: RedisServer
) -> None:
    member = make_member(product.platform, utc_now(), email="ann@example.cn")
    product.platform.announce = make_announcement(redis_server.url)
    port = free_port()
    command = [
        sys.executable, "-m", "gunicorn", "--config", "python:web.server", "web.wsgi:make_app()",
        "--bind", f"127.0.0.1:{port}", "--workers", "1", "--threads", str(_THREADS), "--graceful-timeout", "1",
    ]  # fmt: skip
    with (product.folder / "web.log").open("wb") as log:
        server = subprocess.Popen(command, env=product.clean_environment(), stdout=log, stderr=log)
    try:
        product.wait_until(lambda: _answers(port), "the server answers")
        readers = [Reader(port) for _ in range(_READERS)]
        for reader in readers:
            reader.sign_in("ann@example.cn")
        streams = [reader.ask("GET", "/inbox/live") for reader in readers]
        assert sorted(stream.status for stream in streams) == [200] * _STREAMS + [204] * (_READERS - _STREAMS)
        open_now = [stream for stream in streams if stream.status == 200]
        assert [next_count(stream) for stream in open_now] == [0] * _STREAMS
        for reader in readers:  # pages answer meanwhile, those without a stream too
            assert reader.ask("GET", "/inbox/unread").status == 200
        with product.platform.unit_of_work() as uow:
            tell(uow.session, [member.user_id], "interest_received", "x", utc_now())
            uow.commit()
        assert [next_count(stream) for stream in open_now] == [1] * _STREAMS
        # The same sign-in on its next page takes its own place again.
        holder = readers[streams.index(open_now[0])]
        again = holder.ask("GET", "/inbox/live")
        assert (again.status, next_count(again)) == (200, 1)
    finally:
        server.terminate()
        server.wait(30)


def _answers(port: int) -> bool:
    try:
        return Reader(port).ask("GET", "/healthz").status == 200
    except OSError:
        time.sleep(0.1)
        return False

"""A real HTTP server for tests, on a free port: it keeps what it is sent and answers as it is told."""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    content: bytes


@dataclass
class HttpServer:
    """What came, and how to answer."""

    port: int
    received: list[Received] = field(default_factory=list)
    status: int = 200
    content: bytes = b'{"errcode": 0, "errmsg": "ok"}'
    location: str = ""

    def url(self, path: str = "/robot?key=secret-key", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        """An address of the server."""
        return f"{scheme}://{host}:{self.port}{path}"


@contextlib.contextmanager
def start_http(certificate: ssl.SSLContext | None = None) -> Iterator[HttpServer]:
    """A server that lives as long as the block."""
    served: HttpServer

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            served.received.append(Received(self.path, dict(self.headers), content))
            self.send_response(served.status)
            if served.location:
                self.send_header("Location", served.location)
            self.send_header("Content-Length", str(len(served.content)))
            self.end_headers()
            self.wfile.write(served.content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if certificate is not None:
        server.socket = certificate.wrap_socket(server.socket, server_side=True)
    served = HttpServer(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

"""A receiver of Duijie's webhooks, with nothing but the standard library: `SECRET=… python webhook_receiver.py 8080`.

The secret is shown beside the channel (账号 → 通知渠道), and by `GET /api/v1/channels`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

OLDEST_SECONDS = 300
"""What is older may have been listened to and sent again."""


def verify(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> dict[str, Any] | None:
    """The message, or None where it is not from Duijie, was changed on the way, or is old."""
    timestamp = headers.get("X-Duijie-Timestamp", "")
    signature = headers.get("X-Duijie-Signature", "")
    if not timestamp.isdigit() or abs(now - int(timestamp)) > OLDEST_SECONDS:
        return None
    expected = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    # In constant time, so that nobody learns the signature a character at a time.
    if not hmac.compare_digest(signature.encode(), f"v1={expected}".encode()):
        return None
    message: dict[str, Any] = json.loads(body)
    return message


class Receiver(BaseHTTPRequestHandler):
    """Prints what it is told. A delivery may come twice: `id` is the same then."""

    def do_POST(self) -> None:
        """Take a message; any 2xx says that it arrived, everything else has it sent again."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        message = verify(os.environ["SECRET"], dict(self.headers.items()), body, time.time())
        self.send_response(204 if message is not None else 403)
        self.end_headers()
        if message is not None:
            print(message["id"], message["kind"], message["text"], message["url"], flush=True)


if __name__ == "__main__":
    HTTPServer(("", int(sys.argv[1])), Receiver).serve_forever()

"""A small OpenID Connect provider for tests: real HTTP, PKCE, one person at a time, and the lies it is told to tell."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


@dataclass
class IdentityProvider:
    """Whom it signs in, and how it errs."""

    port: int
    client_id: str = "duijie"
    client_secret: str = "at the provider"
    claims: dict[str, Any] = field(
        default_factory=lambda: {"sub": "p-1", "email": "li@example.cn", "email_verified": True}
    )
    changed: dict[str, Any] = field(default_factory=dict)
    """Claims that the token has instead of the right ones."""
    algorithm: str = "HS256"
    signing_secret: str | None = None
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    moment: float = 0.0

    @property
    def issuer(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def authorise(self, asked: dict[str, str]) -> str:
        """The person agrees at once: where the browser is sent."""
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> dict[str, Any] | None:
        """The ID token for a code, once; None for a request that does not fit the one before."""
        wanted = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        asked = self.codes.pop(form.get("code", ""), None)
        if asked is None or authorization != f"Basic {wanted}" or form["redirect_uri"] != asked["redirect_uri"]:
            return None
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return None
        claims = {
            "iss": self.issuer, "aud": self.client_id, "exp": self.moment + 300, "iat": self.moment,
            "nonce": asked["nonce"], **self.claims, **self.changed,
        }  # fmt: skip
        return {"id_token": self._sign({key: value for key, value in claims.items() if value is not None})}

    def _sign(self, claims: dict[str, Any]) -> str:
        parts = [_encode(json.dumps(part).encode()) for part in ({"alg": self.algorithm}, claims)]
        secret = self.signing_secret or self.client_secret
        signature = hmac.new(secret.encode(), ".".join(parts).encode(), hashlib.sha256).digest()
        return ".".join([*parts, "" if self.algorithm == "none" else _encode(signature)])


def _encode(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@contextlib.contextmanager
def start_identity_provider() -> Iterator[IdentityProvider]:
    """A provider that lives as long as the block."""
    provider: IdentityProvider

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/.well-known/openid-configuration":
                self._answer(200, {
                    "issuer": provider.issuer,
                    "authorization_endpoint": f"{provider.issuer}/authorise",
                    "token_endpoint": f"{provider.issuer}/token",
                })  # fmt: skip
            elif parts.path == "/authorise":
                asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
                self.send_response(302)
                self.send_header("Location", provider.authorise(asked))
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                self._answer(404, {})

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            form = {key: values[0] for key, values in parse_qs(content).items()}
            found = provider.token(form, self.headers.get("Authorization", ""))
            self._answer(200 if found else 400, found or {"error": "invalid_grant"})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = IdentityProvider(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

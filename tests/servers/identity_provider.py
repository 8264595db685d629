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
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit


@dataclass(frozen=True)
class RsaKey:
    """An RSA key of 2048 bits, made here: tests need no library for it, and no key lies in the repository."""

    modulus: int
    exponent: int
    private: int

    def sign(self, content: bytes) -> bytes:
        """RS256."""
        beginning = bytes.fromhex("3031300d060960864801650304020105000420")
        digest = beginning + hashlib.sha256(content).digest()
        padded = b"\x00\x01" + b"\xff" * (256 - len(digest) - 3) + b"\x00" + digest
        return pow(int.from_bytes(padded), self.private, self.modulus).to_bytes(256)


def make_rsa_key() -> RsaKey:
    """A fresh one."""
    while True:
        first, second = _prime(1024), _prime(1024)
        modulus, phi = first * second, (first - 1) * (second - 1)
        if first != second and modulus.bit_length() == 2048 and phi % 65537:
            return RsaKey(modulus, 65537, pow(65537, -1, phi))


@lru_cache(maxsize=1)
def published_key() -> RsaKey:
    """The one that every provider of this process publishes."""
    return make_rsa_key()


def _prime(bits: int) -> int:
    while True:
        candidate = secrets.randbits(bits) | (3 << (bits - 2)) | 1
        if all(candidate % small for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)) and _is_prime(candidate):
            return candidate


def _is_prime(number: int) -> bool:
    """Miller and Rabin's test, often enough for a test's key."""
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(16):
        value = pow(2 + secrets.randbelow(number - 4), odd, number)
        if value in (1, number - 1):
            continue
        for _ in range(twos - 1):
            value = pow(value, 2, number)
            if value == number - 1:
                break
        else:
            return False
    return True


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
    signing_key: RsaKey | None = None
    """For RS256; None: the one it publishes."""
    key_id: str | None = "k-1"
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

    def keys(self) -> dict[str, Any]:
        """What it publishes."""
        key = published_key()
        return {"keys": [
            {"kty": "EC", "kid": "other", "crv": "P-256"},
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k-1", "n": _encode(key.modulus.to_bytes(256)),
             "e": _encode(key.exponent.to_bytes(3))},
        ]}  # fmt: skip

    def _sign(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.algorithm} | ({"kid": self.key_id} if self.key_id is not None else {})
        parts = [_encode(json.dumps(part).encode()) for part in (header, claims)]
        if self.algorithm == "RS256":
            key = self.signing_key or published_key()
            return ".".join([*parts, _encode(key.sign(".".join(parts).encode()))])
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
                    "jwks_uri": f"{provider.issuer}/keys",
                })  # fmt: skip
            elif parts.path == "/keys":
                self._answer(200, provider.keys())
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

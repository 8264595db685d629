"""What protects the pages: headers, cookies, request ids, and where a sign-in may lead."""

from __future__ import annotations

import re
import secrets
from urllib.parse import urlsplit

import structlog
from flask import Flask, Response, g, request
from werkzeug.middleware.proxy_fix import ProxyFix

from matching.settings import Settings

# No inline script or style anywhere: what a user wrote can at worst be shown. Images may be data URLs because the style
# sheet draws its arrows and ticks so.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Six texts of 20,000 Han characters are 1.1 MB in a form, where each takes nine bytes.
_LARGEST_REQUEST = 2 * 1024 * 1024


def protect(app: Flask, settings: Settings) -> None:
    """Configure cookies and limits, and put the headers on every response."""
    secure = settings.behind_proxy or settings.public_url.startswith("https://")
    app.config.update(
        SECRET_KEY=settings.require_secret(),
        SESSION_COOKIE_NAME="__Host-duijie" if secure else "duijie",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
        MAX_CONTENT_LENGTH=_LARGEST_REQUEST,
        MAX_FORM_MEMORY_SIZE=_LARGEST_REQUEST,
        MAX_FORM_PARTS=500,
    )
    if settings.behind_proxy:
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
            app.wsgi_app, x_for=settings.trusted_proxies, x_proto=1, x_host=1
        )

    # What is printed or sent names the address of the settings, never the one that a request claims to have come to.
    app.jinja_env.globals["public_address"] = lambda path: settings.public_url.rstrip("/") + path

    @app.before_request
    def _name_request() -> None:
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if settings.behind_proxy and _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def _add_headers(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=()"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        headers["X-Request-ID"] = g.get("request_id", "")
        if secure:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        # Pages, tables, calendars and JSON show what one reader may see; neither a proxy nor the back button after
        # signing out may show it. What anybody may keep says so itself.
        headers.setdefault("Cache-Control", "no-store")
        if response.mimetype == "text/html":
            response.vary.update(("Cookie", "Accept-Language"))
        return response


def safe_next(target: str | None, fallback: str) -> str:
    """Where to go after signing in: `target` if it is a path on this site, else `fallback`.

    Browsers read `\\` as `/` and drop tabs and line ends, so `/\\host`, `//host` and `/\\t/host` all lead elsewhere;
    anything but one slash followed by printable text is refused.
    """
    if not target or len(target) > 2000 or not target.startswith("/"):
        return fallback
    if target.startswith("//") or "\\" in target or any(ord(character) < 0x21 for character in target):
        return fallback
    if any(ord(character) == 0x7F or character.isspace() for character in target):
        return fallback
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return fallback
    return target

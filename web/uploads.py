"""Files in requests and in answers: how large they may be, and how a browser is told their name."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from flask import Flask, Response, request, send_file

from matching.importing.indicators import LIMITS as INDICATOR_LIMITS
from matching.importing.limits import DEFAULT_LIMITS
from matching.services.attachments import MOST_BYTES

_FORM_BESIDE = 1_000_000

LARGEST_UPLOADS: Mapping[str, int] = {
    "imports.upload": DEFAULT_LIMITS.max_bytes + _FORM_BESIDE,
    "attachments.upload": 3 * MOST_BYTES + _FORM_BESIDE,
    "needs.write_new": 3 * MOST_BYTES + _FORM_BESIDE,
    "capabilities.write_new": 3 * MOST_BYTES + _FORM_BESIDE,
    "unsent.add_files": 3 * MOST_BYTES + _FORM_BESIDE,
    # Files within JSON are in base64: four bytes for three.
    "api-imports.start_import": DEFAULT_LIMITS.max_bytes * 4 // 3 + _FORM_BESIDE,
    "api-attachments.attach_file": MOST_BYTES * 4 // 3 + _FORM_BESIDE,
    "reports.read_import": INDICATOR_LIMITS.max_bytes + _FORM_BESIDE,
    "engagements.message": 3 * MOST_BYTES + _FORM_BESIDE,
}
"""Endpoint → bytes of a whole request. Everything else keeps the small limit of pages."""


def allow_uploads(app: Flask) -> None:
    """Raise the limit where files are sent; registered before anything reads the form."""

    @app.before_request
    def _raise_limit() -> None:
        limit = LARGEST_UPLOADS.get(request.endpoint or "")
        # What comes without a file is as small as everywhere; JSON carries its files within.
        if limit is not None and request.mimetype in ("multipart/form-data", "application/json"):
            request.max_content_length = limit


def content_disposition(name: str, *, inline: bool = False) -> str:
    """The header that names a file (RFC 6266): an ASCII form for old programs, and the name itself in UTF-8."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = "".join(character for character in plain if character not in '"\\%;' and character.isprintable()).strip()
    stem = plain.rpartition(".")[0].strip(" .")
    if not stem:
        plain = "file" + (f".{plain.rpartition('.')[2]}" if "." in plain else "")
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def send_kept_file(path: Path, name: str, media_type: str, digest: str) -> Response:
    """A file that somebody sent, as it came and under its own name; never shown in place, whatever it says it is."""
    answer = send_file(path, mimetype=media_type, etag=digest)
    answer.headers["Content-Disposition"] = content_disposition(name)
    answer.headers["Cache-Control"] = "private, no-store"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return answer


def send_bytes(content: bytes, name: str, media_type: str) -> Response:
    """A file made for this request; it is kept by nobody on the way."""
    import io

    answer = send_file(io.BytesIO(content), mimetype=media_type)
    answer.headers["Content-Disposition"] = content_disposition(name)
    answer.headers["Cache-Control"] = "no-store"
    return answer

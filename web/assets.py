"""Style sheets and scripts: from the package's own folder, compressed once, cached for good under a versioned address.

The application server in front of which nothing may stand (`duijie up`) does not compress; so that the first load stays
small on a phone, each text file is gzipped once per process and kept.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
import stat
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, abort, request, url_for
from werkzeug.wrappers import Response as WerkzeugResponse

STATIC_FOLDER = Path(__file__).parent / "static"
_ROOT = STATIC_FOLDER.resolve()
_A_YEAR = 31_536_000
_COMPRESSIBLE = {"text/css", "text/javascript", "image/svg+xml", "text/plain", "application/json"}

assets = Blueprint("assets", __name__, url_prefix="/static")


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent: `compressed` is None where compression is no gain."""

    content_type: str
    body: bytes
    compressed: bytes | None
    digest: str


@lru_cache(maxsize=64)
def _read_asset(path: Path, _changed: int) -> Asset:
    body = path.read_bytes()
    content_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if content_type == "application/javascript":
        content_type = "text/javascript"
    compressed = gzip.compress(body, 9, mtime=0) if content_type in _COMPRESSIBLE else None
    if content_type.startswith("text/"):
        content_type += "; charset=utf-8"
    return Asset(content_type, body, compressed, hashlib.sha256(body).hexdigest()[:12])


def load_asset(name: str) -> Asset | None:
    """The file `name` below the static folder; None where there is none, or where the name leads out of the folder."""
    # By the text of the name, without asking the disk for every folder on the way: a page names half a dozen files.
    path = Path(os.path.normpath(f"{_ROOT}/{name}"))
    if not path.is_relative_to(_ROOT):
        return None
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return _read_asset(path, found.st_mtime_ns) if stat.S_ISREG(found.st_mode) else None


def asset_url(name: str) -> str:
    """Address of a static file with its version, so that browsers may keep it for a year."""
    asset = load_asset(name)
    return url_for("assets.send_asset", name=name, v=asset.digest if asset else None)


@assets.get("/<path:name>")
def send_asset(name: str) -> WerkzeugResponse:
    """Send a file, compressed where the browser takes it."""
    asset = load_asset(name)
    if asset is None:
        abort(404)
    response = Response(asset.body, content_type=asset.content_type)
    if asset.compressed is not None:
        response.vary.add("Accept-Encoding")
        if request.accept_encodings["gzip"] > 0:
            response.set_data(asset.compressed)
            response.content_encoding = "gzip"
    response.set_etag(asset.digest)
    versioned = request.args.get("v") == asset.digest
    response.cache_control.public = True
    response.cache_control.max_age = _A_YEAR if versioned else 60
    if versioned:
        response.cache_control.immutable = True
    return response.make_conditional(request)


def send_icon() -> WerkzeugResponse:
    """The icon where browsers look for it beside answers that are no pages: feeds, tables, the site map."""
    return send_asset("icon.svg")

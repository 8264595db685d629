"""Texts that only this installation can have written: what stands in links that leave by mail."""

from __future__ import annotations

import base64
import hashlib
import hmac

from matching.settings import Settings


def derive_key(settings: Settings, purpose: str) -> bytes:
    """32 bytes that follow from the installation's secret, different for each purpose."""
    return hmac.new(settings.require_secret().encode(), f"duijie:{purpose}".encode(), hashlib.sha256).digest()


def sign(settings: Settings, purpose: str, text: str) -> str:
    """The text with its signature; safe in an address where the text is."""
    return f"{text}.{_signature(settings, purpose, text)}"


def read_signed(settings: Settings, purpose: str, signed: str) -> str | None:
    """The text if it was signed here for this purpose, else None."""
    text, _, signature = signed.rpartition(".")
    if not text or not signature.isascii():
        return None
    return text if hmac.compare_digest(signature, _signature(settings, purpose, text)) else None


def _signature(settings: Settings, purpose: str, text: str) -> str:
    digest = hmac.new(derive_key(settings, f"link:{purpose}"), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:24]).decode()

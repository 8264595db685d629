"""Text as XML 1.0 can hold it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """The text without characters that XML forbids, line ends as line feeds."""
    return _ILLEGAL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


def xml_moment(moment: datetime) -> str:
    """A moment in UTC to the second, `2026-11-25T01:00:00Z`."""
    return moment.astimezone(UTC).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")

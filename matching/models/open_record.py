"""开放数据记录: since when a record that programs collect is as it is, or gone."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base


class OpenRecord(Base):
    """A record of the open data as it was last noted.

    A record changes with more than its own row: with the consent of a person, an affiliation that ends, the name of an
    organisation. Who collects only what changed since the last time is told by `changed_at`, and that it is `gone`.
    """

    __tablename__ = "open_records"

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    item_key: Mapped[str] = mapped_column(String(80), primary_key=True)
    """As `matching.queries.open_data.list_open` gives it: an id, or `capability:` or `work:` and an id."""
    digest: Mapped[str] = mapped_column(String(64))
    """SHA-256 of the record; empty where it is gone."""
    changed_at: Mapped[datetime]
    gone: Mapped[bool]

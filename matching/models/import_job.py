"""A file on its way into the platform: uploaded, read, looked at by a person, put in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from matching.models.base import Base, Id, new_id

IMPORT_STATUSES = ("reading", "read", "importing", "done", "cancelled", "failed")


class ImportJob(Base):
    """One uploaded file and what became of it.

    `reading` → `read` (waits for a person's decision) → `importing` → `done`; `cancelled` by a person, `failed` where
    the file as a whole cannot be taken. Rows up to `rows_done` are in the platform, in the same commit as this number:
    a task that dies is followed by one that goes on there.
    """

    __tablename__ = "import_jobs"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id", ondelete="SET NULL"))
    """Of rows that name none; the only one that a member's rows may be of."""
    kind: Mapped[str] = mapped_column(String(20))
    file_name: Mapped[str] = mapped_column(String(255))
    """As the person's file is called; shown, never used as a path."""
    stored_name: Mapped[str] = mapped_column(String(80))
    size: Mapped[int]
    status: Mapped[str] = mapped_column(String(12))
    region_code: Mapped[str] = mapped_column(String(12))
    """Of organisations that the rows name and that are not known yet."""
    then: Mapped[str] = mapped_column(String(10), default="publish")
    """What becomes of new posts: publish (submit, where the staff reviews first) or draft."""
    include_hidden: Mapped[bool] = mapped_column(default=False)
    left_sheets: Mapped[list[str]] = mapped_column(JSON, default=list)
    """Sheets that the person does not want."""
    header_rows: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Sheet → number of the row that the person says is the header."""
    column_map: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Header → field, or null to keep it beside; what the person decided, or decided for such a file before."""
    remembered: Mapped[bool] = mapped_column(default=False)
    """Whether `column_map` comes from an earlier file with the same headers."""
    sheets: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """How each sheet was understood: its header row and columns, see `services.import_jobs`."""
    notes: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """What was noticed, left out, or is hidden: {kind, place_zh, place_en, zh, en}."""
    error: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """Why it failed: {code, zh, en, where}."""
    rows_total: Mapped[int] = mapped_column(default=0)
    rows_warned: Mapped[int] = mapped_column(default=0)
    rows_refused: Mapped[int] = mapped_column(default=0)
    """By the reading; `refused` counts those that the rules refused as well."""
    rows_done: Mapped[int] = mapped_column(default=0)
    added: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    unchanged: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)
    organisations_added: Mapped[int] = mapped_column(default=0)
    cancel_asked: Mapped[bool] = mapped_column(default=False)
    working_until: Mapped[datetime | None]
    """While in the future, a task is at it."""
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - read by SQLAlchemy
    __table_args__ = (Index("ix_import_jobs_user_id_created_at", "user_id", "created_at"),)


class ImportRow(Base):
    """One row of the file as it was read, and what became of it; kept for a month, then forgotten with its job."""

    __tablename__ = "import_rows"

    job_id: Mapped[str] = mapped_column(ForeignKey("import_jobs.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    """Its place among the rows of the reading, from 1."""
    sheet: Mapped[str | None] = mapped_column(String(100))
    row: Mapped[int | None]
    status: Mapped[str] = mapped_column(String(10))
    """accepted, warned or refused, by the reading or later by the rules."""
    outcome: Mapped[str | None] = mapped_column(String(10))
    """added, changed or unchanged, once it is in."""
    name: Mapped[str] = mapped_column(Text, default="")
    """Title or name, as the file says it."""
    findings: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    cells: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    """The row's texts by header, as they stand in the file."""

    __table_args__ = (Index("ix_import_rows_job_id_status", "job_id", "status"),)


class RememberedColumns(Base):
    """How somebody decided that the columns of such a file are to be read."""

    __tablename__ = "remembered_columns"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    owner_key: Mapped[str] = mapped_column(String(80))
    """`organisation:<id>`, or `region:<code>` of a staff office."""
    kind: Mapped[str] = mapped_column(String(20))
    header_signature: Mapped[str] = mapped_column(String(64))
    column_map: Mapped[dict[str, Any]] = mapped_column(JSON)
    updated_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("owner_key", "kind", "header_signature"),)

"""`duijie audit forget`."""

from __future__ import annotations

import click

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.services.actor import SYSTEM
from matching.settings import load_settings


@click.group()
def audit() -> None:
    """The audit log, which the application itself only appends to."""


@audit.command("forget")
def forget() -> None:
    """Delete lines older than DUIJIE_AUDIT_DAYS. On PostgreSQL run it as the owner of the tables."""
    from matching.services.retention import forget_audit

    count = forget_audit(build_platform(load_settings()), SYSTEM, utc_now())
    click.echo(f"{count} 行已删除 / lines deleted")

"""`duijie doctor`: every part by name, its version, and the remedy where something is wrong."""

from __future__ import annotations

import click

from matching.bootstrap import build_platform
from matching.observing.parts import check_parts
from matching.settings import load_settings


@click.command()
def doctor() -> None:
    """Check database, index, broker, model and mail. Exit code 1 when a needed part does not answer."""
    parts = check_parts(build_platform(load_settings()), thorough=True)
    for part in parts:
        mark = "✓" if part.ready else ("!" if not part.needed else "✗")
        click.echo(f"{mark} {part.name:<10} {part.version} {part.detail}".rstrip())
        if not part.ready and part.remedy:
            click.echo(f"  → {part.remedy}")
    if any(part.needed and not part.ready for part in parts):
        raise SystemExit(1)

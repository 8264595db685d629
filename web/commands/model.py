"""`duijie model list|activate|rollback`: the rankers that were trained on this platform."""

from __future__ import annotations

import click

from matching.bootstrap import Platform, build_platform
from matching.clock import shanghai_day, utc_now
from matching.models import ModelRevision
from matching.queries.model_revisions import list_revisions
from matching.services.actor import SYSTEM
from matching.services.model_revisions import activate_revision, compare_figures, may_activate, roll_back
from matching.settings import load_settings
from web.nudge import make_nudge


@click.group()
def model() -> None:
    """Rankers that learned from use (see `duijie train ranker --from-platform`)."""


@model.command("list")
def list_all() -> None:
    """All revisions, the latest first, with their figures beside those of what they were compared with."""
    platform = _platform()
    with platform.reading() as session:
        revisions = list_revisions(session)
        click.echo(f"* {platform.ranker.revision}")
        for revision in revisions:
            click.echo(describe_revision(revision))


@model.command("activate")
@click.argument("revision_id")
def activate(revision_id: str) -> None:
    """Rank with REVISION_ID from now on; refused where a figure on a judged set is worse."""
    activate_revision(_platform(), SYSTEM, revision_id, utc_now())
    click.echo(f"已启用 / activated {revision_id}")


@model.command("rollback")
def rollback() -> None:
    """Go back to what the active revision was compared with."""
    click.echo(f"现用 / in use: {roll_back(_platform(), SYSTEM, utc_now())}")


def describe_revision(revision: ModelRevision) -> str:
    """Some lines for the terminal."""
    allowed = "" if may_activate(revision.figures) else "  (worse)"
    lines = [f"{revision.id}  {revision.state}  {shanghai_day(revision.created_at)}{allowed}"]
    for name, measure, new, old in compare_figures(revision.figures):
        shown = ["–" if value is None else f"{value:.3f}" for value in (old, new)]
        lines.append(f"    {name:12} {measure:10} {shown[0]} → {shown[1]}")
    return "\n".join(lines)


def _platform() -> Platform:
    settings = load_settings()
    return build_platform(settings, make_nudge(settings))

"""`duijie mail read`: answers to invitations, from the mailbox or from a file."""

from __future__ import annotations

from pathlib import Path

import click

from matching.bootstrap import build_platform
from matching.clock import utc_now
from matching.errors import InvalidInput
from matching.services.mail_replies import read_mailbox, take_reply
from matching.settings import load_settings
from web.nudge import make_nudge


@click.group()
def mail() -> None:
    """Mail that comes in."""


@mail.command("read")
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def read(files: tuple[Path, ...]) -> None:
    """Take answers to invitations: from .eml FILES, or without any from the mailbox of DUIJIE_IMAP_HOST."""
    settings = load_settings()
    platform = build_platform(settings, make_nudge(settings))
    if files:
        for path in files:
            with platform.unit_of_work() as uow:
                click.echo(f"{path.name}\t{take_reply(uow, path.read_bytes(), utc_now())}")
        return
    if not settings.imap_host:
        raise InvalidInput(
            "mail.no_mailbox",
            "没有设置 DUIJIE_IMAP_HOST，也没有给出 .eml 文件",
            where="DUIJIE_IMAP_HOST",
            message_en="DUIJIE_IMAP_HOST is not set, and no .eml file was named",
        )
    for outcome, count in sorted(read_mailbox(platform, utc_now()).items()):
        click.echo(f"{outcome}\t{count}")

"""The `duijie` command. Exit codes: 0 done, 2 the input or the words of the call are wrong, 1 anything else."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from matching.errors import DuijieError, InvalidInput
from matching.garbage import collect_seldom

_COMMANDS = {
    "match": "web.commands.match:match",
    "evaluate": "web.commands.match:evaluate",
    "schedule": "web.commands.schedule:schedule",
    "import": "web.commands.tables:import_table",
    "export": "web.commands.tables:export_table",
    "index": "web.commands.index:index",
    "train": "web.commands.train:train",
    "model": "web.commands.model:model",
    "up": "web.commands.up:up",
    "doctor": "web.commands.doctor:doctor",
    "database": "web.commands.database:database",
    "backup": "web.commands.database:backup",
    "restore": "web.commands.database:restore",
    "user": "web.commands.user:user",
    "mail": "web.commands.mail:mail",
    "audit": "web.commands.audit:audit",
}


class LazyGroup(click.Group):
    """Imports a subcommand when it is called, so that `duijie --help` loads no model."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The subcommand, None for an unknown name."""
        target = _COMMANDS.get(cmd_name)
        if target is None:
            return None
        module, name = target.split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="duijie", prog_name="duijie")
def duijie() -> None:
    """对接: technical needs meet the people who can solve them."""


def main(arguments: list[str] | None = None) -> None:
    """Run, and turn every error into one clear line on standard error and its exit code."""
    collect_seldom()
    try:
        outcome: Any = duijie.main(args=arguments, prog_name="duijie", standalone_mode=False)
        sys.exit(outcome if isinstance(outcome, int) else 0)
    except click.exceptions.Exit as error:
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("已中断 / interrupted", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except InvalidInput as error:
        click.echo(f"错误：{error}", err=True)
        sys.exit(2)
    except DuijieError as error:
        click.echo(f"错误：{error}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe left early, as `head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()

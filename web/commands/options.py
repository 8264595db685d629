"""Options that do not go together."""

from __future__ import annotations

from collections.abc import Collection

import click
from click.core import ParameterSource


def refuse_options(names: Collection[str], why: str) -> None:
    """Refuse options of the running command, by parameter name, that would be passed over: `why` ends the sentence.

    Raises click.BadParameter for the first that was given, be it with its default value.
    """
    context = click.get_current_context()
    for option in context.command.params:
        if option.name in names and context.get_parameter_source(option.name) is not ParameterSource.DEFAULT:
            raise click.BadParameter(why, param=option)

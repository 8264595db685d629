"""What every application of a process would make alike, made once for all tests of the process.

A test makes an application of its own; compiling its four hundred routes and its templates took longer than most tests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.templating import Environment
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from werkzeug.routing import Rule


class CompiledTemplates(BytecodeCache):
    """Compiled templates by name and source."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """See BytecodeCache."""
        kept = self._kept.get((bucket.key, bucket.checksum))
        if kept is not None:
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """See BytecodeCache."""
        self._kept[bucket.key, bucket.checksum] = bucket.bytecode_to_string()


def make_repeated_work_once(patched: pytest.MonkeyPatch) -> None:
    """Let applications share compiled templates and what builds the addresses of their routes."""
    templates = CompiledTemplates()
    plain_init: Callable[..., None] = Environment.__init__

    def init(self: Environment, app: Any, **options: Any) -> None:
        plain_init(self, app, **{"bytecode_cache": templates, **options})

    patched.setattr(Environment, "__init__", init)

    builders: dict[Any, Any] = {}
    plain_builder: Callable[..., Any] = Rule._compile_builder

    def compile_builder(self: Rule, append_unknown: bool = True) -> Any:
        if self.defaults:
            return plain_builder(self, append_unknown)
        # The function gets its rule, and by it the converters, when it is called.
        key = (append_unknown, self.rule, tuple(self._trace))
        if key not in builders:
            builders[key] = plain_builder(self, append_unknown)
        return builders[key]

    patched.setattr(Rule, "_compile_builder", compile_builder)

"""How many worlds the policy test draws."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """More than the usual few are for a night's run."""
    parser.addoption("--policy-examples", type=int, default=None, help="worlds that the policy test draws")

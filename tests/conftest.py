"""Fixtures that many tests share."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from matching.bootstrap import Platform
from matching.services import passwords
from tests.factories.passwords import CHEAP_HASHER
from tests.factories.platforms import make_platform
from tests.factories.repeated_work import make_repeated_work_once

# How long an example takes says something about the machine, not about the code.
settings.register_profile("duijie", deadline=None)
settings.load_profile("duijie")


@pytest.fixture(scope="session", autouse=True)
def _cheap_passwords() -> Iterator[None]:
    """Hashing that is as slow as the product's would take a third of the run; what it is made of has its own test."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "_hasher", CHEAP_HASHER)
        yield


@pytest.fixture(scope="session", autouse=True)
def _repeated_work() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        make_repeated_work_once(patched)
        yield


@pytest.fixture
def now() -> datetime:
    """A fixed moment: 25 November 2026, 09:00 in China."""
    return datetime(2026, 11, 25, 1, 0, tzinfo=UTC)


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Migrated, empty, on SQLite and the embedded index."""
    made = make_platform(tmp_path)
    yield made
    made.close()

"""The tests of `tests/unit/matching/store/test_unit_of_work.py` on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.unit.matching.store.test_unit_of_work import *  # noqa: F403 - the tests and their fixtures

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("on_postgresql")]

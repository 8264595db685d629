"""The tests of `tests/unit/matching/services/test_timetables.py` on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.unit.matching.services.test_timetables import *  # noqa: F403 - the tests and their fixtures

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("on_postgresql")]

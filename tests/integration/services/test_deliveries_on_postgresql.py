"""The tests of `tests/unit/matching/services/test_deliveries.py` on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.unit.matching.conftest import _smtp, mailing, smtp  # noqa: F401 - fixtures
from tests.unit.matching.services.test_deliveries import *  # noqa: F403 - the tests and their fixtures

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("on_postgresql")]

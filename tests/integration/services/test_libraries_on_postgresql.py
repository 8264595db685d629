"""The tests of libraries, people's entries, imports and merges on PostgreSQL."""

from __future__ import annotations

import pytest

from tests.unit.matching.queries.test_libraries import *  # noqa: F403 - the tests and their fixtures
from tests.unit.matching.services.test_experts import *  # noqa: F403
from tests.unit.matching.services.test_import_jobs import *  # noqa: F403
from tests.unit.matching.services.test_merges import *  # noqa: F403

pytestmark = [pytest.mark.integration, pytest.mark.usefixtures("on_postgresql")]

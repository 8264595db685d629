"""What tests of the workers share with those of the services."""

from __future__ import annotations

from tests.unit.matching.conftest import _smtp, mailing, smtp  # noqa: F401 - fixtures

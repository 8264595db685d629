"""Column types: time is UTC, money is exact."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from matching.models.base import UtcDateTime, WanYuan

DIALECT = sqlite.dialect()


@given(st.decimals(min_value=0, max_value=10_000_000, places=6))
def test_money_comes_back_equal(amount: Decimal) -> None:
    stored = WanYuan().process_bind_param(amount, DIALECT)
    assert isinstance(stored, int)
    assert WanYuan().process_result_value(stored, DIALECT) == amount


def test_money_is_shown_without_needless_zeros() -> None:
    kind = WanYuan()
    assert str(kind.process_result_value(12_500_000, DIALECT)) == "12.5"
    assert str(kind.process_result_value(300_000_000, DIALECT)) == "300"


def test_money_finer_than_a_fen_is_refused() -> None:
    with pytest.raises(ValueError, match="finer"):
        WanYuan().process_bind_param(Decimal("0.0000001"), DIALECT)


def test_time_is_stored_in_utc_and_naive_time_refused() -> None:
    china = datetime(2026, 11, 25, 9, 0, tzinfo=timezone(timedelta(hours=8)))
    kind = UtcDateTime()
    assert kind.process_bind_param(china, DIALECT) == datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
    assert kind.process_result_value(datetime(2026, 11, 25, 1, 0), DIALECT) == china  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        kind.process_bind_param(datetime(2026, 11, 25), DIALECT)  # noqa: DTZ001

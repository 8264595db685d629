"""Declarative base and the column types that keep SQLite and PostgreSQL alike."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Integer, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

_FEN_PER_WAN_YUAN = 1_000_000


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, stored in UTC; SQLite has no zones, so they are put on when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive values, which would silently mean the host's zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give the value its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class WanYuan(TypeDecorator[Decimal]):
    """An amount in 万元 as an exact Decimal, stored as a whole number of 分 (SQLite has no decimals)."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Raises ValueError for a fraction of a 分."""
        if value is None:
            return None
        fen = value * _FEN_PER_WAN_YUAN
        if fen != fen.to_integral_value():
            raise ValueError("an amount finer than 0.01 CNY")
        return int(fen)

    def process_result_value(self, value: int | None, dialect: Dialect) -> Decimal | None:
        """Back to 万元, without trailing zeros: 12.50 comes back as 12.5."""
        if value is None:
            return None
        amount = Decimal(value) / _FEN_PER_WAN_YUAN
        whole = amount.to_integral_value()
        return whole if amount == whole else amount.normalize()


class Base(DeclarativeBase):
    """All tables. Constraint names are fixed so that migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        Decimal: WanYuan,
        list[str]: JSON,
        dict[str, Any]: JSON,
    }


def new_id() -> str:
    """A fresh random identifier (UUID 4)."""
    return str(uuid.uuid4())


Id = String(64)
"""Identifiers: a UUID, or a readable one for imported and demonstration rows."""

BigId = BigInteger().with_variant(Integer, "sqlite")
"""Counting keys; SQLite counts only INTEGER by itself."""

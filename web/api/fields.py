"""The kinds of value in requests and answers, each with its exact description in the document."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from marshmallow import RAISE, Schema, fields
from marshmallow.validate import Length, Range, Regexp

LARGEST_AMOUNT = 10_000_000
_MOST_DIGITS = 12
ID_PATTERN = r"^[A-Za-z0-9._:~-]{1,64}$"


class ApiSchema(Schema):
    """All schemas: an unknown field is a fault, in what comes in as in what is described."""

    class Meta:
        """Options of marshmallow."""

        unknown = RAISE


class Text(fields.String):
    """Unicode text of limited length, without what a database cannot keep (NUL, halves of surrogate pairs)."""

    default_error_messages = {"unstorable": "Contains characters that cannot be stored."}  # noqa: RUF012 - marshmallow's

    def __init__(self, *, most: int, least: int = 0, **options: Any) -> None:
        described = options.pop("metadata", {})
        super().__init__(
            validate=Length(min=least or None, max=most),
            metadata={"pattern": r"^[^\u0000]*$", **described},
            **options,
        )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text: str = super()._deserialize(value, attr, data, **kwargs)
        if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
            raise self.make_error("unstorable")
        return text


class Identifier(fields.String):
    """The id of a row."""

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=Regexp(ID_PATTERN), **options)


class Flag(fields.Boolean):
    """true or false and nothing that only looks like it; in addresses also as text."""

    truthy = {"true"}  # noqa: RUF012 - marshmallow's
    falsy = {"false"}  # noqa: RUF012 - marshmallow's

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return bool(value == "true")
        raise self.make_error("invalid", input=value)


class BodyFlag(Flag):
    """true or false in a JSON body, where text is text."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Amount(fields.Decimal):
    """An amount in 万元 (10,000 CNY), exact to 0.01 CNY. In JSON a number; doubles carry all digits that occur."""

    default_error_messages = {  # noqa: RUF012 - marshmallow's
        "too_fine": "Amounts are exact to 0.01 CNY (0.000001 of the unit)."
    }

    def __init__(self, **options: Any) -> None:
        super().__init__(validate=Range(min=0, max=LARGEST_AMOUNT), allow_nan=False, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self.make_error("invalid")
        amount = Decimal(value)
        if 0 <= amount <= LARGEST_AMOUNT and (amount * 1_000_000) % 1:
            raise self.make_error("too_fine")
        return amount

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        if value is None:
            return None
        return int(value) if value == int(value) else float(value)


class Whole(fields.Integer):
    """A whole number in a JSON body, also as 3.0; text that looks like one is text."""

    def __init__(self, *, least: int, most: int, **options: Any) -> None:
        super().__init__(validate=Range(min=least, max=most), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise self.make_error("invalid", input=value)
        # 1e999999999 is a short text and a number that no memory holds: its size is looked at first.
        if isinstance(value, Decimal) and (value.adjusted() > _MOST_DIGITS or value != value.to_integral_value()):
            raise self.make_error("invalid", input=value)
        return int(value)


class Base64Bytes(fields.String):
    """Bytes of a file, in base64."""

    default_error_messages = {"not_base64": "Not base64."}  # noqa: RUF012 - marshmallow's

    def __init__(self, **options: Any) -> None:
        super().__init__(metadata={"contentEncoding": "base64", "minLength": 1}, **options)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        text = super()._deserialize(value, attr, data, **kwargs)
        try:
            return base64.b64decode(text, validate=True)
        except (ValueError, UnicodeEncodeError) as error:
            raise self.make_error("not_base64") from error


class Moment(fields.AwareDateTime):
    """A moment, in UTC."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

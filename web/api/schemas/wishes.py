"""What the caller wants more or less of, and an expert's works."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf

from matching.models.wish import WISH_DIRECTIONS, WISH_KINDS
from web.api.fields import ApiSchema, Moment, Text


class WishEntry(ApiSchema):
    """One thing to see more or less of."""

    direction = fields.String(required=True, validate=OneOf(WISH_DIRECTIONS))
    kind = fields.String(required=True, validate=OneOf(WISH_KINDS))
    value = Text(
        most=80,
        least=1,
        required=True,
        metadata={"description": "A code of the vocabulary, a word, or an organisation."},
    )


class ShownWish(ApiSchema):
    """A wish of the caller."""

    id = fields.String(required=True)
    direction = fields.String(required=True, validate=OneOf(WISH_DIRECTIONS))
    kind = fields.String(required=True, validate=OneOf(WISH_KINDS))
    value = fields.String(required=True)
    created_at = Moment(required=True)


class WishList(ApiSchema):
    """The caller's wishes in the order in which they were said."""

    items = fields.List(fields.Nested(ShownWish), required=True)


class ShownWork(ApiSchema):
    """A paper, patent or achievement of an expert."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    title = fields.String(required=True)
    year = fields.Integer(required=True, allow_none=True)
    venue = fields.String(required=True, allow_none=True)
    doi = fields.String(required=True, allow_none=True)
    authors = fields.List(fields.String(), required=True)
    hidden = fields.Boolean(
        required=True, metadata={"description": "Neither shown nor used in matching; only keepers see hidden ones."}
    )


class WorkList(ApiSchema):
    """An expert's works, the latest first."""

    items = fields.List(fields.Nested(ShownWork), required=True)


class WorkVisibility(ApiSchema):
    """Whether a work is hidden."""

    hidden = fields.Boolean(required=True)

"""Posts that say nearly the same."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf

from web.api.fields import ApiSchema, Moment
from web.api.schemas.posts import PostSummary


class DuplicatePair(ApiSchema):
    """Two posts of one side whose texts nearly agree."""

    id = fields.String(required=True)
    shared = fields.Float(
        required=True, metadata={"description": "Part of the shorter text that stands in the other one, 0 to 1."}
    )
    state = fields.String(required=True, validate=OneOf(["open", "closed", "returned", "not_duplicate", "obsolete"]))
    found_at = Moment(required=True)
    proposed_to_stay = fields.String(required=True, metadata={"description": "Id of the post that says more."})
    first = fields.Nested(PostSummary, required=True)
    second = fields.Nested(PostSummary, required=True)


class DuplicateList(ApiSchema):
    """Open pairs, the most alike first."""

    items = fields.List(fields.Nested(DuplicatePair), required=True)


class DuplicateDecision(ApiSchema):
    """What the staff make of a pair."""

    decision = fields.String(required=True, validate=OneOf(["close_first", "close_second", "not_duplicate"]))

"""Ranked pairs and the messages about them."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, Range

from web.api.fields import ApiSchema, Flag, Moment
from web.api.schemas.posts import PageQuery, PostSummary


def _span() -> fields.List[int]:
    return fields.List(
        fields.Integer(),
        validate=Length(equal=2),
        metadata={"description": "Start and end (exclusive) in that side's `full_text`, in characters."},
    )


class Reason(ApiSchema):
    """One reason, or, with `against`, what speaks against the pair."""

    kind = fields.String(required=True)
    text = fields.String(required=True, metadata={"description": "In the language of the request."})
    against = fields.Boolean(required=True)
    need_span = _span()
    capability_span = _span()


class Fit(ApiSchema):
    """How well a pair fits, and why."""

    id = fields.String(required=True, metadata={"description": "Of the suggestion."})
    rank = fields.Integer(required=True, metadata={"description": "From 1, the best first."})
    score = fields.Float(required=True, metadata={"description": "Larger is better; comparable within one list."})
    probability = fields.Float(
        required=True, allow_none=True, metadata={"description": "That the pair fits; null where not calibrated."}
    )
    reasons = fields.List(fields.Nested(Reason), required=True)
    suggested_at = Moment(required=True)


class CapabilitySuggestion(Fit):
    """Who might solve a need."""

    capability = fields.Nested(PostSummary, required=True)


class NeedSuggestion(Fit):
    """Who might want a capability."""

    need = fields.Nested(PostSummary, required=True)


_UP_TO_DATE = "False while a change of the post is still being worked in; ask again in a moment."


class CapabilitySuggestions(ApiSchema):
    """A need's suggestions."""

    items = fields.List(fields.Nested(CapabilitySuggestion), required=True)
    up_to_date = fields.Boolean(required=True, metadata={"description": _UP_TO_DATE})


class NeedSuggestions(ApiSchema):
    """A capability's suggestions."""

    items = fields.List(fields.Nested(NeedSuggestion), required=True)
    up_to_date = fields.Boolean(required=True, metadata={"description": _UP_TO_DATE})


class SuggestionQuery(ApiSchema):
    """How many."""

    limit = fields.Integer(validate=Range(min=1, max=100), load_default=20)


class NotifiedPair(ApiSchema):
    """The pair a message speaks of; a side that the reader may no longer see is null."""

    id = fields.String(required=True)
    score = fields.Float(required=True)
    probability = fields.Float(required=True, allow_none=True)
    reasons = fields.List(fields.Nested(Reason), required=True)
    need = fields.Nested(PostSummary, required=True, allow_none=True)
    capability = fields.Nested(PostSummary, required=True, allow_none=True)


class Notification(ApiSchema):
    """A message in the inbox."""

    id = fields.String(required=True)
    kind = fields.String(required=True)
    created_at = Moment(required=True)
    read_at = Moment(required=True, allow_none=True)
    post = fields.Nested(
        PostSummary, required=True, allow_none=True, metadata={"description": "The post it speaks of, if it is one."}
    )
    suggestion = fields.Nested(NotifiedPair, required=True, allow_none=True)
    interest_id = fields.String(required=True, allow_none=True, metadata={"description": "The interest it speaks of."})
    engagement_id = fields.String(required=True, allow_none=True, metadata={"description": "The engagement, likewise."})


class NotificationPage(ApiSchema):
    """A page of the inbox, the latest first."""

    items = fields.List(fields.Nested(Notification), required=True)
    unread = fields.Integer(required=True, metadata={"description": "How many are unread in the whole inbox."})
    next = fields.String(
        required=True, allow_none=True, metadata={"description": "Give it back as `cursor`; null on the last page."}
    )


class NotificationQuery(PageQuery):
    """Which messages."""

    unread = Flag(load_default=False, metadata={"description": "Only those not opened."})

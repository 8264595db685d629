"""What the staff and administrators look after: registrations, deliveries, rankers."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf

from matching.models.delivery import DELIVERY_STATES
from matching.services.accounts import MEMBER_ROLES
from web.api.fields import ApiSchema, Identifier, Moment, Text

REGISTRATION_SHOWN = ("waiting", "approved", "refused")


class RegistrationQuery(ApiSchema):
    """Which registrations."""

    state = fields.String(validate=OneOf(REGISTRATION_SHOWN), load_default="waiting")


class Registration(ApiSchema):
    """Somebody who asks for an account for their organisation."""

    id = fields.String(required=True)
    role = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    title = fields.String(required=True, allow_none=True)
    organisation_kind = fields.String(required=True)
    organisation_name = fields.String(required=True)
    uscc = fields.String(required=True, allow_none=True)
    region_code = fields.String(required=True)
    town = fields.String(required=True, allow_none=True)
    note = fields.String(required=True)
    state = fields.String(required=True, validate=OneOf(REGISTRATION_SHOWN))
    created_at = Moment(required=True)
    decided_at = Moment(required=True, allow_none=True)


class RegistrationList(ApiSchema):
    """Registrations of the caller's region, those that wait longest first."""

    items = fields.List(fields.Nested(Registration), required=True)


class ApprovalEntry(ApiSchema):
    """What the account is for."""

    organisation_id = Identifier(
        required=True, allow_none=True, metadata={"description": "An organisation that is known, or null for a new."}
    )
    member_role = fields.String(validate=OneOf(MEMBER_ROLES), load_default="editor")
    expert_id = Identifier(metadata={"description": "The entry that a researcher already has."})


class RefusalEntry(ApiSchema):
    """Why not."""

    reason = Text(most=500, least=1, required=True)


class DeliveryQuery(ApiSchema):
    """Which deliveries."""

    state = fields.String(validate=OneOf(DELIVERY_STATES), load_default="given_up")


class Delivery(ApiSchema):
    """One thing that leaves the platform. Neither address nor text is shown."""

    id = fields.String(required=True)
    channel = fields.String(required=True)
    kind = fields.String(required=True)
    state = fields.String(required=True, validate=OneOf(DELIVERY_STATES))
    attempts = fields.Integer(required=True)
    last_error = fields.String(required=True, allow_none=True)
    created_at = Moment(required=True)
    finished_at = Moment(required=True, allow_none=True)


class DeliveryList(ApiSchema):
    """Up to 100 deliveries of a state, the latest first, and how many there are."""

    items = fields.List(fields.Nested(Delivery), required=True)
    owed = fields.Integer(required=True)
    failed = fields.Integer(required=True)
    given_up = fields.Integer(required=True)
    sent_lately = fields.Integer(required=True)


class ModelRevision(ApiSchema):
    """A ranker that was trained on this platform."""

    id = fields.String(required=True)
    state = fields.String(required=True)
    compared_with = fields.String(required=True)
    may_be_activated = fields.Boolean(required=True)
    created_at = Moment(required=True)
    activated_at = Moment(required=True, allow_none=True)


class ModelRevisionList(ApiSchema):
    """All revisions, the latest first, and the one that ranks now."""

    items = fields.List(fields.Nested(ModelRevision), required=True)
    present = fields.String(required=True)


class PresentRanker(ApiSchema):
    """What ranks now."""

    present = fields.String(required=True)

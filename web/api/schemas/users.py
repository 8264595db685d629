"""Accounts for administrators, and organisations that are one for the staff."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf, Range, Regexp

from matching.models.user import USER_ROLES
from matching.queries.users import STATES
from matching.services.accounts import MEMBER_ROLES
from web.api.fields import ID_PATTERN, ApiSchema, Moment, Text
from web.api.schemas.people import Organisation


class UserQuery(ApiSchema):
    """Which accounts."""

    q = Text(most=200, load_default="", metadata={"description": "Looked for in name, address and organisation."})
    role = fields.String(validate=OneOf(USER_ROLES))
    state = fields.String(validate=OneOf(STATES))
    page = fields.Integer(validate=Range(min=1, max=100_000), load_default=1)


class User(ApiSchema):
    """An account."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(USER_ROLES))
    region_code = fields.String(required=True, allow_none=True, metadata={"description": "Of the staff."})
    locale = fields.String(required=True)
    active = fields.Boolean(required=True, metadata={"description": "Whether it can sign in."})


class ListedUser(User):
    """An account with where it belongs and when it was last seen."""

    organisations = fields.List(fields.String(), required=True, metadata={"description": "By name."})
    last_seen = Moment(required=True, allow_none=True)


class UserPage(ApiSchema):
    """One page of the accounts, by name."""

    items = fields.List(fields.Nested(ListedUser), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class UserMembership(ApiSchema):
    """What the account is in an organisation."""

    organisation_id = fields.String(required=True)
    organisation = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(MEMBER_ROLES))


class ShownUser(User):
    """An account with what belongs to it."""

    memberships = fields.List(fields.Nested(UserMembership), required=True)
    sign_ins = fields.Integer(required=True, metadata={"description": "Devices that are signed in now."})
    two_factor = fields.Boolean(required=True)


class UserRole(ApiSchema):
    """What an account is to be."""

    role = fields.String(required=True, validate=OneOf(USER_ROLES))
    region_code = Text(most=12, load_default=None, allow_none=True, metadata={"description": "Needed for the staff."})


class LockReason(ApiSchema):
    """Why an account is closed; kept in the audit log."""

    reason = Text(most=300, least=1, required=True)


class EndedSignIns(ApiSchema):
    """How many sign-ins were ended."""

    ended = fields.Integer(required=True)


class WaitingInvitation(ApiSchema):
    """An invitation that nobody accepted yet, lapsed ones included."""

    id = fields.String(required=True)
    organisation_id = fields.String(required=True)
    organisation = fields.String(required=True)
    email = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(MEMBER_ROLES))
    created_at = Moment(required=True)
    expires_at = Moment(required=True)


class WaitingInvitationList(ApiSchema):
    """Waiting invitations, the latest first."""

    items = fields.List(fields.Nested(WaitingInvitation), required=True)


class AlikeOrganisation(Organisation):
    """One of several that may be one, with how many posts it has."""

    posts = fields.Integer(required=True)


class AlikeOrganisations(ApiSchema):
    """Organisations whose names are one without width, brackets and legal form, and whose codes do not differ."""

    organisations = fields.List(fields.Nested(AlikeOrganisation), required=True)


class AlikeOrganisationsList(ApiSchema):
    """What the staff should look at."""

    items = fields.List(fields.Nested(AlikeOrganisations), required=True)


class OrganisationDecision(ApiSchema):
    """The other organisation: one that the first swallows, or one that is different from it."""

    other_id = fields.String(required=True, validate=Regexp(ID_PATTERN))
    decision = fields.String(required=True, validate=OneOf(("merged", "different")))


class OrganisationMerge(ApiSchema):
    """A decision about two organisations."""

    id = fields.String(required=True)
    kept_id = fields.String(required=True)
    merged_id = fields.String(required=True)
    decision = fields.String(required=True, validate=OneOf(("merged", "different")))
    decided_at = Moment(required=True)
    undone_at = Moment(required=True, allow_none=True)


class OrganisationMergeList(ApiSchema):
    """The latest decisions, the last first."""

    items = fields.List(fields.Nested(OrganisationMerge), required=True)

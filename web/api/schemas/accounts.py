"""The caller's account: sign-ins, preferences, and colleagues."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf

from matching.notifying.notices import GROUPS, WAYS
from matching.services.accounts import MEMBER_ROLES
from web.api.fields import ApiSchema, BodyFlag, Moment, Text


class SignIn(ApiSchema):
    """One device on which the caller is signed in to the pages."""

    id = fields.String(required=True)
    device = fields.String(required=True, allow_none=True, metadata={"description": "Browser and system."})
    address = fields.String(required=True, allow_none=True, metadata={"description": "Of the network."})
    created_at = Moment(required=True)
    last_used_at = Moment(required=True)


class SignInList(ApiSchema):
    """The caller's sign-ins, the last used first."""

    items = fields.List(fields.Nested(SignIn), required=True)


def _way(*, required: bool) -> fields.String:
    described = {"description": "at_once, digest (09:00 in China) or off."}
    return fields.String(required=required, validate=OneOf(WAYS), metadata=described)


class NotificationWays(ApiSchema):
    """How each group of notifications is mailed."""

    suggestions = _way(required=True)
    interests = _way(required=True)
    engagements = _way(required=True)
    events = _way(required=True)
    posts = _way(required=True)
    account = _way(required=True)


class NotificationWaysChange(ApiSchema):
    """How some groups of notifications are to be mailed; the rest stays."""

    suggestions = _way(required=False)
    interests = _way(required=False)
    engagements = _way(required=False)
    events = _way(required=False)
    posts = _way(required=False)
    account = _way(required=False)


assert set(NotificationWays._declared_fields) == set(NotificationWaysChange._declared_fields) == set(GROUPS)


class Preferences(ApiSchema):
    """How the caller is told outside the inbox."""

    ways = fields.Nested(NotificationWays, required=True)
    quiet_hours = fields.Boolean(required=True, metadata={"description": "Nothing from 22:00 to 08:00 in China."})


class PreferencesChange(ApiSchema):
    """What of the preferences to change."""

    ways = fields.Nested(NotificationWaysChange, load_default=dict)
    quiet_hours = BodyFlag()


class Member(ApiSchema):
    """Somebody who works for an organisation."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(MEMBER_ROLES))
    since = Moment(required=True)


class MemberList(ApiSchema):
    """The members of an organisation, owners first."""

    items = fields.List(fields.Nested(Member), required=True)


class Invitation(ApiSchema):
    """An invitation that may still be accepted."""

    id = fields.String(required=True)
    email = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(MEMBER_ROLES))
    created_at = Moment(required=True)
    expires_at = Moment(required=True)


class InvitationList(ApiSchema):
    """Open invitations, the latest first."""

    items = fields.List(fields.Nested(Invitation), required=True)


class InvitationEntry(ApiSchema):
    """Who is invited, as what."""

    email = Text(most=200, least=1, required=True)
    role = fields.String(validate=OneOf(MEMBER_ROLES), load_default="editor")
    language = fields.String(validate=OneOf(("zh", "en")), load_default="zh")


class MemberRoleEntry(ApiSchema):
    """What somebody is in an organisation."""

    role = fields.String(required=True, validate=OneOf(MEMBER_ROLES))

"""What is held of the caller, and what they decide about it; and what they keep for themselves."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from matching.models.delivery import CHANNEL_KINDS
from matching.notifying.notices import GROUPS
from matching.services.experts import CONTACT_FIELDS, PERSONAL_FIELDS
from matching.services.saved_filters import LIBRARIES
from web.api.fields import ApiSchema, BodyFlag, Moment, Text


class OwnData(ApiSchema):
    """Everything that is held of the caller, as the pages' file has it."""

    held = fields.Dict(
        keys=fields.String(), values=fields.Raw(allow_none=True), required=True,
        metadata={"description": "Part → values: account, memberships, expert, posts_written, actions and so on."},
    )  # fmt: skip


class OwnDataChange(ApiSchema):
    """What of the caller's entry as an expert others see; what is not given stays."""

    hidden_fields = fields.List(
        fields.String(validate=OneOf([one for one in PERSONAL_FIELDS if one not in CONTACT_FIELDS])),
        validate=Length(max=10),
    )
    listed = BodyFlag(metadata={"description": "Whether the entry is in the library at all."})
    suggestions_wanted = BodyFlag()
    open_data = BodyFlag(metadata={"description": "Whether programs may collect the entry; see docs/open-data.md."})


class FieldEntry(ApiSchema):
    """One field of the caller's entry."""

    field = fields.String(required=True, validate=OneOf(PERSONAL_FIELDS))


class SavedFilterEntry(ApiSchema):
    """A search to come back to."""

    library = fields.String(required=True, validate=OneOf(LIBRARIES))
    name = Text(most=80, least=1, required=True)
    query = Text(most=1000, required=True, metadata={"description": "The query string of the list's page."})


class SavedFilter(ApiSchema):
    """A search that the caller keeps."""

    id = fields.String(required=True)
    library = fields.String(required=True, validate=OneOf(LIBRARIES))
    name = fields.String(required=True)
    query = fields.String(required=True)
    created_at = Moment(required=True)


class SavedFilterList(ApiSchema):
    """The caller's searches, by library and name."""

    items = fields.List(fields.Nested(SavedFilter), required=True)


class ChannelEntry(ApiSchema):
    """A group robot or a webhook."""

    kind = fields.String(required=True, validate=OneOf(CHANNEL_KINDS))
    name = Text(most=80, least=1, required=True)
    url = Text(most=1000, least=1, required=True)
    secret = Text(most=200, load_default="")
    groups = fields.List(fields.String(validate=OneOf(tuple(GROUPS))), required=True, validate=Length(max=20))


class Channel(ApiSchema):
    """A channel. Its address is not shown again: whoever has it can write to the group."""

    id = fields.String(required=True)
    kind = fields.String(required=True, validate=OneOf(CHANNEL_KINDS))
    name = fields.String(required=True)
    groups = fields.List(fields.String(), required=True)
    created_at = Moment(required=True)
    webhook_secret = fields.String(
        required=True, allow_none=True, metadata={"description": "What our calls of a webhook are signed with."}
    )
    last_state = fields.String(required=True, allow_none=True, metadata={"description": "Of the latest message."})
    last_error = fields.String(required=True, allow_none=True)


class ChannelList(ApiSchema):
    """The caller's channels."""

    items = fields.List(fields.Nested(Channel), required=True)

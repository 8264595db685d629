"""Organisations, experts, accounts, tokens and vocabularies."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from matching.models.api_token import TOKEN_SCOPES
from matching.models.organisation import ORGANISATION_KINDS
from matching.models.user import USER_ROLES
from matching.services.accounts import MEMBER_ROLES
from matching.services.api_tokens import LONGEST_LIFE, NAME_LENGTH
from web.api.fields import ID_PATTERN, ApiSchema, Moment, Text, Whole
from web.api.schemas.posts import OrganisationName


class Organisation(ApiSchema):
    """An organisation as everybody may know it."""

    id = fields.String(required=True)
    kind = fields.String(required=True, validate=OneOf(ORGANISATION_KINDS))
    name = fields.String(required=True)
    name_en = fields.String(required=True, allow_none=True)
    uscc = fields.String(required=True, allow_none=True, metadata={"description": "统一社会信用代码."})
    region_code = fields.String(required=True)
    town = fields.String(required=True, allow_none=True)
    language = fields.String(required=True)
    intro = fields.String(required=True)
    stage = fields.String(required=True, allow_none=True)
    website = fields.String(required=True, allow_none=True)
    industry_codes = fields.List(fields.String(), required=True)


class ExpertPlace(OrganisationName):
    """Where an expert works."""

    relation = fields.String(required=True, metadata={"description": "employed or retained."})


class Expert(ApiSchema):
    """An expert, without personal contact data."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True, allow_none=True)
    title = fields.String(required=True, allow_none=True)
    fields_of_work = fields.List(fields.String(), required=True)
    intro = fields.String(required=True)
    language = fields.String(required=True)
    region_code = fields.String(required=True)
    organisations = fields.List(fields.Nested(ExpertPlace), required=True)


class LibraryQuery(ApiSchema):
    """Which part of a library."""

    q = Text(most=100, load_default="", metadata={"description": "Words; all have to occur."})
    region = fields.String(
        validate=Regexp(r"^\d{2,12}$"), metadata={"description": "行政区划代码 or its leading digits."}
    )
    sort = fields.String(validate=OneOf(("name", "recent", "posts")), load_default="name")
    page = fields.Integer(validate=Range(min=1, max=500), load_default=1)


class OrganisationQuery(LibraryQuery):
    """Which organisations."""

    kind = fields.String(validate=OneOf(ORGANISATION_KINDS))
    town = Text(most=40)
    stage = Text(most=40)
    industry = Text(most=10, metadata={"description": "GB/T 4754 code; includes all below it."})


class ExpertQuery(LibraryQuery):
    """Which experts."""

    field_of_work = Text(most=100)
    organisation_kind = fields.String(validate=OneOf(ORGANISATION_KINDS))
    organisation_id = fields.String(validate=Regexp(ID_PATTERN))


class ListedOrganisation(Organisation):
    """An organisation with how much it shows by name."""

    needs = fields.Integer(required=True)
    capabilities = fields.Integer(required=True)
    experts = fields.Integer(required=True)


class OrganisationPage(ApiSchema):
    """A page of 20; one beyond the last is the last."""

    items = fields.List(fields.Nested(ListedOrganisation), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class ListedExpertPlace(OrganisationName):
    """An organisation that an expert belongs to today."""


class ListedExpert(ApiSchema):
    """An expert in a list, without personal contact data."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    title = fields.String(required=True, allow_none=True)
    fields_of_work = fields.List(fields.String(), required=True)
    region_code = fields.String(required=True)
    organisations = fields.List(fields.Nested(ListedExpertPlace), required=True)
    capabilities = fields.Integer(required=True)


class ExpertPage(ApiSchema):
    """A page of 20; one beyond the last is the last."""

    items = fields.List(fields.Nested(ListedExpert), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class Term(ApiSchema):
    """One entry of a vocabulary."""

    code = fields.String(required=True)
    parent_code = fields.String(required=True, allow_none=True)
    label = fields.String(required=True, metadata={"description": "In the language of the request."})
    label_zh = fields.String(required=True)
    label_en = fields.String(required=True)


class VocabularyList(ApiSchema):
    """All vocabularies by name, with what may be chosen now."""

    vocabularies = fields.Dict(keys=fields.String(), values=fields.List(fields.Nested(Term)), required=True)
    regions = fields.List(fields.Nested(Term), required=True, metadata={"description": "行政区划."})


class MemberOf(OrganisationName):
    """An organisation of the caller."""

    role = fields.String(required=True, validate=OneOf(MEMBER_ROLES))


class PresentedToken(ApiSchema):
    """The token of the request."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    scopes = fields.List(fields.String(validate=OneOf(TOKEN_SCOPES)), required=True)
    expires_at = Moment(required=True)


class Token(PresentedToken):
    """A token without its secret."""

    created_at = Moment(required=True)
    last_used_at = Moment(required=True, allow_none=True)


class NewToken(Token):
    """A token with its secret, which is shown this once."""

    token = fields.String(required=True, metadata={"description": "Present it as `Authorization: Bearer …`."})


class TokenList(ApiSchema):
    """The caller's tokens that work now."""

    items = fields.List(fields.Nested(Token), required=True)


class TokenEntry(ApiSchema):
    """Whose token, and what for."""

    email = Text(most=200, least=1, required=True)
    password = Text(most=200, least=1, required=True, metadata={"format": "password"})
    code = Text(
        most=40,
        load_default="",
        metadata={"description": "Of the authenticator, or a recovery code; where two-step verification is on."},
    )
    name = Text(most=NAME_LENGTH, load_default="API", metadata={"description": "To know later which one to revoke."})
    scopes = fields.List(
        fields.String(validate=OneOf(TOKEN_SCOPES)),
        validate=Length(min=1, max=len(TOKEN_SCOPES)),
        load_default=list(TOKEN_SCOPES),
    )
    expires_in_days = Whole(least=1, most=LONGEST_LIFE.days, load_default=90)


class Me(ApiSchema):
    """The caller."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    email = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(USER_ROLES))
    language = fields.String(required=True)
    region_code = fields.String(required=True, allow_none=True)
    organisations = fields.List(fields.Nested(MemberOf), required=True)
    token = fields.Nested(PresentedToken, required=True)

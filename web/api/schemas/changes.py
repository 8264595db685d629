"""What posts said before, and changes of organisations, experts and indicators."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, Range

from web.api.fields import ApiSchema, BodyFlag, Moment, Text, Whole


class FieldChange(ApiSchema):
    """A field that a change touched."""

    name = fields.String(required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)


class PostChange(ApiSchema):
    """One change of a post."""

    at = Moment(required=True)
    by = fields.String(required=True, allow_none=True, metadata={"description": "A name; null where it is gone."})
    fields_changed = fields.List(fields.Nested(FieldChange), required=True)


class PostChangeList(ApiSchema):
    """Up to 50 changes of a post, the latest first."""

    items = fields.List(fields.Nested(PostChange), required=True)


class InterestSwitch(ApiSchema):
    """Whether others may ask about a post."""

    open = BodyFlag(required=True)


class OrganisationChange(ApiSchema):
    """What of an organisation to change; what is left out stays."""

    name = Text(most=200, least=1)
    name_en = Text(most=300, allow_none=True)
    uscc = Text(most=18, allow_none=True)
    town = Text(most=40, allow_none=True)
    intro = Text(most=5000)
    stage = Text(most=40, allow_none=True)
    website = Text(most=300, allow_none=True)
    industry_codes = fields.List(Text(most=10, least=1), validate=Length(max=10))


class ExpertChange(ApiSchema):
    """What of an expert's entry to change; what is left out stays."""

    name = Text(most=80, least=1)
    name_en = Text(most=120, allow_none=True)
    title = Text(most=80, allow_none=True)
    fields_of_work = fields.List(Text(most=60, least=1), validate=Length(max=12))
    intro = Text(most=5000)
    email = Text(most=200, allow_none=True)
    phone = Text(most=40, allow_none=True)


class IndicatorValue(ApiSchema):
    """What was reached in a year."""

    year = fields.Integer(required=True)
    value = fields.Float(required=True)
    source = fields.String(required=True)


class Indicator(ApiSchema):
    """One indicator of a region's plan."""

    id = fields.String(required=True)
    region_code = fields.String(required=True)
    name = fields.String(required=True)
    name_en = fields.String(required=True)
    unit = fields.String(required=True)
    base_year = fields.Integer(required=True)
    base_value = fields.Float(required=True, allow_none=True)
    target_year = fields.Integer(required=True)
    target_value = fields.Float(required=True, allow_none=True)
    values = fields.List(fields.Nested(IndicatorValue), required=True)


class IndicatorList(ApiSchema):
    """The indicators of the caller's region and those below it."""

    items = fields.List(fields.Nested(Indicator), required=True)


class IndicatorValueEntry(ApiSchema):
    """A year's value; null takes it off."""

    year = Whole(least=1900, most=2200, required=True)
    value = fields.Float(required=True, allow_none=True, validate=Range(min=-1e15, max=1e15))
    source = Text(most=200, load_default="")

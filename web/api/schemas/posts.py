"""Needs and capabilities as they are sent and as they are answered."""

from __future__ import annotations

from typing import Any

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range, Regexp

from matching.documents import CAPABILITY_KINDS
from matching.policy import VISIBILITIES
from matching.services.lifecycle import STATUSES
from matching.services.posts import MOST_INDICATORS, MOST_KEYWORDS, TEXT_LENGTH, TITLE_LENGTH
from web.api.fields import Amount, ApiSchema, BodyFlag, Flag, Identifier, Moment, Text, Whole
from web.display import IP_STATUS_LABELS, IP_TYPE_LABELS

SIDES = ("need", "capability")
_CODE_LENGTH = 40
_MOST_CODES = 20
_MOST_EXPERTS = 20


def _optional(most: int, description: str, **options: Any) -> Text:
    return Text(most=most, allow_none=True, metadata={"description": description}, **options)


def _prose(description: str) -> Text:
    return Text(most=TEXT_LENGTH, metadata={"description": description})


def _codes(vocabulary: str) -> fields.List[str]:
    return fields.List(
        Text(most=_CODE_LENGTH, least=1),
        validate=Length(max=_MOST_CODES),
        metadata={"description": f"Codes of the vocabulary `{vocabulary}`."},
    )


class Money(ApiSchema):
    """An amount or a range in 万元 (10,000 CNY), exact to 0.01 CNY. One bound may be open; `negotiable` is 面议."""

    minimum = Amount(allow_none=True, load_default=None)
    maximum = Amount(allow_none=True, load_default=None)
    negotiable = BodyFlag(load_default=False)


class Contact(ApiSchema):
    """Who answers questions. Shown to the post's organisation; to others by mutual interest, or to staff, logged."""

    name = Text(most=200)
    phone = Text(most=200)
    email = Text(most=200)


class PostEntry(ApiSchema):
    """What both kinds of post may be given."""

    keywords = fields.List(Text(most=40, least=1), validate=Length(max=MOST_KEYWORDS))
    industry_codes = _codes("industry")
    domain = _optional(_CODE_LENGTH, "A code of the vocabulary `domain`.")
    town = _optional(_CODE_LENGTH, "A code of the vocabulary `town`; without it the organisation's.")
    cooperation_modes = _codes("cooperation_mode")
    language = fields.String(
        validate=OneOf(("zh", "en")), allow_none=True, metadata={"description": "Told from the text where not given."}
    )
    visibility = fields.String(
        validate=OneOf(VISIBILITIES),
        metadata={
            "description": "Who sees it once published: everybody; members; those it is suggested to, without the "
            "organisation's name; or the staff only."
        },
    )
    contact = fields.Nested(Contact, allow_none=True)


class NeedContent(PostEntry):
    """The fields of a need."""

    problem = _prose("现状与问题: how it is now, what is difficult, what was tried.")
    indicators = fields.List(
        Text(most=1000, least=1),
        validate=Length(max=MOST_INDICATORS),
        metadata={"description": "技术指标, one each, such as `盐雾试验 ≥ 1000 h`."},
    )
    expected_result = _prose("预期成果.")
    starts_on = fields.Date(allow_none=True)
    ends_on = fields.Date(allow_none=True, metadata={"description": "By when it should be solved."})
    budget = fields.Nested(Money, allow_none=True)
    ip_arrangement = _optional(_CODE_LENGTH, "A code of the vocabulary `ip_arrangement`.")
    preferred_partners = _prose("希望合作的单位或专家.")


class CapabilityContent(PostEntry):
    """The fields of a capability."""

    kind = fields.String(validate=OneOf(CAPABILITY_KINDS), metadata={"description": "Achievement where not given."})
    abstract = _prose("简介.")
    advantages = _prose("优势与效益.")
    applications = _prose("应用场景.")
    maturity = Whole(
        least=1,
        most=9,
        allow_none=True,
        metadata={"description": "技术就绪度 TRL 1–9; null where not assessed."},
    )
    price = fields.Nested(Money, allow_none=True)
    ip_status = fields.String(validate=OneOf(tuple(IP_STATUS_LABELS)), allow_none=True)
    ip_type = fields.String(validate=OneOf(tuple(IP_TYPE_LABELS)), allow_none=True)
    ip_number = _optional(80, "The number of the patent or registration.")
    discipline = _optional(20, "A code of the vocabulary `discipline`.")
    ipc = _optional(80, "IPC of a patent.")
    expert_ids = fields.List(
        Identifier(),
        validate=Length(max=_MOST_EXPERTS),
        metadata={"description": "Who stands behind it; experts of the organisation."},
    )


def _title(*, required: bool) -> Text:
    return Text(most=TITLE_LENGTH, least=1, required=required)


def _organisation_id() -> Identifier:
    return Identifier(
        metadata={"description": "In whose name; may be left out by a member who writes for exactly one organisation."}
    )


def _text(field: str) -> Text:
    return Text(
        most=TEXT_LENGTH,
        metadata={
            "description": f"The prose in one piece, as in `.jsonl` files; goes to `{field}` where that is empty."
        },
    )


class NeedEntry(NeedContent):
    """A new need."""

    title = _title(required=True)
    organisation_id = _organisation_id()
    text = _text("problem")


class NeedChange(NeedContent):
    """What is to be changed of a need; what is left out stays."""

    title = _title(required=False)


class CapabilityEntry(CapabilityContent):
    """A new capability."""

    title = _title(required=True)
    organisation_id = _organisation_id()
    text = _text("abstract")


class CapabilityChange(CapabilityContent):
    """What is to be changed of a capability; what is left out stays."""

    title = _title(required=False)


class OrganisationName(ApiSchema):
    """Whose it is."""

    id = fields.String(required=True)
    name = fields.String(required=True)


class ExpertName(ApiSchema):
    """Who stands behind it."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    title = fields.String(required=True, allow_none=True)


class PostSummary(ApiSchema):
    """A post in a list."""

    type = fields.String(required=True, validate=OneOf(SIDES))
    id = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "Grows with every change; the ETag."})
    status = fields.String(required=True, validate=OneOf(STATUSES))
    visibility = fields.String(required=True, validate=OneOf(VISIBILITIES))
    title = fields.String(required=True)
    excerpt = fields.String(required=True, metadata={"description": "The beginning of the prose."})
    language = fields.String(required=True)
    keywords = fields.List(fields.String(), required=True)
    industry_codes = fields.List(fields.String(), required=True)
    domain = fields.String(required=True, allow_none=True)
    cooperation_modes = fields.List(fields.String(), required=True)
    region_code = fields.String(required=True)
    town = fields.String(required=True, allow_none=True)
    organisation = fields.Nested(
        OrganisationName,
        required=True,
        allow_none=True,
        metadata={"description": "Null where the name is not shown before mutual interest."},
    )
    kind = fields.String(
        required=True,
        allow_none=True,
        validate=OneOf((*CAPABILITY_KINDS, None)),
        metadata={"description": "Of a capability; null for a need."},
    )
    maturity = fields.Integer(required=True, allow_none=True, metadata={"description": "Of a capability: TRL 1–9."})
    budget = fields.Nested(Money, required=True, allow_none=True, metadata={"description": "Of a need."})
    price = fields.Nested(Money, required=True, allow_none=True, metadata={"description": "Of a capability."})
    published_at = Moment(required=True, allow_none=True)
    expires_at = Moment(required=True, allow_none=True)


class PostDetail(ApiSchema):
    """What both kinds of post show in full."""

    type = fields.String(required=True, validate=OneOf(SIDES))
    id = fields.String(required=True)
    version = fields.Integer(required=True, metadata={"description": "Grows with every change; the ETag."})
    status = fields.String(required=True, validate=OneOf(STATUSES))
    visibility = fields.String(required=True, validate=OneOf(VISIBILITIES))
    open_for_interest = fields.Boolean(required=True)
    title = fields.String(required=True)
    keywords = fields.List(fields.String(), required=True)
    industry_codes = fields.List(fields.String(), required=True)
    domain = fields.String(required=True, allow_none=True)
    cooperation_modes = fields.List(fields.String(), required=True)
    region_code = fields.String(required=True)
    town = fields.String(required=True, allow_none=True)
    language = fields.String(required=True)
    organisation = fields.Nested(
        OrganisationName,
        required=True,
        allow_none=True,
        metadata={"description": "Null where the name is not shown before mutual interest."},
    )
    full_text = fields.String(
        required=True,
        metadata={"description": "Title, keywords, indicators and prose: what spans of reasons refer to."},
    )
    contact = fields.Nested(Contact, metadata={"description": "Only for members of the post's organisation."})
    return_reason = fields.String(allow_none=True, metadata={"description": "Only for the organisation and the staff."})
    return_notes = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={"description": "What was said to single fields; only for the organisation and the staff."},
    )
    close_reason = fields.String(allow_none=True, metadata={"description": "Only for the organisation and the staff."})
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    published_at = Moment(required=True, allow_none=True)
    expires_at = Moment(required=True, allow_none=True)


class Need(PostDetail):
    """A need in full."""

    problem = fields.String(required=True)
    indicators = fields.List(fields.String(), required=True)
    expected_result = fields.String(required=True)
    starts_on = fields.Date(required=True, allow_none=True)
    ends_on = fields.Date(required=True, allow_none=True)
    budget = fields.Nested(Money, required=True, allow_none=True)
    ip_arrangement = fields.String(required=True, allow_none=True)
    preferred_partners = fields.String(required=True)


class Capability(PostDetail):
    """A capability in full."""

    kind = fields.String(required=True, validate=OneOf(CAPABILITY_KINDS))
    abstract = fields.String(required=True)
    advantages = fields.String(required=True)
    applications = fields.String(required=True)
    maturity = fields.Integer(required=True, allow_none=True)
    price = fields.Nested(Money, required=True, allow_none=True)
    ip_status = fields.String(required=True, allow_none=True)
    ip_type = fields.String(required=True, allow_none=True)
    ip_number = fields.String(
        required=True, allow_none=True, metadata={"description": "Null also where the organisation is not shown."}
    )
    discipline = fields.String(required=True, allow_none=True)
    ipc = fields.String(required=True, allow_none=True)
    experts = fields.List(
        fields.Nested(ExpertName),
        required=True,
        metadata={"description": "Empty also where the organisation is not shown."},
    )


class PostPage(ApiSchema):
    """A page of a list."""

    items = fields.List(fields.Nested(PostSummary), required=True)
    next = fields.String(
        required=True, allow_none=True, metadata={"description": "Give it back as `cursor`; null on the last page."}
    )


class SearchPage(PostPage):
    """A page of search results."""

    notice = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "What the reader should know: results cut off, or parts of the search away."},
    )


class PageQuery(ApiSchema):
    """Where in a list, and how much of it."""

    cursor = Text(most=300, metadata={"description": "`next` of the page before."})
    limit = fields.Integer(validate=Range(min=1, max=100), load_default=20)


class ListQuery(PageQuery):
    """Which posts of one kind."""

    mine = Flag(load_default=False, metadata={"description": "Only those of the caller's organisations."})
    status = fields.String(validate=OneOf(STATUSES))
    industry = Text(most=_CODE_LENGTH, metadata={"description": "GB/T 4754 code; includes all below it."})
    domain = Text(most=_CODE_LENGTH)
    town = Text(most=_CODE_LENGTH)


class CapabilityListQuery(ListQuery):
    """Which capabilities."""

    kind = fields.String(validate=OneOf(CAPABILITY_KINDS))


class SearchArguments(PageQuery):
    """What to look for."""

    q = Text(most=200, load_default="", metadata={"description": "Words or a sentence; without it the latest posts."})
    type = fields.String(validate=OneOf(SIDES), load_default="need")
    industry = Text(most=_CODE_LENGTH, metadata={"description": "GB/T 4754 code; includes all below it."})
    domain = Text(most=_CODE_LENGTH)
    town = Text(most=_CODE_LENGTH)
    region = fields.String(
        validate=Regexp("^[0-9]{6}$"),
        metadata={"description": "行政区划代码; includes all below it."},
    )
    kind = fields.String(validate=OneOf(CAPABILITY_KINDS), metadata={"description": "Only with `type=capability`."})
    cooperation_mode = Text(most=_CODE_LENGTH)
    least_maturity = fields.Integer(
        validate=Range(min=1, max=9), metadata={"description": "TRL; only with `type=capability`."}
    )
    language = fields.String(validate=OneOf(("zh", "en")))


class CloseEntry(ApiSchema):
    """Why a post is closed."""

    reason = Text(
        most=_CODE_LENGTH, least=1, required=True, metadata={"description": "A code of the vocabulary `close_reason`."}
    )


class ReturnEntry(ApiSchema):
    """Why a post is given back."""

    reason = Text(most=2000, least=1, required=True)
    notes = fields.Dict(
        keys=fields.String(),
        values=Text(most=500),
        metadata={"description": "What to change in single fields, by the field's name in the form; shown beside it."},
    )


class RevealedContact(ApiSchema):
    """A post's contact; empty where none was given."""

    contact = fields.Nested(Contact, required=True)

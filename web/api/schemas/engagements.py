"""Answers to suggestions, interests, and the engagements that follow."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf

from matching.models.engagement import ENGAGEMENT_ROLES, OUTCOMES, STAGES
from matching.models.interest import INTEREST_STATUSES, TIMINGS
from matching.services.engagements import LINE_LENGTH, TEXT_LENGTH
from matching.services.interests import AIM_LENGTH
from matching.services.suggestion_answers import TEXT_LENGTH as REASON_LENGTH
from web.api.fields import Amount, ApiSchema, BodyFlag, Identifier, Moment, Text, Whole
from web.api.schemas.posts import SIDES, OrganisationName, PageQuery, PostSummary

_ROLES = (*ENGAGEMENT_ROLES, "staff")
_NEXT = {"description": "Give it back as `cursor`; null on the last page."}
_SIDE = {"description": "In whose name, where the caller speaks for both posts of the pair."}


class Reach(ApiSchema):
    """How somebody is reached: a name, and a phone number or an e-mail address."""

    name = Text(most=200, load_default="")
    phone = Text(most=200, load_default="")
    email = Text(most=200, load_default="")


class AnswerEntry(ApiSchema):
    """What one's side says to a suggestion. Yes is said by `POST /interests`."""

    kind = fields.String(required=True, validate=OneOf(("decline", "later")))
    reason_code = Text(most=40, load_default="", metadata={"description": "Of `decline_reason`; needed to decline."})
    reason_text = Text(most=REASON_LENGTH, load_default="")
    never_again = BodyFlag(load_default=False, metadata={"description": "Keep the two posts apart for good."})
    side = fields.String(validate=OneOf(SIDES), allow_none=True, load_default=None, metadata=_SIDE)


class SideQuery(ApiSchema):
    """In whose name."""

    side = fields.String(validate=OneOf(SIDES), load_default=None, metadata=_SIDE)


class Answer(ApiSchema):
    """What one's side said to a pair."""

    need_id = fields.String(required=True)
    capability_id = fields.String(required=True)
    side = fields.String(required=True, validate=OneOf(SIDES))
    kind = fields.String(required=True, validate=OneOf(("accept", "decline", "later")))
    reason_code = fields.String(required=True, allow_none=True)
    reason_text = fields.String(required=True)
    never_again = fields.Boolean(required=True)
    model_revision = fields.String(
        required=True, allow_none=True, metadata={"description": "What ranked the pair that was answered."}
    )
    answered_at = Moment(required=True)


class InterestEntry(ApiSchema):
    """The set questions, about a post of the other side or about a suggestion."""

    post_id = Identifier(allow_none=True, load_default=None, metadata={"description": "The post asked about."})
    suggestion_id = Identifier(
        allow_none=True, load_default=None, metadata={"description": "Instead of `post_id` and `own_post_id`."}
    )
    side = fields.String(validate=OneOf(SIDES), allow_none=True, load_default=None, metadata=_SIDE)
    own_post_id = Identifier(
        allow_none=True, load_default=None, metadata={"description": "On behalf of which own post; may be left out."}
    )
    organisation_id = Identifier(
        allow_none=True, load_default=None, metadata={"description": "In whose name; needed by members of several."}
    )
    aim = Text(most=AIM_LENGTH, least=1, required=True, metadata={"description": "What you want to achieve."})
    timing = fields.String(required=True, validate=OneOf(TIMINGS))
    contact = fields.Nested(Reach, required=True, metadata={"description": "Revealed once both sides agree."})


class AcceptEntry(ApiSchema):
    """Yes to an interest."""

    contact = fields.Nested(Reach, required=True, metadata={"description": "Revealed at once to the asking side."})


class DeclineEntry(ApiSchema):
    """No to an interest; the asking side reads the reason."""

    reason_code = Text(most=40, least=1, required=True, metadata={"description": "Of the vocabulary `decline_reason`."})
    reason_text = Text(most=REASON_LENGTH, load_default="")
    never_again = BodyFlag(load_default=False)


class Interest(ApiSchema):
    """An interest as one of its sides sees it. A post that the caller may not see now is null, as is who is hidden."""

    id = fields.String(required=True)
    received = fields.Boolean(required=True, metadata={"description": "Whether the caller's side was asked."})
    status = fields.String(required=True, validate=OneOf(INTEREST_STATUSES))
    side = fields.String(required=True, validate=OneOf(SIDES), metadata={"description": "The side that asks."})
    post = fields.Nested(PostSummary, required=True, allow_none=True, metadata={"description": "Asked about."})
    on_behalf_of = fields.Nested(PostSummary, required=True, allow_none=True)
    from_organisation = fields.Nested(OrganisationName, required=True, allow_none=True)
    to_organisation = fields.Nested(OrganisationName, required=True, allow_none=True)
    aim = fields.String(required=True)
    timing = fields.String(required=True, validate=OneOf(TIMINGS))
    created_at = Moment(required=True)
    expires_at = Moment(required=True)
    ended_at = Moment(required=True, allow_none=True)
    reason_code = fields.String(required=True, allow_none=True)
    reason_text = fields.String(required=True)
    engagement_id = fields.String(required=True, allow_none=True)


class InterestQuery(PageQuery):
    """Which interests."""

    box = fields.String(validate=OneOf(("received", "sent")), load_default="received")
    status = fields.String(validate=OneOf(INTEREST_STATUSES))


class InterestPage(ApiSchema):
    """A page of interests, the open ones first, then the latest."""

    items = fields.List(fields.Nested(Interest), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_NEXT)


class EngagementSummary(ApiSchema):
    """An engagement in a list."""

    id = fields.String(required=True)
    version = fields.Integer(required=True)
    title = fields.String(required=True)
    stage = fields.String(required=True, validate=OneOf(STAGES))
    stage_since = Moment(required=True)
    need_id = fields.String(required=True, allow_none=True)
    capability_id = fields.String(required=True, allow_none=True)
    suggestion_id = fields.String(required=True, allow_none=True)
    need_organisation = fields.Nested(OrganisationName, required=True)
    capability_organisation = fields.Nested(OrganisationName, required=True)
    waits_for = fields.String(required=True, allow_none=True, validate=OneOf(SIDES))
    waiting_since = Moment(required=True, allow_none=True)
    next_step = fields.String(required=True)
    next_step_on = fields.Date(required=True, allow_none=True)
    outcome = fields.String(required=True, allow_none=True, validate=OneOf(OUTCOMES))
    created_at = Moment(required=True)
    updated_at = Moment(required=True)
    closed_at = Moment(required=True, allow_none=True)


class Terms(ApiSchema):
    """What was agreed; amounts in 万元 (10,000 CNY)."""

    contract_type = fields.String(required=True, allow_none=True)
    contract_amount = Amount(required=True, allow_none=True)
    technology_amount = Amount(required=True, allow_none=True)
    registration_number = fields.String(required=True, allow_none=True)
    signed_on = fields.Date(required=True, allow_none=True)
    starts_on = fields.Date(required=True, allow_none=True)
    disputed = fields.Boolean(required=True)
    ends_on = fields.Date(required=True, allow_none=True)
    benefit_terms = fields.String(required=True)
    ip_arrangement = fields.String(required=True, allow_none=True)
    ip_terms = fields.String(required=True)


class TermsEntry(ApiSchema):
    """All terms; what is left out is emptied. `version` is the engagement's that was read."""

    version = Whole(least=1, most=1_000_000_000, load_default=None, allow_none=True)
    contract_type = Text(most=40, allow_none=True, load_default=None)
    contract_amount = Amount(allow_none=True, load_default=None)
    technology_amount = Amount(allow_none=True, load_default=None)
    registration_number = Text(most=60, load_default="")
    disputed = fields.Boolean(load_default=False, metadata={"description": "Its registration: the longer time holds."})
    signed_on = fields.Date(allow_none=True, load_default=None)
    starts_on = fields.Date(allow_none=True, load_default=None)
    ends_on = fields.Date(allow_none=True, load_default=None)
    benefit_terms = Text(most=TEXT_LENGTH, load_default="")
    ip_arrangement = Text(most=40, allow_none=True, load_default=None)
    ip_terms = Text(most=TEXT_LENGTH, load_default="")


class Contacts(ApiSchema):
    """How both sides are reached."""

    need = fields.Nested(Reach, required=True)
    capability = fields.Nested(Reach, required=True)


class Step(ApiSchema):
    """A move from stage to stage."""

    from_stage = fields.String(required=True, allow_none=True)
    to_stage = fields.String(required=True)
    at = Moment(required=True)
    by = fields.String(required=True, allow_none=True)
    role = fields.String(required=True, validate=OneOf(_ROLES))
    note = fields.String(required=True)


class MessageFile(ApiSchema):
    """A file of a message."""

    id = fields.String(required=True)
    file_name = fields.String(required=True)
    media_type = fields.String(required=True)
    size = fields.Integer(required=True)
    sha256 = fields.String(required=True)


class MessageFileContent(MessageFile):
    """A file of a message with its bytes."""

    content = fields.String(required=True, metadata={"contentEncoding": "base64"})


class Message(ApiSchema):
    """What somebody wrote to all who take part."""

    id = fields.String(required=True)
    by = fields.String(required=True, allow_none=True)
    role = fields.String(required=True, validate=OneOf(_ROLES))
    text = fields.String(required=True)
    sent_at = Moment(required=True)
    files = fields.List(fields.Nested(MessageFile), required=True)


class Note(ApiSchema):
    """A note of the caller's own side."""

    id = fields.String(required=True)
    by = fields.String(required=True, allow_none=True)
    text = fields.String(required=True)
    written_at = Moment(required=True)


class Task(ApiSchema):
    """Something to be done by one side."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(_ROLES))
    due_on = fields.Date(required=True, allow_none=True)
    done_at = Moment(required=True, allow_none=True)


class Participant(ApiSchema):
    """Somebody named as taking part, or who will once both sides agree."""

    user_id = fields.String(required=True)
    name = fields.String(required=True)
    role = fields.String(required=True, validate=OneOf(ENGAGEMENT_ROLES))
    takes_part = fields.Boolean(required=True)


class Engagement(EngagementSummary):
    """An engagement with all that the caller's role may read. `contacts` is null for staff, who ask for it, logged."""

    role = fields.String(required=True, validate=OneOf(_ROLES), metadata={"description": "The caller's."})
    contacts = fields.Nested(Contacts, required=True, allow_none=True)
    outcome_reason = fields.String(required=True, allow_none=True)
    outcome_note = fields.String(required=True)
    terms = fields.Nested(Terms, required=True)
    steps = fields.List(fields.Nested(Step), required=True)
    messages = fields.List(fields.Nested(Message), required=True)
    notes = fields.List(fields.Nested(Note), required=True)
    tasks = fields.List(fields.Nested(Task), required=True)
    participants = fields.List(fields.Nested(Participant), required=True)


class EngagementQuery(PageQuery):
    """Which engagements."""

    stage = fields.String(validate=OneOf(STAGES))


class EngagementPage(ApiSchema):
    """A page of engagements, the latest change first."""

    items = fields.List(fields.Nested(EngagementSummary), required=True)
    next = fields.String(required=True, allow_none=True, metadata=_NEXT)


class StageEntry(ApiSchema):
    """The stage to go on or back to."""

    stage = fields.String(required=True, validate=OneOf([stage for stage in STAGES if stage != "closed"]))
    note = Text(most=TEXT_LENGTH, load_default="")


class CloseEngagementEntry(ApiSchema):
    """How it ends. `contract` takes the stage contract and recorded terms, `none` a code of `outcome_reason`."""

    outcome = fields.String(required=True, validate=OneOf(OUTCOMES))
    reason_code = Text(most=40, allow_none=True, load_default=None)
    note = Text(most=TEXT_LENGTH, load_default="")
    follow_up_on = fields.Date(
        allow_none=True,
        load_default=None,
        metadata={"description": "For `follow_up`: when both sides are reminded to take it up again."},
    )


class NextStepEntry(ApiSchema):
    """What comes next, by when, and whose turn it is."""

    next_step = Text(most=LINE_LENGTH, load_default="")
    next_step_on = fields.Date(allow_none=True, load_default=None)
    waits_for = fields.String(validate=OneOf(SIDES), allow_none=True, load_default=None)


class MessageEntry(ApiSchema):
    """A text of some length."""

    text = Text(most=TEXT_LENGTH, least=1, required=True)


class TaskEntry(ApiSchema):
    """Something to be done."""

    title = Text(most=LINE_LENGTH, least=1, required=True)
    role = fields.String(required=True, validate=OneOf(("need", "capability", "broker", "staff")))
    due_on = fields.Date(allow_none=True, load_default=None)


class TaskChange(ApiSchema):
    """Done, or open again."""

    done = BodyFlag(required=True)


class ParticipantEntry(ApiSchema):
    """Whom to copy in, once the other side agrees."""

    user_id = Identifier(required=True)
    role = fields.String(required=True, validate=OneOf(("institution", "broker")))

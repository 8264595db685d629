"""The bureau's rules, texts and lists, and the staff's desk."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from matching.models.desk import ASSIGNABLE
from matching.notifying.texts import LONGEST_BODY, LONGEST_LINE
from matching.queries.desk import WHO
from matching.queries.desk_search import KINDS
from matching.services.desk import ACTIONS, MOST_AT_ONCE, NOTE_LENGTH
from matching.services.rules import LONGEST_LABEL_EN, LONGEST_LABEL_ZH, LONGEST_REASON
from web.api.fields import ApiSchema, BodyFlag, Identifier, Moment, Text, Whole


class Rule(ApiSchema):
    """A rule that is a value, written as text: `true`, `0.15`, `500`, days before something as `7,2`."""

    key = fields.String(required=True)
    group = fields.String(required=True)
    kind = fields.String(required=True, metadata={"description": "whole, share, amount, days or switch."})
    value = fields.String(required=True, metadata={"description": "What is in force."})
    initial = fields.String(required=True, metadata={"description": "As the installation was set up."})
    least = fields.Float(required=True)
    most = fields.Float(required=True)
    changed = fields.Boolean(required=True)


class WrittenText(ApiSchema):
    """A text in one language: `line`, or `subject` and `body`."""

    line = Text(most=LONGEST_LINE)
    subject = Text(most=LONGEST_LINE)
    body = Text(most=LONGEST_BODY)


class RuleText(ApiSchema):
    """A mail or message in both languages, and what it may name in braces."""

    key = fields.String(required=True)
    group = fields.String(required=True)
    zh = fields.Nested(WrittenText, required=True)
    en = fields.Nested(WrittenText, required=True)
    placeholders = fields.List(fields.String(), required=True)
    needed = fields.List(fields.String(), required=True, metadata={"description": "What the body must name."})
    changed = fields.Boolean(required=True)


class RuleBook(ApiSchema):
    """All rules and texts in force. `revision` counts the changes; give it back as `expected_revision`."""

    revision = fields.Integer(required=True)
    rules = fields.List(fields.Nested(Rule), required=True)
    texts = fields.List(fields.Nested(RuleText), required=True)


class RuleValues(ApiSchema):
    """Rules to set together, all or none; null puts one back as the installation was set up."""

    values = fields.Dict(
        keys=Text(most=40, least=1), values=Text(most=20, allow_none=True), required=True, validate=Length(max=50)
    )
    reason = Text(most=LONGEST_REASON, load_default="")
    expected_revision = Whole(least=0, most=2_000_000_000, load_default=None, allow_none=True)


class TextEntry(ApiSchema):
    """A text to set in both languages; both null puts the shipped one back."""

    zh = fields.Nested(WrittenText, required=True, allow_none=True)
    en = fields.Nested(WrittenText, required=True, allow_none=True)
    reason = Text(most=LONGEST_REASON, load_default="")
    expected_revision = Whole(least=0, most=2_000_000_000, load_default=None, allow_none=True)


class RuleChange(ApiSchema):
    """One change of a rule, a text (`text:…`) or an entry of a list (`term:…`)."""

    id = fields.Integer(required=True)
    key = fields.String(required=True)
    before = fields.Dict(required=True, allow_none=True)
    after = fields.Dict(required=True, allow_none=True)
    reason = fields.String(required=True)
    at = Moment(required=True)
    by = fields.String(required=True)
    latest = fields.Boolean(required=True, metadata={"description": "Whether it can be taken back."})


class RuleChangeList(ApiSchema):
    """Up to 50 changes, the latest first."""

    items = fields.List(fields.Nested(RuleChange), required=True)


class TermEntry(ApiSchema):
    """An entry to add at the end of a list."""

    code = Text(most=40, least=1, required=True)
    label_zh = Text(most=LONGEST_LABEL_ZH, least=1, required=True)
    label_en = Text(most=LONGEST_LABEL_EN, least=1, required=True)
    parent_code = Text(most=40, load_default=None, allow_none=True)
    reason = Text(most=LONGEST_REASON, load_default="")


class TermChange(ApiSchema):
    """What of an entry to change; what is left out stays."""

    label_zh = Text(most=LONGEST_LABEL_ZH, least=1, load_default=None, allow_none=True)
    label_en = Text(most=LONGEST_LABEL_EN, least=1, load_default=None, allow_none=True)
    active = BodyFlag(load_default=None, allow_none=True)
    move = Whole(least=-2000, most=2000, load_default=0, metadata={"description": "Places up (negative) or down."})
    reason = Text(most=LONGEST_REASON, load_default="")


class ListedTerm(ApiSchema):
    """An entry of a list."""

    vocabulary = fields.String(required=True)
    code = fields.String(required=True)
    parent_code = fields.String(required=True, allow_none=True)
    label_zh = fields.String(required=True)
    label_en = fields.String(required=True)
    position = fields.Integer(required=True)
    active = fields.Boolean(required=True)


class DeskQuery(ApiSchema):
    """Whose work."""

    who = fields.String(validate=OneOf(WHO), load_default="all")


class DeskRow(ApiSchema):
    """One thing that waits."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    note = fields.String(required=True)
    moment = fields.String(required=True, allow_none=True, metadata={"description": "Since or until when."})
    assignee_id = fields.String(required=True, allow_none=True)


class DeskBlock(ApiSchema):
    """Things of one kind; `rows` are the first of `count`."""

    key = fields.String(required=True)
    subject_kind = fields.String(required=True, allow_none=True)
    count = fields.Integer(required=True)
    rows = fields.List(fields.Nested(DeskRow), required=True)


class Desk(ApiSchema):
    """What waits, block by block."""

    blocks = fields.List(fields.Nested(DeskBlock), required=True)


class Subject(ApiSchema):
    """A thing on the desk."""

    kind = fields.String(required=True, validate=OneOf(ASSIGNABLE))
    id = Identifier(required=True)


class DeskAction(ApiSchema):
    """What to do to several: publish, return (with the reason), renew or close (for a reason of the list) posts, or
    assign things to a colleague (`user_id`, null for nobody).
    """

    action = fields.String(required=True, validate=OneOf(ACTIONS))
    subjects = fields.List(fields.Nested(Subject), required=True, validate=Length(min=1, max=MOST_AT_ONCE))
    user_id = Identifier(load_default=None, allow_none=True)
    reason = Text(most=2000, load_default="")


class Refused(ApiSchema):
    """One that it could not be done to."""

    title = fields.String(required=True)
    code = fields.String(required=True)
    message = fields.String(required=True)


class DeskReport(ApiSchema):
    """What became of it; `action_id` takes it back while it is recent."""

    action_id = fields.String(required=True, allow_none=True)
    done = fields.Integer(required=True)
    refused = fields.List(fields.Nested(Refused), required=True)


class Undone(ApiSchema):
    """How many are as before, and the titles of those that somebody changed since."""

    restored = fields.Integer(required=True)
    kept = fields.List(fields.String(), required=True)


class DeskWords(ApiSchema):
    """What to search."""

    q = Text(most=100, least=1, required=True)


class FoundThing(ApiSchema):
    """Something found."""

    kind = fields.String(required=True, validate=OneOf(KINDS))
    id = fields.String(required=True)
    title = fields.String(required=True)
    note = fields.String(required=True)
    state = fields.String(required=True)


class FoundList(ApiSchema):
    """Up to eight of each kind."""

    items = fields.List(fields.Nested(FoundThing), required=True)


class NoteEntry(ApiSchema):
    """A note for colleagues."""

    text = Text(most=NOTE_LENGTH, least=1, required=True)


class StaffNote(ApiSchema):
    """A note of the staff's."""

    id = fields.String(required=True)
    author = fields.String(required=True)
    text = fields.String(required=True)
    created_at = Moment(required=True)
    withdrawn_at = Moment(required=True, allow_none=True)


class NoteList(ApiSchema):
    """Up to 100 notes, the latest first."""

    items = fields.List(fields.Nested(StaffNote), required=True)

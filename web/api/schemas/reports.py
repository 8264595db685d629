"""What the bureau reports, in figures."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import OneOf

from matching.queries.cooperation import ROWS_BY
from matching.queries.cooperation import STAGES as COOPERATION_STAGES
from matching.queries.reports import GROUPINGS
from web.api.fields import ApiSchema, Moment


class ReportQuery(ApiSchema):
    """Whole days in China, both included; the present year by default."""

    first = fields.Date(load_default=None, allow_none=True)
    last = fields.Date(load_default=None, allow_none=True)
    by = fields.String(validate=OneOf(GROUPINGS), load_default="month")


class GridQuery(ApiSchema):
    """Whole days in China, both included; the present year by default."""

    first = fields.Date(load_default=None, allow_none=True)
    last = fields.Date(load_default=None, allow_none=True)
    stage = fields.String(validate=OneOf(COOPERATION_STAGES), load_default="interest")
    by = fields.String(validate=OneOf(ROWS_BY), load_default="town")


class StageCounts(ApiSchema):
    """How many needs of the period reached each stage; independently of each other."""

    posts = fields.Integer(required=True)
    suggested = fields.Integer(required=True)
    seen = fields.Integer(required=True)
    interest = fields.Integer(required=True)
    mutual = fields.Integer(required=True)
    met = fields.Integer(required=True)
    contract = fields.Integer(required=True)


class ReportGroup(ApiSchema):
    """Counts of a month, an industry, a town or an institution; `-` is none."""

    key = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": "Of an institution; else empty."})
    counts = fields.Nested(StageCounts, required=True)


class AnswerCounts(ApiSchema):
    """Interests that began in the period. Times in days; null without any answer."""

    all = fields.Integer(required=True)
    answered = fields.Integer(required=True)
    lapsed = fields.Integer(required=True)
    open = fields.Integer(required=True)
    median_days = fields.Float(required=True, allow_none=True)
    ninth_decile_days = fields.Float(required=True, allow_none=True)


class RevisionCounts(ApiSchema):
    """Answers to what a model revision suggested."""

    revision = fields.String(required=True)
    suggestions = fields.Integer(required=True)
    accepted = fields.Integer(required=True)
    declined = fields.Integer(required=True)
    later = fields.Integer(required=True)
    acceptance = fields.Float(required=True, allow_none=True)


class Report(ApiSchema):
    """The report of a period. Amounts in 万元. `counted_at`: up to when it was counted; null: to this moment."""

    first = fields.Date(required=True)
    last = fields.Date(required=True)
    counted_at = Moment(required=True, allow_none=True)
    totals = fields.Nested(StageCounts, required=True)
    groups = fields.List(fields.Nested(ReportGroup), required=True)
    unmet_needs = fields.Integer(required=True)
    unasked_capabilities = fields.Integer(required=True)
    answers = fields.Nested(AnswerCounts, required=True)
    revisions = fields.List(fields.Nested(RevisionCounts), required=True)
    contracts = fields.Integer(required=True)
    contract_amount = fields.Float(required=True)
    technology_amount = fields.Float(required=True)


class GridCell(ApiSchema):
    """How many there are of a line and a column: ids of organisations or codes of towns; `-` not named, `+` others."""

    line = fields.String(required=True)
    column = fields.String(required=True)
    count = fields.Integer(required=True)


class CooperationGrid(ApiSchema):
    """Who cooperates with whom. Names of the organisations among lines and columns by id."""

    lines = fields.List(fields.String(), required=True)
    columns = fields.List(fields.String(), required=True)
    cells = fields.List(fields.Nested(GridCell), required=True)
    names = fields.Dict(keys=fields.String(), values=fields.String(), required=True)

"""What the bureau reports, in figures."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf, Range

from matching.models.interest import INTEREST_STATUSES
from matching.queries.cooperation import ROWS_BY
from matching.queries.cooperation import STAGES as COOPERATION_STAGES
from matching.queries.reports import GROUPINGS, INTEREST_STATES, STAGES
from matching.services.indicators import MOST_VALUES
from matching.services.lifecycle import STATUSES
from web.api.fields import ApiSchema, Base64Bytes, BodyFlag, Identifier, Moment, Text, Whole


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


class EventFigures(ApiSchema):
    """An event of the period: meetings with a place, those held, and those where somebody was missing."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    held_on = fields.Date(required=True)
    planned = fields.Integer(required=True)
    held = fields.Integer(required=True)
    absent = fields.Integer(required=True)


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
    events = fields.List(fields.Nested(EventFigures), required=True)


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


class PageQuery(ApiSchema):
    """Which page of a hundred."""

    page = fields.Integer(validate=Range(min=1, max=100_000), load_default=1)


class PeriodPageQuery(PageQuery):
    """Whole days in China, both included; the present year by default. A page has a hundred."""

    first = fields.Date(load_default=None, allow_none=True)
    last = fields.Date(load_default=None, allow_none=True)


class ReportNeedQuery(PeriodPageQuery):
    """A figure of the funnel: its stage, and with `by` and `group` one group's."""

    stage = fields.String(validate=OneOf(STAGES), load_default="posts")
    by = fields.String(validate=OneOf(GROUPINGS), load_default=None, allow_none=True)
    group = Text(most=64, load_default=None, allow_none=True)


class ReportInterestQuery(PeriodPageQuery):
    """A figure of the answers to interests."""

    state = fields.String(validate=OneOf(tuple(INTEREST_STATES)), load_default="all")


class ReportAnswerQuery(PeriodPageQuery):
    """A figure of a model revision."""

    revision = Text(most=200, least=1, required=True)
    kind = fields.String(validate=OneOf(("made", "accept", "decline", "later")), load_default="made")


class CooperationQuery(PeriodPageQuery):
    """A cell, a line or a column of the grid, by the keys that stand there; without both all of it."""

    stage = fields.String(validate=OneOf(COOPERATION_STAGES), load_default="interest")
    by = fields.String(validate=OneOf(ROWS_BY), load_default="town")
    line = Text(most=64, load_default=None, allow_none=True)
    column = Text(most=64, load_default=None, allow_none=True)


class Paged(ApiSchema):
    """A page of rows."""

    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    pages = fields.Integer(required=True)


class ReportPost(ApiSchema):
    """A post behind a figure; `organisation` is empty where it is not told."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(STATUSES))
    town = fields.String(required=True, allow_none=True)
    published_at = Moment(required=True, allow_none=True)
    organisation = fields.String(required=True)


class ReportPostPage(Paged):
    """Posts behind a figure."""

    items = fields.List(fields.Nested(ReportPost), required=True)


class ReportInterest(ApiSchema):
    """An interest behind a figure."""

    id = fields.String(required=True)
    asking = fields.String(required=True)
    asked = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(INTEREST_STATUSES))
    created_at = Moment(required=True)
    ended_at = Moment(required=True, allow_none=True)


class ReportInterestPage(Paged):
    """Interests behind a figure, the latest first."""

    items = fields.List(fields.Nested(ReportInterest), required=True)


class Titled(ApiSchema):
    """A post by its title."""

    id = fields.String(required=True)
    title = fields.String(required=True)


class ReportAnswer(ApiSchema):
    """A pair behind a figure; a side is null where the caller may not see it."""

    need = fields.Nested(Titled, required=True, allow_none=True)
    capability = fields.Nested(Titled, required=True, allow_none=True)
    at = Moment(required=True)


class ReportAnswerPage(Paged):
    """Pairs behind a figure, the latest first."""

    items = fields.List(fields.Nested(ReportAnswer), required=True)


class ReportContract(ApiSchema):
    """A contract. Amounts in 万元."""

    engagement_id = fields.String(required=True)
    title = fields.String(required=True)
    need_organisation = fields.String(required=True)
    capability_organisation = fields.String(required=True)
    signed_on = fields.Date(required=True)
    amount = fields.Float(required=True, allow_none=True)
    technology_amount = fields.Float(required=True, allow_none=True)
    registration_number = fields.String(required=True, allow_none=True)


class ReportContractPage(Paged):
    """Contracts of a period and their sums."""

    items = fields.List(fields.Nested(ReportContract), required=True)
    amount = fields.Float(required=True)
    technology_amount = fields.Float(required=True)


class CooperationRow(ApiSchema):
    """An interest, engagement or contract of two."""

    firm = fields.String(required=True)
    institution = fields.String(required=True)
    title = fields.String(required=True)
    moment = Moment(required=True)
    engagement_id = fields.String(required=True, allow_none=True)


class CooperationPage(Paged):
    """Rows behind a cell, the latest first."""

    items = fields.List(fields.Nested(CooperationRow), required=True)


class IndicatorChange(ApiSchema):
    """What of an indicator to change; what is left out stays."""

    name = Text(most=120, least=1)
    name_en = Text(most=160)
    unit = Text(most=40)
    base_year = Whole(least=2000, most=2100)
    base_value = fields.Float(allow_none=True, validate=Range(min=-1e15, max=1e15))
    target_year = Whole(least=2000, most=2100)
    target_value = fields.Float(allow_none=True, validate=Range(min=-1e15, max=1e15))


class IndicatorEntry(IndicatorChange):
    """A new indicator of a region's plan."""

    name = Text(most=120, least=1, required=True)
    region_code = Text(most=12, least=2, required=True)


class IndicatorTableEntry(ApiSchema):
    """A table with values: a row an indicator and a column a year, or a row a value."""

    file_name = Text(most=255, least=1, required=True)
    content = Base64Bytes(required=True)


class IndicatorTableRow(ApiSchema):
    """A value as it was read, and what stands there now."""

    row = fields.Integer(required=True)
    indicator_id = fields.String(required=True)
    name = fields.String(required=True)
    year = fields.Integer(required=True)
    value = fields.Float(required=True)
    source = fields.String(required=True)
    before = fields.Float(required=True, allow_none=True)


class IndicatorTableFinding(ApiSchema):
    """Something in the table that cannot be taken."""

    place = fields.String(required=True)
    detail = fields.String(required=True)


class IndicatorTable(ApiSchema):
    """What a table holds. Nothing of it is entered yet."""

    rows = fields.List(fields.Nested(IndicatorTableRow), required=True)
    findings = fields.List(fields.Nested(IndicatorTableFinding), required=True)


class IndicatorYear(ApiSchema):
    """A value of an indicator and year."""

    indicator_id = Identifier(required=True)
    year = Whole(least=2000, most=2100, required=True)
    value = fields.Float(required=True, validate=Range(min=-1e15, max=1e15))
    source = Text(most=200, load_default="")


class IndicatorYears(ApiSchema):
    """Values that are entered all or none."""

    values = fields.List(fields.Nested(IndicatorYear), required=True, validate=Length(min=1, max=MOST_VALUES))


class Entered(ApiSchema):
    """How many values differ from before."""

    changed = fields.Integer(required=True)


class SpecialDay(ApiSchema):
    """A holiday, or a weekend day on which people work."""

    day = fields.Date(required=True)
    works = fields.Boolean(required=True)
    label = fields.String(required=True)


class SpecialDayList(ApiSchema):
    """Up to 400 special days, the latest first."""

    items = fields.List(fields.Nested(SpecialDay), required=True)


class SpecialDayEntry(ApiSchema):
    """What a day is: worked, or a holiday; null: as the week says."""

    day = fields.Date(required=True)
    works = BodyFlag(required=True, allow_none=True)
    label = Text(most=80, load_default="")

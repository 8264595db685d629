"""对接会 as its staff work on it: plan, pairs, participants, meetings, the day."""

from __future__ import annotations

from marshmallow import fields, validates_schema
from marshmallow.validate import Length, OneOf

from matching.errors import InvalidInput
from matching.models.event import EVENT_MODES, PARTICIPANT_STATUSES
from matching.models.meeting import INVITATION_ANSWERS, MEETING_ORIGINS, MEETING_RESULTS, MEETING_STATUSES
from matching.services.meetings import MINUTES_LENGTH, REASON_LENGTH
from web.api.fields import ApiSchema, BodyFlag, Identifier, Moment, Text, Whole
from web.api.schemas.events import EventParticipant, EventSummary, Slot, TimetableRun

PAIR_STATES = ("new", "wanted", "cancelled", "separated")
CHANGE_KINDS = ("new", "moved", "table", "host", "off")
CONFLICT_KINDS = (
    "busy", "table_taken", "unavailable", "session", "order", "absent", "separated", "elsewhere", "host_busy",
    "host_elsewhere", "table_elsewhere",
)  # fmt: skip


class EventChange(ApiSchema):
    """What of an event to change; what is left out stays."""

    title = Text(most=200, least=1)
    held_on = fields.Date(metadata={"description": "The day in China."})
    intro = Text(most=5000)
    mode = fields.String(validate=OneOf(EVENT_MODES))
    venue = Text(most=300)
    online_address = Text(most=500)
    industry = Text(most=40, allow_none=True)
    town = Text(most=40, allow_none=True)
    need_ids = fields.List(Identifier(), validate=Length(max=300))
    rooms = Text(most=2000, metadata={"description": "One room a line with its number of tables: `一号厅 8`."})
    sessions = Text(most=1000, metadata={"description": "One session a line: `上午 09:00-12:00`."})
    breaks = Text(most=1000, metadata={"description": "One break a line; no meeting lies in it."})
    slot_minutes = Whole(least=5, most=240)
    gap_minutes = Whole(least=0, most=60)
    most_break_difference = Whole(least=0, most=50, allow_none=True)
    public = BodyFlag()


class EventEntry(EventChange):
    """A new event."""

    title = Text(most=200, least=1, required=True)
    held_on = fields.Date(required=True, metadata={"description": "The day in China."})
    region_code = Text(most=12, least=2, required=True)


class EventChanged(ApiSchema):
    """A meeting that is not as people were told."""

    meeting_id = fields.String(required=True)
    kind = fields.String(required=True, validate=OneOf(CHANGE_KINDS))


class EventPlan(EventSummary):
    """An event as it was entered, and how far its steps are."""

    intro = fields.String(required=True)
    online_address = fields.String(required=True)
    industry = fields.String(required=True, allow_none=True)
    town = fields.String(required=True, allow_none=True)
    need_ids = fields.List(fields.String(), required=True)
    rooms = fields.String(required=True)
    sessions = fields.String(required=True)
    breaks = fields.String(required=True)
    slot_minutes = fields.Integer(required=True)
    gap_minutes = fields.Integer(required=True)
    most_break_difference = fields.Integer(required=True, allow_none=True)
    public = fields.Boolean(required=True)
    tables = fields.List(fields.String(), required=True)
    slots = fields.List(fields.Nested(Slot), required=True)
    announced_at = Moment(required=True, allow_none=True)
    published_at = Moment(required=True, allow_none=True)
    matching_needs = fields.Integer(required=True, metadata={"description": "Live needs of the theme."})
    participants = fields.Integer(required=True)
    confirmed = fields.Integer(required=True)
    wanted = fields.Integer(required=True)
    placed = fields.Integer(required=True)
    changes = fields.List(fields.Nested(EventChanged), required=True)
    run = fields.Nested(TimetableRun, required=True, allow_none=True)


class Pair(ApiSchema):
    """A suggested pair, and what became of it at this event."""

    suggestion_id = fields.String(required=True)
    need_id = fields.String(required=True)
    need = fields.String(required=True)
    capability_id = fields.String(required=True)
    capability = fields.String(required=True)
    expert_id = fields.String(required=True, allow_none=True)
    score = fields.Float(required=True)
    probability = fields.Float(required=True, allow_none=True)
    state = fields.String(required=True, validate=OneOf(PAIR_STATES))
    chosen = fields.Boolean(required=True, metadata={"description": "Proposed to be ticked."})


class PairList(ApiSchema):
    """Up to 600 pairs of the theme, the likeliest first."""

    items = fields.List(fields.Nested(Pair), required=True)


class PairEntry(ApiSchema):
    """The suggestions whose sides are to meet."""

    suggestion_ids = fields.List(Identifier(), required=True, validate=Length(min=1, max=600))


class Added(ApiSchema):
    """How many meetings are wanted newly."""

    added = fields.Integer(required=True)


class StaffedParticipant(EventParticipant):
    """A participant as the staff sees them."""

    signed_in_at = Moment(required=True, allow_none=True)
    invited_at = Moment(required=True, allow_none=True)


class ParticipantRow(StaffedParticipant):
    """A participant with how many meetings they have."""

    wanted = fields.Integer(required=True)
    placed = fields.Integer(required=True)
    wishes = fields.Integer(required=True)
    breaks = fields.Integer(required=True)


class ParticipantList(ApiSchema):
    """Firms before experts; those who do not come last."""

    items = fields.List(fields.Nested(ParticipantRow), required=True)


class ParticipantDetail(StaffedParticipant):
    """A participant in full."""

    contact_name = fields.String(required=True)
    contact_email = fields.String(required=True, allow_none=True)
    contact_phone = fields.String(required=True, allow_none=True)
    note = fields.String(required=True)
    agenda_address = fields.String(required=True, metadata={"description": "Their own page; whoever has it is them."})
    apart = fields.List(fields.String(), required=True, metadata={"description": "Whom they are not to meet."})
    wishes = fields.List(fields.String(), required=True)
    meetings = fields.List(fields.String(), required=True)


class PartyEntry(ApiSchema):
    """Either an organisation or an expert."""

    organisation_id = Identifier(load_default=None, allow_none=True)
    expert_id = Identifier(load_default=None, allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def check_one(self, data: dict[str, str | None], **_kwargs: object) -> None:
        """Exactly one of the two."""
        if (data["organisation_id"] is None) == (data["expert_id"] is None):
            raise InvalidInput(
                "event.party",
                "请在 organisation_id 与 expert_id 中选择一项",
                where="organisation_id",
                message_en="Give organisation_id or expert_id, and not both",
            )


class ParticipantChange(ApiSchema):
    """What of a participant to change; what is left out stays."""

    status = fields.String(validate=OneOf(PARTICIPANT_STATUSES))
    online = BodyFlag()
    unavailable = fields.List(Identifier(), validate=Length(max=200))
    contact_name = Text(most=80)
    contact_email = Text(most=200, allow_none=True)
    contact_phone = Text(most=40, allow_none=True)
    note = Text(most=2000)


class Fallen(ApiSchema):
    """What somebody's absence frees."""

    fallen = fields.Integer(required=True, metadata={"description": "Meetings that had a place."})


class Link(ApiSchema):
    """The address of a participant's own page."""

    address = fields.String(required=True)


class ApartEntry(ApiSchema):
    """Whether two participants are kept apart."""

    other_id = Identifier(required=True)
    apart = BodyFlag(load_default=True)


class PresentEntry(ApiSchema):
    """Whether somebody is here."""

    present = BodyFlag(load_default=True)


class HostsEntry(ApiSchema):
    """Colleagues who share the meetings."""

    user_ids = fields.List(Identifier(), required=True, validate=Length(min=1, max=100))


class Shared(ApiSchema):
    """How many meetings got a host, and how many have none since everybody was busy."""

    given = fields.Integer(required=True)
    left = fields.Integer(required=True)


class Conflict(ApiSchema):
    """What speaks against a meeting's place."""

    kind = fields.String(required=True, validate=OneOf(CONFLICT_KINDS))
    name = fields.String(required=True, metadata={"description": "Of the participant, host or event."})
    meeting_id = fields.String(required=True, allow_none=True, metadata={"description": "The meeting in the way."})


class PlacedMeeting(ApiSchema):
    """A meeting with its place and who of the bureau looks after it."""

    id = fields.String(required=True)
    participants = fields.List(fields.String(), required=True)
    slot_id = fields.String(required=True, allow_none=True)
    table = fields.Integer(required=True, allow_none=True)
    host_id = fields.String(required=True, allow_none=True)
    host = fields.String(required=True)
    conflicts = fields.List(fields.Nested(Conflict), required=True)
    override_reason = fields.String(required=True, allow_none=True)
    result = fields.String(required=True, allow_none=True, validate=OneOf(MEETING_RESULTS))


class HostedMeeting(ApiSchema):
    """A meeting that the caller looks after."""

    id = fields.String(required=True)
    event_id = fields.String(required=True)
    event = fields.String(required=True)
    participants = fields.List(fields.String(), required=True, metadata={"description": "The names of both sides."})
    starts_at = fields.String(required=True)
    ends_at = fields.String(required=True)
    table = fields.String(required=True, metadata={"description": "Empty where the meeting is online."})
    told = fields.Boolean(required=True, metadata={"description": "Whether both sides were told of it as it stands."})
    result = fields.String(required=True, allow_none=True, validate=OneOf(MEETING_RESULTS))


class HostedList(ApiSchema):
    """What the caller looks after, in order of time."""

    items = fields.List(fields.Nested(HostedMeeting), required=True)
    calendar = fields.String(required=True, metadata={"description": "Address of the calendar that shows them."})


class Day(ApiSchema):
    """The day of an event."""

    running_slots = fields.List(fields.String(), required=True)
    expected = fields.Integer(required=True)
    here = fields.Integer(required=True)
    slots = fields.List(fields.Nested(Slot), required=True)
    meetings = fields.List(fields.Nested(PlacedMeeting), required=True)


class SideAnswer(ApiSchema):
    """What a side says to its calendar entry."""

    participant_id = fields.String(required=True)
    answer = fields.String(required=True, allow_none=True, validate=OneOf(INVITATION_ANSWERS))
    cancelled = fields.Boolean(required=True)


class SideFeedback(ApiSchema):
    """What a side says of the meeting."""

    participant_id = fields.String(required=True)
    rating = fields.Integer(required=True)
    wants_more = fields.Boolean(required=True)
    comment = fields.String(required=True)


class MeetingDetail(PlacedMeeting):
    """A meeting in full."""

    origin = fields.String(required=True, validate=OneOf(MEETING_ORIGINS))
    status = fields.String(required=True, validate=OneOf(MEETING_STATUSES))
    need_id = fields.String(required=True, allow_none=True)
    capability_id = fields.String(required=True, allow_none=True)
    locked = fields.Boolean(required=True)
    session = fields.String(required=True, allow_none=True)
    after = fields.List(fields.String(), required=True)
    dropped_reason = fields.String(required=True, allow_none=True)
    free_slots = fields.List(fields.String(), required=True, metadata={"description": "Where both sides are free."})
    answers = fields.List(fields.Nested(SideAnswer), required=True)
    feedback = fields.List(fields.Nested(SideFeedback), required=True)
    minutes = fields.String(required=True)
    next_step = fields.String(required=True)
    next_step_on = fields.Date(required=True, allow_none=True)
    engagement_id = fields.String(required=True, allow_none=True)


class HostEntry(ApiSchema):
    """Who looks after a meeting; null: nobody."""

    user_id = Identifier(required=True, allow_none=True)
    override = BodyFlag(load_default=False, metadata={"description": "Although they are elsewhere then."})
    reason = Text(most=REASON_LENGTH, load_default="")


class ConditionsEntry(ApiSchema):
    """The session a meeting must be in (null: any), and the meetings it comes after."""

    session = Text(most=40, allow_none=True, load_default=None)
    after = fields.List(Identifier(), load_default=list, validate=Length(max=200))


class ResultEntry(ApiSchema):
    """What came of a meeting; what is left out stays."""

    result = fields.String(validate=OneOf(MEETING_RESULTS), allow_none=True)
    minutes = Text(most=MINUTES_LENGTH)
    next_step = Text(most=300)
    next_step_on = fields.Date(allow_none=True)


class EngageEntry(ApiSchema):
    """`both_agreed`: both told the staff that they want to go on."""

    both_agreed = BodyFlag(load_default=False)

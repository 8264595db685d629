"""对接会: events, their slots and timetables."""

from __future__ import annotations

from marshmallow import fields
from marshmallow.validate import Length, OneOf

from matching.models.event import EVENT_MODES, EVENT_STATUSES, PARTICIPANT_STATUSES, RUN_STATUSES
from matching.services.meetings import REASON_LENGTH
from matching.services.timetables import LEAST_SECONDS, MOST_SECONDS, USUAL_SECONDS
from web.api.fields import ApiSchema, BodyFlag, Flag, Identifier, Moment, Text, Whole


class Slot(ApiSchema):
    """One period of the day."""

    id = fields.String(required=True)
    session = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)


class EventSummary(ApiSchema):
    """An event in a list."""

    id = fields.String(required=True)
    title = fields.String(required=True)
    held_on = fields.Date(required=True, metadata={"description": "The day in China."})
    mode = fields.String(required=True, validate=OneOf(EVENT_MODES))
    venue = fields.String(required=True)
    region_code = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(EVENT_STATUSES))
    registration_open = fields.Boolean(required=True)


class EventPage(ApiSchema):
    """The coming events, the next first, then those that are over."""

    items = fields.List(fields.Nested(EventSummary), required=True)


class Event(EventSummary):
    """An event as everybody may know it."""

    intro = fields.String(required=True)
    industry = fields.String(required=True, allow_none=True)
    town = fields.String(required=True, allow_none=True)
    slots = fields.List(fields.Nested(Slot), required=True)


class EventParticipant(ApiSchema):
    """An organisation or an expert at an event."""

    id = fields.String(required=True)
    organisation_id = fields.String(required=True, allow_none=True)
    expert_id = fields.String(required=True, allow_none=True)
    name = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(PARTICIPANT_STATUSES))
    online = fields.Boolean(required=True)
    unavailable = fields.List(fields.String(), required=True, metadata={"description": "Ids of slots."})


class TimetableMeeting(ApiSchema):
    """A wanted meeting and where it stands; `told_…` is what people were told last."""

    id = fields.String(required=True)
    participants = fields.List(fields.String(), required=True, metadata={"description": "Ids of participants."})
    need_id = fields.String(required=True, allow_none=True)
    capability_id = fields.String(required=True, allow_none=True)
    slot_id = fields.String(required=True, allow_none=True)
    table = fields.Integer(required=True, allow_none=True)
    told_slot_id = fields.String(required=True, allow_none=True)
    told_table = fields.Integer(required=True, allow_none=True)
    locked = fields.Boolean(required=True)
    host_id = fields.String(required=True, allow_none=True)
    weight = fields.Float(required=True)
    dropped_reason = fields.String(required=True, allow_none=True)


class TimetableRun(ApiSchema):
    """One computation of the timetable, as far as it is."""

    id = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(RUN_STATUSES))
    placed = fields.Integer(required=True, allow_none=True)
    breaks = fields.Integer(required=True, allow_none=True)
    bound = fields.Integer(required=True)
    proven = fields.Boolean(required=True, metadata={"description": "Nothing better exists."})
    dropped = fields.Integer(required=True)
    moved = fields.Integer(required=True)


class Timetable(ApiSchema):
    """The timetable of an event, for its staff."""

    event_id = fields.String(required=True)
    tables = fields.List(fields.String(), required=True)
    slots = fields.List(fields.Nested(Slot), required=True)
    participants = fields.List(fields.Nested(EventParticipant), required=True)
    meetings = fields.List(fields.Nested(TimetableMeeting), required=True)
    run = fields.Nested(TimetableRun, required=True, allow_none=True)


class ComputeEntry(ApiSchema):
    """How to compute."""

    seconds = Whole(
        least=LEAST_SECONDS,
        most=MOST_SECONDS,
        load_default=USUAL_SECONDS,
        metadata={"description": "Time allowed."},
    )
    anew = BodyFlag(load_default=False, metadata={"description": "From scratch; locked meetings stay all the same."})


class PlaceEntry(ApiSchema):
    """Where to put a meeting; `slot_id` null takes it off the timetable."""

    slot_id = Identifier(required=True, allow_none=True)
    table = Whole(least=1, most=200, allow_none=True, load_default=None)
    override = BodyFlag(load_default=False, metadata={"description": "Place it although something speaks against it."})
    reason = Text(most=REASON_LENGTH, load_default="", metadata={"description": "Why; needed for an override."})


class PublishQuery(ApiSchema):
    """Whether to publish what something speaks against, and why."""

    override = Flag(load_default=False)
    reason = Text(most=REASON_LENGTH, load_default="")


class Publication(ApiSchema):
    """What a publication owes."""

    messages = fields.Integer(required=True, metadata={"description": "Calendar mails owed."})
    without_address = fields.List(fields.String(), required=True, metadata={"description": "Names of participants."})


class RegisterEntry(ApiSchema):
    """Who takes part: one of the caller's organisations, or the caller as an expert."""

    organisation_id = Identifier()
    as_expert = BodyFlag(load_default=False)


class Participation(ApiSchema):
    """A participant's own view: whether they come, whom they would like to meet, and when they cannot."""

    id = fields.String(required=True)
    event_id = fields.String(required=True)
    name = fields.String(required=True)
    status = fields.String(required=True, validate=OneOf(PARTICIPANT_STATUSES))
    online = fields.Boolean(required=True)
    unavailable = fields.List(fields.String(), required=True, metadata={"description": "Ids of slots."})
    wishes = fields.List(fields.String(), required=True, metadata={"description": "Ids of participants."})


class ParticipationList(ApiSchema):
    """What the caller takes part as."""

    items = fields.List(fields.Nested(Participation), required=True)


class MeetingWishEntry(ApiSchema):
    """Whom a participant would like to meet, and when they cannot; both lists replace what was said before."""

    wishes = fields.List(Identifier(), required=True, validate=Length(max=200))
    unavailable = fields.List(Identifier(), required=True, validate=Length(max=200))
    online = BodyFlag(load_default=None, allow_none=True)


class ComingEntry(ApiSchema):
    """Whether a participant comes."""

    comes = BodyFlag(required=True)


class AgendaMeeting(ApiSchema):
    """A published meeting as one side sees it."""

    id = fields.String(required=True)
    starts_at = Moment(required=True)
    ends_at = Moment(required=True)
    table = fields.String(required=True, metadata={"description": "Its name; empty where the meeting is online."})
    other = fields.String(required=True, metadata={"description": "With whom."})
    topic = fields.String(required=True)
    host = fields.String(required=True, metadata={"description": "Who of the bureau looks after it; empty: nobody."})


class Agenda(ApiSchema):
    """A participant's meetings as they were published, in order of time."""

    items = fields.List(fields.Nested(AgendaMeeting), required=True)


class MeetingEntry(ApiSchema):
    """Two participants who are to meet."""

    participants = fields.List(Identifier(), required=True, validate=Length(equal=2))
    walk_in = BodyFlag(load_default=False, metadata={"description": "Agreed on the day itself."})


class LockEntry(ApiSchema):
    """Whether a meeting stays where it is whatever is computed."""

    locked = BodyFlag(required=True)

"""Timetables of events: who meets whom in which slot at which table, with proven bounds."""

from matching.scheduling.check import check_timetable
from matching.scheduling.event import (
    ConflictPart,
    DroppedMeeting,
    Event,
    Meeting,
    Participant,
    ScheduledMeeting,
    Slot,
    Timetable,
    count_breaks,
    parse_event,
    timetable_to_json,
)
from matching.scheduling.solve import NoTimetableInTime, Progress, propose_timetable, replan

__all__ = [
    "ConflictPart",
    "DroppedMeeting",
    "Event",
    "Meeting",
    "NoTimetableInTime",
    "Participant",
    "Progress",
    "ScheduledMeeting",
    "Slot",
    "Timetable",
    "check_timetable",
    "count_breaks",
    "parse_event",
    "propose_timetable",
    "replan",
    "timetable_to_json",
]

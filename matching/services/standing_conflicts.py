"""What speaks against a timetable as it stands: asked before it is published, and shown to its staff.

A place was free when it was taken; since then somebody may have said that they cannot come then, another event may have
taken them, or a colleague was given two meetings at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from matching.models import Event, EventParticipant, Meeting, User
from matching.services.event_pairs import separations_of
from matching.services.meeting_hosts import hosts_of
from matching.services.meetings import PlaceConflict, look_elsewhere, wanted_meetings

Standing = Mapping[str, Sequence[PlaceConflict]]
"""Conflicts by the id of the meeting that they speak against."""


def standing_conflicts(session: Session, event: Event) -> Standing:
    """Everything that speaks against the present places, in a fixed number of queries. A clash of two meetings stands
    with both.
    """
    slots = {slot.id: slot for slot in event.slots}
    placed = [one for one in wanted_meetings(session, event.id) if one.slot_id in slots]
    if not placed:
        return {}
    people = {
        one.id: one for one in session.scalars(select(EventParticipant).where(EventParticipant.event_id == event.id))
    }
    user_ids = hosts_of(placed)
    hosts = dict(session.execute(select(User.id, User.name).where(User.id.in_(user_ids))).tuples().all())
    found: dict[str, list[PlaceConflict]] = defaultdict(list)
    in_slot: dict[str, list[Meeting]] = defaultdict(list)
    for meeting in placed:
        in_slot[meeting.slot_id or ""].append(meeting)
    for meetings in in_slot.values():
        for meeting in meetings:
            for other in meetings:
                if other is not meeting:
                    found[meeting.id] += _clashes(event, meeting, other, people, hosts)
    apart = separations_of(session, event.id)
    by_id = {one.id: one for one in placed}
    for meeting in placed:
        slot = slots[meeting.slot_id or ""]
        for participant_id in meeting.participant_ids:
            if slot.id in people[participant_id].unavailable:
                found[meeting.id].append(PlaceConflict("unavailable", people[participant_id].name))
        if meeting.session is not None and meeting.session != slot.session:
            found[meeting.id].append(PlaceConflict("session", meeting.session))
        if frozenset(meeting.participant_ids) in apart:
            found[meeting.id].append(PlaceConflict("separated"))
        for earlier_id in meeting.after_ids:
            earlier = by_id.get(earlier_id)
            if earlier is not None and slots[earlier.slot_id or ""].position >= slot.position:
                name = f"{people[earlier.first_id].name} × {people[earlier.second_id].name}"
                found[meeting.id].append(PlaceConflict("order", name, earlier.id))
    involved = [people[one] for one in sorted({side for meeting in placed for side in meeting.participant_ids})]
    elsewhere = look_elsewhere(session, event, involved, user_ids)
    for meeting in placed:
        host = (meeting.host_id, hosts.get(meeting.host_id, "")) if meeting.host_id is not None else None
        found[meeting.id] += elsewhere.conflicts(
            meeting.participant_ids, slots[meeting.slot_id or ""], host=host, table=_table_of(event, meeting)
        )
    return {meeting_id: tuple(conflicts) for meeting_id, conflicts in found.items() if conflicts}


def unexplained(standing: Standing, meetings: Sequence[Meeting]) -> Standing:
    """The conflicts that nobody overrode knowingly: neither with this meeting nor with the one in its way."""
    knowingly = {one.id for one in meetings if one.override_reason}
    return {
        meeting_id: left
        for meeting_id, conflicts in standing.items()
        if meeting_id not in knowingly
        if (left := tuple(one for one in conflicts if one.meeting_id not in knowingly))
    }


def _clashes(
    event: Event,
    meeting: Meeting,
    other: Meeting,
    people: Mapping[str, EventParticipant],
    hosts: Mapping[str, str],
) -> list[PlaceConflict]:
    clashes = [
        PlaceConflict("busy", people[participant_id].name, other.id)
        for participant_id in meeting.participant_ids
        if participant_id in other.participant_ids
    ]
    if meeting.host_id is not None and meeting.host_id == other.host_id:
        clashes.append(PlaceConflict("host_busy", hosts.get(meeting.host_id, ""), other.id))
    if meeting.table_number is not None and meeting.table_number == other.table_number:
        clashes.append(PlaceConflict("table_taken", _table_of(event, meeting) or "", other.id))
    return clashes


def _table_of(event: Event, meeting: Meeting) -> str | None:
    number = meeting.table_number
    return event.tables[number - 1] if number is not None and number <= len(event.tables) else None
